/** Pods and the nodes they are pinned to. */

import { nthAddress } from "../../lab/address";
import type { Pod, Prefix, Workload } from "../../lab/model";

/** Number of a node's first pod in its slice; the addresses below belong to the node itself. */
export const firstPod = 10;

/** A node that runs pods. */
export interface PodNode {
    readonly name: string;
    readonly podCidrs: readonly Prefix[];
}

/** What a Deployment of equal pods is made of. */
export interface ChosenDeployment extends Pick<Workload, "namespace" | "name" | "labels" | "port"> {
    readonly replicas: number;
}

/** A Deployment with its pods in turn on every node. */
export function planDeployment({ replicas, ...workload }: ChosenDeployment, nodes: readonly PodNode[]): Workload {
    return { kind: "Deployment", ...workload, pods: spreadPods(workload.name, replicas, nodes) };
}

/** Pods in turn on every node, named `<name>-0`, `<name>-1` and so on. */
export function spreadPods(name: string, count: number, nodes: readonly PodNode[]): readonly Pod[] {
    return Array.from({ length: count }, (_, index): Pod => {
        const node = nodes[index % nodes.length]!;
        const number = firstPod + Math.floor(index / nodes.length);
        return {
            name: `${name}-${index}`,
            node: node.name,
            addresses: node.podCidrs.map((slice) => nthAddress(slice, number)),
        };
    });
}
