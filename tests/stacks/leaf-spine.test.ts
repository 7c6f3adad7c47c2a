import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlaps } from "../../lab/address";
import type { Lab, Prefix } from "../../lab/model";
import { formatFindings, isError } from "../../lab/rules/findings";
import { sessions } from "../../lab/sessions";
import { predict } from "../../routing/predict";
import type { Prediction } from "../../routing/prediction";
import { readLab } from "../../stacks/config";
import { leafSpine, planLeafSpine, schema } from "../../stacks/leaf-spine";

const plan = (parameters: object = {}) => planLeafSpine(schema.parse(parameters));
const errors = (parameters: object) =>
    formatFindings(readLab({ topology: "leaf-spine", lab: parameters }).findings.filter(isError));

describe("leaf-spine with its defaults", () => {
    const lab = plan();

    it("has the article's links with the article's ends", () => {
        const ends = Object.entries(lab.routers).flatMap(([router, { interfaces }]) =>
            interfaces.slice(1).map(({ name, addresses }) => `${router}:${name} ${addresses.join()}`),
        );
        expect(ends).toEqual([
            "spine0:eth1 10.1.10.2/24",
            "spine0:eth2 10.1.34.2/24",
            "spine1:eth1 10.1.12.2/24",
            "spine1:eth2 10.1.11.2/24",
            "leaf0:eth1 10.1.10.1/24",
            "leaf0:eth2 10.1.12.1/24",
            "leaf0:eth3 10.1.5.1/24",
            "leaf1:eth1 10.1.34.1/24",
            "leaf1:eth2 10.1.11.1/24",
            "leaf1:eth3 10.1.8.1/24",
        ]);
    });

    it("has the article's speakers: multipath-relax and a network on the leaves only", () => {
        const speakers = Object.values(lab.routers).map(({ bgp }) => [
            bgp.asn,
            bgp.routerId,
            bgp.multipathRelax,
            bgp.families[0]!.networks,
        ]);
        expect(speakers).toEqual([
            [500, "10.1.10.2", false, []],
            [800, "10.1.12.2", false, []],
            [65005, "10.1.5.1", true, ["10.1.5.0/24"]],
            [65008, "10.1.8.1", true, ["10.1.8.0/24"]],
        ]);
    });

    it("has leaves that reflect to the nodes of their rack, and to nobody else", () => {
        const neighbors = lab.routers.leaf0!.bgp.neighbors.map(({ address, remoteAsn, session }) => [
            address,
            remoteAsn,
            session.kind === "own" && session.settings.families[0]!.routeReflectorClient === true,
        ]);
        expect(neighbors).toEqual([
            ["10.1.5.10", 65005, true],
            ["10.1.5.11", 65005, true],
            ["10.1.10.2", 500, false],
            ["10.1.12.2", 800, false],
        ]);
    });

    it("has the article's nodes: in their rack, labelled with it, and with their leaf as gateway", () => {
        const nodes = Object.entries(lab.cluster.nodes).map(([name, { labels, nodeIp, interfaces, staticRoutes }]) => [
            name,
            labels.rack,
            nodeIp,
            interfaces[1]!.addresses,
            staticRoutes,
        ]);
        const viaLeaf = (address: string) => [{ prefix: "0.0.0.0/0", via: { kind: "address", address } }];
        expect(nodes).toEqual([
            ["clab-bgp-control-plane", "rack0", ["10.1.5.10"], ["10.1.5.10/24"], viaLeaf("10.1.5.1")],
            ["clab-bgp-worker", "rack0", ["10.1.5.11"], ["10.1.5.11/24"], viaLeaf("10.1.5.1")],
            ["clab-bgp-worker2", "rack1", ["10.1.8.10"], ["10.1.8.10/24"], viaLeaf("10.1.8.1")],
            ["clab-bgp-worker3", "rack1", ["10.1.8.11"], ["10.1.8.11/24"], viaLeaf("10.1.8.1")],
        ]);
        expect(lab.cluster.nodes["clab-bgp-control-plane"]!.untainted).toBe(true);
    });

    it("has the article's policy for each rack, and routes pods natively within 10.0.0.0/8", () => {
        const { bgp, routingMode, nativeRoutingCidrs } = lab.cluster.cilium!;
        expect([routingMode, nativeRoutingCidrs]).toEqual(["native", ["10.0.0.0/8"]]);
        expect(
            bgp.map(({ name, nodeSelector, localAsn, exportPodCidr, neighbors }) => [
                name,
                nodeSelector.matchLabels,
                localAsn,
                exportPodCidr,
                neighbors.map(({ address, remoteAsn }) => `${address} ${remoteAsn}`),
            ]),
        ).toEqual([
            ["rack0", { rack: "rack0" }, 65005, true, ["10.1.5.1 65005"]],
            ["rack1", { rack: "rack1" }, 65008, true, ["10.1.8.1 65008"]],
        ]);
    });

    it("hides the racks behind the leaves' uplink, and nothing behind the spines'", () => {
        expect(lab.routers.leaf1!.sourceNat).toEqual([{ interface: "eth0", source: "10.1.0.0/16" }]);
        expect(lab.routers.spine0!.sourceNat).toBeUndefined();
    });

    it("runs a pod on every node, the control plane included", () => {
        const [workload] = lab.cluster.workloads;
        expect([workload!.kind, workload!.labels]).toEqual(["DaemonSet", { app: "cni" }]);
        expect(workload!.pods.map(({ node }) => node)).toEqual(Object.keys(lab.cluster.nodes));
    });
});

