/** What keeps well-formed parameters from being planned. */

import { familyBits, lengthOf, sizeOf } from "../../lab/address";
import { firstPod } from "../planning/pods";
import type { Limit } from "../topology";
import { beforeWorkers } from "./names";
import { blockOf, type CalicoMetalLbVrf } from "./parameters";

/** Parameters that leave too little room for what they must hold. */
export function limits(parameters: CalicoMetalLbVrf): readonly Limit[] {
    return [...nodeLimit(parameters), ...clientLimit(parameters), ...blockLimits(parameters)];
}

/** Of the last three addresses one may be a gateway's, one is the router's, and one the broadcast's. */
function nodeLimit({ nodeSubnet, workers }: CalicoMetalLbVrf): Limit[] {
    return sizeOf(nodeSubnet) >= beforeWorkers + workers + 4
        ? []
        : [
              {
                  id: "ADR-CAP-004",
                  source: "RFC 4632 §3.1",
                  at: ["nodeSubnet"],
                  with: [["workers"]],
                  says: `${nodeSubnet} has ${sizeOf(nodeSubnet)} addresses, but the last worker has number ${beforeWorkers + workers}, and the router the last one`,
                  fix: "widen the node subnet, or reduce workers",
              },
          ];
}

function clientLimit({ clientSubnet }: CalicoMetalLbVrf): Limit[] {
    return sizeOf(clientSubnet) >= 4n
        ? []
        : [
              {
                  id: "ADR-CAP-005",
                  source: "RFC 4632 §3.1",
                  at: ["clientSubnet"],
                  says: `${clientSubnet} has no room for the router and the client beside its first and last address`,
                  fix: "use a /30 or a shorter mask",
              },
          ];
}

function blockLimits(parameters: CalicoMetalLbVrf): Limit[] {
    const { blocks, podCidr, blockSize, workers, replicas } = parameters;
    const nodes = workers + 1;
    if (blocks !== undefined && blocks.length !== nodes) {
        return [
            {
                id: "CFG-007",
                source: "docs/configuration.md",
                at: ["blocks"],
                with: [["workers"]],
                says: `the list has ${blocks.length} ${blocks.length === 1 ? "entry" : "entries"}, but the lab has ${nodes} nodes`,
                fix: `list one for each of the nodes, or leave the list out`,
            },
        ];
    }
    if (blockOf(parameters, nodes - 1) === undefined) {
        return [
            {
                id: "ADR-CAP-002",
                source: "Calico documentation, IPPool",
                at: ["podCidr"],
                with: [["blockSize"], ["workers"]],
                says: `${podCidr} has not enough blocks of /${blockSize} for the lab's ${nodes} nodes`,
                fix: "widen the pod CIDR, use smaller blocks, or reduce workers",
            },
        ];
    }
    const perNode = Math.ceil(replicas / workers);
    const length = Math.max(...(blocks ?? []).map(lengthOf), blockSize);
    const room = 2 ** (familyBits("ipv4") - length) - firstPod - 1;
    return room >= perNode
        ? []
        : [
              {
                  id: "ADR-CAP-003",
                  source: "RFC 4632 §3.1",
                  at: blocks === undefined ? ["blockSize"] : ["blocks"],
                  with: [["replicas"]],
                  says: `a node's block of /${length} has room for ${Math.max(room, 0)} pods from its address ${firstPod} on, but ${perNode} are planned`,
                  fix: "use larger blocks, or reduce replicas",
              },
          ];
}
