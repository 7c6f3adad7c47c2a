/**
 * The configuration of a node's GoBGP, read from the objects that a cluster would be given, the way Cilium's BGP control
 * plane and LB-IPAM read them. The lab model is not consulted: what the embedded lab proves is what a cluster is told.
 */

import { addressOf, familyOf, hostPrefix } from "../lab/address";
import type { Address, Family, LabelSelector, Prefix } from "../lab/model";
import { nodePort } from "../lab/pods";
import { type SelectorIndex, selectorIndex, selects } from "../lab/selectors";
import type { GobgpConfig, GobgpNeighbor, GobgpPodNeighbor } from "../provider/schema";
import type {
    CiliumBGPClusterConfig,
    CiliumBGPPeerConfig,
    CiliumBGPPeeringPolicy,
    CiliumBGPVirtualRouter,
    CiliumGracefulRestart,
    CiliumTimers,
    KubernetesObject,
    OfKind,
} from "./kubernetes";
import { addressPools, assignedAddresses, hasEndpointFor, labelsOf, type NodeFacts } from "./load-balancer";
import { ofKind } from "./objects";
import { importEntriesOf, type PodSelection, podPeersOf, policyPodPeersOf } from "./pod-neighbors";

const families = ["ipv4", "ipv6"] as const;

/** Timers of sessions for which nothing is said, as Cilium 1.13 had it (GoBGP pkg/config/oc/default.go). */
const libraryTimers: CiliumTimers = { connectRetryTimeSeconds: 120, holdTimeSeconds: 90, keepAliveTimeSeconds: 30 };

/**
 * Configures a node's speaker from BGP resources (either API), pools, services and workloads.
 *
 * @returns nothing when no resource selects the node: Cilium then runs no speaker
 * @throws Error when several resources select the node, which Cilium refuses as a conflict, or a reference is dangling
 */
export function gobgpConfig(objects: readonly KubernetesObject[], node: NodeFacts): GobgpConfig | undefined {
    const speaker = onlySpeaker([...policySpeakers(objects, node), ...clusterConfigSpeakers(objects, node)]);
    if (speaker === undefined) {
        return undefined;
    }
    return {
        asn: speaker.asn,
        routerId: node.routerId,
        neighbors: speaker.neighbors,
        originated: originated(speaker, objects, node),
        ...byLabel(speaker, node),
    };
}

/** The resources that configure speakers, by the nodes that they select. */
interface BgpResources {
    readonly policies: SelectorIndex<OfKind<"CiliumBGPPeeringPolicy">>;
    readonly configs: SelectorIndex<OfKind<"CiliumBGPClusterConfig">>;
}

const bgpByList = new WeakMap<readonly KubernetesObject[], BgpResources>();

function bgpOf(objects: readonly KubernetesObject[]): BgpResources {
    const known = bgpByList.get(objects) ?? {
        policies: selectorIndex(ofKind(objects, "CiliumBGPPeeringPolicy"), ({ spec }) => spec.nodeSelector ?? {}),
        configs: selectorIndex(ofKind(objects, "CiliumBGPClusterConfig"), ({ spec }) => spec.nodeSelector ?? {}),
    };
    bgpByList.set(objects, known);
    return known;
}

/** A speaker that both APIs can describe. */
interface Speaker {
    readonly source: string;
    readonly asn: number;
    readonly neighbors: readonly GobgpNeighbor[];
    /** Whether it takes routes and passes them on. */
    readonly transit?: boolean;
    /** Neighbors by label, as they are on any node. */
    readonly podNeighbors?: readonly Omit<GobgpPodNeighbor, "localAddresses">[];
    /** What is announced, by family. */
    readonly announced: Readonly<Record<Family, Announced>>;
}

interface Announced {
    readonly podCidrs: boolean;
    /** Selectors of the services whose addresses are announced. */
    readonly services: readonly LabelSelector[];
}

