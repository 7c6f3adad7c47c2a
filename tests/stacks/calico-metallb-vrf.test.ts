import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Address, Asn, Lab, Prefix } from "../../lab/model";
import { formatFindings, isError } from "../../lab/rules/findings";
import { sessions } from "../../lab/sessions";
import { predict } from "../../routing/predict";
import type { Tables } from "../../routing/prediction";
import { planCalicoMetalLbVrf, schema } from "../../stacks/calico-metallb-vrf";
import { readLab } from "../../stacks/config";

const plan = (parameters: object = {}) => planCalicoMetalLbVrf(schema.parse(parameters));
const errors = (parameters: object) =>
    formatFindings(readLab({ topology: "calico-metallb-vrf", lab: parameters }).findings.filter(isError));

describe("calico-metallb-vrf with its defaults", () => {
    const lab = plan();
    const router = lab.routers.csr1000v!;

    it("has the article's interfaces, each in the article's VRF", () => {
        expect(router.interfaces.map(({ name, addresses, vrf }) => [name, addresses.join(), vrf])).toEqual([
            ["Loopback0", "1.1.1.0/32", undefined],
            ["Loopback1", "1.1.1.1/32", "k8s-metallb"],
            ["Loopback2", "1.1.1.2/32", "k8s-calico"],
            ["net0", "10.0.0.254/24", "k8s-metallb"],
            ["net1", "10.0.1.254/24", "k8s-calico"],
        ]);
    });

    it("has the article's VRFs: targets, identifiers, maximum-paths in one, sessions from the article's interfaces", () => {
        expect([router.bgp.asn, router.bgp.routerId, router.bgp.neighbors]).toEqual([65000, "1.0.0.0", []]);
        const vrfs = router.vrfs!.map(({ name, routeDistinguisher, importTargets, exportTargets, bgp }) => ({
            name,
            routeDistinguisher,
            importTargets,
            exportTargets,
            routerId: bgp.routerId,
            maximumPaths: bgp.maximumPaths,
            redistribute: bgp.families[0]!.redistribute,
        }));
        expect(vrfs).toEqual([
            {
                name: "k8s-calico",
                routeDistinguisher: "65000:2",
                importTargets: ["65000:2", "65000:1"],
                exportTargets: ["65000:2"],
                routerId: "1.0.0.2",
                maximumPaths: 1,
                redistribute: ["connected"],
            },
            {
                name: "k8s-metallb",
                routeDistinguisher: "65000:1",
                importTargets: ["65000:2", "65000:1"],
                exportTargets: ["65000:1"],
                routerId: "1.0.0.1",
                maximumPaths: 4,
                redistribute: ["connected"],
            },
        ]);
        const nodes = ["10.0.0.1", "10.0.0.11", "10.0.0.12", "10.0.0.13"];
        const neighbors = router.vrfs!.map(({ bgp }) =>
            bgp.neighbors.map(({ address, remoteAsn, session }) => {
                const { ebgpMultihop, updateSource, families } = session.kind === "own" ? session.settings : never();
                return [address, remoteAsn, ebgpMultihop, updateSource, families[0]!.prefixListOut];
            }),
        );
        expect(neighbors).toEqual([
            nodes.map((address) => [address, 65002, 32, "Loopback2", "deny-all-routes"]),
            nodes.map((address) => [address, 65001, undefined, "net0", "deny-all-routes"]),
        ]);
        expect(router.prefixLists).toEqual([
            {
                name: "deny-all-routes",
                family: "ipv4",
                entries: [{ sequence: 5, action: "deny", prefix: "0.0.0.0/0", le: 32 }],
            },
        ]);
    });

    it("has the article's nodes, each with its block and the router as default gateway", () => {
        expect(
            Object.entries(lab.cluster.nodes).map(([name, { routerId, podCidrs, staticRoutes }]) => [
                name,
                routerId,
                podCidrs.join(),
                staticRoutes,
            ]),
        ).toEqual(
            [
                ["k8s-vrf-control-plane", "10.0.0.1", "192.168.116.0/26"],
                ["k8s-vrf-worker", "10.0.0.11", "192.168.160.0/26"],
                ["k8s-vrf-worker2", "10.0.0.12", "192.168.195.128/26"],
                ["k8s-vrf-worker3", "10.0.0.13", "192.168.165.192/26"],
            ].map((node) => [...node, [{ prefix: "0.0.0.0/0", via: { kind: "address", address: "10.0.0.254" } }]]),
        );
    });

    it("has the article's Calico and MetalLB", () => {
        const { calico, metallb, loadBalancerPools } = lab.cluster;
        expect(calico).toMatchObject({ asn: 65002, nodeToNodeMesh: true, encapsulation: "none" });
        expect(calico!.peers.map(({ name, address, asn }) => [name, address, asn])).toEqual([
            ["bgppeer-csr1000v", "1.1.1.2", 65000],
        ]);
        expect(metallb!.peers.map(({ peerAddress, peerAsn, myAsn }) => [peerAddress, peerAsn, myAsn])).toEqual([
            ["10.0.0.254", 65000, 65001],
        ]);
        expect(metallb!.ignoreExcludeLabel).toBe(true);
        expect(loadBalancerPools).toEqual([{ name: "default", blocks: ["10.100.0.0/24"] }]);
    });

    it("asks the service and every pod from the client, and expects silence on all else", () => {
        expect(
            lab.checks.map((check) =>
                check.kind === "service" ? [check.address, ...check.pods] : [check.kind, check.address],
            ),
        ).toEqual([
            ["10.100.0.0", "nginx-0", "nginx-1", "nginx-2"],
            ["silence", "10.100.0.0"],
            ["silence", "10.100.0.0"],
            ["pod", "192.168.160.10"],
            ["pod", "192.168.195.138"],
            ["pod", "192.168.165.202"],
        ]);
    });
});

