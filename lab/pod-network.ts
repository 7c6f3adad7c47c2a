/** The network of a Pod that is a router: the pair of interfaces to its node, and the routes at both ends of it. */

import { addressOf, familyOf, hostPrefix, networkOf } from "./address";
import type { Family, Interface, InterfaceAddress, Prefix, Segment, StaticRoute } from "./model";
import { podPort } from "./pods";

/** Longest name of an interface in bytes (Linux IFNAMSIZ, without its closing zero). */
const longestName = 15;

const everything: Readonly<Record<Family, Prefix>> = { ipv4: "0.0.0.0/0", ipv6: "::/0" };

/** Bytes of a packet on a Pod's link. */
const mtu = 1500;

/**
 * Name of a node's interface to a Pod: as much of the Pod's name as fits behind `lxc-`, from its end, where the replicas of
 * a Deployment differ. Cilium gives random names that begin alike.
 */
export function podLinkPort(pod: string): string {
    const prefix = "lxc-";
    return prefix + pod.slice(-(longestName - prefix.length)).replace(/^-+/, "");
}

/** The segment between a Pod and its node; it has the Pod's name. A Pod is on no subnet but its own address. */
export function podLink(addresses: readonly InterfaceAddress[]): Segment {
    return { kind: "pod-link", subnets: addresses.map(networkOf), mtu };
}

/** The Pod's end of its link. */
export function podEnd(pod: string, addresses: readonly InterfaceAddress[]): Interface {
    return { name: podPort, attachment: { kind: "segment", segment: pod }, addresses };
}

/** The node's end of a Pod's link, which has no address of its own. */
export function nodeEnd(pod: string): Interface {
    return { name: podLinkPort(pod), attachment: { kind: "segment", segment: pod }, addresses: [] };
}

/**
 * What the Pod's network gives the Pod: everything leads to the node's address in the pod range, and that is behind the
 * Pod's only interface.
 *
 * @param node the node's addresses in the pod range, at most one per family
 */
export function podRoutes(node: readonly InterfaceAddress[]): readonly StaticRoute[] {
    return node.map(addressOf).flatMap((address): StaticRoute[] => [
        { prefix: hostPrefix(address), via: { kind: "interface", interface: podPort } },
        { prefix: everything[familyOf(address)], via: { kind: "address", address } },
    ]);
}

/** The node's routes to a Pod. */
export function routesToPod(pod: string, addresses: readonly InterfaceAddress[]): readonly StaticRoute[] {
    return addresses.map((address) => ({
        prefix: networkOf(address),
        via: { kind: "interface", interface: podLinkPort(pod) },
    }));
}
