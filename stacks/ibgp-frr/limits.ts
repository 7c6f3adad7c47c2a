/** What keeps well-formed parameters from being planned. */

import { familyBits, sizeOf, subnetCount } from "../../lab/address";
import { firstPod } from "../planning/pods";
import type { Limit } from "../topology";
import { beforeWorkers, controlPlaneNumber, guestNumber } from "./names";
import type { IbgpFrr } from "./parameters";

/** Parameters that leave too little room for what they must hold. */
export function limits(parameters: IbgpFrr): readonly Limit[] {
    return [...nodeLimit(parameters), ...clientLimit(parameters), ...podLimits(parameters)];
}

/** The last address of the nodes' network is the broadcast's, the one before it may be a gateway's. */
function nodeLimit({ nodeSubnet, workers }: IbgpFrr): Limit[] {
    const needed = Math.max(beforeWorkers + workers, controlPlaneNumber) + 3;
    return sizeOf(nodeSubnet) >= needed
        ? []
        : [
              {
                  id: "ADR-CAP-004",
                  source: "RFC 4632 §3.1",
                  at: ["nodeSubnet"],
                  with: [["workers"]],
                  says: `${nodeSubnet} has ${sizeOf(nodeSubnet)} addresses, but the last worker has number ${beforeWorkers + workers}`,
                  fix: "widen the node subnet, or reduce workers",
              },
          ];
}

function clientLimit({ clientSubnet }: IbgpFrr): Limit[] {
    return sizeOf(clientSubnet) > guestNumber + 1
        ? []
        : [
              {
                  id: "ADR-CAP-005",
                  source: "RFC 4632 §3.1",
                  at: ["clientSubnet"],
                  says: `${clientSubnet} has ${sizeOf(clientSubnet)} addresses, but the client has number ${guestNumber}`,
                  fix: "use a /24 or a shorter mask",
              },
          ];
}

function podLimits({ podCidr, nodeMask, workers, replicas }: IbgpFrr): Limit[] {
    const slices = subnetCount(podCidr, nodeMask);
    if (slices < workers + 1) {
        return [
            {
                id: "ADR-CAP-002",
                source: "kubernetes: node IPAM controller",
                at: ["podCidr"],
                with: [["nodeMask"], ["workers"]],
                says: `${podCidr} has room for ${slices} node slices of /${nodeMask}, but the lab has ${workers + 1} nodes`,
                fix: "widen the pod CIDR, use a longer node mask, or reduce workers",
            },
        ];
    }
    const perNode = Math.ceil(replicas / workers);
    const room = 2 ** (familyBits("ipv4") - nodeMask) - firstPod - 1;
    return room >= perNode
        ? []
        : [
              {
                  id: "ADR-CAP-003",
                  source: "RFC 4632 §3.1",
                  at: ["nodeMask"],
                  with: [["replicas"]],
                  says: `a node's slice of /${nodeMask} has room for ${Math.max(room, 0)} pods from its address ${firstPod} on, but ${perNode} are planned`,
                  fix: "use a shorter node mask, or reduce replicas",
              },
          ];
}
