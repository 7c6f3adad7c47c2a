/** What frr.conf of a router in a Pod says in place of what the Pod only learns when it starts. */

import { addressOf, familyOf } from "../lab/address";
import type { Address, Family, Lab, Router } from "../lab/model";
import { nodePort } from "../lab/pods";

/** Stands for the address of a Pod's node in a family: the one to which the Pod's default route leads. */
function nodePlaceholder(family: Family): string {
    return `{{node-${family}}}`;
}

/** The placeholders of a router's frr.conf by the addresses for which they stand; none for a router that is no Pod. */
export function nodePlaceholders({ cluster }: Lab, { pod }: Pick<Router, "pod">): ReadonlyMap<Address, string> {
    const ports = pod === undefined ? [] : (cluster.nodes[pod.node]?.interfaces ?? []);
    const addresses = ports.filter(({ name }) => name === nodePort).flatMap((port) => port.addresses.map(addressOf));
    return new Map(addresses.map((address) => [address, nodePlaceholder(familyOf(address))]));
}
