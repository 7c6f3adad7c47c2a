/** Labs of routers only, small and at random, for the claims that hold for any topology. */

import fc from "fast-check";
import type {
    BgpSpeaker,
    Family,
    Interface,
    Lab,
    Neighbor,
    PrefixList,
    Router,
    Segment,
    SessionFamily,
    SessionSettings,
    StaticRoute,
} from "../../lab/model";
import { predict, UnrestError } from "../../routing/predict";
import type { Prediction } from "../../routing/prediction";

/** A router to build. */
export interface RouterPlan {
    readonly asn: number;
    readonly defaults: BgpSpeaker["defaults"];
    readonly ebgpRequiresPolicy: boolean;
    readonly multipathRelax: boolean;
    readonly maximumPaths: number;
    readonly redistribute: readonly ("connected" | "static")[];
    /** Whether the router announces a network that others announce too. */
    readonly anycast: boolean;
    /** Whether it announces its own network by a `network` statement. */
    readonly network: boolean;
}

/** A link between two routers, by index, with a session in each family that it carries. */
export interface LinkPlan {
    readonly a: number;
    readonly b: number;
    readonly families: readonly Family[];
    /** Filters on the side of `a`. */
    readonly filterIn: boolean;
    readonly filterOut: boolean;
}

/** A lab to build. */
export interface Plan {
    readonly routers: readonly RouterPlan[];
    readonly links: readonly LinkPlan[];
    /** Routers that share a bridge, all in session with each other. */
    readonly bridge: readonly number[];
    /** Families of the sessions on the bridge. */
    readonly bridgeFamilies: readonly Family[];
}

export const anycast = { ipv4: "10.9.0.0/24", ipv6: "fd00:9::/64" } as const;

/** The list that filtered sessions use: no anycast, and nothing longer than a subnet. */
export const filter: readonly PrefixList[] = [
    {
        name: "SOME",
        family: "ipv4",
        entries: [
            { sequence: 5, action: "deny", prefix: anycast.ipv4 },
            { sequence: 10, action: "permit", prefix: "10.0.0.0/8", le: 24 },
        ],
    },
    {
        name: "SOME6",
        family: "ipv6",
        entries: [
            { sequence: 5, action: "deny", prefix: anycast.ipv6 },
            { sequence: 10, action: "permit", prefix: "fd00::/16", ge: 64, le: 64 },
        ],
    },
];

export const defaultRouter: RouterPlan = {
    asn: 65001,
    defaults: "datacenter",
    ebgpRequiresPolicy: false,
    multipathRelax: true,
    maximumPaths: 256,
    redistribute: ["connected"],
    anycast: false,
    network: false,
};

/** Name of the router with an index. */
export function nameOf(index: number): string {
    return `r${index}`;
}

/** Builds a lab of routers. */
export function buildLab({ routers, links, bridge, bridgeFamilies }: Plan): Lab {
    const segments: Record<string, Segment> = {};
    const interfaces = routers.map((_, index): Interface[] => [loopback(index)]);
    const neighbors = routers.map((): Neighbor[] => []);
    links.forEach((link, number) => {
        const subnets = [`10.1.${number}.0/24`, `fd00:1:${number + 1}::/64`];
        segments[`link${number}`] = { kind: "point-to-point", subnets, mtu: 1500 };
        [link.a, link.b].forEach((index, end) => {
            interfaces[index]!.push(
                port(`net${number}`, `link${number}`, `10.1.${number}`, `fd00:1:${number + 1}`, end + 1),
            );
        });
        neighbors[link.a]!.push(
            ...ends(routers[link.b]!.asn, `10.1.${number}.2`, `fd00:1:${number + 1}::2`, link, true),
        );
        neighbors[link.b]!.push(
            ...ends(routers[link.a]!.asn, `10.1.${number}.1`, `fd00:1:${number + 1}::1`, link, false),
        );
    });
    if (bridge.length > 0) {
        segments.bridge = { kind: "bridge", subnets: ["10.4.0.0/24", "fd00:4::/64"], mtu: 1500 };
    }
    for (const index of bridge) {
        interfaces[index]!.push(port("lan0", "bridge", "10.4.0", "fd00:4", index + 1));
        for (const other of bridge.filter((each) => each !== index)) {
            const session = { families: bridgeFamilies, filterIn: false, filterOut: false };
            const { asn } = routers[other]!;
            neighbors[index]!.push(...ends(asn, `10.4.0.${other + 1}`, `fd00:4::${other + 1}`, session, true));
        }
    }
    return {
        topology: "test",
        name: "test",
        segments,
        routers: Object.fromEntries(
            routers.map((plan, index) => [nameOf(index), router(plan, index, interfaces[index]!, neighbors[index]!)]),
        ),
        hosts: {},
        cluster: {
            name: "none",
            kubernetesVersion: "1.34.4",
            podCidrs: [],
            serviceCidrs: [],
            nodeMask: { ipv4: 24, ipv6: 64 },
            nodeSegment: "none",
            nodes: {},
            cilium: { version: "1.20.2", routingMode: "tunnel", nativeRoutingCidrs: [], bgp: [] },
            loadBalancerPools: [],
            services: [],
            workloads: [],
        },
        checks: [],
    };
}

