/**
 * Neighbors by label in Cilium's resources. Cilium has no words for them, so they stand in an annotation of the resource
 * that has the neighbors by address, in the form of those: with a selector of Pods in place of an address. The peering
 * controller reads them there.
 */

import { familyOf } from "../lab/address";
import { clusterRanges, importLayers } from "../lab/import-policy";
import type { Asn, CiliumBgpInstance, Family, Lab, LabelSelector, PodNeighbor, PrefixListEntry } from "../lab/model";
import type { CiliumBGPClusterConfig, CiliumBGPPeeringPolicy, CiliumTimers, Metadata } from "./kubernetes";

/** Key of the annotation; its value is a {@link PodPeers} in JSON. */
export const podNeighborsAnnotation = "bgp-lab.dev/pod-neighbors";

/** What the annotation says of the speaker of its resource. */
export interface PodPeers<Peer extends PodSelection = PodPeer> {
    /** Whether the speaker is one that takes routes of its peers and passes them on, which an unpatched Cilium does not. */
    readonly transit: boolean;
    readonly peers: readonly Peer[];
}

/** The Pods that are peers, and what is taken of them. */
export interface PodSelection {
    readonly name: string;
    readonly namespace: string;
    readonly podSelector: LabelSelector;
    /** A session of its own for each, between addresses of that family. */
    readonly families: readonly Family[];
    /** AS of the Pods; absent for any other than the speaker's own. */
    readonly peerASN?: Asn;
    readonly importPolicy: {
        /** What the administrator forbids, as in a prefix list, e.g. `deny 10.0.0.0/8 le 32`; first match decides. */
        readonly administrator: readonly string[];
        /** Whether a Pod may then announce its own address. */
        readonly ownAddress: boolean;
        /** What the cluster uses, which is denied, and what Pods may announce; what matches nothing is refused. */
        readonly others: readonly string[];
    };
}

/** A peer of a CiliumBGPClusterConfig for each Pod that a selector matches on the node. */
export interface PodPeer extends PodSelection {
    /** The CiliumBGPPeerConfig with what else holds for the sessions. */
    readonly peerConfigRef: { readonly name: string };
}

/** A neighbor of a CiliumBGPPeeringPolicy for each such Pod. */
export interface PolicyPodPeer extends PodSelection, CiliumTimers {
    readonly eBGPMultihopTTL: number;
}

/**
 * The annotation of an instance; nothing for one that has neighbors by address only.
 *
 * @param settings what else holds for the sessions with a neighbor, in the words of the resource
 */
export function podNeighborsAnnotationOf(
    lab: Lab,
    { podNeighbors = [], transit = false }: CiliumBgpInstance,
    settings: (neighbor: PodNeighbor) => Omit<PodPeer | PolicyPodPeer, keyof PodSelection>,
): { readonly annotations?: Readonly<Record<string, string>> } {
    if (podNeighbors.length === 0 && !transit) {
        return {};
    }
    const peers = podNeighbors.map((neighbor) => ({ ...podSelection(lab, neighbor), ...settings(neighbor) }));
    const value: PodPeers<PodSelection> = { transit, peers };
    return { annotations: { [podNeighborsAnnotation]: `${JSON.stringify(value, null, 2)}\n` } };
}

function podSelection(lab: Lab, neighbor: PodNeighbor): PodSelection {
    const { name, namespace, selector, remoteAs, importPolicy: policy, families } = neighbor;
    const used = clusterRanges(lab).map(({ prefix }) => prefix);
    const layers = families.map((family) => importLayers({ policy, used }, family));
    return {
        name,
        namespace,
        podSelector: selector,
        families,
        ...(remoteAs.kind === "asn" ? { peerASN: remoteAs.asn } : {}),
        importPolicy: {
            administrator: layers.flatMap(({ administrator }) => administrator.map(entryText)),
            ownAddress: policy.ownAddress,
            others: layers.flatMap(({ others }) => others.map(entryText)),
        },
    };
}

