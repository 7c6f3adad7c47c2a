/** What FRR's neighbors refer to by name: prefix lists, route maps and BFD profiles. */

import { routingInstances } from "../lab/instances";
import type { Bfd, Family, PrefixList, PrefixListEntry, Router, SessionFamily, SessionSettings } from "../lab/model";

/** The prefix lists of a family, line by line. */
export function prefixLists(lists: readonly PrefixList[], family: Family): string[] {
    const keyword = family === "ipv4" ? "ip" : "ipv6";
    return lists
        .filter((list) => list.family === family)
        .flatMap((list) =>
            [...list.entries]
                .sort((a, b) => a.sequence - b.sequence)
                .map((entry) => `${keyword} prefix-list ${list.name} ${prefixListEntry(entry)}`),
        );
}

function prefixListEntry(entry: PrefixListEntry): string {
    const range = [
        ...(entry.ge === undefined ? [] : [`ge ${entry.ge}`]),
        ...(entry.le === undefined ? [] : [`le ${entry.le}`]),
    ];
    return [`seq ${entry.sequence} ${entry.action} ${entry.prefix}`, ...range].join(" ");
}

/** A route map that a session uses. */
interface RouteMapUse {
    readonly name: string;
    readonly direction: "in" | "out";
}

/** A route map that lets every route through with one attribute set. It is named after that, and sessions share it. */
export interface RouteMap extends RouteMapUse {
    readonly set: string;
}

/** What a session of the model says of one family, or one that is made beside the model with route maps of its own. */
export interface RenderedFamily extends SessionFamily {
    /** Names of route maps in place of those that set what the model says. */
    readonly routeMaps?: { readonly in: string; readonly out: string };
}

/** The route maps of one family of a session. */
export function routeMapsOfSession(family: RenderedFamily): readonly RouteMapUse[] {
    const { routeMaps } = family;
    return routeMaps === undefined
        ? settingMaps(family)
        : [
              { name: routeMaps.in, direction: "in" },
              { name: routeMaps.out, direction: "out" },
          ];
}

function settingMaps({ localPreference: preference, med }: SessionFamily): readonly RouteMap[] {
    const incoming: readonly RouteMap[] =
        preference === undefined
            ? []
            : [{ name: `LOCAL-PREFERENCE-${preference}`, direction: "in", set: `local-preference ${preference}` }];
    const outgoing: readonly RouteMap[] =
        med === undefined ? [] : [{ name: `METRIC-${med}`, direction: "out", set: `metric ${med}` }];
    return [...incoming, ...outgoing];
}

/** All route maps of a router that set what its sessions say, by name. */
export function routeMapsOf(router: Router): readonly RouteMap[] {
    const maps = sessionsOf(router).flatMap(({ families }) => families.flatMap(settingMaps));
    return [...new Map(maps.map((map) => [map.name, map])).values()].sort((a, b) => compareText(a.name, b.name));
}

/**
 * The route maps of a router in the order of their names, each entry as a section of its own.
 *
 * @param more entries of route maps that are made beside the model, by name
 */
export function routeMapSections(
    router: Router,
    more: ReadonlyMap<string, readonly (readonly string[])[]>,
): (readonly string[])[] {
    const setting = routeMapsOf(router).map(
        ({ name, set }) => [name, [[`route-map ${name} permit 10`, ` set ${set}`, "exit"]]] as const,
    );
    const all = new Map<string, readonly (readonly string[])[]>([...setting, ...more]);
    return [...all].sort(([a], [b]) => compareText(a, b)).flatMap(([, entries]) => entries);
}

/** Settings of all sessions of a router, in all VRFs. */
function sessionsOf(router: Router): readonly SessionSettings[] {
    return routingInstances(router).flatMap(({ bgp }) => [
        ...bgp.peerGroups.map(({ settings }) => settings),
        ...bgp.neighbors.flatMap(({ session }) => (session.kind === "own" ? [session.settings] : [])),
    ]);
}

/** Name of the BFD profile of a session; sessions with the same intervals share one. */
export function bfdProfileName({ detectMultiplier, receiveInterval, transmitInterval }: Bfd): string {
    return `BFD-${detectMultiplier}x${receiveInterval}-${transmitInterval}`;
}

/** What FRR takes where a profile says nothing, and so does not show (FRR bfdd/bfd.h). */
const bfdDefaults: Bfd = { detectMultiplier: 3, receiveInterval: 300, transmitInterval: 300 };

/** The block of bfdd: a profile for each combination of intervals. */
export function bfdProfiles(router: Router): string[] {
    const used = sessionsOf(router).flatMap(({ bfd }) => (bfd === undefined ? [] : [bfd]));
    const byName = [...new Map(used.map((bfd) => [bfdProfileName(bfd), bfd]))].sort(([a], [b]) => compareText(a, b));
    const profiles = byName.flatMap(([name, bfd]) => [` profile ${name}`, ...bfdIntervals(bfd), " exit", " !"]);
    return profiles.length === 0 ? [] : ["bfd", ...profiles, "exit"];
}

function bfdIntervals(bfd: Bfd): string[] {
    const line = (key: keyof Bfd, words: string) => (bfd[key] === bfdDefaults[key] ? [] : [`  ${words} ${bfd[key]}`]);
    return [
        ...line("detectMultiplier", "detect-multiplier"),
        ...line("transmitInterval", "transmit-interval"),
        ...line("receiveInterval", "receive-interval"),
    ];
}

/** Order of bytes, as strcmp. */
export function compareText(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}
