/** The ends of sessions as rules speak of them. */

import { routingInstances } from "../instances";
import type { Address, Lab } from "../model";
import type { Path } from "../path";
import type { SessionEnd } from "../sessions";

/** A peer of one speaker: of a program on a node, or of a router's VRF. */
export function speakerKey(
    { node, vrf, program }: Pick<SessionEnd, "node" | "vrf" | "program">,
    peer: Address,
): string {
    return JSON.stringify([node, vrf, program, peer]);
}

/** What other programs call the fields of a neighbor. The mesh has none: it follows from the nodes. */
const fieldNames: Readonly<Record<string, Readonly<Record<"remoteAsn" | "address", string>>>> = {
    calico: { remoteAsn: "asn", address: "address" },
    metallb: { remoteAsn: "peerAsn", address: "peerAddress" },
    metallbBgp: { remoteAsn: "peerAsn", address: "peerAddress" },
};

/** Whether an end follows from a neighbor by label of a node, which has an AS and a selector for all of its Pods. */
export function isByLabel({ path }: SessionEnd): boolean {
    return path.at(-2) === "podNeighbors";
}

/** Whether an end has a Pod for its peer because of a label: at a node, or written out at a router. */
export function isOfPod(lab: Lab, end: SessionEnd): boolean {
    const own = end.kind === "router" ? routingInstances(lab.routers[end.node]!) : [];
    const speaker = own.find(({ vrf }) => vrf === end.vrf)?.bgp;
    return isByLabel(end) || speaker?.neighbors[Number(end.path.at(-1))]?.pod !== undefined;
}

/** Where a field of an end's neighbor stands in the model. */
export function fieldOf(end: SessionEnd, field: "remoteAsn" | "address"): Path {
    const { path } = end;
    if (isByLabel(end)) {
        return [...path, field === "address" ? "selector" : "remoteAs"];
    }
    const names = fieldNames[String(path.at(-3))];
    return path.at(-1) === "nodeToNodeMesh" ? path : [...path, names?.[field] ?? field];
}

/** Internal peers may be any number of hops away. */
export function isOffLink(end: SessionEnd): boolean {
    return end.interface === undefined && end.ebgpMultihop === undefined && end.remoteAsn !== end.speaker.asn;
}
