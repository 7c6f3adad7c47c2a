/** The peering controller as a program of a cluster: its rights, its code and its pod. */

import type { Lab } from "../lab/model";
import { ciliumInstances, nodeInstances } from "../lab/speakers";
import type { ClusterTargets } from "../provider/schema";
import { ciliumTraits } from "./cilium-versions";
import type { Namespace } from "./kubernetes";
import {
    type AgentDaemonSet,
    type AppliedObject,
    type ClusterRole,
    type ClusterRoleBinding,
    fileMap,
    type PodObject,
    type ProgramContainer,
    type ProgramTemplate,
    type Role,
    type RoleBinding,
    type SingleDeployment,
    type Volume,
} from "./pod-objects";
import { onNodes } from "./workload";

/** What a controller is made of. */
export interface ControllerProgram {
    /** An image with Node.js 20 or newer. */
    readonly image: string;
    /** The program as one file, packed by gzip, in Base64. */
    readonly code: string;
    /** An image with a shell and `ip`, for the routes of nodes. */
    readonly routesImage: string;
}

/** Namespace of the controller, which is nobody else's. */
const controllerNamespace = "bgp-lab-system";

/** Name of the controller's objects. */
const controllerName = "peering-controller";

/** Name of what runs on each node. */
const agentName = "node-routes";

/** Who the controller is on its node: nobody that an image knows. */
const user = 65_532;

const folder = "/opt/bgp-lab";
const codeFile = "controller.cjs.gz";
const routesFile = "keep-routes.sh";

/** Runs the program from memory: the file system is not to be written to. */
const start = [
    "const { gunzipSync } = require('node:zlib');",
    `const code = gunzipSync(require('node:fs').readFileSync('${folder}/${codeFile}')).toString();`,
    `module._compile(code, '${folder}/controller.cjs');`,
].join(" ");

/**
 * What the controller of a lab looks after; nothing for a lab without neighbors by label.
 *
 * @throws Error when a configuration is that of several nodes, which would each have the pods of all of them as peers, or
 *     the version of Cilium has none
 */
export function clusterTargets(lab: Lab): ClusterTargets | undefined {
    const instances = ciliumInstances(lab).filter(({ podNeighbors = [] }) => podNeighbors.length > 0);
    const { version } = lab.cluster.cilium ?? { version: "" };
    if (instances.length > 0 && !ciliumTraits(version).bgpApis.includes("cluster-config")) {
        throw new Error(
            `cluster.cilium.version: neighbors by label need CiliumBGPClusterConfigs, which Cilium ${version} does not have; use 1.18.0 or newer`,
        );
    }
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
    const code = fileMap(controllerNamespace, controllerName, {
        binaryData: { [codeFile]: program.code },
        data: { [routesFile]: keepRoutes },
    });
    const { name } = code.metadata;
    return [
        namespace,
        account(controllerName),
        account(agentName),
        ...rights(targets),
        code,
        deployment(targets, program, name),
        daemonSet(lab, targets, program, name),
    ];
}

function account(name: string): PodObject {
    const metadata = { namespace: controllerNamespace, name };
    return { apiVersion: "v1", kind: "ServiceAccount", metadata, automountServiceAccountToken: false };
}

const rbac = "rbac.authorization.k8s.io/v1";

/**
 * The controller may look at pods where they may become peers, and read and write those configurations that it looks after.
 * It may make none: one that has gone stays away. The pods on the nodes may do the same, but for the writing.
 */
function rights({ namespaces, configs }: ClusterTargets): readonly PodObject[] {
    const names = Object.keys(configs).sort();
    return [
        ...configRights(controllerName, names, ["get", "patch"]),
        ...configRights(agentName, names, ["get"]),
        ...namespaces.flatMap((namespace) => [controllerName, agentName].flatMap((name) => podRights(name, namespace))),
    ];
}

function configRights(account: string, resourceNames: readonly string[], verbs: readonly string[]) {
    const metadata = { name: `bgp-lab:${account}` };
    const role: ClusterRole = {
        apiVersion: rbac,
        kind: "ClusterRole",
        metadata,
        rules: [{ apiGroups: ["cilium.io"], resources: ["ciliumbgpclusterconfigs"], resourceNames, verbs }],
    };
    const binding: ClusterRoleBinding = {
        apiVersion: rbac,
        kind: "ClusterRoleBinding",
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: metadata.name },
        subjects: [{ kind: "ServiceAccount", namespace: controllerNamespace, name: account }],
    };
    return [role, binding];
}

function podRights(account: string, namespace: string): readonly PodObject[] {
    const metadata = { namespace, name: `bgp-lab:${account}` };
    const role: Role = {
        apiVersion: rbac,
        kind: "Role",
        metadata,
        rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"] }],
    };
    const binding: RoleBinding = {
        apiVersion: rbac,
        kind: "RoleBinding",
        metadata,
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: metadata.name },
        subjects: [{ kind: "ServiceAccount", namespace: controllerNamespace, name: account }],
    };
    return [role, binding];
}

