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