function never(): never {
    throw new Error("the neighbor is in a peer group");
}

/** What the article's router answered, as it stands there; the MetalLB table is with the service. */
const article = {
    calicoBgp: `
 *>   1.1.1.2/32       0.0.0.0                  0         32768 ?
 *>   10.0.0.0/24      0.0.0.0                  0         32768 ?
 *>   10.0.1.0/24      0.0.0.0                  0         32768 ?
 *m   192.168.116.0/26 10.0.0.13                              0 65002 i
 *m                    10.0.0.11                              0 65002 i
 *m                    10.0.0.12                              0 65002 i
 *>                    10.0.0.1                               0 65002 i
 *m   192.168.160.0/26 10.0.0.13                              0 65002 i
 *m                    10.0.0.1                               0 65002 i
 *m                    10.0.0.12                              0 65002 i
 *>                    10.0.0.11                              0 65002 i
 *m   192.168.165.192/26
                      10.0.0.13                              0 65002 i
 *m                    10.0.0.11                              0 65002 i
 *m                    10.0.0.1                               0 65002 i
 *>                    10.0.0.12                              0 65002 i
 *m   192.168.195.128/26
                      10.0.0.13                              0 65002 i
 *m                    10.0.0.11                              0 65002 i
 *m                    10.0.0.12                              0 65002 i
 *>                    10.0.0.1                               0 65002 i
`,
    metallbBgp: `
 *>   1.1.1.1/32       0.0.0.0                  0         32768 ?
 *>   1.1.1.2/32       0.0.0.0                  0         32768 ?
 *>   10.0.0.0/24      0.0.0.0                  0         32768 ?
 *>   10.0.1.0/24      0.0.0.0                  0         32768 ?
 *m   10.100.0.0/32    10.0.0.13                              0 65001 ?
 *m                    10.0.0.12                              0 65001 ?
 *m                    10.0.0.1                               0 65001 ?
 *>                    10.0.0.11                              0 65001 ?
 *>   192.168.116.0/26 10.0.0.1                               0 65002 i
 *>   192.168.160.0/26 10.0.0.11                              0 65002 i
 *>   192.168.165.192/26
                      10.0.0.13                              0 65002 i
 *>   192.168.195.128/26
                      10.0.0.12                              0 65002 i
`,
    metallbRoutes: `
C        1.1.1.1 is directly connected, Loopback1
B        1.1.1.2 is directly connected, 01:20:31, Loopback2
C        10.0.0.0/24 is directly connected, GigabitEthernet2
B        10.0.1.0/24 is directly connected, 01:20:31, GigabitEthernet3
B        10.100.0.0/32 [20/0] via 10.0.0.13, 00:09:14
                       [20/0] via 10.0.0.12, 00:09:14
                       [20/0] via 10.0.0.11, 00:09:14
                       [20/0] via 10.0.0.1, 00:09:14
B        192.168.116.0 [20/0] via 10.0.0.1 (k8s-calico), 00:45:42
B        192.168.160.0 [20/0] via 10.0.0.11 (k8s-calico), 00:43:47
B        192.168.165.192 [20/0] via 10.0.0.13 (k8s-calico), 00:42:16
B        192.168.195.128 [20/0] via 10.0.0.12 (k8s-calico), 00:43:35
`,
} as const;

/** A path as tables show it: next hop, and the ASes that it went through. */
interface ShownPath {
    readonly nextHop: Address;
    readonly asPath: readonly Asn[];
}

