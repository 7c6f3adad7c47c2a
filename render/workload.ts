import { familyOf } from "../lab/address";
import type { Lab, Labels, Service as LabService, Workload } from "../lab/model";
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

/** Label of a node that carries its name. */
const hostnameLabel = "kubernetes.io/hostname";

/** Taint and role label of control planes. */
const controlPlane = "node-role.kubernetes.io/control-plane";

/** Label that tells apart Deployments of one workload whose pods are spread differently. */
const spreadLabel = "pods-per-node";

/** Choices of the workload that the model leaves open. */
export interface WorkloadOptions {
    /** An nginx image whose entrypoint fills /etc/nginx/templates. @default docker.io/library/nginx:1.29-alpine */
    readonly image?: string;
}

const defaultImage = "docker.io/library/nginx:1.29-alpine";

/** Namespaces, workloads and services of the lab. */
export function workloadResources(lab: Lab, options: WorkloadOptions = {}): readonly KubernetesObject[] {
    const { services, workloads, cilium } = lab.cluster;
    const { addressAnnotation } = ciliumTraits(cilium.version);
    return [
        ...namespaces(lab),
        ...workloads.flatMap((workload) => pods(lab, workload, options.image ?? defaultImage)),
        ...services.map((each) => service(each, addressAnnotation)),
    ];
}

function namespaces({ cluster: { services, workloads } }: Lab): Namespace[] {
    const names = new Set([...workloads, ...services].map(({ namespace }) => namespace));
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
 * Deployments that put the pods where the model has them. The scheduler spreads a Deployment evenly over the nodes that
 * it may use, so there is one for each number of pods per node: most often one in all.
 */
function deployments(lab: Lab, workload: Workload, image: string): Deployment[] {
    const groups = nodesByPodCount(workload);
    return [...groups].map(([count, nodes], index) => {
        const name = index === 0 ? workload.name : `${workload.name}-${count}`;
        const labels = groups.size === 1 ? workload.labels : { ...workload.labels, [spreadLabel]: String(count) };
        const spread = {
            maxSkew: 1,
            topologyKey: hostnameLabel,
            whenUnsatisfiable: "DoNotSchedule" as const,
            labelSelector: { matchLabels: labels },
        };
        const pod = template(lab, workload, image, nodes, labels);
        return {
            apiVersion: "apps/v1",
            kind: "Deployment",
            metadata: { namespace: workload.namespace, name },
            spec: {
                replicas: count * nodes.length,
                // Pods of an old revision would count as spread and push the new ones to other nodes.
                strategy: { type: "Recreate" },
                selector: { matchLabels: labels },
                template: { ...pod, spec: { ...pod.spec, topologySpreadConstraints: [spread] } },
            },
        };
    });
}

/** Nodes that run the same number of the workload's pods, by that number. */
function nodesByPodCount(workload: Workload): Map<number, string[]> {
    const counts = new Map<string, number>();
    for (const { node } of workload.pods) {
        counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    const groups = new Map<number, string[]>();
    for (const [node, count] of counts) {
        groups.set(count, [...(groups.get(count) ?? []), node]);
    }
    return groups;
}

function template(lab: Lab, workload: Workload, image: string, nodes: readonly string[], labels: Labels): PodTemplate {
    const values = nodes.map((name) => lab.cluster.nodes[name]?.labels[hostnameLabel] ?? name);
    const onControlPlane = nodes.some((name) => lab.cluster.nodes[name]?.role === "control-plane");
    return {
        metadata: { labels },
        spec: {
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
            containers: [container(workload, image)],
            volumes: [{ name: "page", configMap: { name: workload.name } }],
            terminationGracePeriodSeconds: 1,
        },
    };
}

function container({ port }: Workload, image: string): Container {
    const fromField = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    return {
        name: "web",
        image,
        env: [fromField("POD_NAME", "metadata.name"), fromField("NODE_NAME", "spec.nodeName")],
        ports: [{ name: "http", containerPort: port, protocol: "TCP" }],
        readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
        volumeMounts: [{ name: "page", mountPath: "/etc/nginx/templates" }],
    };
}

function service(each: LabService, addressAnnotation: string): Service {
    const { namespace, name, labels, selector, port, targetPort, externalTrafficPolicy, loadBalancerAddresses } = each;
    const families = loadBalancerAddresses.map(familyOf);
    const dual = families.includes("ipv4") && families.includes("ipv6");
    return {
        apiVersion: "v1",
        kind: "Service",
        metadata: {
            namespace,
            name,
            labels,
            annotations: { [addressAnnotation]: loadBalancerAddresses.join(",") },
        },
        spec: {
            type: "LoadBalancer",
            externalTrafficPolicy,
            ipFamilyPolicy: dual ? "RequireDualStack" : "SingleStack",
            ipFamilies: families.map((family) => (family === "ipv4" ? "IPv4" : "IPv6")),
            selector,
            ports: [{ name: "http", protocol: "TCP", port, targetPort }],
        },
    };
}
