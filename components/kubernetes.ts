import { CustomResource } from "@pulumi/kubernetes/apiextensions";
import { DaemonSet, Deployment } from "@pulumi/kubernetes/apps/v1";
import { ConfigMap, Namespace, Service } from "@pulumi/kubernetes/core/v1";
import type * as pulumi from "@pulumi/pulumi";
import type { KubernetesObject } from "../render/kubernetes";

/** Objects that Pulumi would wait for. The lab waits for all of them together, and says which of them is not ready. */
const awaited = new Set<KubernetesObject["kind"]>(["Deployment", "DaemonSet", "Service"]);

/**
 * An object of the cluster as a resource of its own, so that previews name it and a change of it is made in place.
 *
 * @param object what `render/` made of the model
 * @param opts options of the resource; its provider leads to the cluster
 */
export function kubernetesObject(object: KubernetesObject, opts: pulumi.CustomResourceOptions): pulumi.CustomResource {
    const { namespace, name } = object.metadata;
    const resourceName = namespace === undefined ? name : `${namespace}/${name}`;
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
        default:
            return new CustomResource(resourceName, args, opts);
    }
}

function annotated(object: KubernetesObject): KubernetesObject {
    const annotations = {
        ...object.metadata.annotations,
        // What somebody changed with kubectl is kubectl's to the API server, and would stay as it is.
        "pulumi.com/patchForce": "true",
        ...(awaited.has(object.kind) ? { "pulumi.com/skipAwait": "true" } : {}),
    };
    return { ...object, metadata: { ...object.metadata, annotations } } as KubernetesObject;
}
