/** Limits on the prefixes that routers accept from nodes. */

import { familyName, familyOf } from "../address";
import type { Lab, Prefix, PrefixList, SessionFamily } from "../model";
import type { Path } from "../path";
import { prefixListFilter } from "../prefix-lists";
import { directedSessions, type SessionEnd } from "../sessions";
import { findSessionSettings, programNames } from "../speakers";
import { announcedBy } from "./announced";
import { rule } from "./rule";
import { sessionFamilies } from "./session-families";
import { instances, type PlacedInstance } from "./tables";

/** Most prefixes that routers can count (FRR documentation, neighbor maximum-prefix). */
const countable = 4294967295;

/** Percentage of a limit from which routers warn (FRR bgpd.h, MAXIMUM_PREFIX_THRESHOLD_DEFAULT). */
const threshold = 75;

/** A node that announces more prefixes than the router accepts loses its session, and all of its routes with it. */
export const limitsHoldWhatNodesAnnounce = rule({
    id: "BGP-MAX-001",
    severity: "error",
    source: "RFC 4486 §4; RFC 7454 §8",
    *check(lab) {
        for (const { who, node, exchanged, limit, count, place } of fullest(lab)) {
            if (count > limit) {
                yield {
                    at: place,
                    says: `${who} accepts ${counted(limit, exchanged)} from ${node}, which announces ${count}: it closes the session and leaves it closed`,
                    fix: `set maximumPrefixes to ${roomy(count)} or more, or announce less`,
                };
            }
        }
    },
});

/** A limit has room for the services and nodes that come next: routers warn when three quarters of it are in use. */
export const limitsHaveRoom = rule({
    id: "BGP-MAX-002",
    severity: "warning",
    source: "RFC 7454 §8",
    *check(lab) {
        for (const { who, node, exchanged, limit, count, place } of fullest(lab)) {
            if (count <= limit && count > Math.floor((limit * threshold) / 100)) {
                yield {
                    at: place,
                    says: `${node} announces ${count} of the ${counted(limit, exchanged)} that ${who} accepts: over ${threshold} % of the limit, and with ${limit - count + 1} more the session is closed`,
                    fix: `set maximumPrefixes to ${roomy(count)} or more`,
                };
            }
        }
    },
});

/** A router that limits what some nodes may announce should do so for all. */
export const limitsAreEverywhere = rule({
    id: "BGP-MAX-003",
    severity: "info",
    source: "RFC 7454 §8",
    *check(lab) {
        const accepted = acceptedFromNodes(lab);
        const limiting = new Set(accepted.flatMap(({ router, limit }) => (limit === undefined ? [] : [router])));
        const unlimited = accepted.filter(({ router, limit }) => limit === undefined && limiting.has(router));
        for (const [{ who, node, exchanged, place }] of byPlace(unlimited)) {
            yield {
                at: place,
                says: `${who} accepts any number of ${familyName(exchanged.family)} prefixes from ${node}, but not of others`,
                fix: "set maximumPrefixes here as well",
            };
        }
    },
});

/** A limit is a number that routers take: at least 1. */
export const limitsAreNumbers = rule({
    id: "BGP-MAX-004",
    severity: "error",
    source: "FRR documentation, neighbor maximum-prefix",
    *check(lab) {
        for (const { who, place, exchanged } of instances(lab).flatMap(sessionFamilies)) {
            const limit = exchanged.maximumPrefixes;
            if (limit !== undefined && !isCountable(limit)) {
                yield {
                    at: [...place, "maximumPrefixes"],
                    says: `${who} accepts ${limit} ${familyName(exchanged.family)} prefixes, which is no limit that a router takes`,
                    fix: `use a whole number from 1 to ${countable}, or leave it out`,
                };
            }
        }
    },
});

function isCountable(limit: number): boolean {
    return Number.isInteger(limit) && limit >= 1 && limit <= countable;
}

function counted(limit: number, { family }: SessionFamily): string {
    return `${limit} ${familyName(family)} ${limit === 1 ? "prefix" : "prefixes"}`;
}

/** The lowest limit about which no router warns. */
function roomy(count: number): number {
    return Math.ceil((count * 100) / threshold);
}

