import type { ClusterObservation, ObservedNode, ObservedPod, ObservedService } from "../../lab/bind";
import type { Labels } from "../../lab/model";
import type { ObjectReference } from "../../verify/check";

/** What is read of an object of the cluster's API. */
interface ObjectJson {
    readonly apiVersion?: string;
    readonly kind?: string;
    readonly metadata: {
        readonly namespace?: string;
        readonly name: string;
        readonly labels?: Labels;
        readonly deletionTimestamp?: string;
    };
}

interface NodeJson extends ObjectJson {
    readonly spec?: { readonly podCIDR?: string; readonly podCIDRs?: readonly string[] };
    readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** What an agent of Cilium tells of its node. */
interface CiliumNodeJson extends ObjectJson {
    readonly spec?: { readonly addresses?: readonly { readonly type?: string; readonly ip?: string }[] };
}

interface PodJson extends ObjectJson {
    readonly spec?: { readonly nodeName?: string };
    readonly status?: { readonly phase?: string; readonly podIPs?: readonly { readonly ip: string }[] };
}

interface ServiceJson extends ObjectJson {
    readonly spec?: { readonly type?: string };
    readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } };
}

/** A block of addresses that Calico's IPAM gave to a node. */
interface BlockAffinityJson extends ObjectJson {
    readonly spec?: {
        readonly cidr?: string;
        readonly node?: string;
        readonly state?: string;
        /** Text up to some release of Calico, then a truth value. */
        readonly deleted?: string | boolean;
    };
}

/** Objects that kubectl printed: in a list, or one alone. */
export function itemsOf(printed: unknown): readonly unknown[] {
    return (printed as { readonly items?: readonly unknown[] }).items ?? [printed];
}

/** Objects in what kubectl printed as JSON; it prints nothing when it found none. */
function objectsIn(text: string): readonly ObjectJson[] {
    return text.trim() === "" ? [] : (itemsOf(JSON.parse(text)) as readonly ObjectJson[]);
}

/** The objects that were asked for, in that order; nothing for those that kubectl did not print. */
export function inOrder(references: readonly ObjectReference[], text: string): readonly unknown[] {
    const key = (apiVersion = "", kind = "", namespace = "", name = "") =>
        [apiVersion, kind, namespace, name].join(" ");
    const found = new Map(
        objectsIn(text).map((object) => [
            key(object.apiVersion, object.kind, object.metadata.namespace, object.metadata.name),
            object,
        ]),
    );
    return references.map(({ apiVersion, kind, namespace, name }) => found.get(key(apiVersion, kind, namespace, name)));
}

function observedNode(
    { spec = {}, status = {} }: NodeJson,
    blocks: readonly string[],
    gateways: readonly string[],
): ObservedNode {
    const internal = (status.addresses ?? []).filter(({ type }) => type === "InternalIP");
    return {
        podCidrs: spec.podCIDRs ?? (spec.podCIDR === undefined ? [] : [spec.podCIDR]),
        addresses: internal.map(({ address }) => address),
        ...(blocks.length === 0 ? {} : { blocks }),
        ...(gateways.length === 0 ? {} : { podGateways: gateways }),
    };
}

/** Blocks that a node has, and is not about to give back. */
function blocksOf(node: string, affinities: readonly BlockAffinityJson[]): readonly string[] {
    return affinities
        .filter(({ spec }) => spec?.node === node && spec.state === "confirmed" && String(spec.deleted) !== "true")
        .flatMap(({ spec }) => spec?.cidr ?? []);
}

/** A node's own addresses in its slices of the pod CIDRs. */
function gatewaysOf(node: string, ciliumNodes: readonly CiliumNodeJson[]): readonly string[] {
    const own = ciliumNodes.find(({ metadata }) => metadata.name === node)?.spec?.addresses ?? [];
    return own.flatMap(({ type, ip }) => (type === "CiliumInternalIP" && ip !== undefined ? [ip] : []));
}

function observedPod({ metadata, spec, status }: PodJson): ObservedPod {
    const node = spec?.nodeName;
    return {
        namespace: metadata.namespace ?? "default",
        name: metadata.name,
        labels: metadata.labels ?? {},
        ...(node === undefined ? {} : { node }),
        addresses: (status?.podIPs ?? []).map(({ ip }) => ip),
    };
}

function observedService({ metadata, status }: ServiceJson): ObservedService {
    return {
        namespace: metadata.namespace ?? "default",
        name: metadata.name,
        loadBalancerAddresses: (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []),
    };
}

/** Pods that have ended or are ending are no longer the cluster's answer to anything. */
function isCurrent({ metadata, status }: PodJson): boolean {
    return metadata.deletionTimestamp === undefined && status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

/** What nodes, also as Cilium has them, pods, services and Calico's blocks say of a cluster. @param text what kubectl printed of them */
export function parseObservation(text: string): ClusterObservation {
    const objects = objectsIn(text);
    const ofKind = <T extends ObjectJson>(kind: string) => objects.filter((each): each is T => each.kind === kind);
    const affinities = ofKind<BlockAffinityJson>("BlockAffinity");
    const ciliumNodes = ofKind<CiliumNodeJson>("CiliumNode");
    return {
        nodes: Object.fromEntries(
            ofKind<NodeJson>("Node").map((node) => {
                const { name } = node.metadata;
                return [name, observedNode(node, blocksOf(name, affinities), gatewaysOf(name, ciliumNodes))] as const;
            }),
        ),
        pods: ofKind<PodJson>("Pod").filter(isCurrent).map(observedPod),
        services: ofKind<ServiceJson>("Service")
            .filter(({ spec }) => spec?.type === "LoadBalancer")
            .map(observedService),
    };
}
