import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nthAddress } from "../../lab/address";
import { bind, type ClusterObservation } from "../../lab/bind";
import type { Lab } from "../../lab/model";
import { validate } from "../../lab/rules";
import { isError } from "../../lab/rules/findings";
import { predict } from "../../routing/predict";
import { lab, quiet } from "./labs";

/** What a cluster says that chose exactly what the model has. */
function ownObservation({ cluster }: Lab): ClusterObservation {
    const nodes = Object.entries(cluster.nodes).map(([name, { podCidrs, interfaces }]) => {
        const eth0 = interfaces.find((each) => each.name === "eth0");
        const addresses = (eth0?.addresses ?? []).map((address) => address.split("/")[0] ?? "");
        return [name, { podCidrs, addresses }] as const;
    });
    return {
        nodes: Object.fromEntries(nodes),
        pods: cluster.workloads.flatMap(({ namespace, labels, pods }) =>
            pods.map((pod) => ({ ...pod, namespace, labels })),
        ),
        services: cluster.services,
    };
}

function bound(model: Lab, observed: ClusterObservation): Lab {
    const binding = bind(model, observed);
    if (binding.kind === "unbound") {
        throw new Error(JSON.stringify(binding.findings));
    }
    return binding.lab;
}

function findings(model: Lab, change: (observed: ClusterObservation) => object): readonly string[] {
    const observed = ownObservation(model);
    const binding = bind(model, { ...observed, ...change(observed) });
    return binding.kind === "bound" ? [] : binding.findings.map(({ id, says }) => `${id}: ${says}`);
}

/** The lab with Calico's pod network instead of Cilium's. */
function withCalico(model: Lab): Lab {
    const { cilium: _, ...cluster } = model.cluster;
    const calico = {
        version: "3.32.1",
        asn: 65002,
        nodeToNodeMesh: true,
        encapsulation: "none",
        natOutgoing: false,
        peers: [],
    } as const;
    return { ...model, cluster: { ...cluster, calico } };
}

function changedNode(model: Lab, name: string, change: object): Lab {
    const { nodes } = model.cluster;
    return { ...model, cluster: { ...model.cluster, nodes: { ...nodes, [name]: { ...nodes[name]!, ...change } } } };
}

const importFilter = [
    { prefix: "10.100.0.0/16", ge: 24, le: 24 },
    { prefix: "fd00:10:255::/48", ge: 64, le: 64 },
    ...quiet.importFilter,
];

/** Each run plans, binds and predicts a whole lab. */
const runs = { numRuns: 30 };

/** Labs of some sizes, with an order in which their cluster hands out slices and addresses. */
const clusters = fc
    .record({ workers: fc.integer({ min: 1, max: 7 }), replicas: fc.integer({ min: 1, max: 9 }) })
    .chain(({ workers, replicas }) => {
        const order = Array.from({ length: workers + 1 }, (_, index) => index);
        const shuffled = fc.shuffledSubarray(order, { minLength: order.length });
        return fc.tuple(fc.constant(lab({ workers, replicas, exportPodCidr: true, importFilter })), shuffled, shuffled);
    });

/** The cluster hands out the model's slices and addresses in other orders, and names pods by itself. */
function shuffled(model: Lab, slices: readonly number[], addresses: readonly number[]): ClusterObservation {
    const own = ownObservation(model);
    const nodes = Object.values(own.nodes);
    const sliceOf = new Map<string, readonly string[]>();
    const entries = Object.keys(own.nodes).map((name, index) => {
        const podCidrs = nodes[slices[index]!]!.podCidrs;
        sliceOf.set(name, podCidrs);
        return [name, { podCidrs, addresses: nodes[addresses[index]!]!.addresses }] as const;
    });
    const pods = own.pods.map((pod, index) => ({
        ...pod,
        name: `app-5d9c7b8f6-${(index * 7919).toString(36)}`,
        addresses: (sliceOf.get(pod.node!) ?? []).map((slice) => nthAddress(slice, 20 + index)),
    }));
    return { ...own, nodes: Object.fromEntries(entries), pods: pods.reverse() };
}

