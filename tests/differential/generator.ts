/** Random labs of two to twelve routers for the comparison of predictions with real daemons. */

import fc from "fast-check";
import type {
    Address,
    BgpSpeaker,
    Family,
    Interface,
    Lab,
    Neighbor,
    PrefixList,
    Router,
    Segment,
    SessionFamily,
    StaticRoute,
    Vrf,
} from "../../lab/model";
import { vrfNamespace } from "../../render/vrf-namespaces";
import { anycast, filter, row } from "../routing/labs";
import { type Wish, withLimits } from "./limits";

/** Another VRF of a router. */
interface VrfPlan {
    readonly exports: boolean;
    /** VRFs whose routes it takes, by index. */
    readonly imports: readonly number[];
    readonly maximumPaths: number;
}

interface RouterPlan {
    /** Index of its AS. */
    readonly as: number;
    readonly defaults: BgpSpeaker["defaults"];
    readonly ebgpRequiresPolicy: boolean;
    readonly multipathRelax: boolean;
    readonly maximumPaths: number;
    readonly redistribute: readonly ("connected" | "static")[];
    /** Whether it announces a network that others announce too. */
    readonly anycast: boolean;
    /** Whether it announces its own network by a `network` statement. */
    readonly network: boolean;
    /** Whether its cluster has an id of its own. */
    readonly clusterId: boolean;
    readonly vrfs: readonly VrfPlan[];
}

/** How one end of a link treats the session. */
interface EndPlan {
    readonly filterIn: boolean;
    readonly filterOut: boolean;
    readonly nextHopSelf: boolean;
    /** Whether the other end is a client, where both are in one AS. */
    readonly client: boolean;
    readonly med: number | undefined;
    /** Local preference of what comes in, where this end's AS passes nothing on. */
    readonly preference: number | undefined;
    /** VRF of the interface by index, where the router has as many. */
    readonly vrf: number;
    readonly limit: Wish | undefined;
}

interface LinkPlan {
    readonly a: number;
    readonly b: number;
    readonly families: readonly Family[];
    readonly down: boolean;
    readonly ends: readonly [EndPlan, EndPlan];
}

/** A lab to build. */
export interface CasePlan {
    readonly routers: readonly RouterPlan[];
    readonly links: readonly LinkPlan[];
    /** ASes that announce nothing but their own networks, and so may prefer what they like. */
    readonly stubs: readonly number[];
    /**
     * Whether links between ASes go down only when routing has come to rest. Between routers of one AS, a session would
     * live on until its hold time is over.
     */
    readonly cut: boolean;
}

/** A lab with what is broken in it. */
export interface Case {
    readonly lab: Lab;
    /** Interfaces that are down from the start. */
    readonly down: readonly Port[];
    /** Interfaces that go down later. */
    readonly cut: readonly Port[];
}

/** An interface, and the namespace in which it is. */
interface Port {
    readonly device: string;
    readonly interface: string;
    readonly namespace: string;
}

const asns = [65001, 65002, 65003, 65004, 4200000001, 65006];
const timers = { holdTime: 60, keepalive: 20, connectRetry: 1 };

/** What a stub's AS lets out: the networks of its own routers. */
function ownLists({ routers }: CasePlan, as: number): readonly PrefixList[] {
    const members = routers.flatMap((router, index) => (router.as === as ? [index] : []));
    const list = (name: string, family: Family, prefix: (index: number) => string): PrefixList => ({
        name,
        family,
        entries: members.map((index) => ({ sequence: 5 * (index + 1), action: "permit", prefix: prefix(index) })),
    });
    return [list("OWN", "ipv4", (index) => own(index).ipv4), list("OWN6", "ipv6", (index) => own(index).ipv6)];
}

/** A router's own network. */
function own(index: number): Readonly<Record<Family, string>> {
    return { ipv4: `10.3.${index}.0/24`, ipv6: `fd00:3:${index + 1}::/64` };
}

/** Name of the router with an index. */
function nameOf(index: number): string {
    return `r${index}`;
}

function vrfName(index: number): string {
    return `vrf${index}`;
}

/** VRF that an end of a link is in; nothing for the default one. VRFs that leak have no iBGP neighbors. */
function vrfOf({ routers }: CasePlan, { a, b, ends }: LinkPlan, side: 0 | 1): string | undefined {
    const { vrf } = ends[side];
    const isInternal = routers[a]!.as === routers[b]!.as;
    return vrf < routers[side === 0 ? a : b]!.vrfs.length && !isInternal ? vrfName(vrf) : undefined;
}

