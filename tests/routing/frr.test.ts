/**
 * The prediction against the truth: real FRR and BIRD in namespaces. Sessions, every path of every BGP route with its
 * flags, what is offered, and the forwarding table must be what was predicted.
 */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareAddresses, familyOf } from "../../lab/address";
import type { Family, Lab } from "../../lab/model";
import { UnrestError } from "../../routing/predict";
import type { Prediction } from "../../routing/prediction";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { atRest, buildLab, plans, restless, row, twoHopsApart, withBgp, withSessions, withStatic } from "./labs";
import { available, type LiveLab, startLive } from "./live";

const families: readonly Family[] = ["ipv4", "ipv6"];

/** Everything that is compared, as text: one line per fact. */
type Facts = readonly string[];

function predictedFacts(lab: Lab, prediction: Prediction): Facts {
    const sessions = prediction.sessions.flatMap(({ local, localAddress, remote, remoteAddress, state }) => {
        const ends = [
            [local, remoteAddress],
            [remote, localAddress],
        ] as const;
        // An end that nobody answers appears alone: the device at the other address has no such neighbor.
        const configured = ends.filter(([device = "", neighbor]) =>
            lab.routers[device]?.bgp.neighbors.some(({ address }) => address === neighbor),
        );
        return configured.map(([device, neighbor]) => `${device} session ${neighbor} ${state.up ? "up" : "down"}`);
    });
    const routes = Object.keys(lab.routers).flatMap((router) => {
        const { rib, fib } = prediction.devices[router]!;
        return families.flatMap((family) => [
            ...Object.entries(rib[family]).flatMap(([prefix, { paths }]) =>
                paths.map(
                    (path) =>
                        `${router} path ${prefix} via ${path.nextHop} as ${path.asPath.join(" ")} from ${path.from}` +
                        flags(path.valid, path.best, path.multipath && !path.best),
                ),
            ),
            ...Object.entries(fib[family]).map(([prefix, { protocol, blackhole, nextHops }]) =>
                fibFact(
                    router,
                    prefix,
                    protocol,
                    blackhole,
                    nextHops.map(({ via, dev }) => `${via ?? ""}%${dev}`),
                ),
            ),
        ]);
    });
    return [...sessions, ...routes].sort();
}

function flags(valid: boolean, best: boolean, multipath: boolean): string {
    return `${valid ? " valid" : ""}${best ? " best" : ""}${multipath ? " multipath" : ""}`;
}

/** IPv6 next hops by interface: FRR forwards to a neighbor's link-local address when the neighbor sent one. */
function fibFact(router: string, prefix: string, protocol: string, blackhole: boolean, hops: string[]): string {
    const shown = familyOf(prefix) === "ipv4" ? hops : hops.map((hop) => hop.replace(/.*%/, "%"));
    return `${router} fib ${prefix} ${protocol} ${blackhole ? "blackhole" : shown.sort().join(" ")}`;
}

async function observedFacts(lab: Lab, live: LiveLab): Promise<Facts> {
    const facts = await Promise.all(Object.keys(lab.routers).map((router) => observedOn(live, router)));
    return facts.flat().sort();
}

async function observedOn(live: LiveLab, router: string): Promise<Facts> {
    const [summary, rib4, rib6, fib4, fib6] = await live.ask(router, [
        "show bgp summary json",
        "show bgp ipv4 unicast json",
        "show bgp ipv6 unicast json",
        "show ip route json",
        "show ipv6 route json",
    ]);
    return [
        ...observedSessions(router, summary as ShownSummary),
        ...[rib4, rib6].flatMap((rib) => observedRib(router, rib as ShownRib)),
        ...[fib4, fib6].flatMap((fib) => observedFib(router, fib as ShownFib)),
    ];
}

type ShownSummary = Record<string, { readonly peers?: Record<string, { readonly state: string }> }>;

function observedSessions(router: string, summary: ShownSummary): Facts {
    const peers = new Map(Object.values(summary).flatMap(({ peers: own = {} }) => Object.entries(own)));
    return [...peers].map(
        ([peer, { state }]) => `${router} session ${peer} ${state === "Established" ? "up" : "down"}`,
    );
}

interface ShownPath {
    readonly valid?: boolean;
    readonly bestpath?: boolean;
    readonly multipath?: boolean;
    readonly peerId: string;
    readonly path: string;
    readonly nexthops: readonly { readonly ip: string; readonly scope?: string; readonly used?: boolean }[];
}

interface ShownRib {
    readonly routes?: Record<string, readonly ShownPath[]>;
    readonly tableVersion?: number;
}

function observedRib(router: string, { routes = {} }: ShownRib): Facts {
    return Object.entries(routes).flatMap(([prefix, paths]) =>
        paths.map((path) => {
            const nextHop = path.nexthops.find(({ scope }) => scope !== "link-local") ?? path.nexthops[0]!;
            const local = path.peerId === "(unspec)";
            return (
                `${router} path ${prefix} via ${nextHop.ip} as ${path.path} from ${local ? "local" : path.peerId}` +
                flags(path.valid === true, path.bestpath === true, path.multipath === true && path.bestpath !== true)
            );
        }),
    );
}

