import { familyOf } from "../lab/address";
import type { Family, KubernetesNode, Lab, Labels } from "../lab/model";
import { yamlText } from "./yaml";

/** Configuration of a kind cluster (kind.x-k8s.io/v1alpha4). */
export interface KindCluster {
    readonly kind: "Cluster";
    readonly apiVersion: "kind.x-k8s.io/v1alpha4";
    readonly name: string;
    readonly networking: {
        readonly ipFamily: Family | "dual";
        readonly disableDefaultCNI: true;
        readonly podSubnet: string;
        readonly serviceSubnet: string;
    };
    readonly kubeadmConfigPatches?: readonly string[];
    readonly nodes: readonly {
        readonly role: KubernetesNode["role"];
        readonly image?: string;
        readonly labels?: Labels;
    }[];
}

/** Choices that the model leaves open. */
export interface KindOptions {
    /** Image of the nodes. @default kind's own for its release */
    readonly image?: string;
}

/** Lengths of the nodes' slices that kubeadm gives by itself. */
const defaultNodeMask: Readonly<Record<Family, number>> = { ipv4: 24, ipv6: 64 };

/** The kind cluster of a lab, without a network plugin: that is Cilium's part. */
export function kindCluster(lab: Lab, { image }: KindOptions = {}): KindCluster {
    const { name, podCidrs, serviceCidrs, nodes } = lab.cluster;
    const patches = nodeMaskPatches(lab);
    return {
        kind: "Cluster",
        apiVersion: "kind.x-k8s.io/v1alpha4",
        name,
        networking: {
            ipFamily: podCidrs.length === 2 ? "dual" : familyOf(podCidrs[0] ?? ""),
            disableDefaultCNI: true,
            podSubnet: podCidrs.join(","),
            serviceSubnet: serviceCidrs.join(","),
        },
        ...(patches.length === 0 ? {} : { kubeadmConfigPatches: patches }),
        nodes: Object.values(nodes).map(({ role, labels }) => {
            const own = ownLabels(labels);
            return {
                role,
                ...(image === undefined ? {} : { image }),
                ...(Object.keys(own).length === 0 ? {} : { labels: own }),
            };
        }),
    };
}

/** The same as text for `kind create cluster --config`. */
export function kindConfig(lab: Lab, options: KindOptions = {}): string {
    return yamlText(kindCluster(lab, options));
}

/** Labels that neither the kubelet nor kubeadm sets: those under kubernetes.io are theirs. */
function ownLabels(labels: Labels): Labels {
    return Object.fromEntries(Object.entries(labels).filter(([key]) => !/^([a-z0-9.-]+\.)?kubernetes\.io\//.test(key)));
}

/** The controller manager cuts the pod CIDRs; kind has no field for the length of the slices. */
function nodeMaskPatches({ cluster: { podCidrs, nodeMask } }: Lab): readonly string[] {
    const differing = podCidrs.map(familyOf).filter((family) => nodeMask[family] !== defaultNodeMask[family]);
    if (differing.length === 0) {
        return [];
    }
    const extraArgs = Object.fromEntries(
        differing.map((family) => [`node-cidr-mask-size-${family}`, String(nodeMask[family])]),
    );
    return [yamlText({ kind: "ClusterConfiguration", controllerManager: { extraArgs } })];
}
