/** The decision process of RFC 4271 §9.1.2.2, as FRR carries it out with `bgp bestpath compare-routerid`. */

import type { Address, Asn } from "../lab/model";
import { sortedByAddress } from "./bits";

/** A path that a speaker may choose. */
export interface Candidate {
    readonly nextHop: Address;
    /** Where packets are sent: the next hop, or over IPv6 the FRR router that sent the path, by its link-local address. */
    readonly gateway: Address;
    readonly asPath: readonly Asn[];
    /** Origin attribute: a `network` statement and Cilium give IGP, redistribution gives incomplete. */
    readonly origin: "igp" | "incomplete";
    readonly source: Source;
    /** Whether the next hop can be reached. */
    readonly valid: boolean;
}

/** Where a path comes from. */
export type Source =
    | { readonly kind: "local" }
    | {
          readonly kind: "ebgp" | "ibgp";
          readonly address: Address;
          readonly asn: Asn;
          /** Place of the neighbor by BGP identifier, then by address: the last tie-breakers. */
          readonly rank: number;
      };

/** How a speaker shares load between paths. */
export interface MultipathSettings {
    readonly multipathRelax: boolean;
    readonly maximumPaths: number;
}

/** The outcome for one prefix. */
export interface Choice<T> {
    /** All paths, the best first; those that are not valid last. */
    readonly ranked: readonly T[];
    /** The paths in use, the best first; empty when no path is valid. */
    readonly used: readonly T[];
}

/** Ranks the paths to one prefix and picks those in use. */
export function choose<T extends Candidate>(paths: readonly T[], settings: MultipathSettings): Choice<T> {
    const ranked = [...paths].sort(compareCandidates);
    const best = ranked[0];
    if (best === undefined || !best.valid) {
        return { ranked, used: [] };
    }
    const equal = ranked.filter((path) => path.gateway !== best.gateway && sharesLoad(best, path, settings));
    // Two paths through one gateway are one way.
    const ways = [...new Map([...equal].reverse().map((path) => [path.gateway, path])).values()].reverse();
    return { ranked, used: [best, ...fewest(ways, settings.maximumPaths - 1)] };
}

/** Of more paths than may be used, FRR takes those with the lowest next hops (`bgp_path_info_mpath_cmp`). */
function fewest<T extends Candidate>(paths: readonly T[], most: number): readonly T[] {
    return paths.length <= most ? paths : sortedByAddress(paths, ({ nextHop }) => nextHop).slice(0, most);
}

/**
 * The order of preference. Local preference, MED and the metric to the next hop do not appear: nothing in a lab sets
 * them, so they are equal in every comparison.
 */
function compareCandidates(a: Candidate, b: Candidate): number {
    return Number(b.valid) - Number(a.valid) || preference(a) - preference(b) || rankOf(a.source) - rankOf(b.source);
}

/** The steps before the tie-breakers, as one number: paths of equal preference may share the load. Less is better. */
function preference({ source, asPath, origin }: Candidate): number {
    // Own paths have FRR's weight of 32768, which goes before the length of the AS path.
    const own = source.kind === "local" ? 0 : 1;
    const incomplete = origin === "igp" ? 0 : 1;
    const internal = source.kind === "ibgp" ? 1 : 0;
    return ((own * longestAsPath + asPath.length) * 2 + incomplete) * 2 + internal;
}

/** More ASes than a path in a lab goes through; it keeps the steps of `preference` apart. */
const longestAsPath = 65536;

function sharesLoad(best: Candidate, path: Candidate, { multipathRelax }: MultipathSettings): boolean {
    if (!path.valid || best.source.kind === "local" || path.source.kind === "local") {
        return false;
    }
    if (preference(best) !== preference(path)) {
        return false;
    }
    if (multipathRelax) {
        return true;
    }
    return best.source.kind === "ibgp"
        ? best.asPath.join(" ") === path.asPath.join(" ")
        : best.source.asn === path.source.asn;
}

function rankOf(source: Source): number {
    return source.kind === "local" ? -1 : source.rank;
}
