/** iBGP: who passes what on to whom (RFC 4271 §9.2, RFC 4456), and with which next hop. */

import { describe, expect, it } from "vitest";
import type { Lab, SessionFamily } from "../../lab/model";
import { predict } from "../../routing/predict";
import type { BgpPath } from "../../routing/prediction";
import {
    buildLab,
    defaultRouter,
    type LinkPlan,
    row,
    star,
    withBgp,
    withRouter,
    withSessions,
    withStatic,
} from "./labs";

/** The network that each router of a lab announces, by its index. */
const own = (index: number) => `10.3.${index}.0/24`;

const announcing = { redistribute: ["static"] as const };

/** Changes what a router's sessions with some peers say. */
function withPeers(lab: Lab, name: string, peers: readonly string[], change: Partial<SessionFamily>): Lab {
    const bgp = lab.routers[name]!.bgp;
    const neighbors = bgp.neighbors.map((neighbor) => {
        const { session } = neighbor;
        if (session.kind !== "own" || !peers.includes(neighbor.address)) {
            return neighbor;
        }
        const families = session.settings.families.map((family) => ({ ...family, ...change }));
        return { ...neighbor, session: { kind: "own" as const, settings: { ...session.settings, families } } };
    });
    return withBgp(lab, name, { neighbors });
}

/** Routers that hold a network of another one, learned from somebody. */
function holders(lab: Lab, prefix: string): readonly string[] {
    const { devices } = predict(lab);
    return Object.keys(lab.routers).filter((name) =>
        devices[name]!.rib.ipv4[prefix]?.paths.some(({ from }) => from !== "local"),
    );
}

function path(lab: Lab, router: string, prefix: string): BgpPath | undefined {
    return predict(lab).devices[router]!.rib.ipv4[prefix]?.paths[0];
}

describe("a route reflector with two clients and two others (RFC 4456 §6)", () => {
    // r0 reflects; r1 and r2 are clients, r3 and r4 are not.
    const mesh = star(announcing, announcing, announcing, announcing, announcing);
    const lab = withPeers(mesh, "r0", ["10.1.0.2", "10.1.1.2"], { routeReflectorClient: true });

    it("passes a client's route on to clients and others alike", () => {
        expect(holders(lab, own(1))).toEqual(["r0", "r2", "r3", "r4"]);
    });

    it("passes the route of another peer on to clients only", () => {
        expect(holders(lab, own(3))).toEqual(["r0", "r1", "r2"]);
    });

    it("passes nothing on without clients", () => {
        expect(holders(mesh, own(1))).toEqual(["r0"]);
    });

    it("leaves next hops as they are, also where the session says next-hop-self", () => {
        expect(path(lab, "r2", own(1))?.nextHop).toBe("10.1.0.2");
        const self = withPeers(lab, "r0", ["10.1.1.2"], { nextHopSelf: true });
        expect(path(self, "r2", own(1))?.nextHop).toBe("10.1.0.2");
        expect(path(self, "r2", own(0))?.nextHop).toBe("10.1.1.1");
    });
});