/** Paths of `show bgp vpnv4 unicast vrf` by network, in order of next hop. Which of them is best depends on their age. */
function shownPaths(text: string): Record<Prefix, readonly ShownPath[]> {
    const shown: Record<Prefix, ShownPath[]> = {};
    let network = "";
    for (const line of text.trim().split("\n")) {
        network = /(\S+\/\d+)/.exec(line)?.[1] ?? network;
        const [, nextHop, asn] = /(?:^|\s)(\d+\.\d+\.\d+\.\d+) .*?(?: 0 (\d{5}) )?[i?]$/.exec(line) ?? [];
        if (nextHop !== undefined) {
            shown[network] = [...(shown[network] ?? []), { nextHop, asPath: asn === undefined ? [] : [Number(asn)] }];
        }
    }
    return Object.fromEntries(Object.entries(shown).map(([prefix, paths]) => [prefix, paths.sort(byNextHop)]));
}

function predictedPaths({ rib }: Tables): Record<Prefix, readonly ShownPath[]> {
    return Object.fromEntries(
        Object.entries(rib.ipv4).map(([prefix, { paths }]) => [
            prefix,
            paths.map(({ nextHop, asPath }) => ({ nextHop, asPath })).sort(byNextHop),
        ]),
    );
}

function byNextHop(a: ShownPath, b: ShownPath): number {
    return a.nextHop < b.nextHop ? -1 : 1;
}

/** The networks of a table whose paths are all the same in the other. */
function only<T>(table: Record<Prefix, T>, wanted: (prefix: Prefix) => boolean): Record<Prefix, T> {
    return Object.fromEntries(Object.entries(table).filter(([prefix]) => wanted(prefix)));
}

const isBlock = (prefix: Prefix) => prefix.startsWith("192.168.");
const service = "10.100.0.0/32";

/** The lab as it is before the service is there. */
function withoutService(lab: Lab): Lab {
    return { ...lab, cluster: { ...lab.cluster, services: [] }, checks: [] };
}

describe("the article's results are predicted", () => {
    const { sessions: settled, devices } = predict(plan());
    const vrfs = devices.csr1000v!.vrfs!;

    it("both sessions of every node are up at once, each in its VRF", () => {
        const up = settled.filter(({ local, state }) => local === "csr1000v" && state.up);
        const nodes = ["10.0.0.1", "10.0.0.11", "10.0.0.12", "10.0.0.13"];
        expect(
            up.map(({ localInstance, remoteInstance, remoteAddress }) => [
                localInstance,
                remoteInstance,
                remoteAddress,
            ]),
        ).toEqual([
            ...nodes.map((address) => ["k8s-calico", "calico", address]),
            ...nodes.map((address) => ["k8s-metallb", "metallb", address]),
        ]);
    });

    it("in k8s-calico: every block from all four nodes, of which one path is best", () => {
        // The article shows this table before Loopback1 and the service are there.
        const before = predict(withoutService(plan())).devices.csr1000v!.vrfs!["k8s-calico"]!;
        const shown = shownPaths(article.calicoBgp);
        expect(Object.values(only(shown, isBlock)).map((paths) => paths.length)).toEqual([4, 4, 4, 4]);
        expect(only(predictedPaths(before), (prefix) => prefix !== "1.1.1.1/32")).toEqual(shown);
        for (const { paths } of Object.values(before.rib.ipv4)) {
            expect(paths.filter(({ best }) => best)).toHaveLength(1);
        }
    });

    it("in k8s-metallb: the service over all four nodes at once, and one way to every block", () => {
        const [shown, predicted] = [shownPaths(article.metallbBgp), predictedPaths(vrfs["k8s-metallb"]!)];
        const isOther = (prefix: Prefix) => !isBlock(prefix);
        expect(shown[service]).toHaveLength(4);
        expect(only(predicted, isOther)).toEqual(only(shown, isOther));
        // Which node is the one depends on which path is the oldest.
        const counted = (paths: readonly ShownPath[]) => paths.map(({ asPath }) => asPath);
        const blocks = (table: Record<Prefix, readonly ShownPath[]>) =>
            Object.entries(only(table, isBlock)).map(([prefix, paths]) => [prefix, counted(paths)]);
        expect(blocks(predicted)).toEqual(blocks(shown));
    });

    it("in the kernel of k8s-metallb: the article's connected and learned networks, and four ways to the service", () => {
        const routes = [...article.metallbRoutes.matchAll(/^([CB]) +(\d[\d.]+)/gm)].map(([, code, address]) => [
            code,
            address,
        ]);
        const { fib } = vrfs["k8s-metallb"]!;
        const predicted = Object.entries(fib.ipv4).map(([prefix, { protocol }]) => [
            protocol === "connected" ? "C" : "B",
            prefix.replace(/\/\d+$/, ""),
        ]);
        expect(predicted.sort()).toEqual(routes.sort());
        const ways = [...article.metallbRoutes.split("192.168")[0]!.matchAll(/via (\S+),/g)].map(([, via]) => via!);
        expect(fib.ipv4[service]!.nextHops).toEqual(ways.sort().map((via) => ({ via, dev: "net0" })));
    });

    it("the nodes are told nothing, and find each other's pods by the mesh", () => {
        const offers = settled
            .filter(({ local }) => local === "csr1000v")
            .flatMap((each) => each.offers.fromLocal.ipv4);
        expect(offers).toEqual([]);
        const { fib } = devices["k8s-vrf-worker"]!;
        expect(fib.ipv4["192.168.195.128/26"]!.nextHops).toEqual([{ via: "10.0.0.12", dev: "eth0" }]);
    });
});

