/** Paths as speakers hold them: attributes (RFC 4271 §5, RFC 4456 §8) and where they come from. */

import type { Address, Asn } from "../lab/model";
import type { Peer } from "./speakers";

/**
 * What a path says. One value serves all peers that are told the same, so that a table of thousands of paths is a table of
 * references. All values have all properties: engines are quick where objects are of one shape.
 */
export interface Attributes {
    /** Next hop; nothing when it is the neighbor that sent the path. */
    readonly nextHop: Address | undefined;
    /** Whether an IPv6 path carries the neighbor's link-local address, to which packets are then sent (RFC 2545 §3). */
    readonly linkLocal: boolean;
    readonly asPath: readonly Asn[];
    /** Origin: a `network` statement, Cilium and Calico give IGP, redistribution gives incomplete. */
    readonly origin: "igp" | "incomplete";
    readonly localPreference: number;
    /** Metric; a path without one counts as 0. */
    readonly med: number;
    /** BGP identifier, as hexadecimal digits, of the speaker that brought the path into the AS, once it was reflected. */
    readonly originator: string | undefined;
    /** Clusters that the path was reflected through, the last one first. */
    readonly clusters: readonly Address[];
    /** Of an own path, whether it may be used: `network` wants a route to the very prefix. */
    readonly usable: boolean;
}

/** A path that a speaker may choose. */
export interface Candidate {
    readonly attributes: Attributes;
    /** Session by which it came; nothing for an own path. */
    readonly peer: Peer | undefined;
}

/** Local preference of a path that nobody gave another (FRR, BIRD and GoBGP). */
export const defaultLocalPreference = 100;

/** What is the same in every path of the speaker that brings it up. */
export const ownAttributes: Omit<Attributes, "nextHop" | "origin"> = {
    originator: undefined,
    linkLocal: false,
    asPath: [],
    localPreference: defaultLocalPreference,
    med: 0,
    clusters: [],
    usable: true,
};

/** The address that stands for a speaker that forwards a path's packets by its own tables. */
export function isUnspecified(address: Address): boolean {
    return address === "0.0.0.0" || address === "::";
}

/** Whether two values say the same. */
export function sameAttributes(a: Attributes | undefined, b: Attributes | undefined): boolean {
    if (a === b || a === undefined || b === undefined) {
        return a === b;
    }
    return (
        a.nextHop === b.nextHop &&
        a.linkLocal === b.linkLocal &&
        a.origin === b.origin &&
        a.localPreference === b.localPreference &&
        a.med === b.med &&
        a.originator === b.originator &&
        a.usable === b.usable &&
        sameList(a.asPath, b.asPath) &&
        sameList(a.clusters, b.clusters)
    );
}

/** Whether two lists have the same entries in the same order. */
export function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
    return a === b || (a.length === b.length && a.every((entry, place) => entry === b[place]));
}
