import { contains, familyName, familyOf, prefixesOf } from "../../lab/address";
import type { AddressRange, Prefix } from "../../lab/model";
import { prefixes } from "../parameters";
import { plannedNetworks, type Use } from "./plan";
import { organisationPolicy } from "./policy";

const readable: Readonly<Record<Use, string>> = {
    pods: "pods",
    services: "services of the cluster",
    nodes: "the node network",
    links: "links and bridges",
    pools: "load-balancer addresses",
    loopbacks: "loopbacks",
};

/** The plan lies in the address space that the organisation gave to labs. */
export const allowedAddressSpace = organisationPolicy({
    id: "ORG-ADR-001",
    name: "allowed-address-space",
    description: "Networks, pools and loopbacks lie in the organisation's address space for them.",
    severity: "high",
    source: "RFC 1918; RFC 4193",
    remediation: "Move the network into the space for its use, or ask for more space.",
    parameters: {
        all: prefixes(
            "Space for every use that has none of its own. What has no prefix of its address family is not allowed.",
        ),
        pods: prefixes("Space of pod CIDRs."),
        services: prefixes("Space of service CIDRs."),
        nodes: prefixes("Space of the node network."),
        links: prefixes("Space of links and other bridges."),
        pools: prefixes("Space of load-balancer pools."),
        loopbacks: prefixes("Space of loopback addresses."),
    },
    *check(lab, { all, ...own }) {
        for (const { use, block, what, place } of plannedNetworks(lab)) {
            const space = own[use] ?? all;
            if (space === undefined || prefixesOf(block).every((part) => space.some((each) => contains(each, part)))) {
                continue;
            }
            yield {
                at: place,
                says: `${what} is outside the organisation's space for ${readable[use]}`,
                fix: wayIn(space, block),
            };
        }
    },
});

function wayIn(space: readonly Prefix[], block: Prefix | AddressRange): string {
    const own = space.filter((each) => familyOf(each) === familyOf(block));
    return own.length === 0
        ? `remove it, or ask for ${familyName(familyOf(block))} space: there is none for this use`
        : `move it into ${own.join(" or ")}`;
}
