/** Names and numbers that the plan gives, and that are no parameters. */

import type { Labels } from "../../lab/model";

/** Name of the topology, and of its lab. */
export const name = "leaf-spine";

/** Name of the kind cluster, as in the article. */
export const cluster = "clab-bgp";

/** Name of a spine. */
export function spineName(index: number): string {
    return `spine${index}`;
}

/** Name of the leaf of a rack. */
export function leafName(rack: number): string {
    return `leaf${rack}`;
}

/** Name of a rack: of Cilium's configuration for its nodes, and the value of their label. */
export function rackName(rack: number): string {
    return `rack${rack}`;
}

/** Label of a node that says which rack it is in. */
export const rackLabel = "rack";

/** Name of the segment between a spine and a leaf. */
export function linkName(spine: number, rack: number): string {
    return `${spineName(spine)}-${leafName(rack)}`;
}

/** Name of the bridge between a leaf and the nodes of its rack, as in the article. */
export function bridgeName(rack: number): string {
    return `br-${leafName(rack)}`;
}

/** Segment on which spines and leaves are managed, and by which they reach the world: containerlab's network. */
export const management = "clab";
/** Host that stands for the world beyond the uplink. */
export const uplink = "uplink";
/** Interface of a router to the management network. */
export const uplinkPort = "eth0";
/** Segment on which kind's nodes find each other. */
export const nodeSegment = "kind";

/** Interface of a router by number: 0 leads to the management network. */
export function portName(number: number): string {
    return `eth${number}`;
}

/** Number of a rack's first node in its subnet; the leaf has the first address. */
export const firstNode = 10;

/** Labels of the pods, by which the service finds them. */
export const appLabels: Labels = { app: "cni" };
/** Name of the workload. */
export const workload = "cni";
/** Port on which the pods of the workload listen. */
export const podPort = 80;
/** MetalLB's pool, and what announces it, as in the article. */
export const metallbPool = "ippool";
