/** Lets BGP and the forwarding tables follow each other until neither changes. */

import { hostPrefix } from "../lab/address";
import { routingInstances } from "../lab/instances";
import type { Address, Family, Lab, Prefix } from "../lab/model";
import type { Candidate } from "./attributes";
import { sortedByAddress } from "./bits";
import { type PrefixClass, prefixClasses } from "./classes";
import { candidatesOf, converge, DisputeError, type Outcome, sameBest } from "./converge";
import { gatewayOf, inUse, isLeakedOwn, nextHopOf, type Validity } from "./decision";
import { type OwnPaths, originatedByNode, originatedByRouter } from "./origination";
import type { FibRoute, NextHop } from "./prediction";
import type { PrefixIndex } from "./prefixes";
import type { Peer, Speaker } from "./speakers";
import { differingRoutes, distinct, newResolver, type Resolver, type Table, withStaticRoutes } from "./tables";
import { type Unrest, UnrestError } from "./unrest";

/** A class of prefixes with what the speakers hold of them. */
export interface SettledClass extends PrefixClass {
    readonly outcome: Outcome;
    /** Speakers whose best path may be another one when messages take other times. */
    readonly undecided: readonly Speaker[];
}

/** What BGP settled on. */
export interface Settled {
    readonly speakers: readonly Speaker[];
    readonly classes: readonly SettledClass[];
}

/** Rounds between BGP and the forwarding tables after which routing is said not to come to rest. */
const mostRounds = 64;

/**
 * Brings the tables to rest that the speakers and their sessions lead to.
 *
 * @throws UnrestError when they never come to rest
 */
export function settle(
    lab: Lab,
    index: PrefixIndex,
    tables: ReadonlyMap<string, Table>,
    speakers: readonly Speaker[],
): Settled {
    const fixed = speakers.map(({ table, program }) =>
        program === undefined ? undefined : originatedByNode(index, lab, table.place.device, program),
    );
    let unrest: readonly Unrest[] = [];
    for (let round = 0; round < mostRounds; round += 1) {
        const own = speakers.map((speaker, number) => fixed[number] ?? originated(lab, index, speaker.table));
        const settled = { speakers, classes: decideAll(lab, index, speakers, own) };
        unrest = updateTables(index, tables, settled);
        if (unrest.length === 0) {
            return settled;
        }
    }
    throw new UnrestError(lab.name, unrest);
}

/** A router's own paths, given a table of it. */
export function originated(
    { routers }: Lab,
    index: PrefixIndex,
    { place, base }: Pick<Table, "place" | "base">,
): OwnPaths {
    const instance = routingInstances(routers[place.device]!).find(({ vrf }) => vrf === place.vrf);
    return originatedByRouter(index, instance!.bgp, base);
}

function decideAll(
    lab: Lab,
    index: PrefixIndex,
    speakers: readonly Speaker[],
    own: readonly OwnPaths[],
): readonly SettledClass[] {
    try {
        const mayDepend = hasPreferences(speakers);
        return prefixClasses(index, speakers, own).map((each) => {
            const outcome = converge(speakers, each.prefix, each.own, validity[each.family]);
            return { ...each, outcome, undecided: mayDepend ? undecided(speakers, each, outcome) : [] };
        });
    } catch (error) {
        if (error instanceof DisputeError) {
            const { device, vrf } = error.speaker.table.place;
            const where = { device, ...(vrf === undefined ? {} : { vrf }), prefix: error.prefix };
            throw new UnrestError(lab.name, [where], "each of several speakers prefers the path through the next");
        }
        throw error;
    }
}

/** Without preferences of their own, all speakers agree on which of two paths is the better one. */
export function hasPreferences(speakers: readonly Speaker[]): boolean {
    return speakers.some(({ peers }) =>
        peers.some(({ policy: { ipv4, ipv6 } }) =>
            [ipv4, ipv6].some(({ localPreference, med }) => localPreference !== undefined || med !== undefined),
        ),
    );
}

function undecided(speakers: readonly Speaker[], each: PrefixClass, outcome: Outcome): readonly Speaker[] {
    const other = converge(speakers, each.prefix, each.own, validity[each.family], "backwards");
    return speakers.filter((speaker) => !sameBest(outcome, other, speaker));
}

/** Whether a speaker can use a path, by family. */
export type ValidityByFamily = Readonly<Record<Family, Validity>>;

/** A speaker can always use what another VRF originates; else a path is good by way of its next hop in the speaker's table. */
export function validityBy(resolverOf: (speaker: Speaker) => Resolver): ValidityByFamily {
    return {
        ipv4: (path) => isValid(path, "ipv4", resolverOf),
        ipv6: (path) => isValid(path, "ipv6", resolverOf),
    };
}

/** By the tables of the speakers as they are. */
export const validity = validityBy(({ table }) => table.resolver);

function isValid(path: Candidate, family: Family, resolverOf: (speaker: Speaker) => Resolver): boolean {
    if (path.peer === undefined || isLeakedOwn(path)) {
        return path.attributes.usable;
    }
    // GoBGP asks nobody whether a next hop can be reached, unless it is told to work with zebra.
    if (path.peer.speaker.isGobgp) {
        return true;
    }
    const nextHop = nextHopOf(path, family);
    // Zebra refuses IPv4-mapped next hops, which is what IPv6 routes over an IPv4 session get by themselves.
    return !nextHop.startsWith("::ffff:") && resolverOf(path.peer.speaker).find(nextHop).nextHops.length > 0;
}

