/** What keeps well-formed parameters from being planned. */

import { familyBits, familyOf, sizeOf, subnetCount } from "../../lab/address";
import type { Prefix } from "../../lab/model";
import { asnLimit, clientLimit, maskOf, nodeLimit, sliceLimit } from "../planning/limits";
import { linkMask, nodeMask } from "../planning/masks";
import { firstPod } from "../planning/pods";
import type { Limit } from "../topology";
import { firstGateway, nodeNumber } from "./names";
import type { PodGateway } from "./parameters";

/** Parameters that leave too little room for what they must hold, or name nodes that there are not. */
export function limits(parameters: PodGateway): readonly Limit[] {
    return [
        ...parameters.gateways.flatMap((node, index) => placeLimit(parameters, node, index)),
        ...parameters.linkPools.flatMap((pool, index) => linkLimit(parameters, pool, index)),
        ...parameters.podCidrs.flatMap((cidr, index) => podLimits(parameters, cidr, index)),
        ...parameters.nodeSubnets.flatMap((network, index) => nodeLimit(network, index, parameters.workers + 1)),
        ...parameters.clientSubnets.flatMap((network, index) => clientLimit(network, index)),
        ...replicaLimit(parameters),
        ...identifierLimit(parameters),
        ...asnLimit(parameters.nodeAsn, parameters.workers + 1, `node ${parameters.workers}`),
    ];
}

function placeLimit({ workers }: PodGateway, node: number, index: number): Limit[] {
    return node <= workers
        ? []
        : [
              {
                  id: "ADR-CAP-008",
                  source: "docs/pod-gateway.md",
                  at: ["gateways", index],
                  with: [["workers"]],
                  says: `there is no node ${node}: the nodes are 0, the control plane, to ${workers}`,
                  fix: `use a number from 0 to ${workers}, or raise workers`,
              },
          ];
}

function linkLimit(parameters: PodGateway, pool: Prefix, index: number): Limit[] {
    const mask = linkMask(parameters, familyOf(pool));
    const [usable, nodes] = [subnetCount(pool, mask), parameters.workers + 1];
    return usable >= nodes
        ? []
        : [
              {
                  id: "ADR-CAP-001",
                  source: "RFC 4632 §3.1",
                  at: ["linkPools", index],
                  with: [["workers"], [familyOf(pool) === "ipv4" ? "linkMask" : "linkMask6"]],
                  says: `${pool} has room for ${usable} links of /${mask}, but the lab has ${nodes} nodes`,
                  fix: "widen the link pool, use longer link masks, or reduce workers",
              },
          ];
}

function podLimits(parameters: PodGateway, cidr: Prefix, index: number): Limit[] {
    const mask = nodeMask(parameters, familyOf(cidr));
    const slices = sliceLimit(cidr, index, mask, parameters.workers + 1);
    if (slices.length > 0) {
        return slices;
    }
    return gatewayRoom(parameters, cidr, mask).map((limit) => ({
        id: "ADR-CAP-003",
        source: "RFC 4632 §3.1",
        at: maskOf(cidr),
        ...limit,
    }));
}

type Room = Pick<Limit, "with" | "says" | "fix">;

/** The last address of an IPv4 slice stays free, as every CNI leaves it. */
function gatewayRoom({ gateways }: PodGateway, cidr: Prefix, mask: number): Room[] {
    const most = Math.max(0, ...gateways.map((node) => gateways.filter((other) => other === node).length));
    const last = firstGateway + most - 1;
    return 1n << BigInt(familyBits(familyOf(cidr)) - mask) >= last + 2
        ? []
        : [
              {
                  with: [["gateways"]],
                  says: `a node's slice of /${mask} has no address ${last}, which its last forwarding Pod would have`,
                  fix: "use a shorter node mask, or fewer gateways on one node",
              },
          ];
}

/** Pods of the workload have the addresses before that of their node, whatever else fits into its slice. */
function replicaLimit({ replicas, workers }: PodGateway): Limit[] {
    const perNode = Math.ceil(replicas / (workers + 1));
    const room = nodeNumber - firstPod;
    return room >= perNode
        ? []
        : [
              {
                  id: "ADR-CAP-003",
                  source: "RFC 4632 §3.1",
                  at: ["replicas"],
                  with: [["workers"]],
                  says: `a node has room for ${room} pods from the address ${firstPod} of its slice to ${nodeNumber - 1}, but ${perNode} are planned`,
                  fix: "reduce replicas, or raise workers",
              },
          ];
}

/** Forwarding Pods have identifiers from the first address on, the rogue Pod the last one before the broadcast address. */
function identifierLimit({ podRouterIds, gateways, hijacks }: PodGateway): Limit[] {
    const rogues = hijacks.length === 0 ? 0 : 1;
    const pods = gateways.length + rogues;
    return sizeOf(podRouterIds) >= pods + rogues
        ? []
        : [
              {
                  id: "ADR-CAP-009",
                  source: "RFC 6286",
                  at: ["podRouterIds"],
                  with: [["gateways"], ["hijacks"]],
                  says: `${podRouterIds} is too small to give each of ${pods} Pods an identifier`,
                  fix: "use a shorter mask, or fewer gateways",
              },
          ];
}
