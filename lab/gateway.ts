/** The address that a bridge between devices has itself where it needs one: Docker gives each of its networks a gateway. */

import { addressOf, familyOf, firstHost, formatAddress, rangeOf } from "./address";
import { namedDevices } from "./devices";
import type { Address, Lab, Prefix } from "./model";

/**
 * Whether a segment leads out of the lab: that of the nodes, which fetch their images that way, and those by which routers
 * hide what is behind them.
 */
export function isUplink({ cluster, routers }: Lab, segment: string): boolean {
    return (
        segment === cluster.nodeSegment ||
        Object.values(routers).some(({ interfaces, sourceNat = [] }) =>
            interfaces.some(
                ({ name, attachment }) =>
                    attachment.kind === "segment" &&
                    attachment.segment === segment &&
                    sourceNat.some((hidden) => hidden.interface === name),
            ),
        )
    );
}

/**
 * The gateway of the Docker network that stands for a segment, in one of its subnets: on one that leads out the first
 * address, as Docker and kind have it; where that is a device's, as on all others, the last one that is free. Nothing when
 * there is none.
 */
export function bridgeGateway(lab: Lab, segment: string, subnet: Prefix): Address | undefined {
    const taken = addressesBySegment(lab).get(segment) ?? new Set<Address>();
    const isFree = (address: Address) => !taken.has(address);
    const first = isUplink(lab, segment) ? [firstHost(subnet)] : [];
    return [...first, ...lastAddresses(subnet, taken.size + 1)].find(isFree);
}

/** Asked for every segment; a lab never changes, so the answer is kept with it. */
const addressesByLab = new WeakMap<Lab, ReadonlyMap<string, ReadonlySet<Address>>>();

function addressesBySegment(lab: Lab): ReadonlyMap<string, ReadonlySet<Address>> {
    const known = addressesByLab.get(lab) ?? collectAddresses(lab);
    addressesByLab.set(lab, known);
    return known;
}

function collectAddresses(lab: Lab): ReadonlyMap<string, ReadonlySet<Address>> {
    const bySegment = new Map<string, Set<Address>>();
    for (const { attachment, addresses } of namedDevices(lab).flatMap(([, { interfaces }]) => interfaces)) {
        if (attachment.kind === "segment") {
            const taken = bySegment.get(attachment.segment) ?? new Set();
            bySegment.set(attachment.segment, taken);
            for (const text of addresses) {
                taken.add(addressOf(text));
            }
        }
    }
    return bySegment;
}

/**
 * Up to `count` addresses that Docker takes for a gateway, from the end of a subnet. Docker Engine 20.10 refuses the very
 * last address of most IPv6 subnets, but not of all, so that one comes after the others.
 */
function lastAddresses(subnet: Prefix, count: number): readonly Address[] {
    const family = familyOf(subnet);
    const { first, last } = rangeOf(subnet);
    const inner = Array.from({ length: count }, (_, index) => last - 1n - BigInt(index)).filter(
        (value) => value > first,
    );
    const edge = family === "ipv6" && last - first > 1n ? [last] : [];
    return [...inner, ...edge].map((value) => formatAddress(family, value));
}
