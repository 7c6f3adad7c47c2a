/** What keeps well-formed parameters from being planned. */

import { familyBits, familyOf, sizeOf, subnetCount } from "../../lab/address";
import { largestAsn } from "../../lab/asn";
import type { Prefix } from "../../lab/model";
import type { Path } from "../../lab/path";
import { firstPod } from "../planning/pods";
import type { Limit } from "../topology";
import { linkMask, nodeMask, podWorkers, type SingleFrr } from "./parameters";

/** Parameters that leave too little room for the nodes or pods they must hold. */
export function limits(parameters: SingleFrr): readonly Limit[] {
    const nodes = parameters.workers + 1;
    const perNode = parameters.replicas / podWorkers(parameters);
    return [
        ...parameters.linkPools.flatMap((pool, index) => linkLimit(parameters, pool, index, nodes)),
        ...parameters.podCidrs.flatMap((cidr, index) => podLimit(parameters, cidr, index, nodes, perNode)),
        ...parameters.nodeSubnets.flatMap((network, index) => nodeLimit(network, index, nodes)),
        ...parameters.clientSubnets.flatMap((network, index) => clientLimit(network, index)),
        ...asnLimit(parameters, nodes),
    ];
}

/** Subnet 0 of a link pool stays free, so that the number of a node is the number of its link. */
function linkLimit(parameters: SingleFrr, pool: Prefix, index: number, nodes: number): Limit[] {
    const mask = linkMask(parameters, familyOf(pool));
    const usable = subnetCount(pool, mask) - 1n;
    return usable >= nodes
        ? []
        : [
              {
                  id: "ADR-CAP-001",
                  source: "RFC 4632 §3.1",
                  at: ["linkPools", index],
                  with: [["workers"], [familyOf(pool) === "ipv4" ? "linkMask" : "linkMask6"]],
                  says: `${pool} has room for ${usable < 0n ? 0n : usable} links of /${mask} beside the first, but the lab has ${nodes} nodes`,
                  fix: `widen the link pool, use longer link masks, or reduce workers`,
              },
          ];
}

function podLimit(parameters: SingleFrr, cidr: Prefix, index: number, nodes: number, perNode: number): Limit[] {
    const mask = nodeMask(parameters, familyOf(cidr));
    const slices = subnetCount(cidr, mask);
    const maskPath: Path = [familyOf(cidr) === "ipv4" ? "nodeMask" : "nodeMask6"];
    if (slices < nodes) {
        return [
            {
                id: "ADR-CAP-002",
                source: "kubernetes: node IPAM controller",
                at: ["podCidrs", index],
                with: [["workers"], maskPath],
                says: `${cidr} has room for ${slices} node slices of /${mask}, but the lab has ${nodes} nodes`,
                fix: "widen the pod CIDR, use a longer node mask, or reduce workers",
            },
        ];
    }
    const room = (1n << BigInt(familyBits(familyOf(cidr)) - mask)) - BigInt(firstPod) - 1n;
    return room >= perNode
        ? []
        : [
              {
                  id: "ADR-CAP-003",
                  source: "RFC 4632 §3.1",
                  at: maskPath,
                  with: [["replicas"]],
                  says: `a node's slice of /${mask} has room for ${room < 0n ? 0n : room} pods from its address ${firstPod} on, but ${perNode} are planned`,
                  fix: "use a shorter node mask, or reduce replicas",
              },
          ];
}

/** The first address belongs to the gateway, the last one of IPv4 is the broadcast address. */
function nodeLimit(network: Prefix, index: number, nodes: number): Limit[] {
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

function clientLimit(network: Prefix, index: number): Limit[] {
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

function asnLimit({ nodeAsn }: SingleFrr, nodes: number): Limit[] {
    const last = nodeAsn + nodes - 1;
    return last <= largestAsn
        ? []
        : [
              {
                  id: "BGP-ASN-004",
                  source: "RFC 6793",
                  at: ["nodeAsn"],
                  with: [["workers"]],
                  says: `counting up from AS ${nodeAsn}, node ${nodes} would have AS ${last}, which has more than 32 bits`,
                  fix: `use ${largestAsn - nodes + 1} or less`,
              },
          ];
}