describe("a parameter of leaf-spine", () => {
    it("loadBalancer chooses who assigns the article's address, and Cilium announces it in either case", () => {
        const [lbIpam, metallb] = [plan(), plan({ loadBalancer: "metallb" })];
        expect(lbIpam.cluster.services[0]!.loadBalancerAddresses).toEqual(["30.0.10.203"]);
        expect(lbIpam.cluster.metallb).toBeUndefined();
        expect(metallb.cluster.services[0]!.loadBalancerAddresses).toEqual(["172.18.0.200"]);
        expect(metallb.cluster.metallb).toMatchObject({
            peers: [],
            advertisements: [{ kind: "layer2", pools: ["ippool"] }],
        });
        expect(metallb.cluster.cilium!.bgp).toEqual(lbIpam.cluster.cilium!.bgp);
    });

    it("announceServices false leaves out the selector, and then spines and leaves must meet silence", () => {
        const lab = plan({ announceServices: false });
        expect(lab.cluster.cilium!.bgp.every((instance) => !("serviceSelector" in instance))).toBe(true);
        const routers = new Set(Object.keys(lab.routers));
        const asked = lab.checks.filter(({ from }) => routers.has(from));
        expect(asked.map(({ kind, from }) => `${from} ${kind}`)).toEqual([
            "spine0 silence",
            "spine0 silence",
            "leaf0 silence",
            "leaf0 silence",
        ]);
        expect(errors({ announceServices: false })).toBe("");
    });

    it("serviceSelectors gives single racks a selector of their own", () => {
        const own = { matchExpressions: [{ key: "evn", operator: "NotIn", values: ["test"] }] };
        const [rack0, rack1] = plan({ serviceSelectors: [own] }).cluster.cilium!.bgp;
        expect(rack0!.serviceSelector).toEqual(own);
        expect(rack1!.serviceSelector!.matchExpressions![0]!.key).toBe("env");
    });

    it("bfd is for the sessions between spines and leaves: Cilium has none", () => {
        const lab = plan({ bfd: {} });
        const withBfd = Object.values(lab.routers).flatMap(({ bgp }) =>
            bgp.neighbors.filter(({ session }) => session.kind === "own" && session.settings.bfd !== undefined),
        );
        expect(withBfd).toHaveLength(8);
        expect(withBfd.some(({ address }) => address === "10.1.5.10")).toBe(false);
    });

    it("nos vyos names the version whose syntax is written", () => {
        expect(plan({ nos: "vyos", versions: "article" }).routers.leaf0).toMatchObject({
            nos: "vyos",
            nosVersion: "1.2.8",
        });
        expect(plan().routers.leaf0).not.toHaveProperty("nosVersion");
    });
});