function loopback(index: number): Interface {
    return {
        name: "lo",
        attachment: { kind: "loopback" },
        addresses: [`10.2.${index}.1/32`, `fd00:2:${index + 1}::1/128`],
    };
}

function port(name: string, segment: string, net4: string, net6: string, host: number): Interface {
    return {
        name,
        attachment: { kind: "segment", segment },
        addresses: [`${net4}.${host}/24`, `${net6}::${host}/64`],
    };
}

function ends(
    remoteAsn: number,
    address4: string,
    address6: string,
    link: Pick<LinkPlan, "families" | "filterIn" | "filterOut">,
    filtering: boolean,
): Neighbor[] {
    return link.families.map((family) => {
        const name = family === "ipv4" ? "SOME" : "SOME6";
        const carried: SessionFamily = {
            family,
            ...(filtering && link.filterIn ? { prefixListIn: name } : {}),
            ...(filtering && link.filterOut ? { prefixListOut: name } : {}),
        };
        return {
            address: family === "ipv4" ? address4 : address6,
            remoteAsn,
            session: {
                kind: "own",
                settings: {
                    remoteAs: { kind: "asn", asn: remoteAsn },
                    timers: { holdTime: 9, keepalive: 3, connectRetry: 1 },
                    families: [carried],
                },
            },
        };
    });
}

function router(plan: RouterPlan, index: number, interfaces: Interface[], neighbors: Neighbor[]): Router {
    const own = { ipv4: `10.3.${index}.0/24`, ipv6: `fd00:3:${index + 1}::/64` } as const;
    const blackhole = (prefix: string): StaticRoute => ({ prefix, via: { kind: "blackhole" } });
    const shared = plan.anycast ? [blackhole(anycast.ipv4), blackhole(anycast.ipv6)] : [];
    return {
        nos: "frr",
        interfaces,
        staticRoutes: [blackhole(own.ipv4), blackhole(own.ipv6), ...shared],
        prefixLists: filter,
        bgp: {
            asn: plan.asn,
            routerId: `10.0.0.${index + 1}`,
            defaults: plan.defaults,
            ebgpRequiresPolicy: plan.ebgpRequiresPolicy,
            multipathRelax: plan.multipathRelax,
            maximumPaths: plan.maximumPaths,
            families: (["ipv4", "ipv6"] as const).map((family) => ({
                family,
                redistribute: plan.redistribute,
                networks: plan.network ? [own[family]] : [],
            })),
            peerGroups: [],
            neighbors,
        },
    };
}

/** Routers in a row, one link from each to the next. */
export function row(...routers: readonly Partial<RouterPlan>[]): Lab {
    const link = (a: number): LinkPlan => ({ a, b: a + 1, families: ["ipv4"], filterIn: false, filterOut: false });
    return buildLab({
        routers: routers.map((each) => ({ ...defaultRouter, ...each })),
        links: routers.slice(1).map((_, index) => link(index)),
        bridge: [],
        bridgeFamilies: [],
    });
}

/** One router, `hub`, with a link to each of the others. */
export function star(hub: Partial<RouterPlan>, ...others: readonly Partial<RouterPlan>[]): Lab {
    const link = (index: number): LinkPlan => ({
        a: 0,
        b: index + 1,
        families: ["ipv4"],
        filterIn: false,
        filterOut: false,
    });
    return buildLab({
        routers: [hub, ...others].map((each) => ({ ...defaultRouter, ...each })),
        links: others.map((_, index) => link(index)),
        bridge: [],
        bridgeFamilies: [],
    });
}

export function withRouter(lab: Lab, name: string, change: (router: Router) => Router): Lab {
    return { ...lab, routers: { ...lab.routers, [name]: change(lab.routers[name]!) } };
}

export function withBgp(lab: Lab, name: string, change: Partial<BgpSpeaker>): Lab {
    return withRouter(lab, name, (router) => ({ ...router, bgp: { ...router.bgp, ...change } }));
}

export function withSessions(lab: Lab, name: string, change: Partial<SessionSettings>): Lab {
    const neighbors = lab.routers[name]!.bgp.neighbors.map((neighbor): Neighbor => {
        const { session } = neighbor;
        return session.kind === "own"
            ? { ...neighbor, session: { kind: "own", settings: { ...session.settings, ...change } } }
            : neighbor;
    });
    return withBgp(lab, name, { neighbors });
}