describe("binding a lab", () => {
    it("to its own values changes nothing", () => {
        fc.assert(
            fc.property(clusters, ([model]) => {
                expect(bound(model, ownObservation(model))).toEqual(model);
            }),
            runs,
        );
    });

    it("to what a cluster handed out in another order gives a lab that keeps all rules", () => {
        fc.assert(
            fc.property(clusters, ([model, slices, addresses]) => {
                const result = bound(model, shuffled(model, slices, addresses));
                expect(validate(result).filter(isError)).toEqual([]);
            }),
            runs,
        );
    });

    it("makes the prediction lead each observed slice to the node that has it", () => {
        fc.assert(
            fc.property(clusters, ([model, slices, addresses]) => {
                const observed = shuffled(model, slices, addresses);
                const { rib } = predict(bound(model, observed)).devices.router0!;
                for (const [name, { podCidrs }] of Object.entries(observed.nodes)) {
                    const link = model.cluster.nodes[name]!.interfaces.find((each) => each.name === "net0")!;
                    const hops = podCidrs.map((slice) =>
                        (slice.includes(":") ? rib.ipv6 : rib.ipv4)[slice]?.paths.map(({ nextHop }) => nextHop),
                    );
                    expect(hops).toEqual(link.addresses.map((address) => [address.split("/")[0]]));
                }
            }),
            runs,
        );
    });

    it("names the cluster's pods in the checks, each on the node where the model has one", () => {
        fc.assert(
            fc.property(clusters, ([model, slices, addresses]) => {
                const observed = shuffled(model, slices, addresses);
                const result = bound(model, observed);
                const nodeOf = new Map(observed.pods.map(({ name, node }) => [name, node]));
                expect(result.cluster.workloads[0]!.pods.map(({ name }) => nodeOf.get(name))).toEqual(
                    model.cluster.workloads[0]!.pods.map(({ node }) => node),
                );
                const asked = result.checks.flatMap((check) => (check.kind === "service" ? [check.pods] : []));
                expect(new Set(asked.flat())).toEqual(new Set(nodeOf.keys()));
            }),
            runs,
        );
    });

    it("takes a node's router id from the address that its speaker uses", () => {
        const model = lab();
        const observed = ownObservation(model);
        const worker = "cilium-bgp-cp-worker";
        const moved = { ...observed.nodes[worker]!, addresses: ["172.18.0.77", "fc00:f853:ccd:e793::77"] };
        const node = bound(model, { ...observed, nodes: { ...observed.nodes, [worker]: moved } }).cluster.nodes[worker];
        expect(node?.routerId).toBe("172.18.0.77");
        expect(node?.interfaces[0]?.addresses).toEqual(["172.18.0.77/16", "fc00:f853:ccd:e793::77/64"]);
    });

    it("with Calico gives each node all of its blocks, in order, and none to a node without pods", () => {
        const model = withCalico(lab());
        const observed = ownObservation(model);
        const blocks: Readonly<Record<string, readonly string[]>> = {
            "cilium-bgp-cp-worker": ["fd00:10:255::40/122", "10.100.7.64/26", "10.100.1.128/26"],
            "cilium-bgp-cp-worker2": ["10.100.200.0/26"],
        };
        const nodes = Object.entries(observed.nodes).map(([name, node]) => [
            name,
            { ...node, blocks: blocks[name] ?? [] },
        ]);
        const result = bound(model, { ...observed, nodes: Object.fromEntries(nodes) });
        expect(Object.values(result.cluster.nodes).map(({ podCidrs }) => podCidrs)).toEqual([
            [],
            ["10.100.1.128/26", "10.100.7.64/26", "fd00:10:255::40/122"],
            ["10.100.200.0/26"],
        ]);
    });

    it("takes what a kubelet was told to be as the node's address, wherever that is, and as its router id", () => {
        const worker = "cilium-bgp-cp-worker";
        const model = changedNode(lab(), worker, { nodeIp: ["10.1.5.11"] });
        const observed = ownObservation(model);
        const moved = { ...observed.nodes[worker]!, addresses: ["10.1.5.11"] };
        const node = bound(model, { ...observed, nodes: { ...observed.nodes, [worker]: moved } }).cluster.nodes[worker];
        expect(node?.routerId).toBe("10.1.5.11");
        expect(node?.interfaces).toEqual(model.cluster.nodes[worker]!.interfaces);
    });

    it("has pods ask, and be asked, under the names and addresses that the cluster gave them", () => {
        const model = lab();
        const [first, second] = model.cluster.workloads[0]!.pods;
        const asked = first!.addresses[1]!;
        const checks: Lab["checks"] = [
            { kind: "pod", from: second!.name, pod: first!.name, address: asked, port: 80 },
            { kind: "pod", from: "client0", pod: second!.name, address: second!.addresses[0]!, port: 80 },
            { kind: "silence", from: first!.name, address: "10.254.0.10", probe: { kind: "ping" } },
        ];
        const observed = ownObservation(model);
        const pods = observed.pods.map((pod, index) => ({
            ...pod,
            name: `app-7c6d-${index}`,
            // A pod's addresses come in the order of the cluster's families.
            addresses: [`fd00:10:255:7::${index + 1}`, `10.100.7.${index + 1}`],
        }));
        const result = bound({ ...model, checks }, { ...observed, pods }).checks;
        expect(result).toEqual([
            { kind: "pod", from: "app-7c6d-1", pod: "app-7c6d-0", address: "fd00:10:255:7::1", port: 80 },
            { kind: "pod", from: "client0", pod: "app-7c6d-1", address: "10.100.7.2", port: 80 },
            { kind: "silence", from: "app-7c6d-0", address: "10.254.0.10", probe: { kind: "ping" } },
        ]);
    });
});