function entryText({ action, prefix, ge, le }: PrefixListEntry): string {
    return `${action} ${prefix}${ge === undefined ? "" : ` ge ${ge}`}${le === undefined ? "" : ` le ${le}`}`;
}

/**
 * The neighbors by label of a configuration.
 *
 * @returns nothing when it has no such annotation
 * @throws Error when the annotation is not what this project writes
 */
export function podPeersOf({ metadata }: Pick<CiliumBGPClusterConfig, "metadata">): PodPeers | undefined {
    return annotated("CiliumBGPClusterConfig", metadata, isPodPeer);
}

/**
 * The neighbors by label of a policy.
 *
 * @returns nothing when it has no such annotation
 * @throws Error when the annotation is not what this project writes
 */
export function policyPodPeersOf({
    metadata,
}: Pick<CiliumBGPPeeringPolicy, "metadata">): PodPeers<PolicyPodPeer> | undefined {
    return annotated("CiliumBGPPeeringPolicy", metadata, isPolicyPodPeer);
}

function annotated<Peer extends PodSelection>(
    kind: string,
    metadata: Metadata,
    isPeer: (value: unknown) => value is Peer,
): PodPeers<Peer> | undefined {
    const text = metadata.annotations?.[podNeighborsAnnotation];
    if (text === undefined) {
        return undefined;
    }
    const { transit, peers } = (parsed(text) ?? {}) as Partial<PodPeers<Peer>>;
    if (typeof transit !== "boolean" || !Array.isArray(peers) || !peers.every(isPeer)) {
        throw new Error(
            `${kind} ${metadata.name}: the annotation ${podNeighborsAnnotation} is no list of neighbors by label; render the resources anew`,
        );
    }
    return { transit, peers };
}

function parsed(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return undefined;
    }
}

function isPodPeer(value: unknown): value is PodPeer {
    return isPodSelection(value) && typeof (value as Partial<PodPeer>).peerConfigRef?.name === "string";
}

function isPolicyPodPeer(value: unknown): value is PolicyPodPeer {
    const numbers = ["eBGPMultihopTTL", "connectRetryTimeSeconds", "holdTimeSeconds", "keepAliveTimeSeconds"] as const;
    return isPodSelection(value) && numbers.every((key) => typeof (value as Partial<PolicyPodPeer>)[key] === "number");
}

function isPodSelection(value: unknown): value is PodSelection {
    const { name, namespace, podSelector, families, importPolicy } = (value ?? {}) as Partial<PodSelection>;
    return (
        typeof name === "string" &&
        typeof namespace === "string" &&
        typeof podSelector === "object" &&
        Array.isArray(families) &&
        typeof importPolicy?.ownAddress === "boolean" &&
        isEntries(importPolicy.administrator) &&
        isEntries(importPolicy.others)
    );
}

const entryPattern = /^(?<action>permit|deny) (?<prefix>[0-9a-f.:]+\/\d+)(?: ge (?<ge>\d+))?(?: le (?<le>\d+))?$/;

function isEntries(value: unknown): value is readonly string[] {
    return Array.isArray(value) && value.every((text) => typeof text === "string" && entryPattern.test(text));
}

/** The two parts of a peer's policy as entries of prefix lists, numbered in each family from the first part on. */
export function importEntriesOf({ importPolicy: { administrator, others } }: PodSelection): {
    readonly administratorEntries: readonly PrefixListEntry[];
    readonly importEntries: readonly PrefixListEntry[];
} {
    const counts = { ipv4: 0, ipv6: 0 };
    const numbered = (text: string): PrefixListEntry => {
        const { action, prefix = "", ge, le } = entryPattern.exec(text)?.groups ?? {};
        counts[familyOf(prefix)] += 5;
        return {
            sequence: counts[familyOf(prefix)],
            action: action === "permit" ? "permit" : "deny",
            prefix,
            ...(ge === undefined ? {} : { ge: Number(ge) }),
            ...(le === undefined ? {} : { le: Number(le) }),
        };
    };
    return { administratorEntries: administrator.map(numbered), importEntries: others.map(numbered) };
}
