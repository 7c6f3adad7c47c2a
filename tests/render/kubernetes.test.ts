import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { KubernetesNode, Lab, Labels, Pod } from "../../lab/model";
import { kindCluster, kindConfig, nodeLabelChanges } from "../../render/kind";
import type { Deployment, OfKind, Service } from "../../render/kubernetes";
import { workloadResources } from "../../render/workload";
import { yamlDocuments } from "../../render/yaml";
import { expectGolden } from "../golden";
import { lab } from "./labs";

const golden = (name: string) => join(__dirname, "golden", `${name}.yaml`);

/** The lab with the pods of its workload on the given nodes, by the end of their names. */
function withPodsOn(...nodes: readonly string[]): Lab {
    const base = lab({ workers: 3 });
    const pods = nodes.map(
        (node, index): Pod => ({
            name: `app-${index}`,
            node: `cilium-bgp-cp-${node}`,
            addresses: [`10.100.9.${index}`],
        }),
    );
    const workloads = base.cluster.workloads.map((workload) => ({ ...workload, pods }));
    return { ...base, cluster: { ...base.cluster, workloads } };
}

function deployments(of: Lab): readonly Deployment[] {
    return workloadResources(of).filter((each): each is OfKind<"Deployment"> => each.kind === "Deployment");
}

/** Nodes and replicas of each Deployment. */
function placement(of: Lab) {
    return deployments(of).map(({ metadata, spec }) => {
        const [term] =
            spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
        return [metadata.name, spec.replicas, term?.matchExpressions[0]?.values];
    });
}

/** The lab with its nodes changed, by name without the cluster's. */
function withNodes(base: Lab, changes: Readonly<Record<string, Partial<KubernetesNode>>>): Lab {
    const { name: cluster, nodes } = base.cluster;
    const changed = Object.fromEntries(
        Object.entries(nodes).map(([name, node]) => [name, { ...node, ...changes[name.slice(cluster.length + 1)] }]),
    );
    return { ...base, cluster: { ...base.cluster, nodes: changed } };
}

/** A lab that asks for everything that a kind configuration can say. */
function racks(): Lab {
    const base = lab({ nodeMask: 25, nodeMask6: 62 });
    const { labels } = base.cluster.nodes["cilium-bgp-cp-worker"]!;
    return withNodes(base, {
        "control-plane": { nodeIp: ["169.254.1.2", "fd00:169:254:1::2"], untainted: true },
        worker: {
            nodeIp: ["169.254.2.2"],
            labels: {
                ...labels,
                rack: "rack0",
                "topology.kubernetes.io/zone": "rack0",
                "node-role.kubernetes.io/edge": "",
            },
        },
    });
}

describe("the kind configuration", () => {
    it("of single-frr is the golden one", () => {
        expectGolden(golden("kind"), kindConfig(lab(), { image: "kindest/node:v1.34.11" }));
    });

    it("of a lab with racks is the golden one", () => {
        expectGolden(golden("kind-racks"), kindConfig(racks(), { kubeProxyReplacement: true }));
    });

    it("is the same as text and as an object", () => {
        expect(parse(kindConfig(racks()))).toEqual(kindCluster(racks()));
    });

    it("names the image on every node when one is given", () => {
        const { nodes } = kindCluster(lab(), { image: "kindest/node:v1.34.4" });
        expect(nodes.map(({ image }) => image)).toEqual(Array(3).fill("kindest/node:v1.34.4"));
    });

    it("leaves kube-proxy out when Cilium does its work, and only then", () => {
        expect(kindCluster(lab(), { kubeProxyReplacement: true }).networking.kubeProxyMode).toBe("none");
        expect(kindCluster(lab()).networking).not.toHaveProperty("kubeProxyMode");
    });

    it("tells kubeadm the length of the nodes' slices only where it is not kubeadm's own", () => {
        expect(kindCluster(lab())).not.toHaveProperty("kubeadmConfigPatches");
        const [patch] = kindCluster(lab({ nodeMask: 25 })).kubeadmConfigPatches!;
        expect(parse(patch!)).toEqual({
            kind: "ClusterConfiguration",
            controllerManager: { extraArgs: { "node-cidr-mask-size-ipv4": "25" } },
        });
    });

    it("tells each kubelet its addresses, in the document that kubeadm reads on its node", () => {
        const texts = kindCluster(racks()).nodes.map(({ kubeadmConfigPatches = [] }) =>
            kubeadmConfigPatches.map((text) => parse(text)),
        );
        expect(texts).toEqual([
            [
                {
                    kind: "InitConfiguration",
                    nodeRegistration: {
                        kubeletExtraArgs: { "node-ip": "169.254.1.2,fd00:169:254:1::2" },
                        taints: [],
                    },
                },
            ],
            [{ kind: "JoinConfiguration", nodeRegistration: { kubeletExtraArgs: { "node-ip": "169.254.2.2" } } }],
            [],
        ]);
    });

    it("names no API version of kubeadm, so that kind adapts the patches to the one that it writes", () => {
        expect(kindConfig(racks())).not.toContain("kubeadm.k8s.io");
    });
});

