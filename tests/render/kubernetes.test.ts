import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Lab, Pod } from "../../lab/model";
import { kindCluster, kindConfig } from "../../render/kind";
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

describe("the kind configuration", () => {
    it("of single-frr is the golden one", () => {
        expectGolden(golden("kind"), kindConfig(lab()));
    });

    it("is the same as text and as an object", () => {
        expect(parse(kindConfig(lab()))).toEqual(kindCluster(lab()));
    });

    it("names the image on every node when one is given", () => {
        const { nodes } = kindCluster(lab(), { image: "kindest/node:v1.34.4" });
        expect(nodes.map(({ image }) => image)).toEqual(Array(3).fill("kindest/node:v1.34.4"));
    });

    it("tells kubeadm the length of the nodes' slices only where it is not kubeadm's own", () => {
        expect(kindCluster(lab())).not.toHaveProperty("kubeadmConfigPatches");
        const [patch] = kindCluster(lab({ nodeMask: 25 })).kubeadmConfigPatches!;
        expect(parse(patch!)).toEqual({
            kind: "ClusterConfiguration",
            controllerManager: { extraArgs: { "node-cidr-mask-size-ipv4": "25" } },
        });
    });

    it("passes labels on, but not those that Kubernetes sets itself", () => {
        const base = lab();
        const nodes = Object.fromEntries(
            Object.entries(base.cluster.nodes).map(([name, node]) => [
                name,
                { ...node, labels: { ...node.labels, rack: "r1", "node-role.kubernetes.io/control-plane": "" } },
            ]),
        );
        const of = { ...base, cluster: { ...base.cluster, nodes } };
        expect(kindCluster(of).nodes.map(({ labels }) => labels)).toEqual(Array(3).fill({ rack: "r1" }));
    });
});

describe("the workload", () => {
    it("of single-frr is the golden one", () => {
        expectGolden(golden("workload"), yamlDocuments(workloadResources(lab())));
    });

    it("is one Deployment when all its nodes run the same number of pods", () => {
        expect(placement(withPodsOn("worker", "worker2", "worker", "worker2"))).toEqual([
            ["app", 4, ["cilium-bgp-cp-worker", "cilium-bgp-cp-worker2"]],
        ]);
    });

    it("is a Deployment for each number of pods per node otherwise, told apart by a label", () => {
        const of = withPodsOn("worker", "worker", "worker2", "worker3");
        expect(placement(of)).toEqual([
            ["app", 2, ["cilium-bgp-cp-worker"]],
            ["app-1", 2, ["cilium-bgp-cp-worker2", "cilium-bgp-cp-worker3"]],
        ]);
        const selectors = deployments(of).map(({ spec }) => JSON.stringify(spec.selector));
        expect(new Set(selectors).size).toBe(2);
    });

    it("tolerates the control plane's taint only when a pod is placed there", () => {
        const [onWorkers] = deployments(withPodsOn("worker"));
        const [everywhere] = deployments(withPodsOn("worker", "control-plane"));
        expect(onWorkers?.spec.template.spec).not.toHaveProperty("tolerations");
        expect(everywhere?.spec.template.spec.tolerations).toEqual([
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
