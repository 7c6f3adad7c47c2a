/** Kubernetes nodes as kind makes them. */

import type { KubernetesNode, Labels } from "../../lab/model";
import { excludeLabel } from "../../lab/speakers";

/** A node of a cluster of kind. */
export interface KindNode {
    /** Name of the node and of its container, e.g. `clab-bgp-worker2`. */
    readonly name: string;
    /** Name without the cluster's, e.g. `worker2`. */
    readonly shortName: string;
    readonly role: KubernetesNode["role"];
}

/** The nodes that kind gives to a cluster: one control plane, and workers of which the first has no number. */
export function kindNodes(cluster: string, workers: number): readonly KindNode[] {
    const shortNames = ["control-plane", ...Array.from({ length: workers }, (_, index) => workerName(index))];
    return shortNames.map((shortName, index) => ({
        name: `${cluster}-${shortName}`,
        shortName,
        role: index === 0 ? "control-plane" : "worker",
    }));
}

function workerName(index: number): string {
    return `worker${index === 0 ? "" : index + 1}`;
}

/** Labels that kubelet and kubeadm set. */
export function kubeletLabels({ name, role }: Pick<KindNode, "name" | "role">): Labels {
    const common = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" };
    return role === "worker" ? common : { ...common, "node-role.kubernetes.io/control-plane": "", [excludeLabel]: "" };
}
