/**
 * The configuration of a node's GoBGP, read from the objects that a cluster would be given, the way Cilium's BGP control
 * plane and LB-IPAM read them. The lab model is not consulted: what the embedded lab proves is what a cluster is told.
 */

import { addressOf, contains, familyOf, hostPrefix, parseAddress, rangeOf } from "../lab/address";
import type { Address, Family, LabelSelector, Labels, Prefix } from "../lab/model";
import { type SelectorIndex, selectorIndex, selects } from "../lab/selectors";
import type { GobgpConfig, GobgpNeighbor } from "../provider/schema";
import type {
    CiliumBGPClusterConfig,
    CiliumBGPPeerConfig,
    CiliumBGPVirtualRouter,
    CiliumGracefulRestart,
    CiliumLoadBalancerIPPool,
    CiliumTimers,
    DaemonSet,
    Deployment,
    KubernetesObject,
    OfKind,
    Service,
} from "./kubernetes";

/** What a cluster knows of a node. */
export interface NodeFacts {
    readonly labels: Labels;
    /** The node's slices of the pod CIDRs. */
    readonly podCidrs: readonly Prefix[];
    /** The node's internal IPv4 address, Cilium's default for the BGP identifier. */
    readonly routerId: Address;
}

/** Annotations by which a service asks for addresses; Cilium knows the older one under both names. */
const addressAnnotations = ["lbipam.cilium.io/ips", "io.cilium/lb-ipam-ips"];

const families = ["ipv4", "ipv6"] as const;

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
    };
}

/** Objects by kind, kept with the list: every node of a lab asks the same one. */
const kindsByList = new WeakMap<readonly KubernetesObject[], ReadonlyMap<string, readonly KubernetesObject[]>>();

function ofKind<K extends KubernetesObject["kind"]>(
    objects: readonly KubernetesObject[],
    kind: K,
): readonly OfKind<K>[] {
    const kinds = kindsByList.get(objects) ?? groupByKind(objects);
    kindsByList.set(objects, kinds);
    return (kinds.get(kind) ?? []) as readonly OfKind<K>[];
}

function groupByKind(objects: readonly KubernetesObject[]): ReadonlyMap<string, readonly KubernetesObject[]> {
    const kinds = new Map<string, KubernetesObject[]>();
    for (const object of objects) {
        const known = kinds.get(object.kind);
        if (known === undefined) {
            kinds.set(object.kind, [object]);
        } else {
            known.push(object);
        }
    }
    return kinds;
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
        .flatMap(({ metadata, spec }) =>
            spec.virtualRouters.map((router) => policySpeaker(`CiliumBGPPeeringPolicy ${metadata.name}`, router)),
        );
}

function policySpeaker(source: string, router: CiliumBGPVirtualRouter): Speaker {
    const { exportPodCIDR, serviceSelector } = router;
    const announced = { podCidrs: exportPodCIDR, services: serviceSelector === undefined ? [] : [serviceSelector] };
    return {
        source,
        asn: router.localASN,
        neighbors: router.neighbors.map((neighbor) =>
            gobgpNeighbor(
                addressOf(neighbor.peerAddress),
                neighbor.peerASN,
                neighbor,
                neighbor.gracefulRestart,
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
        announced: {
            ipv4: announcedInFamily(objects, peers, "ipv4"),
            ipv6: announcedInFamily(objects, peers, "ipv6"),
        },
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
        holdTime: timers.holdTimeSeconds,
        keepalive: timers.keepAliveTimeSeconds,
        connectRetry: timers.connectRetryTimeSeconds,
        gracefulRestartTime: gracefulRestart.enabled ? (gracefulRestart.restartTimeSeconds ?? 120) : 0,
        families: families.filter((family) => carried.includes(family)),
    };
}

function originated(speaker: Speaker, objects: readonly KubernetesObject[], node: NodeFacts): Prefix[] {
    const podCidrs = node.podCidrs.filter((prefix) => speaker.announced[familyOf(prefix)].podCidrs);
    const services = ofKind(objects, "Service").filter((service) => hasEndpointFor(service, objects, node));
    const addresses = services.flatMap((service) =>
        allocatedAddresses(service, objects).filter((address) =>
            speaker.announced[familyOf(address)].services.some((selector) => selects(selector, labelsOf(service))),
        ),
    );
    return [...podCidrs, ...addresses.map(hostPrefix)];
}

/** Cilium adds a service's name and namespace to the labels that selectors see. */
function labelsOf({ metadata }: Service): Labels {
    return {
        ...metadata.labels,
        "io.kubernetes.service.name": metadata.name,
        "io.kubernetes.service.namespace": metadata.namespace ?? "default",
    };
}

/** Under externalTrafficPolicy Local only nodes with a pod of the service announce it. */
function hasEndpointFor(service: Service, objects: readonly KubernetesObject[], node: NodeFacts): boolean {
    if (service.spec.externalTrafficPolicy === "Cluster") {
        return true;
    }
    return [...ofKind(objects, "Deployment"), ...ofKind(objects, "DaemonSet")]
        .filter(({ metadata }) => metadata.namespace === service.metadata.namespace)
        .filter(({ spec }) => selects({ matchLabels: service.spec.selector }, spec.template.metadata.labels))
        .some((workload) => runsOn(workload, node));
}

/** Whether the scheduler puts a pod of the workload on a node: its affinity names the node, its spread fills it. */
function runsOn({ spec: { template } }: Deployment | DaemonSet, node: NodeFacts): boolean {
    const { nodeSelectorTerms } = template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    return nodeSelectorTerms.some(({ matchExpressions }) => selects({ matchExpressions }, node.labels));
}

/** The addresses that LB-IPAM gives a service: those it asks for, as far as a pool that serves it holds them. */
function allocatedAddresses(service: Service, objects: readonly KubernetesObject[]): readonly Address[] {
    const { annotations = {} } = service.metadata;
    const wanted = addressAnnotations.map((key) => annotations[key]).find((value) => value !== undefined) ?? "";
    const pools = ofKind(objects, "CiliumLoadBalancerIPPool");
    return wanted
        .split(",")
        .map((address) => address.trim())
        .filter((address) => address !== "" && pools.some((pool) => gives(pool, address, service)));
}

function gives({ spec }: CiliumLoadBalancerIPPool, address: Address, service: Service): boolean {
    if (spec.serviceSelector !== undefined && !selects(spec.serviceSelector, labelsOf(service))) {
        return false;
    }
    const cidrs = "cidrs" in spec ? spec.cidrs : spec.blocks;
    const edges = "blocks" in spec;
    return cidrs.some(({ cidr }) => contains(cidr, address) && (edges || !isEdge(cidr, address)));
}

/** Whether an address is the first or last of a prefix. */
function isEdge(cidr: Prefix, address: Address): boolean {
    const { first, last } = rangeOf(cidr);
    const { value } = parseAddress(address);
    return value === first || value === last;
}
