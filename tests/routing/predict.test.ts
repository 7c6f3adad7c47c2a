import { describe, expect, it } from "vitest";
import type { BgpSpeaker, Family, Lab } from "../../lab/model";
import { predict } from "../../routing/predict";
import { offered, type Prediction } from "../../routing/prediction";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import {
    anycast,
    buildLab,
    defaultRouter,
    type LinkPlan,
    restless,
    row,
    star,
    twoHopsApart,
    withBgp,
    withRouter,
    withSessions,
    withStatic,
} from "./labs";

const single = planSingleFrr(schema.parse({}));

function nextHops(prediction: Prediction, device: string, prefix: string, family: Family = "ipv4"): string[] {
    const paths = prediction.devices[device]?.rib[family][prefix]?.paths ?? [];
    return paths.filter(({ multipath }) => multipath).map(({ nextHop }) => nextHop);
}

function learned(prediction: Prediction, device: string): string[] {
    return Object.entries(prediction.devices[device]!.rib.ipv4)
        .filter(([, { paths }]) => paths.some(({ from }) => from !== "local"))
        .map(([prefix]) => prefix);
}

function reason(lab: Lab): string | undefined {
    const [session] = predict(lab).sessions;
    return session?.state.up === false ? session.state.reason : undefined;
}

describe("the prediction for single-frr", () => {
    const prediction = predict(single);
    const nodes = ["control-plane", "worker", "worker2", "worker3"].map((name) => `cilium-bgp-cp-${name}`);

    it("has two sessions per node up, one in each family, seen from the router", () => {
        expect(
            prediction.sessions.map(({ local, localAddress, remote, remoteAddress, families, state }) =>
                [local, localAddress, remote, remoteAddress, families.join(), state.up].join(" "),
            ),
        ).toEqual([
            "router0 169.254.1.1 cilium-bgp-cp-control-plane 169.254.1.2 ipv4 true",
            "router0 169.254.2.1 cilium-bgp-cp-worker 169.254.2.2 ipv4 true",
            "router0 169.254.3.1 cilium-bgp-cp-worker2 169.254.3.2 ipv4 true",
            "router0 169.254.4.1 cilium-bgp-cp-worker3 169.254.4.2 ipv4 true",
            "router0 fd00:169:254:1::1 cilium-bgp-cp-control-plane fd00:169:254:1::2 ipv6 true",
            "router0 fd00:169:254:2::1 cilium-bgp-cp-worker fd00:169:254:2::2 ipv6 true",
            "router0 fd00:169:254:3::1 cilium-bgp-cp-worker2 fd00:169:254:3::2 ipv6 true",
            "router0 fd00:169:254:4::1 cilium-bgp-cp-worker3 fd00:169:254:4::2 ipv6 true",
        ]);
    });

    it("sends traffic for the Cluster service to all four nodes", () => {
        expect(nextHops(prediction, "router0", "10.254.0.10/32")).toEqual([
            "169.254.1.2",
            "169.254.2.2",
            "169.254.3.2",
            "169.254.4.2",
        ]);
        expect(nextHops(prediction, "router0", "fd00:10:254::10/128", "ipv6")).toEqual([
            "fd00:169:254:1::2",
            "fd00:169:254:2::2",
            "fd00:169:254:3::2",
            "fd00:169:254:4::2",
        ]);
    });

    it("sends traffic for the Local service only to the nodes that have a pod", () => {
        expect(nextHops(prediction, "router0", "10.254.0.11/32")).toEqual([
            "169.254.2.2",
            "169.254.3.2",
            "169.254.4.2",
        ]);
        expect(nextHops(prediction, "router0", "fd00:10:254::11/128", "ipv6")).toEqual([
            "fd00:169:254:2::2",
            "fd00:169:254:3::2",
            "fd00:169:254:4::2",
        ]);
    });

    it("has no pod CIDRs by default", () => {
        expect(Object.keys(prediction.devices.router0!.rib.ipv4)).toEqual([
            "10.254.0.10/32",
            "10.254.0.11/32",
            "192.168.0.0/24",
        ]);
    });

    it("has each node's pod CIDR behind that node when they are exported", () => {
        const exported = predict(planSingleFrr(schema.parse({ exportPodCidr: true })));
        expect(nextHops(exported, "router0", "10.100.0.0/24")).toEqual(["169.254.1.2"]);
        expect(nextHops(exported, "router0", "10.100.3.0/24")).toEqual(["169.254.4.2"]);
        expect(nextHops(exported, "router0", "fd00:10:255:2::/64", "ipv6")).toEqual(["fd00:169:254:3::2"]);
    });

    it("offers nodes nothing outside the filter: not the client's network, not the links", () => {
        for (const index of [1, 2, 3, 4]) {
            expect(offered(prediction, "router0", `169.254.${index}.2`, "ipv4")).toEqual([
                "10.254.0.10/32",
                "10.254.0.11/32",
            ]);
            expect(offered(prediction, "router0", `fd00:169:254:${index}::2`, "ipv6")).toEqual([
                "fd00:10:254::10/128",
                "fd00:10:254::11/128",
            ]);
        }
    });

    it("carries each family over its own session only", () => {
        expect(offered(prediction, "router0", "169.254.1.2", "ipv6")).toEqual([]);
        expect(offered(prediction, "router0", "fd00:169:254:1::2", "ipv4")).toEqual([]);
    });

    it("says what each node offers", () => {
        expect(offered(prediction, nodes[0]!, "169.254.1.1", "ipv4", "cilium")).toEqual(["10.254.0.10/32"]);
        expect(offered(prediction, nodes[1]!, "169.254.2.1", "ipv4", "cilium")).toEqual([
            "10.254.0.10/32",
            "10.254.0.11/32",
        ]);
    });

    it("has nothing learned on any node, and no BGP route in a node's forwarding table", () => {
        for (const node of nodes) {
            expect(learned(prediction, node)).toEqual([]);
            const { ipv4, ipv6 } = prediction.devices[node]!.fib;
            expect([...Object.values(ipv4), ...Object.values(ipv6)].map(({ protocol }) => protocol)).not.toContain(
                "bgp",
            );
        }
    });

    it("has the router discard what it knows nothing better for", () => {
        expect(prediction.devices.router0!.fib.ipv4["10.0.0.0/8"]).toEqual({
            protocol: "static",
            blackhole: true,
            nextHops: [],
        });
    });

    it("has forwarding next hops with their interfaces", () => {
        expect(prediction.devices.router0!.fib.ipv4["10.254.0.11/32"]).toEqual({
            protocol: "bgp",
            blackhole: false,
            nextHops: [
                { via: "169.254.2.2", dev: "net1" },
                { via: "169.254.3.2", dev: "net2" },
                { via: "169.254.4.2", dev: "net3" },
            ],
        });
    });

    it("has the client reach everything through the router, without BGP", () => {
        const { rib, fib } = prediction.devices.client0!;
        expect(rib).toEqual({ ipv4: {}, ipv6: {} });
        expect(fib.ipv4["0.0.0.0/0"]).toEqual({
            protocol: "static",
            blackhole: false,
            nextHops: [{ via: "192.168.0.1", dev: "net0" }],
        });
    });

    it("uses no more next hops than maximum-paths, those with the lowest addresses", () => {
        const limited = predict(planSingleFrr(schema.parse({ maximumPaths: 2 })));
        expect(nextHops(limited, "router0", "10.254.0.10/32")).toEqual(["169.254.1.2", "169.254.2.2"]);
    });

    it("uses one next hop without multipath-relax, because every node is an AS of its own", () => {
        const strict = predict(planSingleFrr(schema.parse({ multipathRelax: false })));
        expect(nextHops(strict, "router0", "10.254.0.10/32")).toEqual(["169.254.1.2"]);
    });

    it("keeps a node's IPv6 routes out of use when they come over its IPv4 session", () => {
        const { bgp } = single.routers.router0!;
        const both: readonly Family[] = ["ipv4", "ipv6"];
        const groups = bgp.peerGroups.map((group) => ({
            ...group,
            settings: { ...group.settings, families: both.map((family) => ({ family })) },
        }));
        const cilium = single.cluster.cilium!;
        const instances = cilium.bgp.map((each) => ({
            ...each,
            neighbors: each.neighbors
                .filter(({ address }) => !address.includes(":"))
                .map((neighbor) => ({ ...neighbor, families: both })),
        }));
        const crossed = withBgp(single, "router0", { peerGroups: groups });
        const { devices } = predict({
            ...crossed,
            cluster: { ...crossed.cluster, cilium: { ...cilium, bgp: instances } },
        });
        const { paths } = devices.router0!.rib.ipv6["fd00:10:254::10/128"]!;
        expect(paths[0]).toMatchObject({ nextHop: "::ffff:169.254.1.2", valid: false, best: false });
        expect(devices.router0!.fib.ipv6).not.toHaveProperty("fd00:10:254::10/128");
    });

    it("sends traffic to as many nodes as there are, up to 251, each with its pod CIDR", () => {
        const { devices } = predict(planSingleFrr(schema.parse({ workers: 250, exportPodCidr: true })));
        expect(devices.router0!.fib.ipv4["10.254.0.10/32"]?.nextHops).toHaveLength(251);
        expect(Object.keys(devices.router0!.rib.ipv4)).toHaveLength(251 + 3);
    });
});

