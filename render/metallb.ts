import { familyOf } from "../lab/address";
import type {
    Bfd,
    CiliumMetalLbBgp,
    Lab,
    LabelRequirement,
    LoadBalancerPool,
    MetalLb,
    MetalLbPeer,
} from "../lab/model";
import type {
    BFDProfile,
    BGPAdvertisement,
    ConfigMap,
    GoSeconds,
    IPAddressPool,
    KubernetesObject,
    L2Advertisement,
    MetalLbBGPPeer,
} from "./kubernetes";
import { type MetalLbTraits, metallbTraits } from "./metallb-versions";
import { yamlText } from "./yaml";

/** Namespace in which MetalLB looks for its configuration. */
export const metallbNamespace = "metallb-system";

/** Name of the ConfigMap of MetalLB up to 0.12, and of the file in it. */
export const metallbConfigMap = { name: "config", key: "config" } as const;

/** Values of MetalLB's Helm chart (from 0.13 on), as far as the lab sets them. */
export interface MetalLbValues {
    readonly speaker: {
        readonly frr: { readonly enabled: boolean };
        /** Nodes with the label exclude-from-external-load-balancers announce, too. */
        readonly ignoreExcludeLB?: true;
    };
    /** Since 0.14. */
    readonly frrk8s?: { readonly enabled: boolean };
}

/** An installation of MetalLB: what its speakers know besides their configuration. */
export interface MetalLbInstallation {
    readonly version: string;
    readonly values: MetalLbValues;
}

/**
 * Version and values of the lab's MetalLB.
 *
 * @returns nothing when the lab has no MetalLB
 * @throws Error when the version has no way to do what the lab asks for
 */
export function metallbInstallation({ cluster: { metallb } }: Lab): MetalLbInstallation | undefined {
    return metallb === undefined ? undefined : { version: metallb.version, values: metallbValues(metallb) };
}

function metallbValues(metallb: MetalLb): MetalLbValues {
    const traits = metallbTraits(metallb.version);
    const speaker = speakerOf(metallb, traits);
    return {
        speaker: { frr: { enabled: speaker === "frr" }, ...excludeLabel(metallb, traits) },
        ...(traits.frrK8s ? { frrk8s: { enabled: speaker === "frr-k8s" } } : {}),
    };
}

function excludeLabel({ version, ignoreExcludeLabel }: MetalLb, traits: MetalLbTraits) {
    if (!ignoreExcludeLabel || !traits.honoursExcludeLabel) {
        return {};
    }
    if (!traits.ignoreExcludeLabel) {
        throw new Error(
            `cluster.metallb.ignoreExcludeLabel: MetalLB ${version} honours the label and cannot be told not to; use 0.14.4 or newer`,
        );
    }
    return { ignoreExcludeLB: true as const };
}

/** Who speaks BGP: the native speaker as far as it can, which is what takes least; without peers nobody has to. */
function speakerOf({ peers }: MetalLb, traits: MetalLbTraits): "native" | "frr" | "frr-k8s" {
    if (peers.length === 0 || traits.configuration === "config-map") {
        return "native";
    }
    if (traits.speaker === "frr-k8s") {
        return "frr-k8s";
    }
    return peers.some(({ bfd, peerAddress }) => bfd !== undefined || familyOf(peerAddress) === "ipv6")
        ? "frr"
        : "native";
}

/**
 * What configures the lab's MetalLB, in the form that its version reads: pools, peers, advertisements and BFD profiles, or
 * one ConfigMap up to 0.12. The namespace is the installation's.
 *
 * @throws Error when the lab has no MetalLB, or its version has no way to say what the lab asks for
 */
export function metallbResources({ name, cluster }: Lab): readonly KubernetesObject[] {
    const { metallb, loadBalancerPools } = cluster;
    if (metallb === undefined) {
        throw new Error(`cluster.metallb: the lab ${name} has no MetalLB`);
    }
    const traits = metallbTraits(metallb.version);
    if (traits.configuration === "config-map") {
        return [configMap(metallb, loadBalancerPools)];
    }
    return [
        ...loadBalancerPools.map((pool) => addressPool(pool, metallb, traits)),
        ...bfdProfiles(metallb.peers),
        ...metallb.peers.map((peer) => bgpPeer(peer, speakerOf(metallb, traits) === "native", traits)),
        ...advertisements(metallb),
    ];
}