/** What a router accepts of one family from one node. */
interface Accepted {
    readonly router: string;
    /** Router or VRF, for people. */
    readonly who: string;
    /** Node or program, for people. */
    readonly node: string;
    readonly exchanged: SessionFamily;
    readonly limit: number | undefined;
    /** Number of prefixes that the node announces and the router's filter lets in; not counted without a limit. */
    readonly count: number;
    readonly place: Path;
}

/** For every limit, the node that comes closest to it; the highest number first, because limits may come from one parameter. */
function fullest(lab: Lab): readonly (Accepted & { readonly limit: number })[] {
    const limited = acceptedFromNodes(lab).flatMap((each) =>
        each.limit !== undefined && isCountable(each.limit) ? [{ ...each, limit: each.limit }] : [],
    );
    const closest = byPlace(limited).map((all) => all.reduce((most, each) => (each.count > most.count ? each : most)));
    return closest.sort((a, b) => b.count - a.count);
}

/** Sessions of one peer group share its settings. */
function byPlace<T extends Pick<Accepted, "place">>(all: readonly T[]): readonly (readonly [T, ...T[]])[] {
    const groups = new Map<string, [T, ...T[]]>();
    for (const each of all) {
        const key = each.place.join(" ");
        const group = groups.get(key);
        if (group === undefined) {
            groups.set(key, [each]);
        } else {
            group.push(each);
        }
    }
    return [...groups.values()];
}

/** Asked by three rules; a lab never changes, so the answer is kept with it. */
const acceptedByLab = new WeakMap<Lab, readonly Accepted[]>();

function acceptedFromNodes(lab: Lab): readonly Accepted[] {
    const known =
        acceptedByLab.get(lab) ??
        directedSessions(lab)
            .filter(({ local, remote }) => local.kind === "router" && remote.kind === "kubernetes-node")
            .flatMap(({ local, remote }) => acceptedOf(lab, local, remote));
    acceptedByLab.set(lab, known);
    return known;
}

function acceptedOf(lab: Lab, local: SessionEnd, remote: SessionEnd): readonly Accepted[] {
    const instance = instances(lab).find(({ router, vrf }) => router === local.node && vrf === local.vrf)!;
    const neighbor = instance.bgp.neighbors.find(({ address }) => address === local.peerAddress)!;
    const { families } = findSessionSettings(instance.bgp, neighbor)!;
    const node = remote.program === "cilium" ? remote.node : `${programNames[remote.program!]} on ${remote.node}`;
    const isLimited = families.some(({ maximumPrefixes }) => maximumPrefixes !== undefined);
    const announced = isLimited ? announcedBy(lab, local, remote) : [];
    return families
        .map((exchanged, index) => ({ exchanged, index }))
        .filter(({ exchanged: { family } }) => remote.families.includes(family))
        .map(({ exchanged, index }) => ({
            router: local.node,
            who: instance.who,
            node,
            exchanged,
            limit: exchanged.maximumPrefixes,
            count: announced.filter(passes(lab, instance, local, exchanged)).length,
            place: [...local.settingsPath, "families", index, "maximumPrefixes"],
        }));
}

/** Whether a router takes a prefix in: it counts what passes its filter (FRR bgpd/bgp_route.c, bgp_update). */
function passes(
    lab: Lab,
    { bgp }: PlacedInstance,
    local: SessionEnd,
    { family, prefixListIn, localPreference }: SessionFamily,
): (prefix: Prefix) => boolean {
    const isOfFamily = (prefix: Prefix) => familyOf(prefix) === family;
    if (prefixListIn === undefined) {
        const isExternal = local.remoteAsn !== bgp.asn;
        // A route map counts as the policy that RFC 8212 asks for, also one that only sets a preference.
        const takesNothing = isExternal && bgp.ebgpRequiresPolicy && localPreference === undefined;
        return takesNothing ? () => false : isOfFamily;
    }
    const lists: readonly PrefixList[] = lab.routers[local.node]!.prefixLists;
    const list = lists.find((each) => each.name === prefixListIn && each.family === family);
    const filter = list === undefined ? () => false : prefixListFilter(list);
    return (prefix) => isOfFamily(prefix) && filter(prefix);
}
