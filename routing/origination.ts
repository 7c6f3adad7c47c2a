/** What speakers originate: redistributed and announced networks of routers, pods and services of nodes. */

import { contains, familyOf, hostPrefix } from "../lab/address";
import type { Address, Lab, Prefix, Router } from "../lab/model";
import { advertisedPodCidrs, advertisedServiceAddresses } from "../lab/services";
import type { Candidate } from "./decision";
import type { FibRoute } from "./prediction";
import type { Fib } from "./tables";

/** Networks that zebra never redistributes (`zebra_check_addr`): loopback, multicast and link-local ones. */
const neverRedistributed: readonly Prefix[] = ["127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/10"];

/** A router's own paths, given its forwarding table without them. */
export function originatedByRouter(router: Router, fib: Fib): ReadonlyMap<Prefix, readonly Candidate[]> {
    const own = new Map<Prefix, Candidate[]>();
    const add = (prefix: Prefix, path: Candidate) => own.set(prefix, [...(own.get(prefix) ?? []), path]);
    for (const prefix of router.bgp.families.flatMap(({ networks }) => networks)) {
        // `bgp network import-check`: the path is used while the router has a route to that very prefix, not from BGP.
        const route = fib.get(prefix);
        const valid = route !== undefined && route.protocol !== "bgp";
        add(prefix, { ...ownPath(unspecified(prefix), "igp"), valid });
    }
    for (const [prefix, route] of fib) {
        if (redistributes(router, prefix, route)) {
            add(prefix, ownPath(route.nextHops[0]?.via ?? unspecified(prefix), "incomplete"));
        }
    }
    return own;
}

/** A node's own paths: what Cilium's control plane puts into its speaker. */
export function originatedByNode(lab: Lab, node: string): ReadonlyMap<Prefix, readonly Candidate[]> {
    const addresses = advertisedServiceAddresses(lab, node, "cilium").map(({ address }) => hostPrefix(address));
    const prefixes = [...advertisedPodCidrs(lab, node, "cilium"), ...addresses];
    return new Map(prefixes.map((prefix) => [prefix, [ownPath(unspecified(prefix), "igp")]]));
}

function redistributes(router: Router, prefix: Prefix, { protocol }: FibRoute): boolean {
    const family = router.bgp.families.find((entry) => entry.family === familyOf(prefix));
    return (
        protocol !== "bgp" &&
        family !== undefined &&
        family.redistribute.includes(protocol) &&
        !neverRedistributed.some((network) => contains(network, prefix))
    );
}

function ownPath(nextHop: Address, origin: Candidate["origin"]): Candidate {
    return { nextHop, gateway: nextHop, asPath: [], origin, source: { kind: "local" }, valid: true };
}

function unspecified(prefix: Prefix): Address {
    return familyOf(prefix) === "ipv4" ? "0.0.0.0" : "::";
}
