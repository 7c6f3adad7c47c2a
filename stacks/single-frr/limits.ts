/** What keeps well-formed parameters from being planned. */

import { familyBits, familyOf, subnetCount } from "../../lab/address";
import type { Prefix } from "../../lab/model";
import { asnLimit, clientLimit, maskOf, nodeLimit, sliceLimit } from "../planning/limits";
import { linkMask, nodeMask } from "../planning/masks";
import { firstPod } from "../planning/pods";
import type { Limit } from "../topology";
import { podWorkers, type SingleFrr } from "./parameters";

/** Parameters that leave too little room for the nodes or pods they must hold. */
export function limits(parameters: SingleFrr): readonly Limit[] {
    const nodes = parameters.workers + 1;
    const perNode = parameters.replicas / podWorkers(parameters);
    return [
        ...parameters.linkPools.flatMap((pool, index) => linkLimit(parameters, pool, index, nodes)),
        ...parameters.podCidrs.flatMap((cidr, index) => podLimit(parameters, cidr, index, nodes, perNode)),
        ...parameters.nodeSubnets.flatMap((network, index) => nodeLimit(network, index, nodes)),
        ...parameters.clientSubnets.flatMap((network, index) => clientLimit(network, index)),
        ...asnLimit(parameters.nodeAsn, nodes, `node ${nodes}`),
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
    const slices = sliceLimit(cidr, index, mask, nodes);
    if (slices.length > 0) {
        return slices;
    }
    const room = (1n << BigInt(familyBits(familyOf(cidr)) - mask)) - BigInt(firstPod) - 1n;
    return room >= perNode
        ? []
        : [
              {
                  id: "ADR-CAP-003",
                  source: "RFC 4632 §3.1",
                  at: maskOf(cidr),
                  with: [["replicas"]],
                  says: `a node's slice of /${mask} has room for ${room < 0n ? 0n : room} pods from its address ${firstPod} on, but ${perNode} are planned`,
                  fix: "use a shorter node mask, or reduce replicas",
              },
          ];
}