/** @returns the routes that changed */
function updateTables(index: PrefixIndex, tables: ReadonlyMap<string, Table>, settled: Settled): readonly Unrest[] {
    const learned = new Map(
        settled.speakers
            .filter(({ imports }) => imports)
            .map((speaker) => [speaker.table, learnedRoutes(index, speaker, settled.classes)]),
    );
    return [...tables.values()].flatMap((table) => {
        const base = withStaticRoutes(index, table.connected, table.place, table.resolver);
        const next = { place: table.place, base, bgp: learned.get(table) ?? routesToPods(index, table, settled) };
        const resolver = newResolver(index, next);
        const changed = differingRoutes(index, table, { ...next, resolver });
        Object.assign(table, { base, bgp: next.bgp, resolver });
        const { device, vrf } = table.place;
        return changed.map((prefix) => ({ device, ...(vrf === undefined ? {} : { vrf }), prefix }));
    });
}

/**
 * What the peering controller puts into the kernel of a node for the routers that took it of Pods there; of several Pods
 * with one prefix it is the one with the lowest address.
 */
function routesToPods(
    index: PrefixIndex,
    { place, resolver }: Table,
    { speakers, classes }: Settled,
): readonly (FibRoute | undefined)[] {
    const peers = speakers
        .filter(({ program }) => program === undefined)
        .flatMap((speaker) => speaker.peers.filter(({ podNode }) => podNode === place.device));
    const routes: (FibRoute | undefined)[] = [];
    const isThere = ({ address }: Peer) => resolver.find(address).prefix === hostPrefix(address);
    for (const peer of sortedByAddress(peers.filter(isThere), ({ address }) => address)) {
        for (const number of classes.flatMap(({ members, outcome }) => (outcome.received[peer.index] ? members : []))) {
            const nextHops = resolver.resolve(peer.address, index.prefixes[number]);
            routes[number] ??= nextHops.length === 0 ? undefined : { protocol: "bgp", blackhole: false, nextHops };
        }
    }
    return routes;
}

/** What a speaker puts into its forwarding table, by number of the prefix. */
function learnedRoutes(
    index: PrefixIndex,
    speaker: Speaker,
    classes: readonly SettledClass[],
): readonly (FibRoute | undefined)[] {
    const learning = newLearning(index, speaker, speaker.table.resolver, validity);
    for (const each of classes) {
        learning.learn(each);
    }
    return learning.routes;
}

/** What a speaker puts into its forwarding table, class by class. */
export interface Learning {
    /** Routes by number of the prefix. */
    readonly routes: (FibRoute | undefined)[];
    /** Puts in what a class has come to, in the place of what was there. */
    readonly learn: (settled: Pick<SettledClass, "family" | "members" | "outcome">) => void;
}

/** @param routes that are known already; they are changed */
export function newLearning(
    index: PrefixIndex,
    speaker: Speaker,
    resolver: Resolver,
    isValidPath: ValidityByFamily,
    routes = new Array<FibRoute | undefined>(index.prefixes.length).fill(undefined),
): Learning {
    const known: KnownRoutes = new Map();
    return {
        routes,
        learn: ({ family, members, outcome }) => {
            const best = outcome.best[speaker.index];
            if (best?.peer === undefined) {
                for (const number of members) {
                    routes[number] = undefined;
                }
                return;
            }
            const candidates = candidatesOf(speaker, outcome);
            const used = inUse(best, candidates, family, speaker.multipath, isValidPath[family]);
            const installed = speaker.isGobgp ? used.filter(isFromPod) : used;
            install(index, resolver, waysOf(installed, family), members, routes, known);
        },
    };
}

/** Of what a GoBGP takes, only the routes of Pods reach the kernel of its node: the peering controller puts them there. */
function isFromPod({ peer }: Candidate): boolean {
    return peer?.podNode !== undefined;
}

/** Where packets go by the paths in use. */
interface Ways {
    readonly gateways: readonly Address[];
    /** VRFs in whose tables they go on. */
    readonly vrfs: readonly string[];
}

function waysOf(used: readonly Candidate[], family: Family): Ways {
    const own = used.filter((path) => !isLeakedOwn(path));
    const leaked = used.filter(isLeakedOwn);
    return { gateways: own.map((path) => gatewayOf(path, family)), vrfs: leaked.map(({ peer }) => peer!.leak!) };
}

/** Routes over the same ways are one value. */
type KnownRoutes = Map<string, FibRoute | undefined>;

/** Nothing for what only leads to itself; that depends on the prefix only where it holds one of the gateways. */
function install(
    index: PrefixIndex,
    resolver: Resolver,
    { gateways, vrfs }: Ways,
    members: readonly number[],
    routes: (FibRoute | undefined)[],
    known: KnownRoutes,
): void {
    const routeTo = (prefix?: Prefix): FibRoute | undefined => {
        const leaked = vrfs.map((dev): NextHop => ({ dev }));
        const nextHops = distinct([...leaked, ...gateways.flatMap((gateway) => resolver.resolve(gateway, prefix))]);
        return nextHops.length === 0 ? undefined : { protocol: "bgp", blackhole: false, nextHops };
    };
    const key = `${gateways.join(" ")}, ${vrfs.join(" ")}`;
    const common = known.has(key) ? known.get(key) : routeTo();
    known.set(key, common);
    const around = new Set(gateways.flatMap(index.covering));
    for (const number of members) {
        routes[number] = around.has(number) ? routeTo(index.prefixes[number]) : common;
    }
}