export function withStatic(lab: Lab, name: string, ...routes: readonly StaticRoute[]): Lab {
    return withRouter(lab, name, (router) => ({ ...router, staticRoutes: [...router.staticRoutes, ...routes] }));
}

/** Three routers in a row, the outer two in session with each other by static routes through the middle. */
export function twoHopsApart(ebgpMultihop?: number): Lab {
    const settings: SessionSettings = {
        remoteAs: { kind: "external" },
        timers: { holdTime: 9, keepalive: 3, connectRetry: 1 },
        families: [{ family: "ipv4" }],
        ...(ebgpMultihop === undefined ? {} : { ebgpMultihop }),
    };
    const neighbors = (address: string, remoteAsn: number): readonly Neighbor[] => [
        { address, remoteAsn, session: { kind: "own", settings } },
    ];
    const line = row({ asn: 65001 }, { asn: 65002 }, { asn: 65003 });
    const there = withStatic(line, "r0", { prefix: "10.1.1.0/24", via: { kind: "address", address: "10.1.0.2" } });
    const back = withStatic(there, "r2", { prefix: "10.1.0.0/24", via: { kind: "address", address: "10.1.1.1" } });
    const one = withBgp(back, "r0", { neighbors: neighbors("10.1.1.2", 65003) });
    return withBgp(one, "r2", { neighbors: neighbors("10.1.0.1", 65001) });
}

/**
 * Four routers, of which r2 never settles: its better path to the link between r1 and r3 has a next hop on that link,
 * which only the other path makes reachable.
 */
export function restless(): Lab {
    const link = (a: number, b: number): LinkPlan => ({ a, b, families: ["ipv4"], filterIn: false, filterOut: false });
    const quiet: RouterPlan = { ...defaultRouter, redistribute: [] };
    return buildLab({
        routers: [{ ...quiet, asn: 65010 }, quiet, quiet, { ...defaultRouter, asn: 65002 }],
        links: [link(0, 1), link(0, 2), link(0, 3), link(2, 1), link(3, 1)],
        bridge: [],
        bridgeFamilies: [],
    });
}

/** The prediction of a lab, or the error that it never comes to rest. */
export function atRest(lab: Lab): Prediction | UnrestError {
    try {
        return predict(lab);
    } catch (error) {
        if (error instanceof UnrestError) {
            return error;
        }
        throw error;
    }
}

const routerPlan: fc.Arbitrary<RouterPlan> = fc.record({
    asn: fc.constantFrom(65001, 65002, 65003, 4200000001),
    defaults: fc.constantFrom("datacenter", "traditional"),
    ebgpRequiresPolicy: fc.oneof(
        { weight: 4, arbitrary: fc.constant(false) },
        { weight: 1, arbitrary: fc.constant(true) },
    ),
    multipathRelax: fc.boolean(),
    maximumPaths: fc.constantFrom(1, 2, 3, 256),
    redistribute: fc.constantFrom([], ["connected"], ["static"], ["connected", "static"]),
    anycast: fc.boolean(),
    network: fc.boolean(),
});

/** Random labs of two to five routers, connected, with some links more than a tree. */
export const plans: fc.Arbitrary<Plan> = fc.array(routerPlan, { minLength: 2, maxLength: 5 }).chain((routers) => {
    const last = routers.length - 1;
    // Which IPv6 paths FRR leaves out where there are too many depends on link-local addresses.
    const limited = routers.some(({ maximumPaths }) => maximumPaths === 2 || maximumPaths === 3);
    const families = limited
        ? fc.constant<readonly Family[]>(["ipv4"])
        : fc.constantFrom<readonly Family[]>(["ipv4", "ipv6"], ["ipv4"], ["ipv6"]);
    const link = (a: fc.Arbitrary<number>, b: fc.Arbitrary<number>): fc.Arbitrary<LinkPlan> =>
        fc.record({ a, b, families, filterIn: fc.boolean(), filterOut: fc.boolean() });
    const tree = routers.slice(1).map((_, index) => link(fc.nat({ max: index }), fc.constant(index + 1)));
    const extra = fc.array(
        link(fc.nat({ max: last }), fc.nat({ max: last })).filter(({ a, b }) => a !== b),
        { maxLength: 4 },
    );
    return fc.record({
        routers: fc.constant(routers),
        links: fc.tuple(fc.tuple(...tree), extra).map(([first, more]) => [...first, ...more]),
        bridge: fc.subarray(routers.map((_, index) => index)).filter(({ length }) => length !== 1),
        bridgeFamilies: families,
    });
});
