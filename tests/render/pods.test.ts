import { describe, expect, it } from "vitest";
import { findDevice } from "../../lab/devices";
import type { Lab, PodNeighbor } from "../../lab/model";
import { podLinkPort } from "../../lab/pod-network";
import type { NodeInputs } from "../../provider/schema";
import { ciliumResources, ciliumValues } from "../../render/cilium";
import { controllerSpec, fabricSpec, nodeSpec } from "../../render/embedded";
import { frrConf } from "../../render/frr";
import { gobgpConfig } from "../../render/gobgp";
import type { KubernetesObject } from "../../render/kubernetes";
import { ofKind } from "../../render/objects";
import { podNeighborsAnnotation, podPeersOf } from "../../render/pod-neighbors";
import { workloadResources } from "../../render/workload";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import { withInstances, lab as withoutPods } from "./labs";

const [worker, worker2] = ["pod-gateway-worker", "pod-gateway-worker2"];

function lab(parameters: object = {}): Lab {
    return planPodGateway(schema.parse(parameters));
}

function nodes(of: Lab): Readonly<Record<string, Omit<NodeInputs, "sandbox">>> {
    return Object.fromEntries(Object.keys(of.cluster.nodes).map((name) => [name, nodeSpec(of, name)]));
}

function withPodNeighbors(base: Lab, change: Partial<PodNeighbor>): Lab {
    return withInstances(base, (each) => ({
        ...each,
        podNeighbors: (each.podNeighbors ?? []).map((neighbor) => ({ ...neighbor, ...change })),
    }));
}

function gobgpOf(of: Lab, node = worker2) {
    return gobgpConfig(ciliumResources(of), of.cluster.nodes[node]!)!;
}

describe("a router in a Pod", () => {
    const pod = nodeSpec(lab(), worker2).pods["loadbalancer-0"];

    it("is a Pod of its node, with the addresses that the model gives it there", () => {
        expect(pod).toMatchObject({
            namespace: "default",
            labels: { app: "loadbalancer" },
            addresses: ["10.244.2.216", "fd00:10:244:2::d8"],
        });
        expect(Object.keys(nodeSpec(lab(), worker).pods)).toEqual(["web-1"]);
    });

    it("answers on no port of its own", () => {
        expect(pod).not.toHaveProperty("port");
    });

    it("has default routes to its node's addresses in the pod range, from which it learns them", () => {
        expect(pod?.gateways).toEqual(["10.244.2.69", "fd00:10:244:2::45"]);
        expect(pod?.router?.config).toBe(frrConf(lab(), "loadbalancer-0"));
        expect(pod?.router?.config).not.toContain("10.244.2.");
    });

    it("passes connections to its virtual addresses on to the pods of the workload, by family", () => {
        expect(pod?.router?.loopback).toEqual(["192.168.0.1", "fd00:192:168::1"]);
        expect(pod?.router?.virtualServers).toEqual([
            { address: "192.168.0.1", port: 80, endpoints: addressesOfWeb(lab(), false), targetPort: 80 },
            { address: "fd00:192:168::1", port: 80, endpoints: addressesOfWeb(lab(), true), targetPort: 80 },
        ]);
    });

    it("with a virtual server of a workload that there is not is refused, with its place", () => {
        const of = lab();
        const bare = { ...of, cluster: { ...of.cluster, workloads: [] } };
        expect(() => nodeSpec(bare, worker2)).toThrow(
            "routers.loadbalancer-0.virtualServers[0].workload: the cluster has no workload default/web",
        );
    });

    it("comes and goes with the Pods of its node: the fabric is the same with and without", () => {
        const fabric = fabricSpec(lab({ gateways: [1, 2], hijacks: ["10.244.0.0/24"] }));
        expect(fabric).toEqual(fabricSpec(lab({ gateways: [] })));
        expect(Object.keys(fabric.namespaces).sort()).toEqual(
            ["client0", "router0", "pod-gateway-control-plane", worker, worker2].sort(),
        );
    });

    it("is reached by its node over no segment of the fabric, and by no static route of it", () => {
        const { namespaces, links, bridges } = fabricSpec(lab());
        const ports = findDevice(lab(), worker2)!.interfaces.map(({ name }) => name);
        expect(ports).toContain(podLinkPort("loadbalancer-0"));
        expect(JSON.stringify({ namespaces, links, bridges })).not.toMatch(/lxc|10\.244\.2\.216|loadbalancer/);
        expect(namespaces[worker2]?.addresses.lo).toEqual(["10.244.2.69/32", "fd00:10:244:2::45/128"]);
    });
});