/** A fabric and everything that sets its size. */
const sizes = fc.record({
    spines: fc.integer({ min: 1, max: 8 }),
    racks: fc.integer({ min: 1, max: 32 }),
    nodesPerRack: fc.integer({ min: 1, max: 4 }),
    loadBalancer: fc.constantFrom("lbIpam", "metallb"),
});

describe("a fabric of any size", () => {
    it("is planned without errors, with a session per link and node, and the same one every time", () => {
        fc.assert(
            fc.property(sizes, (size) => {
                const config = { topology: "leaf-spine", lab: size };
                const { lab, findings } = readLab(config);
                expect(formatFindings(findings.filter(isError))).toBe("");
                expect(sessions(lab!)).toHaveLength(size.racks * (size.spines + size.nodesPerRack));
                expect(JSON.stringify(planLeafSpine(schema.parse(size)))).toBe(JSON.stringify(lab));
            }),
            { numRuns: 12, examples: [[{ spines: 8, racks: 32, nodesPerRack: 4, loadBalancer: "lbIpam" }]] },
        );
    });

    it("has the article's four links, and links of two addresses beyond them", () => {
        const { segments } = plan({ spines: 3, racks: 3 });
        const links = Object.entries(segments).filter(([, { kind }]) => kind === "point-to-point");
        const small = links.filter(([, { subnets }]) => subnets[0]!.endsWith("/31"));
        expect(links).toHaveLength(9);
        expect(small).toHaveLength(5);
        expect(segments["spine1-leaf1"]!.subnets).toEqual(["10.1.11.0/24"]);
        expect(segments["spine2-leaf1"]!.subnets).toEqual(["10.0.0.130/31"]);
    });

    it("keeps links, ASes and nodes of the others when a rack or a spine is added", () => {
        fc.assert(
            fc.property(
                fc.integer({ min: 1, max: 7 }),
                fc.integer({ min: 1, max: 31 }),
                fc.constantFrom("racks" as const, "spines" as const),
                (spines, racks, more) => {
                    const size = { spines, racks };
                    const [before, after] = [plan(size), plan({ ...size, [more]: size[more] + 1 })];
                    expect(after.segments).toMatchObject(before.segments);
                    for (const [name, node] of Object.entries(before.cluster.nodes)) {
                        expect(after.cluster.nodes[name]).toEqual(node);
                    }
                    for (const [name, { bgp }] of Object.entries(before.routers)) {
                        expect(after.routers[name]!.bgp.neighbors).toEqual(expect.arrayContaining([...bgp.neighbors]));
                        expect(after.routers[name]!.bgp.asn).toBe(bgp.asn);
                    }
                },
            ),
            { numRuns: 15 },
        );
    });

    it("never has networks that overlap", () => {
        const subnets = Object.values(plan({ spines: 8, racks: 32, nodesPerRack: 4 }).segments).flatMap(
            (segment) => segment.subnets,
        );
        const pairs = subnets.flatMap((one, index) => subnets.slice(index + 1).map((other) => [one, other] as const));
        expect(pairs.filter(([one, other]) => overlaps(one, other))).toEqual([]);
    });
});

describe("a list of leaf-spine", () => {
    it.each([
        ["spineAsns", { spineAsns: [500] }, "the list has 1 entry, but the lab has 2 spines"],
        ["leafAsns", { racks: 3, leafAsns: [65005, 65008] }, "the list has 2 entries, but the lab has 3 racks"],
        ["rackSubnets", { racks: 1, rackSubnets: [] }, "the list has 0 entries, but the lab has 1 rack"],
    ])("%s has an entry for each", (_list, parameters, says) => {
        expect(errors(parameters)).toContain(says);
    });
});

