/** What parameters that several topologies share must have room for. */

import { familyBits, familyOf, sizeOf, subnetCount } from "../../lab/address";
import { largestAsn } from "../../lab/asn";
import type { Asn, Prefix } from "../../lab/model";
import type { Path } from "../../lab/path";
import type { Limit } from "../topology";

/** The parameter that gives the length of a node's slice of a pod CIDR. */
export function maskOf(cidr: Prefix): Path {
    return [familyOf(cidr) === "ipv4" ? "nodeMask" : "nodeMask6"];
}

/** Each node has a slice of a pod CIDR, which is parameter `podCidrs` at an index. */
export function sliceLimit(cidr: Prefix, index: number, mask: number, nodes: number): Limit[] {
    const slices = subnetCount(cidr, mask);
    return slices >= nodes
        ? []
        : [
              {
                  id: "ADR-CAP-002",
                  source: "kubernetes: node IPAM controller",
                  at: ["podCidrs", index],
                  with: [["workers"], maskOf(cidr)],
                  says: `${cidr} has room for ${slices} node slices of /${mask}, but the lab has ${nodes} nodes`,
                  fix: "widen the pod CIDR, use a longer node mask, or reduce workers",
              },
          ];
}

/** The first address belongs to the gateway, the last one of IPv4 is the broadcast address. */
export function nodeLimit(network: Prefix, index: number, nodes: number): Limit[] {
    const usable = sizeOf(network) - 3n;
    return usable >= nodes
        ? []
        : [
              {
                  id: "ADR-CAP-004",
                  source: "RFC 4632 §3.1",
                  at: ["nodeSubnets", index],
                  with: [["workers"]],
                  says: `${network} has room for ${usable < 0n ? 0n : usable} nodes beside its gateway, but the lab has ${nodes}`,
                  fix: "widen the node subnet, or reduce workers",
              },
          ];
}

/** The link to the client has an address for each end. */
export function clientLimit(network: Prefix, index: number): Limit[] {
    return sizeOf(network) >= 2n
        ? []
        : [
              {
                  id: "ADR-CAP-005",
                  source: "RFC 3021; RFC 6164",
                  at: ["clientSubnets", index],
                  says: `${network} has one address, but the router and the client need one each`,
                  fix: `use a /${familyBits(familyOf(network)) - 1} or a shorter mask`,
              },
          ];
}

/**
 * The nodes' AS numbers count up from the first one.
 *
 * @param last how the last node is called
 */
export function asnLimit(nodeAsn: Asn, nodes: number, last: string): Limit[] {
    const highest = nodeAsn + nodes - 1;
    return highest <= largestAsn
        ? []
        : [
              {
                  id: "BGP-ASN-004",
                  source: "RFC 6793",
                  at: ["nodeAsn"],
                  with: [["workers"]],
                  says: `counting up from AS ${nodeAsn}, ${last} would have AS ${highest}, which has more than 32 bits`,
                  fix: `use ${largestAsn - nodes + 1} or less`,
              },
          ];
}
