/** Labs whose sessions accept only so many prefixes. */

import type { Family, Lab, SessionFamily, StaticRoute } from "../../lab/model";
import { buildLab, defaultRouter, filter, type LinkPlan, row, withBgp, withRouter, withSessions } from "./labs";

/** The routes that a router announces beside those of its interfaces. */
function blackholes(count: number, family: Family): readonly StaticRoute[] {
    return Array.from({ length: count }, (_, index) => ({
        prefix: family === "ipv4" ? `10.8.${index}.0/24` : `fd00:8:${index + 1}::/64`,
        via: { kind: "blackhole" },
    }));
}

/** The lab with a router that redistributes so many static routes, and nothing else. */
function announcing(lab: Lab, name: string, counts: Readonly<Record<Family, number>>): Lab {
    const staticRoutes = (["ipv4", "ipv6"] as const).flatMap((family) => blackholes(counts[family], family));
    return withRouter(lab, name, (router) => ({ ...router, staticRoutes }));
}

/**
 * Two routers with one session for both families, over which r1 announces some routes to r0, which announces none.
 *
 * @param counts how many, by family
 * @param limited what r0 says of IPv4
 */
export function senderAndLimit(counts: Readonly<Record<Family, number>>, limited: Partial<SessionFamily>): Lab {
    const pair = row({ asn: 65001, redistribute: [] }, { asn: 65002, redistribute: ["static"] });
    const sender = withSessions(announcing(pair, "r1", counts), "r1", {
        families: [{ family: "ipv4" }, { family: "ipv6" }],
    });
    return withSessions(sender, "r0", { families: [{ family: "ipv4", ...limited }, { family: "ipv6" }] });
}

/** A list that lets four of r1's routes in. */
const fourOnly = {
    name: "FOUR",
    family: "ipv4",
    entries: [{ sequence: 5, action: "permit", prefix: "10.8.0.0/22", ge: 24, le: 24 }],
} as const;

/** Two routers, of which r0 has a filter in front of its limit that lets four of r1's routes in. */
export function filteredSender(count: number, maximumPrefixes: number): Lab {
    const lab = senderAndLimit({ ipv4: count, ipv6: 0 }, { prefixListIn: fourOnly.name, maximumPrefixes });
    return withRouter(lab, "r0", (router) => ({ ...router, prefixLists: [...filter, fourOnly] }));
}

/**
 * A ring of five routers, each an AS. r1 announces six routes, of which r0 accepts so many from each of its neighbors.
 * While r1 and r0 talk to each other, r4 has its way to r1 by r0 and offers r0 nothing; afterwards, it has it by r3.
 */
export function limitedRing(maximumPrefixes = 3): Lab {
    const quiet = { ...defaultRouter, redistribute: [] };
    const link = (a: number, b: number): LinkPlan => ({ a, b, families: ["ipv4"], filterIn: false, filterOut: false });
    const ring = buildLab({
        routers: [1, 2, 3, 4, 5].map((as) => ({ ...quiet, asn: 65000 + as })),
        links: [link(0, 1), link(1, 2), link(2, 3), link(3, 4), link(4, 0)],
        bridge: [],
        bridgeFamilies: [],
    });
    const announced = withBgp(announcing(ring, "r1", { ipv4: 6, ipv6: 0 }), "r1", {
        families: [{ family: "ipv4", redistribute: ["static"], networks: [] }],
    });
    return withSessions(announced, "r0", { families: [{ family: "ipv4", maximumPrefixes }] });
}