/** Builds the lab of a plan. */
export function buildCase(plan: CasePlan): Case {
    const { routers, links } = plan;
    const segments = links.map((_, number): readonly [string, Segment] => [
        `link${number}`,
        { kind: "point-to-point", subnets: Object.values(linkSubnets(number)), mtu: 1500 },
    ]);
    const lab: Lab = {
        ...row({}),
        segments: Object.fromEntries(segments),
        routers: Object.fromEntries(routers.map((_, index) => [nameOf(index), buildRouter(plan, index)])),
    };
    const ports = (isMeant: (link: LinkPlan) => boolean) =>
        links.flatMap((link, number) => (link.down && isMeant(link) ? portsOf(plan, link, number) : []));
    const isCut = ({ a, b }: LinkPlan) => plan.cut && routers[a]!.as !== routers[b]!.as;
    const down = ports((link) => !isCut(link));
    return { lab: withLimits(lab, down, wishesOf(plan)), down, cut: ports(isCut) };
}

/** What ends wish to accept, by the addresses of their neighbors. */
function wishesOf({ links }: CasePlan): ReadonlyMap<Address, Wish> {
    return new Map(
        links.flatMap(({ ends, families }, number) =>
            ([0, 1] as const).flatMap((side) => {
                const { limit } = ends[side];
                const neighbor = linkAddresses(number, side === 0 ? 1 : 0);
                return limit === undefined ? [] : families.map((family) => [neighbor[family], limit] as const);
            }),
        ),
    );
}

function portsOf(plan: CasePlan, link: LinkPlan, number: number): readonly Port[] {
    return ([0, 1] as const).map((side) => {
        const device = nameOf(side === 0 ? link.a : link.b);
        return {
            device,
            interface: `net${number}`,
            namespace: vrfNamespace(device, vrfOf(plan, link, side)),
        };
    });
}

/** A link as one of its ends sees it. */
interface Attachment {
    readonly number: number;
    readonly link: LinkPlan;
    readonly side: 0 | 1;
    readonly other: number;
}

function attachments({ links }: CasePlan, index: number): readonly Attachment[] {
    return links.flatMap((link, number): Attachment[] => [
        ...(link.a === index ? [{ number, link, side: 0 as const, other: link.b }] : []),
        ...(link.b === index ? [{ number, link, side: 1 as const, other: link.a }] : []),
    ]);
}

function buildRouter(plan: CasePlan, index: number): Router {
    const router = plan.routers[index]!;
    const attached = attachments(plan, index);
    const inVrf = (vrf: string | undefined) => attached.filter(({ link, side }) => vrfOf(plan, link, side) === vrf);
    return {
        nos: "frr",
        interfaces: [
            loopback("lo", [`10.2.${index}.1/32`, `fd00:2:${index + 1}::1/128`]),
            ...router.vrfs.map((_, vrf) => loopback(`lo-${vrf}`, vrfLoopback(index, vrf), vrfName(vrf))),
            ...attached.map((attachment) => port(plan, attachment)),
        ],
        staticRoutes: [...blackholes(router, index), ...interior(plan, index)],
        prefixLists: [...filter, ...ownLists(plan, router.as)],
        bgp: speaker(plan, index, inVrf(undefined), {
            maximumPaths: router.maximumPaths,
            routerId: `10.0.0.${index + 1}`,
            families: (["ipv4", "ipv6"] as const).map((family) => ({
                family,
                redistribute: router.redistribute,
                networks: router.network ? [own(index)[family]] : [],
            })),
        }),
        ...(router.vrfs.length === 0
            ? {}
            : { vrfs: router.vrfs.map((vrf, number) => buildVrf(plan, index, number, vrf, inVrf(vrfName(number)))) }),
    };
}

function buildVrf(
    plan: CasePlan,
    index: number,
    number: number,
    { exports, imports, maximumPaths }: VrfPlan,
    attached: readonly Attachment[],
): Vrf {
    const target = (vrf: number) => `65000:${vrf + 1}`;
    return {
        name: vrfName(number),
        routeDistinguisher: `65000:${number + 1}`,
        importTargets: imports.map(target),
        exportTargets: exports ? [target(number)] : [],
        staticRoutes: [{ prefix: `10.7.${index * 8 + number}.0/24`, via: { kind: "blackhole" } }],
        bgp: speaker(plan, index, attached, {
            maximumPaths,
            routerId: `10.0.${number + 1}.${index + 1}`,
            families: (["ipv4", "ipv6"] as const).map((family) => ({
                family,
                redistribute: ["connected", "static"],
                networks: [],
            })),
        }),
    };
}

function vrfLoopback(index: number, vrf: number): readonly string[] {
    return [`10.5.${index * 8 + vrf}.1/32`, `fd00:5:${index * 8 + vrf + 1}::1/128`];
}

