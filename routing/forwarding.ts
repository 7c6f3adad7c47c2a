/** What one routing instance does with a packet: deliver it, drop it, or send it on. */

import { addressOf } from "../lab/address";
import type { Address, Prefix } from "../lab/model";
import type { FibRoute, NextHop } from "./prediction";
import { keyOf, ownAddresses, type Place, portOf } from "./tables";

/** Finds the most specific route of a place to an address. */
export type Lookup = (key: string, address: Address) => readonly [Prefix, FibRoute] | undefined;

/** The places of a lab with their tables, and who is on its links. */
export interface Forwarder {
    readonly places: ReadonlyMap<string, Place>;
    readonly lookup: Lookup;
    /** The place that has an address on a segment. */
    readonly onSegment: (segment: string, address: Address) => Place | undefined;
    readonly owns: (place: Place, address: Address) => boolean;
    /** The same lab with other tables, and with other interfaces down at some places, which are given by their keys. */
    readonly changed: (places: ReadonlyMap<string, Place>, lookup: Lookup) => Forwarder;
}

/** What happens to a packet at a place. */
export type Step =
    | { readonly kind: "delivered" | "no-route" }
    | { readonly kind: "blackhole"; readonly prefix: Prefix }
    | { readonly kind: "forwarded"; readonly prefix: Prefix; readonly branches: readonly Branch[] };

/** One of the next hops by which a packet may go on. */
export interface Branch {
    readonly nextHop: NextHop;
    /** Who takes the packet; nothing when nobody answers at the next hop. */
    readonly to?: Place;
}

/** Prepares places for following packets through given tables. */
export function newForwarder(all: readonly Place[], lookup: Lookup): Forwarder {
    const own = new Map(all.map((place) => [place.key, ownAddresses(place)]));
    return forwarderOver(new Map(all.map((place) => [place.key, place])), own, portsBySegment(all), lookup);
}

/**
 * A port with an address on a segment. One without addresses of its own answers for all of its device's, as Cilium's end
 * of a Pod's link does.
 */
interface Attached {
    readonly key: string;
    readonly port: string;
}

type Segments = ReadonlyMap<string, ReadonlyMap<Address, readonly Attached[]>>;

/** What does not change with the interfaces that are down is shared. */
function forwarderOver(
    places: Forwarder["places"],
    own: ReadonlyMap<string, ReadonlySet<Address>>,
    segments: Segments,
    lookup: Lookup,
): Forwarder {
    return {
        places,
        lookup,
        onSegment: (segment, address) => {
            const attached = segments.get(segment)?.get(address);
            const present = attached?.findLast(({ key, port }) => !places.get(key)!.down.has(port));
            return present === undefined ? undefined : places.get(present.key);
        },
        owns: ({ key }, address) => own.get(key)?.has(address) === true,
        changed: (some, others) => forwarderOver(new Map([...places, ...some]), own, segments, others),
    };
}

function portsBySegment(all: readonly Place[]): Segments {
    const segments = new Map<string, Map<Address, Attached[]>>();
    for (const { key, interfaces } of all) {
        const own = interfaces.flatMap(({ addresses }) => addresses);
        for (const { name, attachment, addresses } of interfaces) {
            if (attachment.kind === "segment") {
                const present = segments.get(attachment.segment) ?? new Map<Address, Attached[]>();
                segments.set(attachment.segment, present);
                for (const address of (addresses.length > 0 ? addresses : own).map(addressOf)) {
                    present.set(address, [...(present.get(address) ?? []), { key, port: name }]);
                }
            }
        }
    }
    return segments;
}

/** What a place does with a packet to an address. */
export function step(forwarder: Forwarder, place: Place, address: Address): Step {
    if (forwarder.owns(place, address)) {
        return { kind: "delivered" };
    }
    const [prefix, route] = forwarder.lookup(place.key, address) ?? [];
    if (prefix === undefined || route === undefined) {
        return { kind: "no-route" };
    }
    if (route.blackhole) {
        return { kind: "blackhole", prefix };
    }
    const branches = route.nextHops.map((nextHop) => branch(forwarder, place, nextHop, address));
    return { kind: "forwarded", prefix, branches };
}

function branch(forwarder: Forwarder, place: Place, nextHop: NextHop, address: Address): Branch {
    const to = place.vrfs.has(nextHop.dev)
        ? forwarder.places.get(keyOf(place.device, nextHop.dev))
        : onLink(forwarder, place, nextHop, address);
    return { nextHop, ...(to === undefined ? {} : { to }) };
}

function onLink(forwarder: Forwarder, place: Place, { via, dev }: NextHop, address: Address): Place | undefined {
    const attachment = place.down.has(dev) ? undefined : portOf(place, dev)?.attachment;
    return attachment?.kind === "segment" ? forwarder.onSegment(attachment.segment, via ?? address) : undefined;
}

/** How a packet from a place to an address fares on the first of its ways that fails, or on all of them. */
export type Passage =
    | { readonly kind: "delivered"; readonly at: Place /** Links crossed on the longest way. */; readonly hops: number }
    | { readonly kind: "lost"; readonly reason: string };

/** Hops after which a packet is given up (TTL of Linux). */
const mostHops = 64;

/** Follows all ways of a packet. */
export function passage(forwarder: Forwarder, from: Place, address: Address, hops = 0): Passage {
    const taken = step(forwarder, from, address);
    const { device } = from;
    switch (taken.kind) {
        case "delivered":
            return { kind: "delivered", at: from, hops };
        case "no-route":
            return { kind: "lost", reason: `${device} has no route to ${address}` };
        case "blackhole":
            return { kind: "lost", reason: `${device} discards what goes to ${address}` };
        case "forwarded":
            return hops >= mostHops
                ? { kind: "lost", reason: `packets to ${address} come back to ${device}` }
                : allBranches(forwarder, from, address, taken.branches, hops);
    }
}

function allBranches(
    forwarder: Forwarder,
    from: Place,
    address: Address,
    branches: readonly Branch[],
    hops: number,
): Passage {
    let longest: Passage | undefined;
    for (const { nextHop, to } of branches) {
        if (to === undefined) {
            const gateway = nextHop.via ?? address;
            return { kind: "lost", reason: `nobody answers at ${gateway} on ${from.device} ${nextHop.dev}` };
        }
        const further = passage(forwarder, to, address, hops + 1);
        if (further.kind === "lost") {
            return further;
        }
        longest = longest?.kind === "delivered" && longest.hops >= further.hops ? longest : further;
    }
    return longest ?? { kind: "lost", reason: `${from.device} has no route to ${address}` };
}
