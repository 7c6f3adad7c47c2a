/** Segments, interfaces on them, and routes out of them. */

import { addressOf, familyOf, nthInterfaceAddress, sizeOf } from "../../lab/address";
import type { Address, Family, Host, Interface, InterfaceAddress, Prefix, Segment, StaticRoute } from "../../lab/model";

/** Families in the order in which plans list them. */
export const families: readonly Family[] = ["ipv4", "ipv6"];

/** Every address of a family. */
export const everything: Readonly<Record<Family, Prefix>> = { ipv4: "0.0.0.0/0", ipv6: "::/0" };

/** Bytes of a packet on every segment: what Ethernet carries, and Docker sets. */
const mtu = 1500;

/** A cable between two interfaces. */
export function cable(subnets: readonly Prefix[]): Segment {
    return { kind: "point-to-point", subnets, mtu };
}

/** A bridge between any number of interfaces. */
export function bridge(subnets: readonly Prefix[]): Segment {
    return { kind: "bridge", subnets, mtu };
}

/** A subnet with the addresses of its two ends, e.g. a router and a node. */
export interface Link {
    readonly family: Family;
    readonly subnet: Prefix;
    readonly first: InterfaceAddress;
    readonly second: InterfaceAddress;
}

/** The first two usable addresses of a subnet; a subnet of two addresses has no network address (RFC 3021, RFC 6164). */
export function link(network: Prefix): Link {
    const first = sizeOf(network) === 2n ? 0 : 1;
    return {
        family: familyOf(network),
        subnet: network,
        first: nthInterfaceAddress(network, first),
        second: nthInterfaceAddress(network, first + 1),
    };
}

/** An interface on a segment. */
export function onSegment(name: string, segment: string, addresses: readonly InterfaceAddress[]): Interface {
    return { name, attachment: { kind: "segment", segment }, addresses };
}

/** A route by a next hop. */
export function viaAddress(prefix: Prefix, address: Address): StaticRoute {
    return { prefix, via: { kind: "address", address } };
}

/** The link of a family among those of one cable. */
export function linkIn(links: readonly Link[], family: Family): Link {
    return links.find((end) => end.family === family)!;
}

/** A host at the second end of a cable, that sends everything to the first. */
export function hostOn(segment: string, links: readonly Link[]): Host {
    return {
        interfaces: [
            onSegment(
                "net0",
                segment,
                links.map((end) => end.second),
            ),
        ],
        staticRoutes: links.map((end) => viaAddress(everything[end.family], addressOf(end.first))),
    };
}