describe("bfd", () => {
    it("is for both ends of MetalLB's sessions, and for none of Calico's", () => {
        const lab = plan({ bfd: {} });
        const of = (vrf: number) =>
            lab.routers.csr1000v!.vrfs![vrf]!.bgp.neighbors.map(
                ({ session }) => session.kind === "own" && session.settings.bfd !== undefined,
            );
        expect([of(0), of(1)]).toEqual([Array(4).fill(false), Array(4).fill(true)]);
        expect(lab.cluster.metallb!.peers[0]!.bfd).toEqual({
            detectMultiplier: 3,
            receiveInterval: 300,
            transmitInterval: 300,
        });
        expect(errors({ bfd: {} })).toBe("");
        expect(errors({ bfd: {}, metallbVersion: "0.12.1" })).toMatch(/^error MLB-VER-001 {2}bgp-lab:lab.bfd$/m);
    });
});

describe("vrfs false", () => {
    it("is refused with the reason and three ways out, and nothing else", () => {
        const text = errors({ vrfs: false });
        expect(text.match(/^error .*$/gm)).toEqual(["error BGP-SES-009  bgp-lab:lab.vrfs"]);
        expect(text).toContain("a router has one session per address and VRF");
        expect(text).toMatch(/VRF of the router, peer one of them with another router, or let Calico announce/);
    });
});

describe("a wrong calico-metallb-vrf", () => {
    it.each([
        ["Calico with the router's AS", { calicoAsn: 65000 }, ["VRF-LEAK-001", "BGP-SES-008"], "calicoAsn"],
        ["MetalLB with the router's AS", { metallbAsn: 65000 }, ["VRF-LEAK-001"], "metallbAsn"],
        [
            "Calico's peer in MetalLB's VRF",
            { loopbacks: { calico: "10.0.0.254" } },
            ["BGP-SES-009"],
            "loopbacks.calico",
        ],
        ["two equal loopbacks", { loopbacks: { calico: "1.1.1.1" } }, ["BGP-SES-009"], "loopbacks.calico"],
    ])("is told at the parameter that mends it: %s", (_, parameters, ids, parameter) => {
        const told = errors(parameters).match(/^error .*$/gm);
        expect(told).toEqual(ids.map((id) => `error ${id}  bgp-lab:lab.${parameter}`));
    });
});

describe("calico-metallb-vrf of any size", () => {
    it("is planned without errors, with two sessions per node and the mesh, and leaves earlier nodes as they are", () => {
        fc.assert(
            fc.property(
                fc.record({
                    workers: fc.integer({ min: 1, max: 40 }),
                    replicas: fc.integer({ min: 1, max: 20 }),
                    nodeToNodeMesh: fc.boolean(),
                    metallbVersion: fc.constantFrom("0.8.1", "0.12.1", "0.13.12", "0.16.1"),
                }),
                (size) => {
                    const { lab, findings } = readLab({ topology: "calico-metallb-vrf", lab: size });
                    expect(formatFindings(findings.filter(isError))).toBe("");
                    const nodes = size.workers + 1;
                    const mesh = size.nodeToNodeMesh ? (nodes * (nodes - 1)) / 2 : 0;
                    expect(sessions(lab!)).toHaveLength(2 * nodes + mesh);
                    const more = plan({ ...size, workers: nodes });
                    for (const [name, node] of Object.entries(lab!.cluster.nodes)) {
                        expect(more.cluster.nodes[name]).toEqual(node);
                    }
                },
            ),
            { numRuns: 15 },
        );
    });

    it.each([
        ["a node subnet", { nodeSubnet: "10.0.0.0/28" }, "ADR-CAP-004"],
        ["a client subnet", { clientSubnet: "10.0.1.0/31" }, "ADR-CAP-005"],
        ["a pool", { podCidr: "10.200.0.0/25" }, "ADR-CAP-002"],
        ["a block", { podCidr: "10.200.0.0/16", blockSize: 28, replicas: 30 }, "ADR-CAP-003"],
        ["the list of blocks", { blocks: ["192.168.0.0/26"] }, "CFG-007"],
    ])("is refused when %s is too small", (_network, parameters, id) => {
        expect(errors(parameters)).toMatch(new RegExp(`^error ${id} `));
        expect(errors(parameters).match(/^error /gm)).toHaveLength(1);
    });
});