describe("reflected routes (RFC 4456 §8 and §9)", () => {
    it("come to rest between reflectors that are each other's clients", () => {
        const everything = { redistribute: ["connected", "static"] as const };
        const line = row(everything, everything, everything, everything);
        const both = ["r1", "r2"].reduce(
            (lab, name) => withSessions(lab, name, { families: [{ family: "ipv4", routeReflectorClient: true }] }),
            line,
        );
        expect(holders(both, own(0))).toEqual(["r1", "r2", "r3"]);
        expect(holders(both, own(3))).toEqual(["r0", "r1", "r2"]);
    });

    it("are refused by whoever has the cluster's id", () => {
        const line = row(announcing, announcing, announcing, announcing);
        const cluster = ["r1", "r2"].reduce((lab, name) => {
            const reflecting = withSessions(lab, name, { families: [{ family: "ipv4", routeReflectorClient: true }] });
            return withBgp(reflecting, name, { clusterId: "10.0.0.99" });
        }, line);
        // r2 finds its own cluster in what r1 reflects, and so does r1.
        expect(holders(cluster, own(0))).toEqual(["r1"]);
        expect(holders(cluster, own(1))).toEqual(["r0", "r2", "r3"]);
    });

    it("tie-break with the originator's identifier in place of the reflector's", () => {
        // r0 hears of the anycast network from r1 (10.0.0.2), which reflects r3 (10.0.0.4), and from r2 (10.0.0.3).
        const quiet = { ...defaultRouter, redistribute: ["connected"] as const };
        const origin = { ...defaultRouter, redistribute: ["static"] as const, anycast: true };
        const link = (a: number, b: number): LinkPlan => ({
            a,
            b,
            families: ["ipv4"],
            filterIn: false,
            filterOut: false,
        });
        const lab = buildLab({
            routers: [quiet, quiet, origin, origin],
            links: [link(0, 1), link(0, 2), link(1, 3)],
            bridge: [],
            bridgeFamilies: [],
        });
        const reflecting = withPeers(lab, "r1", ["10.1.2.2"], { routeReflectorClient: true });
        const { paths } = predict(reflecting).devices.r0!.rib.ipv4["10.9.0.0/24"]!;
        expect(paths.map(({ from, valid, best }) => [from, valid, best])).toEqual([
            ["10.1.1.2", true, true],
            ["10.1.0.2", true, false],
        ]);
    });
});

describe("next hops over iBGP", () => {
    /** r0 outside, r1 at the border, r2 inside without a route to the border's link. */
    const line = row({ asn: 65001, ...announcing }, { asn: 65002, redistribute: [] }, { asn: 65002 });

    it("are the border router's with next-hop-self, which makes them reachable", () => {
        expect(path(line, "r2", own(0))).toMatchObject({ nextHop: "10.1.0.1", valid: false });
        const self = withPeers(line, "r1", ["10.1.1.2"], { nextHopSelf: true });
        expect(path(self, "r2", own(0))).toMatchObject({ nextHop: "10.1.1.1", valid: true, best: true });
    });

    it("may be loopbacks between which the session is, reached by static routes", () => {
        const loopbacks = overLoopbacks(row(announcing, { redistribute: ["static"] }));
        expect(predict(loopbacks).sessions[0]).toMatchObject({ localAddress: "10.2.0.1", state: { up: true } });
        expect(path(loopbacks, "r1", own(0))).toMatchObject({ nextHop: "10.2.0.1", valid: true });
        expect(predict(loopbacks).devices.r1!.fib.ipv4[own(0)]).toEqual({
            protocol: "bgp",
            blackhole: false,
            nextHops: [{ via: "10.1.0.1", dev: "net0" }],
        });
    });
});

/** Two routers whose session is between their loopbacks. */
function overLoopbacks(lab: Lab): Lab {
    return ["r0", "r1"].reduce((all, name, index) => {
        const other = `10.2.${1 - index}.1`;
        const peers = all.routers[name]!.bgp.neighbors.map((neighbor) => ({ ...neighbor, address: other }));
        const via = { kind: "address" as const, address: index === 0 ? "10.1.0.2" : "10.1.0.1" };
        const routed = withStatic(withBgp(all, name, { neighbors: peers }), name, { prefix: `${other}/32`, via });
        return withSessions(routed, name, { updateSource: "lo" });
    }, lab);
}

