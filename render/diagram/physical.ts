/** Devices, the interfaces and addresses that they have, and the segments between them. */

import { addressOf } from "../../lab/address";
import type { Device, Interface, Lab } from "../../lab/model";
import { type Graph, mergedEdges } from "./graph";
import { bridgeBoxes } from "./overview";
import {
    clusterGroup,
    hostBox,
    linkEdges,
    mostNames,
    nodeBox,
    podNames,
    routerBox,
    routerNames,
    virtualServerLines,
} from "./parts";

/** Interfaces of a device up to this number are written out. */
const mostInterfaces = 12;

/** Draws the devices and segments of a lab. */
export function physical(lab: Lab): Graph {
    const boxes = [
        ...Object.entries(lab.hosts).map(([name, host]) => hostBox(lab, name, interfaceLines(host))),
        ...routerNames(lab).map((name) => routerBox(lab, name, routerLines(lab, name))),
        ...Object.entries(lab.cluster.nodes).map(([name, node]) =>
            nodeBox(lab, name, [...interfaceLines(node), ...podLines(node.podCidrs)]),
        ),
        ...podNames(lab).map((name) => routerBox(lab, name, routerLines(lab, name))),
        ...bridgeBoxes(lab),
    ];
    return {
        title: `${lab.name}: devices and addresses`,
        groups: clusterGroup(lab, []),
        boxes,
        edges: mergedEdges(linkEdges(lab, boxes)),
    };
}

function routerLines(lab: Lab, name: string): readonly string[] {
    const router = lab.routers[name]!;
    const { nos, nosVersion, sourceNat = [] } = router;
    return [
        [nos.toUpperCase(), nosVersion].filter((text) => text !== undefined).join(" "),
        ...interfaceLines(router),
        ...virtualServerLines(router),
        ...sourceNat.map((nat) => `hides ${nat.source} behind ${nat.interface}`),
    ];
}

function interfaceLines({ interfaces }: Device): readonly string[] {
    return interfaces.length > mostInterfaces
        ? [`${interfaces.length} interfaces`]
        : interfaces.filter(({ addresses }) => addresses.length > 0).map(interfaceText);
}

/** An interface with its addresses; the lengths of those on a segment are at the segment. */
export function interfaceText({ name, addresses, attachment }: Interface): string {
    const shown = attachment.kind === "segment" ? addresses.map(addressOf) : addresses;
    return `${name} ${shown.join(", ")}`;
}

function podLines(podCidrs: readonly string[]): readonly string[] {
    if (podCidrs.length === 0) {
        return [];
    }
    return [podCidrs.length > mostNames ? `${podCidrs.length} blocks of pods` : `pods ${podCidrs.join(", ")}`];
}
