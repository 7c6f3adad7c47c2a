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
        /** Absent: kind's own choice, which is a kube-proxy with iptables. */
        readonly kubeProxyMode?: "none";
        readonly podSubnet: string;
        readonly serviceSubnet: string;
    };
    readonly kubeadmConfigPatches?: readonly string[];
    readonly nodes: readonly KindNode[];
}

/** A node of a kind cluster. */
export interface KindNode {
    readonly role: KubernetesNode["role"];
    readonly image?: string;
    readonly labels?: Labels;
    readonly kubeadmConfigPatches?: readonly string[];
}

/** Choices that the model leaves open. */
export interface KindOptions {
    /** Image of the nodes. @default kind's own for its release */
    readonly image?: string;
    /** Whether the network plugin does kube-proxy's work, and the cluster has none. @default false */
    readonly kubeProxyReplacement?: boolean;
    /** Settings of pods' kernels that kubelets let through although Kubernetes calls them unsafe. @default none */
    readonly unsafeSysctls?: readonly string[];
}

/** Lengths of the nodes' slices that kubeadm gives by itself. */
const defaultNodeMask: Readonly<Record<Family, number>> = { ipv4: 24, ipv6: 64 };

/** The kind cluster of a lab, without a network plugin: that is Cilium's part. */
export function kindCluster(
    lab: Lab,
    { image, kubeProxyReplacement = false, unsafeSysctls = [] }: KindOptions = {},
): KindCluster {
    const { name, podCidrs, serviceCidrs, nodes } = lab.cluster;
    return {
        kind: "Cluster",
        apiVersion: "kind.x-k8s.io/v1alpha4",
        name,
        networking: {
            ipFamily: podCidrs.length === 2 ? "dual" : familyOf(podCidrs[0] ?? ""),
            disableDefaultCNI: true,
            ...(kubeProxyReplacement ? { kubeProxyMode: "none" } : {}),
            podSubnet: podCidrs.join(","),
            serviceSubnet: serviceCidrs.join(","),
        },
        ...patches([...nodeMaskPatches(lab), ...kubeletPatches(unsafeSysctls)]),
        nodes: Object.values(nodes).map((node) => kindNode(node, image)),
    };
}

/** The same as text for `kind create cluster --config`. */
export function kindConfig(lab: Lab, options: KindOptions = {}): string {
    return yamlText(kindCluster(lab, options));
}

/**
 * What the cluster must be told about its nodes' labels once it is there, as arguments for kubectl: kubelets may set
 * labels under kubernetes.io only for some uses, and kubeadm gives control planes labels that the model may not have.
 */
export function nodeLabelChanges({ cluster: { nodes } }: Lab): readonly (readonly string[])[] {
    const alone = Object.keys(nodes).length === 1;
    return Object.entries(nodes).flatMap(([name, { role, labels }]) => {
        const given = role === "control-plane" ? kubeadmLabels(alone) : {};
        const wanted = Object.entries(labels).filter(([key]) => !isKubelets(key) && !isNodesToSet(key));
        const added = wanted.filter(([key, value]) => given[key] !== value).map(([key, value]) => `${key}=${value}`);
        const removed = Object.keys(given).filter((key) => labels[key] === undefined);
        const changes = [...added, ...removed.map((key) => `${key}-`)];
        return changes.length === 0 ? [] : [["label", "--overwrite", "node", name, ...changes]];
    });
}

function kindNode(
    { role, labels, nodeIp = [], untainted = false }: KubernetesNode,
    image: string | undefined,
): KindNode {
    const own = Object.fromEntries(Object.entries(labels).filter(([key]) => isNodesToSet(key)));
    const registration = {
        ...(nodeIp.length === 0 ? {} : { kubeletExtraArgs: { "node-ip": nodeIp.join(",") } }),
        // An empty list is a choice, none at all is kubeadm's: the taint of control planes.
        ...(role === "control-plane" && untainted ? { taints: [] } : {}),
    };
    const kind = role === "control-plane" ? "InitConfiguration" : "JoinConfiguration";
    const registers = Object.keys(registration).length > 0;
    return {
        role,
        ...(image === undefined ? {} : { image }),
        ...(Object.keys(own).length === 0 ? {} : { labels: own }),
        ...patches(registers ? [yamlText({ kind, nodeRegistration: registration })] : []),
    };
}

/**
 * Patches for kubeadm's configuration. They name no API version: kind matches them by `kind` alone then, and turns the
 * mappings of arguments, as v1beta3 has them, into the lists of v1beta4. kind writes v1beta4 from release 0.32 on, for
 * Kubernetes 1.36 and newer, and v1beta3 for all others (kind, pkg/cluster/internal/kubeadm/config.go and
 * pkg/internal/patch/kubeadm_merge.go).
 */
function patches(texts: readonly string[]): { readonly kubeadmConfigPatches?: readonly string[] } {
    return texts.length === 0 ? {} : { kubeadmConfigPatches: texts };
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

function kubeletPatches(unsafeSysctls: readonly string[]): readonly string[] {
    return unsafeSysctls.length === 0
        ? []
        : [yamlText({ kind: "KubeletConfiguration", allowedUnsafeSysctls: unsafeSysctls })];
}

const excluded = "node.kubernetes.io/exclude-from-external-load-balancers";

/** Labels that kubeadm gives to a control plane; kind takes one away where that is the only node. */
function kubeadmLabels(alone: boolean): Labels {
    return { "node-role.kubernetes.io/control-plane": "", ...(alone ? {} : { [excluded]: "" }) };
}

/** Labels that a kubelet finds out by itself. */
function isKubelets(key: string): boolean {
    return /^(kubernetes\.io\/(hostname|os|arch)|beta\.kubernetes\.io\/(os|arch))$/.test(key);
}

/** Whether a kubelet may give its node a label (kubelet --node-labels): some under kubernetes.io, and all others. */
function isNodesToSet(key: string): boolean {
    const [domain] = key.includes("/") ? key.split("/") : [""];
    return (
        key !== excluded &&
        !isKubelets(key) &&
        (!/(^|\.)(kubernetes|k8s)\.io$/.test(domain!) ||
            /(^|\.)(node|kubelet)\.kubernetes\.io$/.test(domain!) ||
            /^topology\.kubernetes\.io\/(zone|region)$/.test(key))
    );
}