function onlySpeaker(speakers: readonly Speaker[]): Speaker | undefined {
    if (speakers.length > 1) {
        const names = speakers.map(({ source }) => source).join(" and ");
        throw new Error(`${names} configure the same node; a node takes its BGP from one resource with one speaker`);
    }
    return speakers[0];
}

function policySpeakers(objects: readonly KubernetesObject[], node: NodeFacts): Speaker[] {
    return bgpOf(objects)
        .policies(node.labels)
        .flatMap((policy) => policy.spec.virtualRouters.map((router) => policySpeaker(policy, router)));
}

function policySpeaker(policy: CiliumBGPPeeringPolicy, router: CiliumBGPVirtualRouter): Speaker {
    const { transit, peers = [] } = policyPodPeersOf(policy) ?? {};
    const { exportPodCIDR, serviceSelector } = router;
    const announced = { podCidrs: exportPodCIDR, services: serviceSelector === undefined ? [] : [serviceSelector] };
    return {
        source: `CiliumBGPPeeringPolicy ${policy.metadata.name}`,
        transit,
        podNeighbors: peers.map((peer) => podNeighbor(peer, peer, peer.eBGPMultihopTTL)),
        asn: router.localASN,
        neighbors: router.neighbors.map((neighbor) =>
            gobgpNeighbor(
                addressOf(neighbor.peerAddress),
                neighbor.peerASN,
                { ...libraryTimers, ...neighbor },
                neighbor.gracefulRestart ?? { enabled: false },
                neighbor.families?.map(({ afi }) => afi) ?? families,
            ),
        ),
        announced: { ipv4: announced, ipv6: announced },
    };
}

function clusterConfigSpeakers(objects: readonly KubernetesObject[], node: NodeFacts): Speaker[] {
    return bgpOf(objects)
        .configs(node.labels)
        .flatMap((config) => config.spec.bgpInstances.map((instance) => instanceSpeaker(objects, config, instance)));
}

function instanceSpeaker(
    objects: readonly KubernetesObject[],
    config: CiliumBGPClusterConfig,
    instance: CiliumBGPClusterConfig["spec"]["bgpInstances"][number],
): Speaker {
    const source = `CiliumBGPClusterConfig ${config.metadata.name}`;
    const peers = instance.peers.map((peer) => ({ peer, settings: findPeerConfig(objects, peer, source) }));
    const { transit, peers: podPeers = [] } = podPeersOf(config) ?? {};
    const pods = podPeers.map((peer) => ({ peer, settings: findPeerConfig(objects, peer, source) }));
    return {
        source,
        asn: instance.localASN,
        neighbors: peers.map(({ peer, settings: { spec } }) =>
            gobgpNeighbor(
                peer.peerAddress,
                peer.peerASN,
                spec.timers,
                spec.gracefulRestart,
                spec.families.map(({ afi }) => afi),
            ),
        ),
        transit,
        podNeighbors: pods.map(({ peer, settings: { spec } }) =>
            podNeighbor(peer, spec.timers, spec.ebgpMultihop ?? 1),
        ),
        announced: {
            ipv4: announcedInFamily(objects, [...peers, ...pods], "ipv4"),
            ipv6: announcedInFamily(objects, [...peers, ...pods], "ipv6"),
        },
    };
}

function podNeighbor(
    peer: PodSelection,
    timers: CiliumTimers,
    ebgpMultihop: number,
): Omit<GobgpPodNeighbor, "localAddresses"> {
    const { name, namespace, podSelector, families: carried, peerASN, importPolicy } = peer;
    return {
        name,
        namespace,
        selector: podSelector,
        ...(peerASN === undefined ? {} : { remoteAsn: peerASN }),
        ...gobgpTimers(timers),
        ebgpMultihop,
        families: inOrder(carried),
        ownAddress: importPolicy.ownAddress,
        ...importEntriesOf(peer),
    };
}