function loopback(name: string, addresses: readonly string[], vrf?: string): Interface {
    return { name, attachment: { kind: "loopback" }, addresses, ...(vrf === undefined ? {} : { vrf }) };
}

function port(plan: CasePlan, { number, link, side }: Attachment): Interface {
    const vrf = vrfOf(plan, link, side);
    return {
        name: `net${number}`,
        attachment: { kind: "segment", segment: `link${number}` },
        addresses: [`${linkAddresses(number, side).ipv4}/24`, `${linkAddresses(number, side).ipv6}/64`],
        ...(vrf === undefined ? {} : { vrf }),
    };
}

function blackholes({ anycast: isShared }: RouterPlan, index: number): readonly StaticRoute[] {
    const prefixes = [...Object.values(own(index)), ...(isShared ? Object.values(anycast) : [])];
    return prefixes.map((prefix) => ({ prefix, via: { kind: "blackhole" } }));
}

/**
 * Static routes in place of an interior protocol: to every link of the router's AS, by the shortest way inside it. Without
 * them, next hops learned over iBGP would be reached by routes of BGP itself, and FRR then installs what came in the right
 * order only.
 */
function interior(plan: CasePlan, index: number): readonly StaticRoute[] {
    const { as } = plan.routers[index]!;
    const inside = plan.links
        .map((link, number) => ({ link, number }))
        .filter(({ link }) => isInterior(plan, link, as));
    const firstHops = new Map<number, readonly [number, 0 | 1]>();
    const reached = new Set([index]);
    for (const router of reached) {
        for (const { link, number } of inside.filter(({ link: { a, b } }) => a === router || b === router)) {
            const other = link.a === router ? link.b : link.a;
            if (!reached.has(other)) {
                reached.add(other);
                firstHops.set(other, firstHops.get(router) ?? [number, link.a === router ? 1 : 0]);
            }
        }
    }
    const own = new Set(attachments(plan, index).map(({ number }) => number));
    const routes = new Map<string, StaticRoute>();
    for (const [router, [via, side]] of firstHops) {
        for (const { number, link, side: end } of attachments(plan, router)) {
            if (!own.has(number) && vrfOf(plan, link, end) === undefined) {
                const [subnets, hops] = [linkSubnets(number), linkAddresses(via, side)];
                (["ipv4", "ipv6"] as const).forEach((family) => {
                    const prefix = subnets[family];
                    routes.set(prefix, { prefix, via: { kind: "address", address: hops[family] } });
                });
            }
        }
    }
    return [...routes.values()];
}

/** Whether a link is up and between the default VRFs of two routers of an AS. */
function isInterior({ routers }: CasePlan, { a, b, down }: LinkPlan, as: number): boolean {
    return !down && routers[a]!.as === as && routers[b]!.as === as;
}

function linkSubnets(number: number): Readonly<Record<Family, string>> {
    return { ipv4: `10.1.${number}.0/24`, ipv6: `fd00:1:${number + 1}::/64` };
}

function linkAddresses(number: number, side: 0 | 1): Readonly<Record<Family, string>> {
    return { ipv4: `10.1.${number}.${side + 1}`, ipv6: `fd00:1:${number + 1}::${side + 1}` };
}

function speaker(
    plan: CasePlan,
    index: number,
    attached: readonly Attachment[],
    more: Pick<BgpSpeaker, "maximumPaths" | "routerId" | "families">,
): BgpSpeaker {
    const { as, defaults, ebgpRequiresPolicy, multipathRelax, clusterId } = plan.routers[index]!;
    return {
        asn: asns[as]!,
        defaults,
        ebgpRequiresPolicy,
        multipathRelax,
        ...(clusterId ? { clusterId: `9.9.9.${index + 1}` } : {}),
        peerGroups: [],
        neighbors: attached.flatMap((attachment) => neighbors(plan, index, attachment)),
        ...more,
    };
}

/** A session in each family that the link carries. */
function neighbors(plan: CasePlan, index: number, { number, link, side, other }: Attachment): readonly Neighbor[] {
    const remoteAsn = asns[plan.routers[other]!.as]!;
    return link.families.map((family) => ({
        address: linkAddresses(number, side === 0 ? 1 : 0)[family],
        remoteAsn,
        session: {
            kind: "own",
            settings: {
                remoteAs: { kind: "asn", asn: remoteAsn },
                timers,
                families: [sessionFamily(plan, index, other, link.ends[side], family)],
            },
        },
    }));
}