/**
 * What the article's routers answered once MetalLB had assigned 172.18.0.200 and Cilium announced it: the BGP routes of
 * `show ip route` on leaf0 and spine0, and the AS paths of the used lines of `show ip bgp`.
 */
const article = {
    leaf0: `
B>* 10.1.8.0/24 [20/0] via 10.1.10.2, eth1, 01:32:07
  *                    via 10.1.12.2, eth2, 01:32:07
B>* 10.98.0.0/24 [200/0] via 10.1.5.10, eth3, 00:00:00
B>* 10.98.1.0/24 [20/0] via 10.1.10.2, eth1, 00:00:01
  *                     via 10.1.12.2, eth2, 00:00:01
B>* 10.98.2.0/24 [20/0] via 10.1.10.2, eth1, 00:00:03
  *                     via 10.1.12.2, eth2, 00:00:03
B>* 10.98.3.0/24 [200/0] via 10.1.5.11, eth3, 00:00:00
B>* 172.18.0.200/32 [200/0] via 10.1.5.10, eth3, 00:00:00
  *                         via 10.1.5.11, eth3, 00:00:00
`,
    spine0: `
B>* 10.1.5.0/24 [20/0] via 10.1.10.1, eth1, 01:32:27
B>* 10.1.8.0/24 [20/0] via 10.1.34.1, eth2, 01:32:29
B>* 10.98.0.0/24 [20/0] via 10.1.10.1, eth1, 00:00:20
B>* 10.98.1.0/24 [20/0] via 10.1.34.1, eth2, 00:00:21
B>* 10.98.2.0/24 [20/0] via 10.1.34.1, eth2, 00:00:23
B>* 10.98.3.0/24 [20/0] via 10.1.10.1, eth1, 00:00:20
`,
} as const;

/** AS paths of leaf0's used paths, by network and next hop; those of the rack itself are empty. */
const articlePaths: Readonly<Record<string, readonly number[]>> = {
    "10.1.8.0/24 10.1.10.2": [500, 65008],
    "10.1.8.0/24 10.1.12.2": [800, 65008],
    "10.98.0.0/24 10.1.5.10": [],
    "10.98.1.0/24 10.1.10.2": [500, 65008],
    "10.98.1.0/24 10.1.12.2": [800, 65008],
    "10.98.2.0/24 10.1.10.2": [500, 65008],
    "10.98.2.0/24 10.1.12.2": [800, 65008],
    "10.98.3.0/24 10.1.5.11": [],
    "172.18.0.200/32 10.1.5.10": [],
    "172.18.0.200/32 10.1.5.11": [],
};

/** Routes of `show ip route` by network, each with its next hops and interfaces. */
function shownRoutes(text: string): Record<Prefix, readonly string[]> {
    const routes: Record<Prefix, string[]> = {};
    let network = "";
    for (const line of text.trim().split("\n")) {
        network = /^B>\* (\S+)/.exec(line)?.[1] ?? network;
        const [, gateway, port] = /via (\S+), (\S+),/.exec(line)!;
        routes[network] = [...(routes[network] ?? []), `${gateway} ${port}`];
    }
    return routes;
}

/** BGP routes of a device's forwarding table in the same form. */
function predictedRoutes({ devices }: Prediction, device: string): Record<Prefix, readonly string[]> {
    const routes = Object.entries(devices[device]!.fib.ipv4).filter(([, { protocol }]) => protocol === "bgp");
    return Object.fromEntries(
        routes.map(([prefix, { nextHops }]) => [prefix, nextHops.map(({ via, dev }) => `${via} ${dev}`)]),
    );
}