describe("a cluster that is not the model's", () => {
    const model = lab();
    const worker = "cilium-bgp-cp-worker";
    const others = (observed: ClusterObservation) =>
        Object.fromEntries(Object.entries(observed.nodes).filter(([name]) => name !== worker));

    it("lacks a node, or has one too many", () => {
        expect(findings(model, (observed) => ({ nodes: others(observed) }))).toEqual([
            "BIND-NODE-001: the cluster has no node cilium-bgp-cp-worker; it has cilium-bgp-cp-control-plane, cilium-bgp-cp-worker2",
        ]);
        const stray = (observed: ClusterObservation) => ({
            nodes: { ...observed.nodes, stray: observed.nodes[worker]! },
        });
        expect(findings(model, stray)).toEqual([
            "BIND-NODE-002: the cluster has the node stray, which the lab does not have",
        ]);
    });

    it("has a node without a slice, or outside its network", () => {
        const changed = (change: object) => (observed: ClusterObservation) => ({
            nodes: { ...observed.nodes, [worker]: { ...observed.nodes[worker]!, ...change } },
        });
        expect(findings(model, changed({ podCidrs: [] }))[0]).toBe(
            "BIND-NODE-003: cilium-bgp-cp-worker has nothing and so no slice of the pod CIDR 10.100.0.0/16",
        );
        expect(findings(model, changed({ addresses: ["192.168.7.3", "fc00:f853:ccd:e793::3"] }))).toEqual([
            "BIND-NODE-004: cilium-bgp-cp-worker has 192.168.7.3 and fc00:f853:ccd:e793::3 and so no internal address in 172.18.0.0/16, the subnet of its network",
        ]);
    });

    it("has a block of another pool than the lab's, or a node that is not what its kubelet was told", () => {
        const foreign = (observed: ClusterObservation) => ({
            nodes: { ...observed.nodes, [worker]: { ...observed.nodes[worker]!, blocks: ["192.168.7.64/26"] } },
        });
        expect(findings(withCalico(model), foreign)).toEqual([
            "BIND-NODE-005: cilium-bgp-cp-worker has the block 192.168.7.64/26, which is in no pod CIDR of the lab",
        ]);
        expect(findings(changedNode(model, worker, { nodeIp: ["10.1.5.11"] }), () => ({}))).toEqual([
            "BIND-NODE-006: cilium-bgp-cp-worker has 172.18.0.3 and fc00:f853:ccd:e793::3, but was told to be 10.1.5.11",
        ]);
    });

    it("has its pods on other nodes than pinned, or on none yet", () => {
        const crowded = ({ pods }: ClusterObservation) => ({ pods: pods.map((pod) => ({ ...pod, node: worker })) });
        expect(findings(model, crowded)).toEqual([
            "BIND-POD-001: test/app has its pods elsewhere: 2 on cilium-bgp-cp-worker instead of 1, 0 on cilium-bgp-cp-worker2 instead of 1",
        ]);
        const pending = ({ pods: [first, second] }: ClusterObservation) => ({
            pods: [first, { ...second, node: undefined, addresses: [] }],
        });
        expect(findings(model, pending)).toEqual([
            "BIND-POD-001: test/app has its pods elsewhere: 0 on cilium-bgp-cp-worker2 instead of 1, 1 on no node yet",
        ]);
    });

    it("does not count the pods of other programs", () => {
        const stranger = {
            namespace: "kube-system",
            name: "cilium-x",
            labels: { app: "app" },
            node: worker,
            addresses: [],
        };
        expect(findings(model, ({ pods }) => ({ pods: [...pods, stranger] }))).toEqual([]);
    });

    it("gave a pod no address of a family", () => {
        const single = ({ pods: [first, second] }: ClusterObservation) => ({
            pods: [{ ...first!, addresses: ["10.1.1.7"] }, second!],
        });
        expect(findings(model, single)).toEqual(["BIND-POD-002: the pod app-0 has 10.1.1.7 and so no IPv6 address"]);
    });

    it("gave a service another address than the pinned one, or none", () => {
        const given =
            (addresses: readonly string[]) =>
            ({ services: [first, ...rest] }: ClusterObservation) => ({
                services: [{ ...first!, loadBalancerAddresses: addresses }, ...rest],
            });
        expect(findings(model, given(["10.254.0.200", "fd00:10:254::10"]))).toEqual([
            "BIND-SVC-001: test/app-svc-cluster has 10.254.0.200 and fd00:10:254::10, but is pinned to 10.254.0.10 and fd00:10:254::10",
        ]);
        expect(findings(model, given([]))).toEqual([
            "BIND-SVC-001: test/app-svc-cluster has nothing, but is pinned to 10.254.0.10 and fd00:10:254::10",
        ]);
        // Either order of families is the same answer.
        expect(findings(model, given(["fd00:10:254::10", "10.254.0.10"]))).toEqual([]);
    });
});