interface ShownRoute {
    readonly protocol: string;
    readonly selected?: boolean;
    readonly nexthops: readonly {
        readonly ip?: string;
        readonly interfaceName?: string;
        readonly directlyConnected?: boolean;
        readonly blackhole?: boolean;
        readonly fib?: boolean;
        readonly recursive?: boolean;
    }[];
}

type ShownFib = Record<string, readonly ShownRoute[]>;

function observedFib(router: string, shownRoutes: ShownFib): Facts {
    return Object.entries(shownRoutes)
        .filter(([prefix]) => !prefix.startsWith("fe80:"))
        .flatMap(([prefix, shown]) =>
            shown
                .filter(({ selected }) => selected === true)
                .map(({ protocol, nexthops }) => {
                    const used = nexthops.filter(({ fib }) => fib === true);
                    const blackhole = used.some((hop) => hop.blackhole === true);
                    const hops = used.map(
                        (hop) => `${hop.directlyConnected ? "" : (hop.ip ?? "")}%${hop.interfaceName}`,
                    );
                    return fibFact(router, prefix, protocol, blackhole, [...new Set(hops)]);
                }),
        );
}

/** Asks until the lab shows what is wanted, or the deadline passes; answers what it showed last. */
async function settled(wanted: Facts, ask: () => Promise<Facts>, seconds: number): Promise<Facts> {
    const deadline = Date.now() + seconds * 1000;
    let seen: Facts = [];
    while (Date.now() < deadline) {
        seen = await ask();
        if (seen.join("\n") === wanted.join("\n")) {
            break;
        }
        await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return seen;
}

async function expectTruth(lab: Lab, seconds: number): Promise<void> {
    const prediction = atRest(lab);
    if (prediction instanceof UnrestError) {
        return expectUnrest(lab, prediction, seconds);
    }
    const wanted = predictedFacts(lab, prediction);
    const live = await startLive(lab);
    try {
        const seen = await settled(wanted, () => observedFacts(lab, live), seconds);
        expect(seen).toEqual(wanted);
        await expectOffers(lab, prediction, live);
    } finally {
        await live.stop();
    }
}

/** FRR counts its decisions: where routing is at rest, the count stands still. */
async function expectUnrest(lab: Lab, { routes }: UnrestError, seconds: number): Promise<void> {
    const live = await startLive(lab);
    try {
        const { device, prefix } = routes[0]!;
        const decisions = async () => {
            const [rib] = await live.ask(device, [`show bgp ${familyOf(prefix)} unicast json`]);
            return (rib as ShownRib).tableVersion ?? 0;
        };
        const networks = Object.keys(lab.routers).length * 20;
        const many = async () => [(await decisions()) > networks ? "many decisions" : "few decisions"];
        expect(await settled(["many decisions"], many, seconds)).toEqual(["many decisions"]);
    } finally {
        await live.stop();
    }
}

/**
 * What FRR has sent to each neighbor. Which of its own prefixes a neighbor got back depends on when it joined its update
 * group, so those are left out on both sides.
 */
async function expectOffers(lab: Lab, prediction: Prediction, live: LiveLab): Promise<void> {
    for (const router of Object.keys(lab.routers)) {
        const offers = offersOf(prediction, router);
        const own = ({ family, neighbor }: ToNeighbor, prefix: string) =>
            prediction.devices[router]!.rib[family][prefix]?.paths.some(({ best, from }) => best && from === neighbor);
        const predicted = offers.map((offer) => ({
            ...offer,
            prefixes: offer.prefixes.filter((prefix) => !own(offer, prefix)),
        }));
        const shown = await live.ask(
            router,
            offers.map(
                ({ family, neighbor }) => `show bgp ${family} unicast neighbors ${neighbor} advertised-routes json`,
            ),
        );
        const observed = offers.map((offer, index) => {
            const { advertisedRoutes = {} } = shown[index] as { readonly advertisedRoutes?: Record<string, unknown> };
            const sent = Object.keys(advertisedRoutes).filter((prefix) => !own(offer, prefix));
            return { ...offer, prefixes: sent.sort(compareAddresses) };
        });
        expect(observed).toEqual(predicted);
    }
}

interface ToNeighbor {
    readonly neighbor: string;
    readonly family: Family;
    readonly prefixes: readonly string[];
}

function offersOf({ sessions }: Prediction, router: string): readonly ToNeighbor[] {
    return sessions
        .filter(({ state }) => state.up)
        .flatMap(({ local, localAddress, remote, remoteAddress, families: carried, offers }) => {
            const [neighbor, offer] =
                local === router ? [remoteAddress, offers.fromLocal] : [localAddress!, offers.fromRemote];
            const known = local === router || remote === router;
            return known ? carried.map((family) => ({ neighbor, family, prefixes: offer[family] })) : [];
        });
}

// They wait more than they work, so that several run at a time.
describe.skipIf(!available).concurrent("prediction on real FRR", () => {
    const quick = { holdTime: 30, keepalive: 10, connectRetry: 1 };

    it("is what FRR holds in the single-frr lab, with and without pod CIDRs", { timeout: 120_000 }, async () => {
        await expectTruth(planSingleFrr(schema.parse({ nodeTimers: quick })), 40);
        await expectTruth(planSingleFrr(schema.parse({ nodeTimers: quick, exportPodCidr: true, workers: 5 })), 40);
    });

    const passes = row({ asn: 65001 }, { asn: 65002, redistribute: [] }, { asn: 65002 });
    const pair = row({ asn: 65001 }, { asn: 65002 });
    const networks = ["10.3.0.0/24", "10.3.0.0/16", "10.2.1.1/32"];

    /** Behaviour of FRR that random labs rarely meet. */
    const cases: readonly (readonly [string, Lab])[] = [
        ["next hops over iBGP that cannot be reached", passes],
        [
            "next hops over iBGP that a static route leads to",
            withStatic(passes, "r2", { prefix: "10.1.0.0/24", via: { kind: "address", address: "10.1.1.1" } }),
        ],
        [
            "next hops that only a default route leads to, datacenter",
            withStatic(passes, "r2", { prefix: "0.0.0.0/0", via: { kind: "address", address: "10.1.1.1" } }),
        ],
        [
            "next hops that only a default route leads to, traditional",
            withStatic(withBgp(passes, "r2", { defaults: "traditional" }), "r2", {
                prefix: "0.0.0.0/0",
                via: { kind: "address", address: "10.1.1.1" },
            }),
        ],
        ["eBGP over two hops", twoHopsApart(2)],
        ["eBGP over two hops without multihop", twoHopsApart()],
        [
            "network statements with and without a route, and with one from BGP",
            withBgp(pair, "r0", { families: [{ family: "ipv4", redistribute: [], networks }] }),
        ],
        [
            "redistributed link-local, loopback and default routes",
            withStatic(
                row({ asn: 65001, redistribute: ["static"] }, { asn: 65002 }),
                "r0",
                { prefix: "169.254.7.0/24", via: { kind: "blackhole" } },
                { prefix: "127.7.0.0/16", via: { kind: "blackhole" } },
                { prefix: "0.0.0.0/0", via: { kind: "blackhole" } },
            ),
        ],
        [
            "static routes that are connected too, cannot be resolved, or are resolved by each other",
            withStatic(
                pair,
                "r0",
                { prefix: "10.1.0.0/24", via: { kind: "blackhole" } },
                { prefix: "10.77.0.0/24", via: { kind: "address", address: "10.78.0.1" } },
                { prefix: "10.79.0.0/24", via: { kind: "address", address: "10.80.0.1" } },
                { prefix: "10.80.0.0/24", via: { kind: "address", address: "10.1.0.2" } },
                { prefix: "10.81.0.0/24", via: { kind: "address", address: "10.2.1.1" } },
                { prefix: "10.82.0.0/16", via: { kind: "address", address: "10.82.0.1" } },
                { prefix: "10.82.0.0/24", via: { kind: "address", address: "10.1.0.2" } },
                { prefix: "10.83.0.0/16", via: { kind: "address", address: "10.83.0.1" } },
            ),
        ],
        ["an AS that one end does not expect", withSessions(pair, "r0", { remoteAs: { kind: "asn", asn: 65003 } })],
        ["an external peer in the own AS", withSessions(row({}, {}), "r1", { remoteAs: { kind: "external" } })],
        ["an internal peer in another AS", withSessions(pair, "r1", { remoteAs: { kind: "internal" } })],
        ["no family in common", withSessions(pair, "r1", { families: [{ family: "ipv6" }] })],
        ["one BGP identifier in one AS", withBgp(row({}, {}), "r1", { routerId: "10.0.0.1" })],
        ["one BGP identifier in two ASes", withBgp(pair, "r1", { routerId: "10.0.0.1" })],
        ["routing that never comes to rest", restless()],
        [
            "a prefix list that does not exist",
            withSessions(pair, "r1", { families: [{ family: "ipv4", prefixListIn: "GONE" }] }),
        ],
    ];

    it.each(cases)("is what FRR holds: %s", { timeout: 120_000 }, async (_, lab) => {
        await expectTruth(lab, 40);
    });

    const seeds = (process.env.SEEDS ?? "1,3,4,7").split(",").map(Number);
    it.each(seeds)("is what FRR holds in random lab %i", { timeout: 120_000 }, async (seed) => {
        const [plan] = fc.sample(plans, { seed, numRuns: 1 });
        await expectTruth(buildLab(plan!), 40);
    });
});
