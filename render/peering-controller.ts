/** The peering controller as a program of a cluster: its rights, its code and its pod. */

import { createHash } from "node:crypto";
import type { Lab } from "../lab/model";
import { ciliumInstances, nodeInstances } from "../lab/speakers";
import type { ClusterTargets } from "../provider/schema";
import type { Namespace } from "./kubernetes";
import type {
    AppliedObject,
    ClusterRole,
    ClusterRoleBinding,
    PodObject,
    ProgramTemplate,
    Role,
    RoleBinding,
    SingleDeployment,
} from "./pod-objects";

/** What a controller is made of. */
export interface ControllerProgram {
    /** An image with Node.js 20 or newer. */
    readonly image: string;
    /** The program as one file, packed by gzip, in Base64. */
    readonly code: string;
}

/** Namespace of the controller, which is nobody else's. */
export const controllerNamespace = "bgp-lab-system";

/** Name of the controller's objects. */
export const controllerName = "peering-controller";

/** Who the controller is on its node: nobody that an image knows. */
const user = 65_532;

const folder = "/opt/bgp-lab";
const codeFile = "controller.cjs.gz";

/** Runs the program from memory: the file system is not to be written to. */
const start = [
    `const { gunzipSync } = require("node:zlib");`,
    `const code = gunzipSync(require("node:fs").readFileSync("${folder}/${codeFile}")).toString();`,
    `module._compile(code, "${folder}/controller.cjs");`,
].join(" ");

/**
 * What the controller of a lab looks after; nothing for a lab without neighbors by label.
 *
 * @throws Error when a configuration is that of several nodes: each would have the pods of all of them as peers
 */
export function clusterTargets(lab: Lab): ClusterTargets | undefined {
    const instances = ciliumInstances(lab).filter(({ podNeighbors = [] }) => podNeighbors.length > 0);
    const configs = instances.map((instance) => {
        const nodes = Object.keys(lab.cluster.nodes).filter((node) => nodeInstances(lab, node).includes(instance));
        if (nodes.length > 1) {
            throw new Error(
                `cluster.cilium.bgp: ${instance.name} has neighbors by label and selects ${nodes.join(", ")}; give each node an instance of its own, because a CiliumBGPClusterConfig has the same peers on all its nodes`,
            );
        }
        return [instance.name, nodes] as const;
    });
    const namespaces = instances.flatMap(({ podNeighbors = [] }) => podNeighbors.map(({ namespace }) => namespace));
    return configs.length === 0
        ? undefined
        : { namespaces: [...new Set(namespaces)].sort(), configs: Object.fromEntries(configs) };
}

/** The objects of the controller; none for a lab that needs none. */
export function peeringControllerResources(lab: Lab, program: ControllerProgram): readonly AppliedObject[] {
    const targets = clusterTargets(lab);
    if (targets === undefined) {
        return [];
    }
    const namespace: Namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: controllerNamespace } };
    const account: PodObject = {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { namespace: controllerNamespace, name: controllerName },
        automountServiceAccountToken: false,
    };
    const code: PodObject = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { namespace: controllerNamespace, name: controllerName },
        binaryData: { [codeFile]: program.code },
    };
    return [namespace, account, ...rights(targets), code, deployment(targets, program)];
}

const rbac = "rbac.authorization.k8s.io/v1";
const subjects = [{ kind: "ServiceAccount", namespace: controllerNamespace, name: controllerName }] as const;

/**
 * The controller may look at pods where they may become peers, and read and write those configurations that it looks after.
 * It may make none: one that has gone stays away.
 */
function rights({ namespaces, configs }: ClusterTargets): readonly PodObject[] {
    const ofConfigs: ClusterRole = {
        apiVersion: rbac,
        kind: "ClusterRole",
        metadata: { name: `bgp-lab:${controllerName}` },
        rules: [
            {
                apiGroups: ["cilium.io"],
                resources: ["ciliumbgpclusterconfigs"],
                resourceNames: Object.keys(configs).sort(),
                verbs: ["get", "patch"],
            },
        ],
    };
    const binding: ClusterRoleBinding = {
        apiVersion: rbac,
        kind: "ClusterRoleBinding",
        metadata: { name: ofConfigs.metadata.name },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: ofConfigs.metadata.name },
        subjects,
    };
    return [ofConfigs, binding, ...namespaces.flatMap(podRights)];
}

function podRights(namespace: string): readonly PodObject[] {
    const role: Role = {
        apiVersion: rbac,
        kind: "Role",
        metadata: { namespace, name: `bgp-lab:${controllerName}` },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }],
    };
    const binding: RoleBinding = {
        apiVersion: rbac,
        kind: "RoleBinding",
        metadata: role.metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
        subjects,
    };
    return [role, binding];
}

/** One controller: what two would write is the same, but each would say that it did it. */
function deployment(targets: ClusterTargets, program: ControllerProgram): SingleDeployment {
    const labels = { app: controllerName };
    return {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { namespace: controllerNamespace, name: controllerName },
        spec: {
            replicas: 1,
            strategy: { type: "Recreate" },
            selector: { matchLabels: labels },
            template: template(labels, targets, program),
        },
    };
}

function template(
    labels: Readonly<Record<string, string>>,
    targets: ClusterTargets,
    { image, code }: ControllerProgram,
): ProgramTemplate {
    // Another program starts another pod; a mounted file alone would change under the running one.
    const digest = createHash("sha256").update(code).digest("hex").slice(0, 16);
    return {
        metadata: { labels, annotations: { "bgp-lab.dev/code": digest } },
        spec: {
            serviceAccountName: controllerName,
            automountServiceAccountToken: true,
            enableServiceLinks: false,
            securityContext: {
                runAsNonRoot: true,
                runAsUser: user,
                runAsGroup: user,
                fsGroup: user,
                seccompProfile: { type: "RuntimeDefault" },
            },
            containers: [
                {
                    name: "controller",
                    image,
                    imagePullPolicy: "IfNotPresent",
                    command: ["node", "-e", start],
                    env: [{ name: "BGP_LAB_TARGETS", value: JSON.stringify(targets) }],
                    resources: {
                        requests: { cpu: "10m", memory: "64Mi" },
                        limits: { cpu: "500m", memory: "256Mi" },
                    },
                    securityContext: {
                        allowPrivilegeEscalation: false,
                        readOnlyRootFilesystem: true,
                        capabilities: { drop: ["ALL"] },
                    },
                    volumeMounts: [{ name: "code", mountPath: folder, readOnly: true }],
                },
            ],
            volumes: [{ name: "code", configMap: { name: controllerName } }],
            terminationGracePeriodSeconds: 5,
        },
    };
}