describe("a session is down", () => {
    const pair = row({ asn: 65001 }, { asn: 65002 });

    it("when an end expects another AS", () => {
        const wrong = withSessions(pair, "r0", { remoteAs: { kind: "asn", asn: 65003 } });
        expect(reason(wrong)).toBe("r0 expects AS 65003, but r1 is AS 65002");
    });

    it("when an end expects an external peer and has one in its own AS", () => {
        const same = withSessions(row({}, {}), "r1", { remoteAs: { kind: "external" } });
        expect(reason(same)).toBe("r1 expects an AS other than 65001, but r0 is AS 65001");
    });

    it("when an end expects an internal peer and has one in another AS", () => {
        const other = withSessions(pair, "r1", { remoteAs: { kind: "internal" } });
        expect(reason(other)).toBe("r1 expects its own AS 65002, but r0 is AS 65001");
    });

    it("when the other end has no such neighbor", () => {
        expect(reason(withBgp(pair, "r1", { neighbors: [] }))).toBe("r1 has no neighbor 10.1.0.1");
    });

    it("when no device has the peer's address", () => {
        const [neighbor] = pair.routers.r0!.bgp.neighbors;
        const gone = withBgp(pair, "r0", { neighbors: [{ ...neighbor!, address: "10.1.0.77" }] });
        expect(reason(gone)).toBe("no device has the address 10.1.0.77");
    });

    it("when no route leads to the peer", () => {
        const [neighbor] = pair.routers.r0!.bgp.neighbors;
        const far = withBgp(pair, "r0", { neighbors: [{ ...neighbor!, address: "10.77.0.1" }] });
        expect(reason(far)).toBe("r0 has no route to 10.77.0.1");
    });

    it("when the ends activate no family in common", () => {
        const other = withSessions(pair, "r1", { families: [{ family: "ipv6" }] });
        expect(reason(other)).toBe("r0 and r1 activate no address family in common");
    });

    it("when an end offers a hold time of one or two seconds", () => {
        const hasty = withSessions(pair, "r1", { timers: { holdTime: 2, keepalive: 1, connectRetry: 1 } });
        expect(reason(hasty)).toBe("r1 offers a hold time of 2 s, which no speaker accepts (RFC 4271 §4.2)");
    });

    it("when both ends are one AS with one BGP identifier", () => {
        expect(reason(withBgp(row({}, {}), "r1", { routerId: "10.0.0.1" }))).toBe(
            "r0 and r1 have the same BGP identifier 10.0.0.1 (RFC 6286)",
        );
    });

    it("when the ends share a subnet but not a segment", () => {
        const torn = withRouter(pair, "r1", (router) => ({
            ...router,
            interfaces: router.interfaces.map((port) =>
                port.attachment.kind === "segment"
                    ? { ...port, attachment: { kind: "segment" as const, segment: "elsewhere" } }
                    : port,
            ),
        }));
        expect(reason(torn)).toBe("r0 net0 and r1 net0 are on different segments");
    });

    it("and offers nothing in either direction", () => {
        const [session] = predict(withBgp(pair, "r1", { neighbors: [] })).sessions;
        expect(session?.offers).toEqual({
            fromLocal: { ipv4: [], ipv6: [] },
            fromRemote: { ipv4: [], ipv6: [] },
        });
    });

    it("between eBGP peers two hops apart, unless both ends allow it", () => {
        expect(reason(twoHopsApart())).toBe(
            "10.1.1.2 is not on a link of r0, and eBGP reaches one hop without ebgpMultihop",
        );
        expect(reason(twoHopsApart(2))).toBeUndefined();
        expect(nextHops(predict(twoHopsApart(2)), "r0", "10.2.2.1/32")).toEqual(["10.1.1.2"]);
        expect(predict(twoHopsApart(2)).devices.r0!.fib.ipv4["10.2.2.1/32"]).toMatchObject({
            nextHops: [{ via: "10.1.0.2", dev: "net0" }],
        });
    });
});

