/** What keeps well-formed parameters from being planned. */

import { familyBits, sizeOf, subnetCount } from "../../lab/address";
import { firstPod } from "../planning/pods";
import type { Limit } from "../topology";
import { firstNode } from "./names";
import { type LeafSpine, largestRacks, rackSubnet } from "./parameters";

/** Parameters that leave too little room for what they must hold. */
export function limits(parameters: LeafSpine): readonly Limit[] {
    return [
        ...listLimit(parameters, "spineAsns", "spines"),
        ...listLimit(parameters, "leafAsns", "racks"),
        ...listLimit(parameters, "rackSubnets", "racks"),
        ...selectorLimit(parameters),
        ...rackLimits(parameters),
        ...linkLimit(parameters),
        ...nodeLimit(parameters),
        ...managementLimit(parameters),
        ...podLimits(parameters),
    ];
}

/** A list that names something for every spine or rack has an entry for each. */
function listLimit(
    parameters: LeafSpine,
    list: "spineAsns" | "leafAsns" | "rackSubnets" | "serviceSelectors",
    count: "spines" | "racks",
): Limit[] {
    const entries: readonly unknown[] | undefined = parameters[list];
    const wanted = parameters[count];
    return entries === undefined || entries.length === wanted
        ? []
        : [
              {
                  id: "CFG-008",
                  source: "docs/configuration.md",
                  at: [list],
                  with: [[count]],
                  says: `the list has ${counted(entries.length, "entry", "entries")}, but the lab has ${counted(wanted, count.slice(0, -1), count)}`,
                  fix: `list one for each of the ${count}, set ${count} to ${entries.length}, or leave the list out`,
              },
          ];
}

/** Racks that have no selector of their own have that of all; selectors of racks that there are not are a mistake. */
function selectorLimit(parameters: LeafSpine): Limit[] {
    const { serviceSelectors, racks } = parameters;
    return serviceSelectors.length <= racks ? [] : listLimit(parameters, "serviceSelectors", "racks");
}

function counted(count: number, one: string, many: string): string {
    return `${count} ${count === 1 ? one : many}`;
}

/** The leaf has address 1, nodes begin at 10, and the last address is the broadcast's. */
function rackLimits(parameters: LeafSpine): Limit[] {
    const needed = firstNode + parameters.nodesPerRack + 1;
    return Array.from({ length: parameters.racks }, (_, rack) => rack).flatMap((rack): Limit[] => {
        const network = rackSubnet(parameters, rack);
        return network === undefined || sizeOf(network) >= needed
            ? []
            : [
                  {
                      id: "ADR-CAP-006",
                      source: "RFC 4632 §3.1",
                      at: ["rackSubnets", rack],
                      with: [["nodesPerRack"]],
                      says: `${network} has ${sizeOf(network)} addresses, but nodes have those from number ${firstNode} on`,
                      fix: `use a /${familyBits("ipv4") - Math.ceil(Math.log2(needed))} or a shorter mask`,
                  },
              ];
    });
}

function linkLimit(parameters: LeafSpine): Limit[] {
    const { spines, racks, linkPool } = parameters;
    const needed = (spines - 1) * largestRacks + racks;
    return linkPool === undefined || subnetCount(linkPool, 31) >= needed
        ? []
        : [
              {
                  id: "ADR-CAP-001",
                  source: "RFC 3021",
                  at: ["linkPool"],
                  with: [["spines"], ["racks"]],
                  says: `${linkPool} has room for ${subnetCount(linkPool, 31)} links of /31, but ${counted(spines, "spine", "spines")} and ${counted(racks, "rack", "racks")} need ${needed}: the links of a spine begin ${largestRacks} after those of the one before`,
                  fix: `use a /${familyBits("ipv4") - 1 - Math.ceil(Math.log2(needed))} or a shorter mask`,
              },
          ];
}

/** The first address belongs to the gateway, the last one is the broadcast's. */
function nodeLimit({ nodeSubnet, racks, nodesPerRack }: LeafSpine): Limit[] {
    const nodes = racks * nodesPerRack;
    const usable = sizeOf(nodeSubnet) - 3n;
    return usable >= nodes
        ? []
        : [
              {
                  id: "ADR-CAP-004",
                  source: "RFC 4632 §3.1",
                  at: ["nodeSubnet"],
                  with: [["racks"], ["nodesPerRack"]],
                  says: `${nodeSubnet} has room for ${usable < 0n ? 0n : usable} nodes beside its gateway, but the lab has ${nodes}`,
                  fix: "widen the node subnet, or reduce racks or nodesPerRack",
              },
          ];
}

function managementLimit({ managementSubnet, spines, racks }: LeafSpine): Limit[] {
    const usable = sizeOf(managementSubnet) - 3n;
    return usable >= spines + racks
        ? []
        : [
              {
                  id: "ADR-CAP-007",
                  source: "RFC 4632 §3.1",
                  at: ["managementSubnet"],
                  with: [["spines"], ["racks"]],
                  says: `${managementSubnet} has room for ${counted(Number(usable < 0n ? 0n : usable), "router", "routers")} beside its gateway, but the lab has ${spines + racks}`,
                  fix: "widen the management subnet, or reduce spines or racks",
              },
          ];
}

function podLimits({ podCidr, nodeMask, racks, nodesPerRack }: LeafSpine): Limit[] {
    const nodes = racks * nodesPerRack;
    const slices = subnetCount(podCidr, nodeMask);
    if (slices < nodes) {
        return [
            {
                id: "ADR-CAP-002",
                source: "kubernetes: node IPAM controller",
                at: ["podCidr"],
                with: [["nodeMask"], ["racks"], ["nodesPerRack"]],
                says: `${podCidr} has room for ${slices} node slices of /${nodeMask}, but the lab has ${nodes} nodes`,
                fix: "widen the pod CIDR, use a longer node mask, or reduce racks or nodesPerRack",
            },
        ];
    }
    const room = 2 ** (familyBits("ipv4") - nodeMask) - firstPod - 1;
    return room >= 1
        ? []
        : [
              {
                  id: "ADR-CAP-003",
                  source: "RFC 4632 §3.1",
                  at: ["nodeMask"],
                  says: `a node's slice of /${nodeMask} has no room for a pod at its address ${firstPod}`,
                  fix: "use a /28 or a shorter node mask",
              },
          ];
}