describe("local preference and metric (RFC 4271 §5.1.4 and §5.1.5)", () => {
    const origin = { redistribute: ["static"] as const, anycast: true };
    const anycast = "10.9.0.0/24";
    const bestOf = (lab: Lab, router: string) => path(lab, router, anycast);

    it("goes before the length of the AS path", () => {
        // r0 hears directly from r1, and over r2 from r3.
        const lab = row({ asn: 65003, ...origin }, { asn: 65002 }, { asn: 65000 }, { asn: 65001, ...origin });
        expect(bestOf(lab, "r2")).toMatchObject({ asPath: [65001] });
        const preferring = withPeers(lab, "r2", ["10.1.1.1"], { localPreference: 200 });
        expect(bestOf(preferring, "r2")).toMatchObject({ asPath: [65002, 65003], localPreference: 200 });
    });

    it("is kept over iBGP and forgotten over eBGP", () => {
        const lab = row({ asn: 65001, ...announcing }, { asn: 65002 }, { asn: 65002 }, { asn: 65003 });
        const preferring = withPeers(lab, "r1", ["10.1.0.1"], { localPreference: 250 });
        expect(path(preferring, "r2", own(0))?.localPreference).toBe(250);
        expect(path(preferring, "r3", own(0))).not.toHaveProperty("localPreference");
    });

    it("metrics decide between paths of one neighbor AS, and not between those of different ones", () => {
        const towardsHub = (lab: Lab, name: string, med: number) =>
            withSessions(lab, name, { families: [{ family: "ipv4", med }] });
        const one = star({ asn: 65000 }, { asn: 65001, ...origin }, { asn: 65001, ...origin });
        expect(bestOf(towardsHub(one, "r1", 20), "r0")).toMatchObject({ from: "10.1.1.2" });
        const two = star({ asn: 65000 }, { asn: 65001, ...origin }, { asn: 65002, ...origin });
        expect(bestOf(towardsHub(two, "r1", 20), "r0")).toMatchObject({ from: "10.1.0.2", med: 20 });
    });

    it("compares the best path of each neighbor AS, so that the outcome does not depend on the order of arrival", () => {
        // Of AS 65001 the path with the lower metric remains, though the other has the lowest identifier of all.
        const lab = star(
            { asn: 65000, maximumPaths: 1 },
            { asn: 65001, ...origin },
            { asn: 65002, ...origin },
            { asn: 65001, ...origin },
        );
        const withMetric = withSessions(lab, "r1", { families: [{ family: "ipv4", med: 20 }] });
        expect(bestOf(withMetric, "r0")).toMatchObject({ from: "10.1.1.2" });
    });

    it("tells of routes with more than one outcome at rest", () => {
        // Two routers that each prefer the other's path to their own one: either may win (RFC 4264 §2).
        const lab = star({ asn: 65000, ...origin }, { asn: 65001 }, { asn: 65002 });
        const both = predict(wedgie(lab));
        expect(both.undecided?.map(({ device, prefix }) => `${device} ${prefix}`).sort()).toContain(`r1 ${anycast}`);
        expect(predict(lab)).not.toHaveProperty("undecided");
    });
});

/** Links r1 and r2 of a star, and makes each prefer what the other one says. */
function wedgie(lab: Lab): Lab {
    const segment = "between";
    const linked = ["r1", "r2"].reduce(
        (all, name, index) =>
            withRouter(all, name, (router) => ({
                ...router,
                interfaces: [
                    ...router.interfaces,
                    {
                        name: "net9",
                        attachment: { kind: "segment", segment },
                        addresses: [`10.1.9.${index + 1}/24`],
                    },
                ],
                bgp: {
                    ...router.bgp,
                    neighbors: [
                        ...router.bgp.neighbors,
                        {
                            address: `10.1.9.${2 - index}`,
                            remoteAsn: index === 0 ? 65002 : 65001,
                            session: {
                                kind: "own",
                                settings: {
                                    remoteAs: { kind: "external" },
                                    timers: { holdTime: 9, keepalive: 3, connectRetry: 1 },
                                    families: [{ family: "ipv4", localPreference: 200 }],
                                },
                            },
                        },
                    ],
                },
            })),
        lab,
    );
    return {
        ...linked,
        segments: {
            ...linked.segments,
            [segment]: { kind: "point-to-point", subnets: ["10.1.9.0/24"], mtu: 1500 },
        },
    };
}