describe("labels of nodes", () => {
    it("are passed on, but not those that Kubernetes sets itself or lets no kubelet set", () => {
        const labelled = kindCluster(racks()).nodes.map(({ labels }) => labels);
        expect(labelled).toEqual([undefined, { rack: "rack0", "topology.kubernetes.io/zone": "rack0" }, undefined]);
    });

    it("need no change in a cluster as kubeadm makes it", () => {
        expect(nodeLabelChanges(lab())).toEqual([]);
    });

    it("that no kubelet may set are added later", () => {
        expect(nodeLabelChanges(racks())).toEqual([
            ["label", "--overwrite", "node", "cilium-bgp-cp-worker", "node-role.kubernetes.io/edge="],
        ]);
    });

    it("of kubeadm are taken away from a control plane that may take traffic from outside", () => {
        const excluded = "node.kubernetes.io/exclude-from-external-load-balancers";
        const base = lab();
        const { [excluded]: _, ...labels } = base.cluster.nodes["cilium-bgp-cp-control-plane"]!.labels;
        expect(nodeLabelChanges(withNodes(base, { "control-plane": { labels } }))).toEqual([
            ["label", "--overwrite", "node", "cilium-bgp-cp-control-plane", `${excluded}-`],
        ]);
    });
});

describe("the workload", () => {
    it("of single-frr is the golden one", () => {
        expectGolden(golden("workload"), yamlDocuments(workloadResources(lab())));
    });

    it("is a Deployment for each node that has pods, pinned to it", () => {
        expect(placement(withPodsOn("worker", "worker", "worker2", "worker3"))).toEqual([
            ["app-worker", 2, ["cilium-bgp-cp-worker"]],
            ["app-worker2", 1, ["cilium-bgp-cp-worker2"]],
            ["app-worker3", 1, ["cilium-bgp-cp-worker3"]],
        ]);
    });

    it("has pods that each belong to one Deployment, and all to the services", () => {
        const of = withPodsOn("worker", "worker2", "worker2");
        const templates = deployments(of).map(({ spec }) => spec.template.metadata.labels);
        const selects = (selector: Labels, labels: Labels) =>
            Object.entries(selector).every(([key, value]) => labels[key] === value);
        const owners = templates.map(
            (labels) => deployments(of).filter(({ spec }) => selects(spec.selector.matchLabels!, labels)).length,
        );
        expect(owners).toEqual([1, 1]);
        for (const { selector } of of.cluster.services) {
            expect(templates.every((labels) => selects(selector, labels))).toBe(true);
        }
    });

    it("keeps everything but a number when it grows or shrinks on the same nodes", () => {
        const scaled = (...nodes: string[]) =>
            deployments(withPodsOn(...nodes)).map(({ spec: { replicas: _, ...spec }, ...rest }) => ({ ...rest, spec }));
        expect(scaled("worker", "worker2", "worker", "worker2")).toEqual(scaled("worker", "worker2"));
        expect(scaled("worker")).toEqual(scaled("worker", "worker2").slice(0, 1));
    });

    it("asks no registry for an image that the node has", () => {
        for (const { spec } of deployments(withPodsOn("worker", "worker2"))) {
            expect(spec.template.spec.containers.map(({ imagePullPolicy }) => imagePullPolicy)).toEqual([
                "IfNotPresent",
            ]);
        }
    });

    it("tolerates the control plane's taint only when a pod is placed there", () => {
        const [onWorker, onControlPlane] = deployments(withPodsOn("worker", "control-plane"));
        expect(onWorker?.spec.template.spec).not.toHaveProperty("tolerations");
        expect(onControlPlane?.spec.template.spec.tolerations).toEqual([
            { key: "node-role.kubernetes.io/control-plane", operator: "Exists", effect: "NoSchedule" },
        ]);
    });

    it("as a DaemonSet runs on the nodes of its pods", () => {
        const base = withPodsOn("worker", "worker3");
        const workloads = base.cluster.workloads.map((each) => ({ ...each, kind: "DaemonSet" as const }));
        const resources = workloadResources({ ...base, cluster: { ...base.cluster, workloads } });
        expect(resources.map(({ kind }) => kind)).toEqual([
            "Namespace",
            "ConfigMap",
            "DaemonSet",
            "Service",
            "Service",
        ]);
    });

    it("uses the image that it is given", () => {
        const [deployment] = workloadResources(lab(), { image: "example/web:1" }).filter(
            (each): each is OfKind<"Deployment"> => each.kind === "Deployment",
        );
        expect(deployment?.spec.template.spec.containers[0]?.image).toBe("example/web:1");
    });
});

describe("a service", () => {
    function services(of: Lab): readonly Service[] {
        return workloadResources(of).filter((each): each is OfKind<"Service"> => each.kind === "Service");
    }

    it.each([
        ["1.14.1", "io.cilium/lb-ipam-ips"],
        ["1.20.2", "lbipam.cilium.io/ips"],
    ])("asks for its addresses with the annotation that Cilium %s reads", (ciliumVersion, annotation) => {
        expect(services(lab({ ciliumVersion }))[0]?.metadata.annotations).toEqual({
            [annotation]: "10.254.0.10,fd00:10:254::10",
        });
    });

    it("with addresses of one family is single-stack", () => {
        const base = lab();
        const only = base.cluster.services.map((each) => ({ ...each, loadBalancerAddresses: ["fd00:10:254::10"] }));
        const [first] = services({ ...base, cluster: { ...base.cluster, services: only } });
        expect(first?.spec).toMatchObject({ ipFamilyPolicy: "SingleStack", ipFamilies: ["IPv6"] });
    });
});