/** What a speaker is told of neighbors by label; nothing where there are none. Sessions use the node's address in the pod range. */
function byLabel(
    { transit = false, podNeighbors = [] }: Speaker,
    { interfaces }: NodeFacts,
): Pick<GobgpConfig, "transit" | "podNeighbors"> {
    const localAddresses = interfaces
        .filter(({ name }) => name === nodePort)
        .flatMap(({ addresses }) => addresses.map(addressOf));
    const neighbors = podNeighbors.map((neighbor) => ({ ...neighbor, localAddresses }));
    return {
        ...(transit ? { transit } : {}),
        ...(neighbors.length === 0 ? {} : { podNeighbors: neighbors }),
    };
}

function findPeerConfig(
    objects: readonly KubernetesObject[],
    peer: { readonly name: string; readonly peerConfigRef: { readonly name: string } },
    source: string,
): CiliumBGPPeerConfig {
    const found = ofKind(objects, "CiliumBGPPeerConfig").find(
        ({ metadata }) => metadata.name === peer.peerConfigRef.name,
    );
    if (found === undefined) {
        throw new Error(
            `${source}: peer ${peer.name} refers to CiliumBGPPeerConfig ${peer.peerConfigRef.name}, which does not exist`,
        );
    }
    return found;
}

/**
 * What the peers' settings select for a family. A family without a selector of advertisements carries none.
 *
 * @throws Error when peers of one speaker select differently, which a speaker with one list of prefixes cannot do
 */
function announcedInFamily(
    objects: readonly KubernetesObject[],
    peers: readonly { readonly settings: CiliumBGPPeerConfig }[],
    family: Family,
): Announced {
    const carrying = peers.flatMap(({ settings }) => settings.spec.families).filter(({ afi }) => afi === family);
    const choices = new Set(carrying.map(({ advertisements }) => JSON.stringify(advertisements)));
    if (choices.size > 1) {
        const names = peers.map(({ settings }) => settings.metadata.name).join(" and ");
        throw new Error(
            `CiliumBGPPeerConfig ${names} select different ${family} advertisements for one speaker; make them agree`,
        );
    }
    const selectors = carrying.slice(0, 1).flatMap(({ advertisements }) => advertisements ?? []);
    const entries = ofKind(objects, "CiliumBGPAdvertisement")
        .filter(({ metadata }) => selectors.some((selector) => selects(selector, metadata.labels ?? {})))
        .flatMap(({ spec }) => spec.advertisements);
    return {
        podCidrs: entries.some(({ advertisementType }) => advertisementType === "PodCIDR"),
        services: entries.flatMap((entry) =>
            entry.advertisementType === "Service" && entry.selector !== undefined ? [entry.selector] : [],
        ),
    };
}

function gobgpNeighbor(
    address: Address,
    remoteAsn: number,
    timers: CiliumTimers,
    gracefulRestart: CiliumGracefulRestart,
    carried: readonly Family[],
): GobgpNeighbor {
    return {
        address,
        remoteAsn,
        ...gobgpTimers(timers),
        gracefulRestartTime: gracefulRestart.enabled ? (gracefulRestart.restartTimeSeconds ?? 120) : 0,
        families: inOrder(carried),
    };
}

function gobgpTimers(timers: CiliumTimers): Pick<GobgpNeighbor, "holdTime" | "keepalive" | "connectRetry"> {
    return {
        holdTime: timers.holdTimeSeconds,
        keepalive: timers.keepAliveTimeSeconds,
        connectRetry: timers.connectRetryTimeSeconds,
    };
}

function inOrder(carried: readonly Family[]): readonly Family[] {
    return families.filter((family) => carried.includes(family));
}

function originated(speaker: Speaker, objects: readonly KubernetesObject[], node: NodeFacts): Prefix[] {
    const podCidrs = node.podCidrs.filter((prefix) => speaker.announced[familyOf(prefix)].podCidrs);
    const services = ofKind(objects, "Service").filter((service) => hasEndpointFor(service, objects, node));
    const pools = addressPools(objects);
    const addresses = services.flatMap((service) =>
        assignedAddresses(service, pools).filter((address) =>
            speaker.announced[familyOf(address)].services.some((selector) => selects(selector, labelsOf(service))),
        ),
    );
    return [...podCidrs, ...addresses.map(hostPrefix)];
}