function sessionFamily(plan: CasePlan, index: number, other: number, end: EndPlan, family: Family): SessionFamily {
    const { as } = plan.routers[index]!;
    const isInternal = plan.routers[other]!.as === as;
    const isStub = plan.stubs.includes(as) && !isInternal;
    const name = (list: string) => (family === "ipv4" ? list : `${list}6`);
    return {
        family,
        ...(end.filterIn ? { prefixListIn: name("SOME") } : {}),
        ...(isStub ? { prefixListOut: name("OWN") } : end.filterOut ? { prefixListOut: name("SOME") } : {}),
        ...(end.nextHopSelf ? { nextHopSelf: true } : {}),
        ...(end.client && isInternal ? { routeReflectorClient: true } : {}),
        ...(end.med !== undefined && !isInternal ? { med: end.med } : {}),
        ...(end.preference !== undefined && isStub ? { localPreference: end.preference } : {}),
    };
}

const seldom = (likely: number) =>
    fc.oneof({ weight: likely, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

const vrfPlan = (count: number): fc.Arbitrary<VrfPlan> =>
    fc.record({
        exports: fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
        imports: fc.subarray(Array.from({ length: count }, (_, index) => index)),
        maximumPaths: fc.constantFrom(1, 4),
    });

const vrfPlans: fc.Arbitrary<readonly VrfPlan[]> = fc
    .constantFrom(0, 0, 0, 0, 0, 0, 0, 2, 3, 4)
    .chain((count) => fc.array(vrfPlan(count), { minLength: count, maxLength: count }));

const routerPlan = (ases: number): fc.Arbitrary<RouterPlan> =>
    fc.record({
        as: fc.nat({ max: ases - 1 }),
        defaults: fc.constantFrom("datacenter", "traditional"),
        ebgpRequiresPolicy: seldom(8),
        multipathRelax: fc.boolean(),
        maximumPaths: fc.constantFrom(1, 2, 4, 256, 256),
        redistribute: fc.constantFrom([], ["connected"], ["connected"], ["static"], ["connected", "static"]),
        anycast: seldom(2),
        network: fc.boolean(),
        clusterId: seldom(3),
        vrfs: vrfPlans,
    });

const endPlan: fc.Arbitrary<EndPlan> = fc.record({
    filterIn: seldom(6),
    filterOut: seldom(6),
    nextHopSelf: fc.boolean(),
    client: fc.boolean(),
    med: fc.option(fc.constantFrom(0, 10, 20), { nil: undefined, freq: 4 }),
    preference: fc.option(fc.constantFrom(50, 100, 200), { nil: undefined, freq: 1 }),
    vrf: fc.nat({ max: 4 }),
    limit: fc.oneof(
        { weight: 9, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.constantFrom<Wish>("few", "all") },
    ),
});

/** Random labs, connected while all links are up, with some links more than a tree. */
export const casePlans: fc.Arbitrary<CasePlan> = fc
    .tuple(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 1, max: asns.length }))
    .chain(([count, ases]) => fc.array(routerPlan(ases), { minLength: count, maxLength: count }))
    .chain((routers) => {
        const last = routers.length - 1;
        // Which IPv6 paths FRR leaves out where there are too many depends on link-local addresses.
        const limits = routers.flatMap(({ maximumPaths, vrfs }) => [
            maximumPaths,
            ...vrfs.map((vrf) => vrf.maximumPaths),
        ]);
        const isLimited = limits.some((paths) => paths > 1 && paths < 256);
        const families = isLimited
            ? fc.constant<readonly Family[]>(["ipv4"])
            : fc.constantFrom<readonly Family[]>(["ipv4", "ipv6"], ["ipv4", "ipv6"], ["ipv4"], ["ipv6"]);
        const link = (a: fc.Arbitrary<number>, b: fc.Arbitrary<number>): fc.Arbitrary<LinkPlan> =>
            fc.record({ a, b, families, down: seldom(9), ends: fc.tuple(endPlan, endPlan) });
        const tree = routers.slice(1).map((_, index) => link(fc.nat({ max: index }), fc.constant(index + 1)));
        const extra = fc.array(
            link(fc.nat({ max: last }), fc.nat({ max: last })).filter(({ a, b }) => a !== b),
            { maxLength: routers.length + 2 },
        );
        return fc.record({
            routers: fc.constant(routers),
            links: fc.tuple(fc.tuple(...tree), extra).map(([first, more]) => [...first, ...more]),
            stubs: fc.uniqueArray(fc.constantFrom(...routers.map(({ as }) => as)), { maxLength: 2 }),
            cut: fc.boolean(),
        });
    });

/** The plan of a seed. */
export function planOf(seed: number): CasePlan {
    const [plan] = fc.sample(casePlans, { seed, numRuns: 1 });
    return plan!;
}
