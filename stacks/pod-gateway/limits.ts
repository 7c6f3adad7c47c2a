/** What keeps well-formed parameters from being planned. */

import { familyBits, familyOf, sizeOf, subnetCount } from "../../lab/address";
import { largestAsn } from "../../lab/asn";
import type { Prefix } from "../../lab/model";
import { firstPod } from "../planning/pods";
import type { Limit } from "../topology";
import { firstGateway, nodeNumber } from "./names";
import { linkMask, nodeMask, type PodGateway } from "./parameters";

/** Parameters that leave too little room for what they must hold, or name nodes that there are not. */
export function limits(parameters: PodGateway): readonly Limit[] {
    return [
        ...parameters.gateways.flatMap((node, index) => placeLimit(parameters, node, index)),
        ...parameters.linkPools.flatMap((pool, index) => linkLimit(parameters, pool, index)),
        ...parameters.podCidrs.flatMap((cidr, index) => podLimits(parameters, cidr, index)),
        ...parameters.nodeSubnets.flatMap((network, index) => nodeLimit(parameters, network, index)),
        ...parameters.clientSubnets.flatMap((network, index) => clientLimit(network, index)),
        ...replicaLimit(parameters),
        ...identifierLimit(parameters),
        ...asnLimit(parameters),
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
    const maskPath = [familyOf(cidr) === "ipv4" ? "nodeMask" : "nodeMask6"];
    const [slices, nodes] = [subnetCount(cidr, mask), parameters.workers + 1];
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
    return gatewayRoom(parameters, cidr, mask).map((limit) => ({
        id: "ADR-CAP-003",
        source: "RFC 4632 §3.1",
        at: maskPath,
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

/** The first address belongs to the gateway, the last one of IPv4 is the broadcast address. */
function nodeLimit({ workers }: PodGateway, network: Prefix, index: number): Limit[] {
    const [usable, nodes] = [sizeOf(network) - 3n, workers + 1];
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

function identifierLimit({ podRouterIds, gateways, hijacks }: PodGateway): Limit[] {
    const pods = gateways.length + (hijacks.length === 0 ? 0 : 2);
    return sizeOf(podRouterIds) >= pods
        ? []
        : [
              {
                  id: "ADR-CAP-009",
                  source: "RFC 6286",
                  at: ["podRouterIds"],
                  with: [["gateways"], ["hijacks"]],
                  says: `${podRouterIds} has ${sizeOf(podRouterIds)} addresses, but ${pods} Pods need an identifier each`,
                  fix: "use a shorter mask, or fewer gateways",
              },
          ];
}

function asnLimit({ nodeAsn, workers }: PodGateway): Limit[] {
    const last = nodeAsn + workers;
    return last <= largestAsn
        ? []
        : [
              {
                  id: "BGP-ASN-004",
                  source: "RFC 6793",
                  at: ["nodeAsn"],
                  with: [["workers"]],
                  says: `counting up from AS ${nodeAsn}, node ${workers} would have AS ${last}, which has more than 32 bits`,
                  fix: `use ${largestAsn - workers} or less`,
              },
          ];
}