function addressesOfWeb({ cluster }: Lab, ipv6: boolean): readonly string[] {
    return cluster.workloads[0]!.pods.flatMap(({ addresses }) =>
        addresses.filter((address) => address.includes(":") === ipv6),
    );
}

describe("neighbors by label", () => {
    it("stand in an annotation of each CiliumBGPClusterConfig, with entries that people can read", () => {
        const [config] = ofKind(ciliumResources(lab()), "CiliumBGPClusterConfig");
        const { transit, peers } = podPeersOf(config!)!;
        expect(transit).toBe(true);
        expect(peers).toMatchObject([
            {
                name: "loadbalancers",
                namespace: "default",
                podSelector: { matchLabels: { app: "loadbalancer" } },
                importPolicy: { ownAddress: true },
            },
        ]);
        const { administrator, others } = peers[0]!.importPolicy;
        expect(administrator).toEqual(["deny 172.16.0.0/24 le 32", "deny fd00:172:16::/64 le 128"]);
        expect(others).toEqual(expect.arrayContaining(["deny 10.244.0.0/16 le 32", "deny ::/0"]));
        expect(others.filter((entry) => entry.startsWith("permit"))).toEqual([
            "permit 192.168.0.0/24 le 32",
            "permit fd00:192:168::/64 le 128",
        ]);
    });

    it("are read back by the node's speaker, with its own addresses in the pod range", () => {
        const { transit, podNeighbors } = gobgpOf(lab());
        expect(transit).toBe(true);
        expect(podNeighbors).toMatchObject([
            {
                name: "loadbalancers",
                namespace: "default",
                selector: { matchLabels: { app: "loadbalancer" } },
                ebgpMultihop: 255,
                families: ["ipv4", "ipv6"],
                localAddresses: ["10.244.2.69", "fd00:10:244:2::45"],
                ownAddress: true,
            },
        ]);
        expect(podNeighbors?.[0]).not.toHaveProperty("remoteAsn");
    });

    it("have the entries of the policy in its order, numbered in each family through both parts", () => {
        const { administratorEntries, importEntries } = gobgpOf(lab()).podNeighbors![0]!;
        for (const ipv6 of [false, true]) {
            const numbers = [...administratorEntries, ...importEntries]
                .filter(({ prefix }) => prefix.includes(":") === ipv6)
                .map(({ sequence }) => sequence);
            expect(numbers).toEqual(numbers.map((_, index) => 5 * (index + 1)));
        }
        expect(importEntries).toContainEqual(expect.objectContaining({ action: "deny", prefix: "0.0.0.0/0" }));
        expect(administratorEntries[0]).toEqual({ sequence: 5, action: "deny", prefix: "172.16.0.0/24", le: 32 });
    });

    it("of one AS have it, in the form of Cilium's peers and for the speaker", () => {
        const of = withPodNeighbors(lab(), { remoteAs: { kind: "asn", asn: 65100 } });
        expect(gobgpOf(of).podNeighbors?.[0]?.remoteAsn).toBe(65100);
        const [config] = ofKind(ciliumResources(of), "CiliumBGPClusterConfig");
        expect(podPeersOf(config!)?.peers[0]?.peerASN).toBe(65100);
    });

    it("have their timers, families and hops in a CiliumBGPPeerConfig, as other peers do", () => {
        const timers = { connectRetry: 4, holdTime: 12, keepalive: 6 };
        const of = withPodNeighbors(lab(), { timers, families: ["ipv6"], ebgpMultihop: 7 });
        expect(gobgpOf(of).podNeighbors?.[0]).toMatchObject({
            connectRetry: 4,
            holdTime: 12,
            keepalive: 6,
            ebgpMultihop: 7,
            families: ["ipv6"],
        });
    });

    it("change nothing of the neighbors by address and of what the node announces", () => {
        const plain = withInstances(lab(), ({ podNeighbors: _, transit: __, ...each }) => each);
        const { podNeighbors, transit, ...others } = gobgpOf(lab());
        expect(gobgpOf(plain)).toEqual(others);
    });

    it("are the same from both of Cilium's APIs", () => {
        const of = lab({ ciliumVersion: "1.18.5" });
        const [older, newer] = (["peering-policy", "cluster-config"] as const).map((bgpApi) =>
            gobgpConfig([...ciliumResources(of, { bgpApi }), ...workloadResources(of)], of.cluster.nodes[worker2]!),
        );
        expect(older?.podNeighbors).toHaveLength(1);
        expect(older).toEqual(newer);
    });

    it.each([
        ["is no JSON", "{"],
        ["lacks a policy", JSON.stringify({ transit: true, peers: [{ name: "a", namespace: "b", podSelector: {} }] })],
        ["has an entry that is none", annotationWith("permit everything")],
    ])("in an annotation that %s are refused with the object's name", (_, annotation) => {
        const objects = ciliumResources(lab()).map(
            (each): KubernetesObject =>
                each.kind === "CiliumBGPClusterConfig"
                    ? { ...each, metadata: { ...each.metadata, annotations: { [podNeighborsAnnotation]: annotation } } }
                    : each,
        );
        expect(() => gobgpConfig(objects, lab().cluster.nodes[worker2]!)).toThrow(
            "CiliumBGPClusterConfig worker2: the annotation bgp-lab.dev/pod-neighbors is no list of neighbors by label",
        );
    });

    it("are refused with BIRD as the nodes' speaker", () => {
        expect(() => nodeSpec(lab(), worker2, "bird")).toThrow("BIRD as the nodes' speaker takes no Pods as neighbors");
    });

    it("add no interface to those on which Cilium serves clients", () => {
        const { devices } = ciliumValues(lab(), { kubeProxyReplacement: true }) as { devices: readonly string[] };
        expect(devices).toEqual(["eth0", "net0"]);
    });
});