function inNamespace(name: string) {
    return { namespace: metallbNamespace, name };
}

function seconds(count: number): GoSeconds {
    return `${count}s`;
}

function addressPool(
    { name, blocks, serviceSelector }: LoadBalancerPool,
    { version }: MetalLb,
    traits: MetalLbTraits,
): IPAddressPool {
    if (serviceSelector !== undefined && !traits.serviceAllocation) {
        throw poolForSomeServices(name, version);
    }
    return {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: inNamespace(name),
        spec: {
            addresses: blocks,
            ...(serviceSelector === undefined ? {} : { serviceAllocation: { serviceSelectors: [serviceSelector] } }),
        },
    };
}

function poolForSomeServices(pool: string, version: string): Error {
    return new Error(
        `cluster.loadBalancerPools: ${pool} is for some services only, which MetalLB ${version} cannot say; use 0.13.9 or newer`,
    );
}

function bgpPeer(peer: MetalLbPeer, isNative: boolean, traits: MetalLbTraits): MetalLbBGPPeer {
    const { name, myAsn, peerAsn, peerAddress, timers, ebgpMultihop, nodeSelector, bfd } = peer;
    return {
        apiVersion: "metallb.io/v1beta2",
        kind: "BGPPeer",
        metadata: inNamespace(name),
        spec: {
            myASN: myAsn,
            peerASN: peerAsn,
            peerAddress,
            holdTime: seconds(timers.holdTime),
            // The native speaker does not take a configuration that names either of these two.
            ...(isNative ? {} : { keepaliveTime: seconds(timers.keepalive) }),
            ...(isNative || !traits.connectTime ? {} : { connectTime: seconds(timers.connectRetry) }),
            ...(ebgpMultihop ? { ebgpMultiHop: true as const } : {}),
            ...(nodeSelector === undefined ? {} : { nodeSelectors: [nodeSelector] }),
            ...(bfd === undefined ? {} : { bfdProfile: profileName(bfd) }),
        },
    };
}

/** Peers with the same settings share a profile, which is named by them. */
function profileName({ receiveInterval, transmitInterval, detectMultiplier }: Bfd): string {
    return `bfd-${receiveInterval}-${transmitInterval}-${detectMultiplier}`;
}

function bfdProfiles(peers: readonly MetalLbPeer[]): readonly BFDProfile[] {
    const profiles = peers.flatMap(({ bfd }) => (bfd === undefined ? [] : [bfd]));
    return [...new Map(profiles.map((bfd) => [profileName(bfd), bfd]))].map(
        ([name, { receiveInterval, transmitInterval, detectMultiplier }]) => ({
            apiVersion: "metallb.io/v1beta1",
            kind: "BFDProfile",
            metadata: inNamespace(name),
            spec: { receiveInterval, transmitInterval, detectMultiplier },
        }),
    );
}

/** An advertisement without pools would be one of all pools. */
function advertisements({ advertisements: all }: MetalLb): readonly (BGPAdvertisement | L2Advertisement)[] {
    return all
        .filter(({ pools }) => pools.length > 0)
        .map(({ kind, name, pools }) => ({
            apiVersion: "metallb.io/v1beta1",
            kind: kind === "bgp" ? "BGPAdvertisement" : "L2Advertisement",
            metadata: inNamespace(name),
            spec: { ipAddressPools: pools },
        }));
}

/** MetalLB's configuration file, up to 0.12 and in Cilium; durations are Go's. */
export interface MetalLbFile {
    readonly peers: readonly {
        readonly "my-asn": number;
        readonly "peer-asn": number;
        readonly "peer-address": string;
        readonly "hold-time": GoSeconds;
        readonly "node-selectors"?: readonly FileSelector[];
    }[];
    readonly "address-pools": readonly {
        readonly name: string;
        readonly protocol: "bgp" | "layer2";
        readonly addresses: readonly string[];
    }[];
}