/** One controller: what two would write is the same, but each would say that it did it. */
function deployment(targets: ClusterTargets, { image }: ControllerProgram, code: string): SingleDeployment {
    const labels = { app: controllerName };
    return {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { namespace: controllerNamespace, name: controllerName },
        spec: {
            replicas: 1,
            strategy: { type: "Recreate" },
            selector: { matchLabels: labels },
            template: template(labels, targets, image, code),
        },
    };
}

function template(
    labels: Readonly<Record<string, string>>,
    targets: ClusterTargets,
    image: string,
    code: string,
): ProgramTemplate {
    return {
        metadata: { labels },
        spec: {
            serviceAccountName: controllerName,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: { fsGroup: user, seccompProfile: { type: "RuntimeDefault" } },
            containers: [controllerContainer(image, targets, [], [])],
            volumes: [codeVolume(code), tokenVolume],
            terminationGracePeriodSeconds: 5,
        },
    };
}

function codeVolume(name: string): Volume {
    return { name: "code", configMap: { name } };
}

/** What tells the API server who the program is; only the container that asks it has it. */
const tokenVolume: Volume = {
    name: "token",
    projected: {
        sources: [
            { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
            { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        ],
    },
};

function controllerContainer(
    image: string,
    targets: ClusterTargets,
    env: NonNullable<ProgramContainer["env"]>,
    mounts: ProgramContainer["volumeMounts"],
): ProgramContainer {
    return {
        name: "controller",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["node", "-e", start],
        env: [{ name: "BGP_LAB_TARGETS", value: JSON.stringify(targets) }, ...env],
        resources: { requests: { cpu: "10m", memory: "64Mi" }, limits: { cpu: "500m", memory: "256Mi" } },
        securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            runAsNonRoot: true,
            runAsUser: user,
            runAsGroup: user,
            capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
            { name: "code", mountPath: folder, readOnly: true },
            { name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
            ...mounts,
        ],
    };
}

/** Protocol number of the routes, by which they are told from those of others (linux/rtnetlink.h, RTPROT_BGP). */
const protocol = 186;

const routesFolder = "/run/bgp-lab";

/**
 * Keeps the node's routes to virtual addresses equal to a file, once a second, and says what it changes. What it cannot make
 * yet, because the pod's own route comes later, it tries again. When it ends it takes its routes away.
 */
const keepRoutes = `set -u
have() {
    for family in 4 6; do
        ip "-$family" -o route show proto ${protocol} | sed -n 's/^\\([^ ]*\\) via \\([^ ]*\\) .*/\\1 \\2/p'
    done
}
family() {
    case $1 in
    *:*) echo -6 ;;
    *) echo -4 ;;
    esac
}
remove() {
    echo "removed the route to $1 via $2"
    ip "$(family "$1")" route del "$1" via "$2" proto ${protocol}
}
add() {
    ip "$(family "$1")" route replace "$1" via "$2" proto ${protocol} && echo "made the route to $1 via $2"
}
forget() {
    have | while read -r prefix hop; do remove "$prefix" "$hop"; done
    exit 0
}
trap forget TERM INT
while :; do
    if [ -f ${routesFolder}/routes ]; then
        have | while read -r route; do
            grep -qxF "$route" ${routesFolder}/routes || remove $route
        done
        while read -r route; do
            have | grep -qxF "$route" || add $route
        done <${routesFolder}/routes
    fi
    sleep 1 &
    wait $!
done
`;

/**
 * On each node two containers: one that asks the API server and may do nothing else, and one that may change the node's
 * routes and knows of nobody but the first.
 */
function daemonSet(
    lab: Lab,
    targets: ClusterTargets,
    { image, routesImage }: ControllerProgram,
    code: string,
): AgentDaemonSet {
    const labels = { app: agentName };
    const shared = { name: "routes", mountPath: routesFolder };
    const env = [
        { name: "BGP_LAB_NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
        { name: "BGP_LAB_ROUTES", value: `${routesFolder}/routes` },
    ];
    return {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { namespace: controllerNamespace, name: agentName },
        spec: {
            selector: { matchLabels: labels },
            template: {
                metadata: { labels },
                spec: {
                    ...onNodes(lab, Object.values(targets.configs).flat()),
                    serviceAccountName: agentName,
                    automountServiceAccountToken: false,
                    enableServiceLinks: false,
                    hostNetwork: true,
                    securityContext: { fsGroup: user, seccompProfile: { type: "RuntimeDefault" } },
                    containers: [controllerContainer(image, targets, env, [shared]), routesContainer(routesImage)],
                    volumes: [codeVolume(code), tokenVolume, { name: "routes", emptyDir: { medium: "Memory" } }],
                    terminationGracePeriodSeconds: 5,
                },
            },
        },
    };
}

function routesContainer(image: string): ProgramContainer {
    return {
        name: "routes",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", `${folder}/${routesFile}`],
        securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            runAsUser: 0,
            capabilities: { drop: ["ALL"], add: ["NET_ADMIN"] },
        },
        volumeMounts: [
            { name: "code", mountPath: folder, readOnly: true },
            { name: "routes", mountPath: routesFolder, readOnly: true },
        ],
    };
}