/** The annotation as it is made, with one more entry of the import policy. */
function annotationWith(entry: string): string {
    const [config] = ofKind(ciliumResources(lab()), "CiliumBGPClusterConfig");
    const { transit, peers } = podPeersOf(config!)!;
    const changed = peers.map((peer) => ({
        ...peer,
        importPolicy: { ...peer.importPolicy, others: [...peer.importPolicy.others, entry] },
    }));
    return JSON.stringify({ transit, peers: changed });
}

describe("the peering controller", () => {
    it("is told each speaker with neighbors by label, as the speaker itself is", () => {
        const inputs = controllerSpec(lab(), nodes(lab()));
        expect(Object.keys(inputs?.speakers ?? {})).toEqual(Object.keys(lab().cluster.nodes));
        const { asn, transit, podNeighbors } = gobgpOf(lab());
        expect(inputs?.speakers[worker2]).toEqual({ asn, transit, podNeighbors });
        expect(inputs).not.toHaveProperty("routers");
    });

    it("is told routers with neighbors by label, and the nodes on which those may be", () => {
        const of = lab({ peering: "router" });
        expect(controllerSpec(of, nodes(of))?.routers?.router0).toMatchObject({
            podNeighbors: [
                { name: "loadbalancers", namespace: "default", families: ["ipv4"] },
                { name: "loadbalancers6", namespace: "default", families: ["ipv6"] },
            ],
            nodes: Object.keys(of.cluster.nodes),
        });
    });

    it("is not there in labs without such neighbors", () => {
        const of = withoutPods();
        expect(controllerSpec(of, nodes(of))).toBeUndefined();
    });
});