/** The lab with the slices of the pod CIDR that the article's cluster chose: not in the order of the nodes. */
function withArticleSlices(lab: Lab): Lab {
    const slices: Readonly<Record<string, Prefix>> = {
        "clab-bgp-control-plane": "10.98.0.0/24",
        "clab-bgp-worker": "10.98.3.0/24",
        "clab-bgp-worker2": "10.98.2.0/24",
        "clab-bgp-worker3": "10.98.1.0/24",
    };
    const nodes = Object.entries(lab.cluster.nodes).map(([name, node]) => [
        name,
        { ...node, podCidrs: [slices[name]!] },
    ]);
    return { ...lab, cluster: { ...lab.cluster, nodes: Object.fromEntries(nodes) } };
}

describe("the article's results are predicted", () => {
    const service = "172.18.0.200/32";
    const settled = (parameters: object = {}) =>
        predict(withArticleSlices(plan({ loadBalancer: "metallb", ...parameters })));

    it("on a leaf: both spines to the other rack, the rack's own nodes to their pods and to the service", () => {
        expect(predictedRoutes(settled(), "leaf0")).toEqual(shownRoutes(article.leaf0));
    });

    it("on a leaf: the AS paths of all paths in use", () => {
        const used = Object.entries(settled().devices.leaf0!.rib.ipv4).flatMap(([prefix, { paths }]) =>
            paths
                .filter(({ multipath, from }) => multipath && from !== "local")
                .map(({ nextHop, asPath }) => [`${prefix} ${nextHop}`, asPath]),
        );
        expect(Object.fromEntries(used)).toEqual(articlePaths);
    });

    it("on a spine: one next hop for everything, the service included, whose leaf is the one it hears first", () => {
        const { [service]: toService, ...others } = predictedRoutes(settled(), "spine0");
        expect(others).toEqual(shownRoutes(article.spine0));
        expect(toService).toHaveLength(1);
        expect(["10.1.10.1 eth1", "10.1.34.1 eth2"]).toContain(toService![0]);
    });

    it("before the service selector is set: no route to the service on leaves and spines, all others as before", () => {
        const [before, after] = [settled({ announceServices: false }), settled()];
        for (const device of ["leaf0", "leaf1", "spine0", "spine1"]) {
            const { [service]: announced, ...others } = predictedRoutes(after, device);
            expect(announced).toBeDefined();
            expect(predictedRoutes(before, device)).toEqual(others);
        }
    });
});

describe("the places of leaf-spine's model", () => {
    const values = schema.parse({ serviceSelectors: [{ matchLabels: { color: "red" } }] });
    const origin = (...place: readonly (string | number)[]) => leafSpine.origin(place, values);

    it("lead to the parameter that a person would change", () => {
        expect(origin("segments", "br-leaf1", "subnets", 0)).toEqual(["rackSubnets", 1]);
        expect(origin("segments", "spine0-leaf1", "subnets", 0)).toEqual(["linkPool"]);
        expect(origin("routers", "leaf1", "bgp", "asn")).toEqual(["leafAsns", 1]);
        expect(origin("routers", "spine1", "bgp", "neighbors", 1, "remoteAsn")).toEqual(["leafAsns", 1]);
        expect(origin("routers", "leaf0", "bgp", "neighbors", 3, "remoteAsn")).toEqual(["spineAsns", 1]);
        expect(origin("routers", "leaf0", "bgp", "neighbors", 0, "session", "settings", "timers", "holdTime")).toEqual([
            "rackTimers",
            "holdTime",
        ]);
        expect(origin("routers", "leaf1", "interfaces", 0, "addresses", 0)).toEqual(["managementSubnet"]);
        expect(origin("routers", "leaf1", "interfaces", 3, "addresses", 0)).toEqual(["rackSubnets", 1]);
        expect(origin("cluster", "cilium", "bgp", 0, "serviceSelector", "matchLabels")).toEqual([
            "serviceSelectors",
            0,
            "matchLabels",
        ]);
        expect(origin("cluster", "cilium", "bgp", 1, "serviceSelector")).toEqual(["serviceSelector"]);
        expect(origin("nowhere")).toBeUndefined();
    });
});
