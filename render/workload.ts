import { familyOf } from "../lab/address";
import type { Address, Lab, Labels, Service as LabService, Workload } from "../lab/model";
import { podRouters } from "../lab/pods";
import { currentVersions } from "../lab/versions";
import { ciliumTraits } from "./cilium-versions";
import type {
    ConfigMap,
    Container,
    DaemonSet,
    Deployment,
    KubernetesObject,
    Namespace,
    PodTemplate,
    Service,
} from "./kubernetes";
import { metallbTraits } from "./metallb-versions";

/** Label of a node that carries its name. */
const hostnameLabel = "kubernetes.io/hostname";

/** Taint and role label of control planes. */
const controlPlane = "node-role.kubernetes.io/control-plane";

/** Label that tells apart the pods of a workload's Deployments, each of which is for one node. */
const nodeLabel = "node";

/** Choices of the workload that the model leaves open. */
export interface WorkloadOptions {
    /** An nginx image whose entrypoint fills /etc/nginx/templates. @default that of the current versions */
    readonly image?: string;
}

/** Namespaces, workloads and services of the lab. */
export function workloadResources(lab: Lab, options: WorkloadOptions = {}): readonly KubernetesObject[] {
    const { services, workloads } = lab.cluster;
    const request = addressRequest(lab);
    return [
        ...namespaces(lab),
        ...workloads.flatMap((workload) => pods(lab, workload, options.image ?? currentVersions.web.reference)),
        ...services.map((each) => service(each, request)),
    ];
}

/** Where a service says which address it wants: in its specification, or in an annotation of this name. */
function addressRequest({ cluster: { cilium, metallb } }: Lab): string {
    if (metallb !== undefined) {
        return metallbTraits(metallb.version).addressRequest;
    }
    if (cilium === undefined) {
        return "metallb.io/loadBalancerIPs";
    }
    return cilium.metallbBgp === undefined ? ciliumTraits(cilium.version).addressAnnotation : "loadBalancerIP";
}

function namespaces(lab: Lab): Namespace[] {
    const { services, workloads } = lab.cluster;
    const pods = podRouters(lab).map(({ pod }) => pod);
    const names = new Set([...workloads, ...services, ...pods].map(({ namespace }) => namespace));
    names.delete("default");
    return [...names].map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
}

/** A workload's controllers, and the page that its pods serve: their name, their node and the address that asked. */
function pods(lab: Lab, workload: Workload, image: string): KubernetesObject[] {
    const controllers =
        workload.kind === "DaemonSet" ? [daemonSet(lab, workload, image)] : deployments(lab, workload, image);
    return [page(workload), ...controllers];
}

/** The same answer as the embedded runtime's pods give; nginx's entrypoint fills in the names of pod and node. */
function page({ namespace, name, port }: Workload): ConfigMap {
    const answer = `{"pod":"\${POD_NAME}","node":"\${NODE_NAME}","client":"$remote_addr"}\\n`;
    const lines = [
        "server {",
        `    listen ${port};`,
        `    listen [::]:${port};`,
        "    default_type application/json;",
        "    location / {",
        `        return 200 '${answer}';`,
        "    }",
        "}",
    ];
    return {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { namespace, name },
        data: { "default.conf.template": `${lines.join("\n")}\n` },
    };
}

function daemonSet(lab: Lab, workload: Workload, image: string): DaemonSet {
    const { namespace, name, labels } = workload;
    const nodes = [...new Set(workload.pods.map((pod) => pod.node))];
    return {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        metadata: { namespace, name },
        spec: { selector: { matchLabels: labels }, template: template(lab, workload, image, nodes, labels) },
    };
}

/**
 * Deployments that keep the pods where the model has them: one for each node. A Deployment over several nodes would be
 * spread by the scheduler when it is made, but not when it shrinks, and not when it is rolled out anew.
 */
function deployments(lab: Lab, workload: Workload, image: string): Deployment[] {
    return [...podCounts(workload)].map(([node, replicas]) => {
        const shortName = node.startsWith(`${lab.cluster.name}-`) ? node.slice(lab.cluster.name.length + 1) : node;
        const labels = { ...workload.labels, [nodeLabel]: shortName };
        return {
            apiVersion: "apps/v1",
            kind: "Deployment",
            metadata: { namespace: workload.namespace, name: `${workload.name}-${shortName}` },
            spec: {
                replicas,
                selector: { matchLabels: labels },
                template: template(lab, workload, image, [node], labels),
            },
        };
    });
}

/** Number of the workload's pods on each node that has any. */
function podCounts({ pods: all }: Workload): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { node } of all) {
        counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    return counts;
}

function template(lab: Lab, workload: Workload, image: string, nodes: readonly string[], labels: Labels): PodTemplate {
    return {
        metadata: { labels },
        spec: {
            ...onNodes(lab, nodes),
            containers: [container(workload, image)],
            volumes: [{ name: "page", configMap: { name: workload.name } }],
            terminationGracePeriodSeconds: 1,
        },
    };
}

/** What keeps pods on some nodes, and lets them on control planes that are among these. */
export function onNodes(lab: Lab, nodes: readonly string[]): Pick<PodTemplate["spec"], "affinity" | "tolerations"> {
    const values = nodes.map((name) => lab.cluster.nodes[name]?.labels[hostnameLabel] ?? name);
    const onControlPlane = nodes.some((name) => lab.cluster.nodes[name]?.role === "control-plane");
    return {
        affinity: {
            nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: {
                    nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: "In", values }] }],
                },
            },
        },
        ...(onControlPlane
            ? { tolerations: [{ key: controlPlane, operator: "Exists" as const, effect: "NoSchedule" }] }
            : {}),
    };
}

function container({ port }: Workload, image: string): Container {
    const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    return {
        name: "web",
        image,
        // Nodes may have the image already, from a registry or loaded by hand; then none is asked.
        imagePullPolicy: "IfNotPresent",
        env: [fromField("POD_NAME", "metadata.name"), fromField("NODE_NAME", "spec.nodeName")],
        ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
        readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
        volumeMounts: [{ name: "page", mountPath: "/etc/nginx/templates" }],
    };
}

function service(each: LabService, addressRequest: string): Service {
    const { namespace, name, labels, selector, port, targetPort, externalTrafficPolicy, loadBalancerAddresses } = each;
    const families = loadBalancerAddresses.map(familyOf);
    const dual = families.includes("ipv4") && families.includes("ipv6");
    const inSpec = addressRequest === "loadBalancerIP";
    return {
        apiVersion: "v1",
        kind: "Service",
        metadata: {
            namespace,
            name,
            labels,
            ...(inSpec ? {} : { annotations: { [addressRequest]: loadBalancerAddresses.join(",") } }),
        },
        spec: {
            type: "LoadBalancer",
            externalTrafficPolicy,
            ...(inSpec ? { loadBalancerIP: onlyAddress(each) } : {}),
            ipFamilyPolicy: dual ? "RequireDualStack" : "SingleStack",
            ipFamilies: families.map((family) => (family === "ipv4" ? "IPv4" : "IPv6")),
            selector,
            ports: [{ name: "http", protocol: "TCP", port, targetPort }],
        },
    };
}

/** The address that a service asks for in its specification, which has room for one. */
function onlyAddress({ namespace, name, loadBalancerAddresses }: LabService): Address {
    const [first, ...others] = loadBalancerAddresses;
    if (first === undefined || others.length > 0) {
        throw new Error(
            `cluster.services: ${namespace}/${name} has ${loadBalancerAddresses.length} load-balancer addresses, and this lab's assigner takes one; give it one, or use a newer version`,
        );
    }
    return first;
}