describe("routing that never comes to rest", () => {
    it("is an error that names the router and the network, and says why", () => {
        expect(() => predict(restless())).toThrow(
            "routing in test does not come to rest: r2 changes its route to 10.1.4.0/24 for ever, because the next hop is",
        );
    });

    it("comes to rest with another way to the next hop", () => {
        const settled = withStatic(restless(), "r2", {
            prefix: "10.1.4.1/32",
            via: { kind: "address", address: "10.1.3.2" },
        });
        expect(nextHops(predict(settled), "r2", "10.1.4.0/24")).toEqual(["10.1.4.1"]);
    });
});

describe("routes", () => {
    it("pass through an AS with that AS in front of the path, and the router itself as next hop", () => {
        const { devices } = predict(row({ asn: 65001 }, { asn: 65002 }, { asn: 65003 }));
        expect(devices.r2!.rib.ipv4["10.2.0.1/32"]).toEqual({
            paths: [
                {
                    nextHop: "10.1.1.1",
                    asPath: [65002, 65001],
                    from: "10.1.1.1",
                    valid: true,
                    best: true,
                    multipath: true,
                },
            ],
        });
    });

    it("are refused by an AS that they went through", () => {
        const { devices } = predict(row({ asn: 65001 }, { asn: 65002 }, { asn: 65001 }));
        expect(devices.r2!.rib.ipv4).not.toHaveProperty("10.2.0.1/32");
    });

    it("learned over iBGP are not passed on over iBGP", () => {
        const prediction = predict(row({}, {}, {}));
        expect(learned(prediction, "r1")).toContain("10.2.0.1/32");
        expect(learned(prediction, "r2")).not.toContain("10.2.0.1/32");
    });

    it("keep their next hop over iBGP, and are out of use where it cannot be reached", () => {
        const lab = row({ asn: 65001 }, { asn: 65002, redistribute: [] }, { asn: 65002 });
        const path = () => predict(lab).devices.r2!.rib.ipv4["10.2.0.1/32"]!.paths[0];
        expect(path()).toMatchObject({ nextHop: "10.1.0.1", valid: false, best: false });
        const reachable = withStatic(lab, "r2", {
            prefix: "10.1.0.0/24",
            via: { kind: "address", address: "10.1.1.1" },
        });
        const { rib, fib } = predict(reachable).devices.r2!;
        expect(rib.ipv4["10.2.0.1/32"]!.paths[0]).toMatchObject({ nextHop: "10.1.0.1", valid: true, best: true });
        expect(fib.ipv4["10.2.0.1/32"]).toEqual({
            protocol: "bgp",
            blackhole: false,
            nextHops: [{ via: "10.1.1.1", dev: "net1" }],
        });
    });

    it("do not use a default route to a next hop under datacenter defaults, and do under traditional ones", () => {
        const toDefault = (defaults: BgpSpeaker["defaults"]) =>
            predict(
                withStatic(row({ asn: 65001 }, { asn: 65002, redistribute: [] }, { asn: 65002, defaults }), "r2", {
                    prefix: "0.0.0.0/0",
                    via: { kind: "address", address: "10.1.1.1" },
                }),
            ).devices.r2!.rib.ipv4["10.2.0.1/32"]!.paths[0]!.valid;
        expect(toDefault("datacenter")).toBe(false);
        expect(toDefault("traditional")).toBe(true);
    });

    it("over eBGP need policy where the router keeps to RFC 8212", () => {
        const prediction = predict(row({ asn: 65001 }, { asn: 65002, ebgpRequiresPolicy: true }));
        expect(learned(prediction, "r0")).toEqual([]);
        expect(learned(prediction, "r1")).toEqual([]);
        expect(prediction.sessions[0]?.state.up).toBe(true);
    });

    it("over iBGP need none", () => {
        expect(learned(predict(row({}, { ebgpRequiresPolicy: true })), "r1")).toContain("10.2.0.1/32");
    });

    it("of link-local networks are not redistributed, static or connected", () => {
        const lab = withStatic(row({ asn: 65001, redistribute: ["static"] }, { asn: 65002 }), "r0", {
            prefix: "169.254.7.0/24",
            via: { kind: "blackhole" },
        });
        expect(learned(predict(lab), "r1")).toEqual(["10.3.0.0/24"]);
    });

    it("of a network statement are announced only while the router has that very prefix", () => {
        const lab = row({ asn: 65001, redistribute: [] }, { asn: 65002 });
        const families = [{ family: "ipv4" as const, redistribute: [], networks: ["10.3.0.0/24", "10.3.0.0/16"] }];
        expect(learned(predict(withBgp(lab, "r0", { families })), "r1")).toEqual(["10.3.0.0/24"]);
    });

    it("with the shorter AS path win", () => {
        const lab = row(
            { asn: 65001, anycast: true, redistribute: ["static"] },
            { asn: 65002 },
            { asn: 65003 },
            {
                asn: 65004,
                anycast: true,
                redistribute: ["static"],
            },
        );
        expect(nextHops(predict(lab), "r1", anycast.ipv4)).toEqual(["10.1.0.1"]);
        expect(nextHops(predict(lab), "r2", anycast.ipv4)).toEqual(["10.1.2.2"]);
    });

    it("from a network statement win over redistributed ones of the same length", () => {
        const lab = star(
            { asn: 65001 },
            { asn: 65002, anycast: true, redistribute: ["static"] },
            { asn: 65003, anycast: true },
        );
        const networks = [{ family: "ipv4" as const, redistribute: [], networks: [anycast.ipv4] }];
        expect(nextHops(predict(withBgp(lab, "r2", { families: networks })), "r0", anycast.ipv4)).toEqual(["10.1.1.2"]);
    });

    it("learned over eBGP win over equally long ones learned over iBGP", () => {
        const origin = { anycast: true, redistribute: ["static"] as const };
        const link = (from: number, to: number): LinkPlan => ({
            a: from,
            b: to,
            families: ["ipv4"],
            filterIn: false,
            filterOut: false,
        });
        const lab = buildLab({
            routers: [{}, {}, { asn: 65002, ...origin }, { asn: 65003, ...origin }].map((each) => ({
                ...defaultRouter,
                ...each,
            })),
            links: [link(0, 1), link(0, 2), link(1, 3)],
            bridge: [],
            bridgeFamilies: [],
        });
        const { paths } = predict(lab).devices.r0!.rib.ipv4[anycast.ipv4]!;
        expect(paths.map(({ from, asPath, valid, best, multipath }) => [from, asPath, valid, best, multipath])).toEqual(
            [
                ["10.1.1.2", [65002], true, true, true],
                ["10.1.0.2", [65003], true, false, false],
            ],
        );
    });

    it("that the router has itself stay in its own forwarding table", () => {
        const lab = row(
            { asn: 65001, anycast: true, redistribute: [] },
            { asn: 65002, anycast: true, redistribute: ["static"] },
        );
        const { rib, fib } = predict(lab).devices.r0!;
        expect(rib.ipv4[anycast.ipv4]!.paths[0]).toMatchObject({ from: "10.1.0.2", best: true });
        expect(fib.ipv4[anycast.ipv4]).toEqual({ protocol: "static", blackhole: true, nextHops: [] });
    });

    it("of a neighbor come back to it only from a router that has more neighbors in its group", () => {
        const alone = predict(row({ asn: 65001 }, { asn: 65002, redistribute: [] }));
        expect(offered(alone, "r1", "10.1.0.1", "ipv4")).toEqual([]);
        const two = predict(row({ asn: 65001 }, { asn: 65002, redistribute: [] }, { asn: 65003, redistribute: [] }));
        expect(offered(two, "r1", "10.1.0.1", "ipv4")).toEqual(["10.1.0.0/24", "10.2.0.1/32"]);
    });

    it("between routers on one bridge name the router that has them, not the one that passed them on", () => {
        const lab = buildLab({
            routers: [65001, 65002, 65003].map((asn) => ({ ...defaultRouter, asn })),
            links: [],
            bridge: [0, 1, 2],
            bridgeFamilies: ["ipv4"],
        });
        const { paths } = predict(lab).devices.r0!.rib.ipv4["10.2.2.1/32"]!;
        expect(paths.map(({ nextHop, from }) => [nextHop, from])).toEqual([
            ["10.4.0.3", "10.4.0.3"],
            ["10.4.0.3", "10.4.0.2"],
        ]);
    });
});