/** A label selector in the words of the file. */
interface FileSelector {
    readonly "match-labels"?: Readonly<Record<string, string>>;
    readonly "match-expressions"?: readonly {
        readonly key: string;
        readonly operator: LabelRequirement["operator"];
        readonly values: readonly string[];
    }[];
}

function configMap(metallb: MetalLb, pools: readonly LoadBalancerPool[]): ConfigMap {
    const file = metallbFile(metallb.peers, pools, (pool) => protocolOf(pool, metallb), metallb.version);
    return {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: inNamespace(metallbConfigMap.name),
        data: { [metallbConfigMap.key]: yamlText(file) },
    };
}

/** A pool of the file has one protocol; a pool that no advertisement names is assigned from and announced to nobody. */
function protocolOf({ name }: LoadBalancerPool, { version, advertisements: all }: MetalLb): "bgp" | "layer2" {
    const kinds = [...new Set(all.filter(({ pools }) => pools.includes(name)).map(({ kind }) => kind))];
    const [kind] = kinds;
    if (kind === undefined || kinds.length > 1) {
        const found = kind === undefined ? "none" : kinds.join(" and ");
        throw new Error(
            `cluster.metallb.advertisements: MetalLB ${version} announces each pool in exactly one way, and ${name} has ${found}; name it in one of the kind bgp or layer2`,
        );
    }
    return kind;
}

/**
 * The configuration file that MetalLB up to 0.12 and the MetalLB in Cilium read.
 *
 * @throws Error when the file has no way to say what the lab asks for
 */
function metallbFile(
    peers: readonly MetalLbPeer[],
    pools: readonly LoadBalancerPool[],
    protocol: (pool: LoadBalancerPool) => "bgp" | "layer2",
    version: string,
): MetalLbFile {
    for (const { name, serviceSelector } of pools) {
        if (serviceSelector !== undefined) {
            throw poolForSomeServices(name, version);
        }
    }
    return {
        peers: peers.map((peer) => filePeer(peer, version)),
        "address-pools": pools.map((pool) => ({
            name: pool.name,
            protocol: protocol(pool),
            addresses: pool.blocks,
        })),
    };
}

function filePeer(peer: MetalLbPeer, version: string): MetalLbFile["peers"][number] {
    const { name, myAsn, peerAsn, peerAddress, timers, nodeSelector, bfd } = peer;
    if (bfd !== undefined) {
        throw new Error(
            `cluster.metallb.peers: the session to ${name} has BFD, which the native speaker of MetalLB ${version} does not have; use 0.13 or newer`,
        );
    }
    return {
        "peer-address": peerAddress,
        "peer-asn": peerAsn,
        "my-asn": myAsn,
        "hold-time": seconds(timers.holdTime),
        ...(nodeSelector === undefined ? {} : { "node-selectors": [fileSelector(nodeSelector)] }),
    };
}

function fileSelector({ matchLabels, matchExpressions }: NonNullable<MetalLbPeer["nodeSelector"]>): FileSelector {
    return {
        ...(matchLabels === undefined ? {} : { "match-labels": matchLabels }),
        ...(matchExpressions === undefined
            ? {}
            : { "match-expressions": matchExpressions.map(({ values = [], ...each }) => ({ ...each, values })) }),
    };
}

/** ConfigMap of the MetalLB in Cilium 1.10 to 1.16, and the file in it. */
export const ciliumConfigMap = { namespace: "kube-system", name: "bgp-config", key: "config.yaml" } as const;

/**
 * The ConfigMap that the MetalLB in Cilium reads: its peers, and the lab's pools.
 *
 * @throws Error when the file has no way to say what the lab asks for
 */
export function ciliumMetalLbConfigMap(
    { peers }: CiliumMetalLbBgp,
    pools: readonly LoadBalancerPool[],
    version: string,
): ConfigMap {
    const { namespace, name, key } = ciliumConfigMap;
    const file = metallbFile(peers, pools, () => "bgp", `in Cilium ${version}`);
    return {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { namespace, name },
        data: { [key]: yamlText(file) },
    };
}
