/**
 * Pods as peers in a CiliumBGPClusterConfig: what the resource says of them, and what is written into it. Peers are a list
 * by name of which every writer owns its own entries (server-side apply): those of others are never touched.
 */

import type { CiliumBGPClusterConfig } from "../render/kubernetes";
import { type PodPeer, podPeersOf } from "../render/pod-neighbors";
import { type ActualPeer, markOf, type PodSelector, type TargetState, type WantedPeer } from "./reconcile";

/** Who the controller is to the API server (meta/v1 ManagedFieldsEntry). */
export const fieldManager = "bgp-lab-peering-controller";

/** A neighbor by label of a CiliumBGPClusterConfig. */
export interface CiliumPodSelector extends PodSelector {
    readonly peer: PodPeer;
}

/** A configuration as the API server gives it. */
export interface ObservedConfig extends Pick<CiliumBGPClusterConfig, "spec"> {
    readonly metadata: CiliumBGPClusterConfig["metadata"] & {
        readonly uid: string;
        readonly managedFields?: readonly ManagedFields[];
    };
}

/** The fields that somebody has set. */
interface ManagedFields {
    readonly manager?: string;
    readonly operation?: string;
    readonly fieldsV1?: object;
}

/** What is written: complete, because what an apply leaves out and the last one had is removed. */
export interface AppliedPeers {
    readonly apiVersion: "cilium.io/v2";
    readonly kind: "CiliumBGPClusterConfig";
    readonly metadata: { readonly name: string; readonly uid: string };
    readonly spec: {
        readonly bgpInstances: readonly {
            readonly name: string;
            readonly peers?: CiliumBGPClusterConfig["spec"]["bgpInstances"][number]["peers"];
        }[];
    };
}

/** AS of a peer that may have any: the agent takes what the peer says (CiliumBGPClusterConfig `peerASN`). */
const anyAsn = 0;

/**
 * What a configuration asks for and has.
 *
 * @param nodes those that its selector means
 * @throws Error when there is not one speaker to which neighbors could belong
 */
export function stateOf(config: ObservedConfig, nodes: readonly string[]): TargetState<CiliumPodSelector> {
    const selectors = podPeersOf(config)?.peers ?? [];
    const own = ownPeers(config);
    const peers = onlyInstance(config).peers ?? [];
    return {
        selectors: selectors.map((peer) => ({
            name: peer.name,
            namespace: peer.namespace,
            selector: peer.podSelector,
            families: peer.families,
            peer,
        })),
        nodes,
        peers: peers.map(
            ({ name, peerAddress, peerASN, peerConfigRef }): ActualPeer => ({
                address: peerAddress,
                ...(own.has(name) ? { mark: markIn(name) } : {}),
                settings: settingsText(peerASN, peerConfigRef.name),
            }),
        ),
    };
}

/** Whatever the controller sets of a peer beside its address. */
export function settingsOf({ selector: { peer } }: WantedPeer<CiliumPodSelector>): string {
    return settingsText(peer.peerASN ?? anyAsn, peer.peerConfigRef.name);
}

function settingsText(asn: number, peerConfig: string): string {
    return JSON.stringify([asn, peerConfig]);
}

/** What is written so that a configuration has these peers beside those of others. */
export function appliedPeers(config: ObservedConfig, wanted: readonly WantedPeer<CiliumPodSelector>[]): AppliedPeers {
    const { name, uid } = config.metadata;
    const peers = wanted.map((peer) => ({
        name: peerName(peer),
        peerAddress: peer.address,
        peerASN: peer.selector.peer.peerASN ?? anyAsn,
        peerConfigRef: { name: peer.selector.peer.peerConfigRef.name },
    }));
    const instance = onlyInstance(config).name;
    return {
        apiVersion: "cilium.io/v2",
        kind: "CiliumBGPClusterConfig",
        // Another configuration of the name is not this one: who made it will be asked first.
        metadata: { name, uid },
        spec: { bgpInstances: [{ name: instance, ...(peers.length === 0 ? {} : { peers }) }] },
    };
}

function onlyInstance({ metadata, spec }: ObservedConfig) {
    const [instance, ...others] = spec.bgpInstances;
    if (instance === undefined || others.length > 0) {
        throw new Error(
            `CiliumBGPClusterConfig ${metadata.name} has ${spec.bgpInstances.length} instances, and neighbors by label belong to one; split it`,
        );
    }
    return instance;
}

/**
 * Name of a Pod's peer, from which its mark can be read: names of selectors and namespaces have no dots, those of Pods may
 * (RFC 1123 labels and subdomains).
 */
function peerName({ selector, pod, family }: WantedPeer<CiliumPodSelector>): string {
    return [selector.name, pod.namespace, pod.name, family].join(".");
}

function markIn(name: string): string {
    const [selector = "", namespace = "", ...rest] = name.split(".");
    const pod = { namespace, name: rest.slice(0, -1).join("."), node: "" };
    return markOf({ pod, selector: { name: selector } as PodSelector });
}

/** Names of the peers that the controller has written. */
function ownPeers(config: ObservedConfig): ReadonlySet<string> {
    const own = (config.metadata.managedFields ?? []).filter(
        ({ manager, operation }) => manager === fieldManager && operation === "Apply",
    );
    const instance = `k:${JSON.stringify({ name: onlyInstance(config).name })}`;
    const keys = own.flatMap(({ fieldsV1 = {} }) =>
        Object.keys(within(fieldsV1, "f:spec", "f:bgpInstances", instance, "f:peers")),
    );
    return new Set(keys.filter((key) => key.startsWith("k:")).map(nameIn));
}

function within(fields: object, ...path: readonly string[]): object {
    return path.reduce<object>((found, key) => (found as Readonly<Record<string, object>>)[key] ?? {}, fields);
}

function nameIn(key: string): string {
    return (JSON.parse(key.slice(2)) as { readonly name?: string }).name ?? "";
}
