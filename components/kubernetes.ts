import { CustomResource } from "@pulumi/kubernetes/apiextensions";
import { DaemonSet, Deployment } from "@pulumi/kubernetes/apps/v1";
import { ConfigMap, Namespace, Service, ServiceAccount } from "@pulumi/kubernetes/core/v1";
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from "@pulumi/kubernetes/rbac/v1";
import type * as pulumi from "@pulumi/pulumi";
import { type AppliedObject, filesLabel } from "../render/pod-objects";

/** Objects that Pulumi would wait for. The lab waits for all of them together, and says which of them is not ready. */
const awaited = new Set<AppliedObject["kind"]>(["Deployment", "DaemonSet", "Service"]);

/**
 * An object of the cluster as a resource of its own, so that previews name it and a change of it is made in place.
 *
 * @param object what `render/` made of the model
 * @param opts options of the resource; its provider leads to the cluster
 */
export function kubernetesObject(object: AppliedObject, opts: pulumi.CustomResourceOptions): pulumi.CustomResource {
    const { namespace, name, labels } = object.metadata;
    const lasting = labels?.[filesLabel] ?? name;
    const resourceName = namespace === undefined ? lasting : `${namespace}/${lasting}`;
    // Plain data: the packages' types only say the same more loosely.
    const args = structuredClone(annotated(object)) as never;
    switch (object.kind) {
        case "Namespace":
            return new Namespace(resourceName, args, opts);
        case "ConfigMap":
            return new ConfigMap(resourceName, args, opts);
        case "Service":
            return new Service(resourceName, args, opts);
        case "Deployment":
            return new Deployment(resourceName, args, opts);
        case "DaemonSet":
            return new DaemonSet(resourceName, args, opts);
        case "ServiceAccount":
            return new ServiceAccount(resourceName, args, opts);
        case "Role":
            return new Role(resourceName, args, opts);
        case "RoleBinding":
            return new RoleBinding(resourceName, args, opts);
        case "ClusterRole":
            return new ClusterRole(resourceName, args, opts);
        case "ClusterRoleBinding":
            return new ClusterRoleBinding(resourceName, args, opts);
        default:
            return new CustomResource(resourceName, args, opts);
    }
}

function annotated(object: AppliedObject): AppliedObject {
    const annotations = {
        ...object.metadata.annotations,
        // What somebody changed with kubectl is kubectl's to the API server, and would stay as it is.
        "pulumi.com/patchForce": "true",
        ...(awaited.has(object.kind) ? { "pulumi.com/skipAwait": "true" } : {}),
    };
    return { ...object, metadata: { ...object.metadata, annotations } } as AppliedObject;
}
