/** From parameters to the lab. */

import {
    addressOf,
    familyBits,
    familyOf,
    hostPrefix,
    lastHost,
    nthAddress,
    nthInterfaceAddress,
    subnet,
} from "../../lab/address";
import { clusterRanges, type ImportRules, importEntries, importLayers } from "../../lab/import-policy";
import type {
    Address,
    AllowedPrefix,
    BgpSpeaker,
    CiliumBgpInstance,
    CiliumNeighbor,
    Cluster,
    Family,
    ImportPolicy,
    InterfaceAddress,
    KubernetesNode,
    Lab,
    Neighbor,
    PeerGroup,
    PodNeighbor,
    Prefix,
    PrefixList,
    PrefixListEntry,
    Router,
    SessionFamily,
    SessionSettings,
    TrafficCheck,
    Workload,
} from "../../lab/model";
import { forwardingPods } from "../../lab/pod-events";
import { nodeEnd, podEnd, podLink, podRoutes, routesToPod } from "../../lab/pod-network";
import { nodePort } from "../../lab/pods";
import { advertisedServiceAddresses } from "../../lab/services";
import { podChecks, serviceChecks } from "../planning/checks";
import {
    bridge,
    cable,
    everything,
    families,
    hostOn,
    type Link,
    link,
    linkIn,
    onSegment,
    viaAddress,
} from "../planning/links";
import { linkMask, nodeMask } from "../planning/masks";
import { type KindNode, kindNodes, kubeletLabels } from "../planning/nodes";
import { planDeployment } from "../planning/pods";
import { planServices } from "../planning/services";
import {
    client,
    clientPort,
    exportNames,
    firstGateway,
    gateway,
    gatewayLabels,
    groupNames,
    name,
    nodeListName,
    nodeNumber,
    nodeSegment,
    offerNames,
    podListNames,
    podPort,
    rogue,
    rogueNode,
    rogueNumber,
    router,
    selectorName,
    workload,
    workloadLabels,
} from "./names";
import { ownAddress, type PodGateway, versions as versionsOf } from "./parameters";

/** Hops that sessions of Pods may cross (TTL 255, RFC 791), as the article sets them. */
const anyHops = 255;

/** A node of the cluster with everything that follows from its number. */
interface PlannedNode extends KindNode {
    /** Name of the segment between the router and this node. */
    readonly segment: string;
    readonly asn: number;
    readonly links: readonly Link[];
    readonly podCidrs: readonly Prefix[];
    /** Addresses on the network of kind. */
    readonly internalAddresses: readonly InterfaceAddress[];
    /** Addresses in the node's slices, to which the default routes of its Pods lead. */
    readonly ownPodAddresses: readonly InterfaceAddress[];
}

/** A Pod that forwards, or pretends to. */
interface PlannedPod {
    readonly name: string;
    readonly workload: string;
    readonly asn: number;
    readonly routerId: Address;
    readonly node: PlannedNode;
    readonly addresses: readonly InterfaceAddress[];
    /** Addresses at which it takes connections. */
    readonly virtualAddresses: readonly Address[];
    /** What it announces beside its own addresses, whether it has it or not. */
    readonly networks: readonly Prefix[];
}

/**
 * Plans the lab: pure, and the same for the same parameters.
 *
 * @throws RangeError when a network is too small for what it must hold, which `limits` reports before
 */
export function planPodGateway(parameters: PodGateway): Lab {
    const nodes = planNodes(parameters);
    const pods = planPods(parameters, nodes);
    const clientLinks = parameters.clientSubnets.map(link);
    const lab: Lab = {
        topology: name,
        name,
        segments: planSegments(parameters, nodes, pods),
        routers: {},
        hosts: { [client]: hostOn(`${router}-${client}`, clientLinks) },
        cluster: planCluster(parameters, nodes, pods),
        checks: [],
    };
    const routers: Lab["routers"] = {
        [router]: planRouter(parameters, lab, nodes, pods, clientLinks),
        ...Object.fromEntries(pods.map((pod) => [pod.name, planPod(parameters, pod, nodes)])),
    };
    const planned = { ...lab, routers };
    return { ...planned, checks: planChecks(parameters, planned) };
}

function planNodes(parameters: PodGateway): readonly PlannedNode[] {
    return kindNodes(parameters.cluster, parameters.workers).map((node, index) => {
        const slices = parameters.podCidrs.map((cidr) => subnet(cidr, nodeMask(parameters, familyOf(cidr)), index));
        return {
            ...node,
            segment: `${router}-${node.shortName}`,
            asn: parameters.nodeAsn + index,
            links: parameters.linkPools.map((pool) => link(subnet(pool, linkMask(parameters, familyOf(pool)), index))),
            podCidrs: slices,
            internalAddresses: parameters.nodeSubnets.map((network) => nthInterfaceAddress(network, index + 2)),
            ownPodAddresses: slices.map((slice) => hostPrefix(nthAddress(slice, nodeNumber))),
        };
    });
}

/** Forwarding Pods are numbered in the order of `gateways`; the rogue Pod comes last. */
function planPods(parameters: PodGateway, nodes: readonly PlannedNode[]): readonly PlannedPod[] {
    const { gateways, podAsn, podRouterIds, virtualAddresses, hijacks, rogueAsn } = parameters;
    const place = (node: number, number: number) => ({
        node: nodes[node]!,
        addresses: nodes[node]!.podCidrs.map((slice) => hostPrefix(nthAddress(slice, number))),
    });
    const forwarding = gateways.map((node, index) => ({
        ...place(node, firstGateway + gateways.slice(0, index).filter((other) => other === node).length),
        name: `${gateway}-${index}`,
        routerId: nthAddress(podRouterIds, index),
        workload: gateway,
        asn: podAsn,
        virtualAddresses,
        networks: [],
    }));
    const pretending = {
        ...place(rogueNode, rogueNumber),
        name: `${rogue}-0`,
        routerId: lastHost(podRouterIds),
        workload: rogue,
        asn: rogueAsn,
        virtualAddresses: [],
        networks: hijacks,
    };
    return hijacks.length === 0 ? forwarding : [...forwarding, pretending];
}

function planSegments(
    parameters: PodGateway,
    nodes: readonly PlannedNode[],
    pods: readonly PlannedPod[],
): Lab["segments"] {
    return {
        [nodeSegment]: bridge(parameters.nodeSubnets),
        [`${router}-${client}`]: cable(parameters.clientSubnets),
        ...Object.fromEntries(nodes.map((node) => [node.segment, cable(node.links.map((end) => end.subnet))])),
        ...Object.fromEntries(pods.map((pod) => [pod.name, podLink(pod.addresses)])),
    };
}

function planCluster(parameters: PodGateway, nodes: readonly PlannedNode[], pods: readonly PlannedPod[]): Cluster {
    const versions = versionsOf(parameters);
    const { namespace, replicas } = parameters;
    return {
        name: parameters.cluster,
        kubernetesVersion: parameters.kubernetesVersion ?? versions.kubernetes,
        podCidrs: parameters.podCidrs,
        serviceCidrs: parameters.serviceCidrs,
        nodeMask: { ipv4: parameters.nodeMask, ipv6: parameters.nodeMask6 },
        nodeSegment,
        nodes: Object.fromEntries(
            nodes.map((node) => [
                node.name,
                planNode(
                    node,
                    pods.filter((pod) => pod.node === node),
                ),
            ]),
        ),
        cilium: {
            version: parameters.ciliumVersion ?? versions.cilium,
            routingMode: "native",
            nativeRoutingCidrs: parameters.nativeRoutingCidrs,
            bgp: nodes.map((node) => planInstance(parameters, node)),
        },
        loadBalancerPools: parameters.pools,
        services: planServices(parameters.services, { namespace, selector: workloadLabels, targetPort: podPort }),
        workloads: [
            planDeployment({ namespace, name: workload, labels: workloadLabels, port: podPort, replicas }, nodes),
        ],
    };
}

/** Nodes send everything to the router, by whose BGP routes pods of other nodes are reached. */
function planNode(node: PlannedNode, pods: readonly PlannedPod[]): KubernetesNode {
    return {
        role: node.role,
        labels: kubeletLabels(node),
        nodeIp: node.links.map((end) => addressOf(end.second)),
        ...(node.role === "control-plane" ? { untainted: true } : {}),
        podCidrs: node.podCidrs,
        routerId: addressOf(linkIn(node.links, "ipv4").second),
        interfaces: [
            onSegment("eth0", nodeSegment, node.internalAddresses),
            onSegment(
                "net0",
                node.segment,
                node.links.map((end) => end.second),
            ),
            { name: nodePort, attachment: { kind: "loopback" }, addresses: node.ownPodAddresses },
            ...pods.map((pod) => nodeEnd(pod.name)),
        ],
        staticRoutes: [
            ...node.links.map((end) => viaAddress(everything[end.family], addressOf(end.first))),
            ...pods.flatMap((pod) => routesToPod(pod.name, pod.addresses)),
        ],
    };
}

function planInstance(parameters: PodGateway, node: PlannedNode): CiliumBgpInstance {
    const { namespace, serviceSelector, peering, nodeTimers } = parameters;
    const selected: PodNeighbor = { ...planSelector(parameters), name: selectorName, timers: nodeTimers, families };
    return {
        name: node.shortName,
        nodeSelector: { matchLabels: { "kubernetes.io/hostname": node.name } },
        localAsn: node.asn,
        exportPodCidr: parameters.exportPodCidr,
        serviceSelector: serviceSelector ?? { matchLabels: { "io.kubernetes.service.namespace": namespace } },
        neighbors: families.map((family) => planCiliumNeighbor(parameters, linkIn(node.links, family))),
        podNeighbors: [selected],
        ...(peering === "node" ? { transit: true } : {}),
    };
}

function planCiliumNeighbor(parameters: PodGateway, end: Link): CiliumNeighbor {
    const { gracefulRestartTime } = parameters;
    return {
        address: addressOf(end.first),
        remoteAsn: parameters.routerAsn,
        timers: parameters.nodeTimers,
        ...(gracefulRestartTime === 0 ? {} : { gracefulRestartTime }),
        families: [end.family],
    };
}

/** The neighbors by label, wherever their sessions end. */
function planSelector(parameters: PodGateway): Omit<PodNeighbor, "name" | "timers" | "families"> {
    const { namespace, podSelector } = parameters;
    return {
        namespace,
        selector: podSelector,
        remoteAs: remoteAsOf(parameters),
        ebgpMultihop: anyHops,
        importPolicy: planPolicy(parameters),
    };
}

function remoteAsOf({ selectedAsn }: PodGateway): PodNeighbor["remoteAs"] {
    return selectedAsn === undefined ? { kind: "external" } : { kind: "asn", asn: selectedAsn };
}

function planPolicy(parameters: PodGateway): ImportPolicy {
    const { allowed, forbidden } = parameters;
    return {
        allowed: allowed.map(withoutNothing),
        forbidden,
        ownAddress: ownAddress(parameters),
    };
}

/** An allowed prefix without a length that was not given. */
function withoutNothing({ prefix, le }: PodGateway["allowed"][number]): AllowedPrefix {
    return { prefix, ...(le === undefined ? {} : { le }) };
}

function planRouter(
    parameters: PodGateway,
    planned: Lab,
    nodes: readonly PlannedNode[],
    pods: readonly PlannedPod[],
    clientLinks: readonly Link[],
): Router {
    const toNodes = nodes.map((node, index) =>
        onSegment(
            portOf(index),
            node.segment,
            node.links.map((end) => end.first),
        ),
    );
    const toClient = onSegment(
        `net${clientPort}`,
        `${router}-${client}`,
        clientLinks.map((end) => end.first),
    );
    const offers = families.map((family) => planOffers(parameters, family));
    const nodeLists = nodes.flatMap((node) =>
        families.map((family) => planNodeList(parameters, planned, node, family)),
    );
    const bgp: BgpSpeaker = {
        asn: parameters.routerAsn,
        routerId: parameters.routerId,
        defaults: "datacenter",
        ebgpRequiresPolicy: false,
        multipathRelax: parameters.multipathRelax,
        maximumPaths: parameters.maximumPaths,
        families: families.map((family) => ({ family, redistribute: [], networks: [] })),
        peerGroups: [],
        neighbors: families.flatMap((family) => nodes.map((node) => planNeighbor(parameters, node, family))),
    };
    return {
        nos: "frr",
        interfaces: [...toNodes.slice(0, clientPort), toClient, ...toNodes.slice(clientPort)],
        staticRoutes: [],
        ...(parameters.peering === "node"
            ? { prefixLists: [...offers, ...nodeLists], bgp }
            : {
                  prefixLists: [
                      ...offers,
                      ...nodeLists,
                      ...families.map((family) => planPodList(parameters, planned, family)),
                  ],
                  bgp: withPods(parameters, bgp, pods),
              }),
    };
}

/** Name of the router's interface to a node: the client's number is left out. */
function portOf(node: number): string {
    return `net${node < clientPort ? node : node + 1}`;
}

/**
 * What the router takes of one node: its slice of the pod CIDR, and the load-balancer addresses that it announces. Where
 * nodes pass on what Pods announce, also that, by the same policy as on the node, and Pods' addresses out of the slice.
 */
function planNodeList(parameters: PodGateway, planned: Lab, node: PlannedNode, family: Family): PrefixList {
    const announced = advertisedServiceAddresses(planned, node.name, "cilium")
        .map(({ address }) => address)
        .filter((address) => familyOf(address) === family)
        .map((address): Entry => ({ action: "permit", prefix: hostPrefix(address) }));
    const entries =
        parameters.peering === "node"
            ? nodeEntries(parameters, planned, node, family, announced)
            : [...anySlice(parameters, family), ...announced];
    return { name: nodeListName(node.shortName, family), family, entries: numbered(entries) };
}

/** What is the node's own goes first, then the layers of the policy as the node has them: Pods' own addresses in between. */
function nodeEntries(
    parameters: PodGateway,
    planned: Lab,
    { podCidrs }: PlannedNode,
    family: Family,
    announced: readonly Entry[],
): readonly Entry[] {
    const prefix = podCidrs.find((slice) => familyOf(slice) === family)!;
    const { administrator, others } = importLayers(importRules(parameters, planned), family);
    const pods: Entry = { action: "permit", prefix, ge: familyBits(family) };
    return [
        { action: "permit", prefix },
        ...announced,
        ...administrator,
        ...(ownAddress(parameters) ? [pods] : []),
        ...others,
    ];
}

type Entry = Omit<PrefixListEntry, "sequence">;

function numbered(entries: readonly Entry[]): readonly PrefixListEntry[] {
    return entries.map((entry, index) => ({ ...entry, sequence: 5 * (index + 1) }));
}

/** Any node's slice: on a real cluster Kubernetes chooses which node has which. */
function anySlice(parameters: PodGateway, family: Family): readonly Entry[] {
    const length = nodeMask(parameters, family);
    return parameters.podCidrs
        .filter((cidr) => familyOf(cidr) === family)
        .map((prefix) => ({ action: "permit", prefix, ge: length, le: length }));
}

function importRules(parameters: PodGateway, planned: Lab): Omit<ImportRules, "own"> {
    return { policy: planPolicy(parameters), used: clusterRanges(planned).map(({ prefix }) => prefix) };
}

/** What the router tells nodes and Pods of: pods, and what Pods may announce. */
function planOffers({ podCidrs, allowed }: PodGateway, family: Family): PrefixList {
    const inFamily = ({ prefix }: Pick<Entry, "prefix">) => familyOf(prefix) === family;
    const offered: readonly Omit<Entry, "action">[] = [
        ...podCidrs.map((prefix) => ({ prefix, le: familyBits(family) })),
        ...allowed.map(withoutNothing),
    ];
    return {
        name: offerNames[family],
        family,
        entries: numbered(offered.filter(inFamily).map((entry) => ({ action: "permit", ...entry }))),
    };
}

function planPodList(parameters: PodGateway, planned: Lab, family: Family): PrefixList {
    const entries = importEntries(importRules(parameters, planned), family);
    return { name: podListNames[family], family, entries };
}

function planNeighbor(parameters: PodGateway, node: PlannedNode, family: Family): Neighbor {
    const exchanged: SessionFamily = {
        family,
        prefixListIn: nodeListName(node.shortName, family),
        prefixListOut: offerNames[family],
        keepRefused: true,
    };
    const settings: SessionSettings = {
        remoteAs: { kind: "asn", asn: node.asn },
        timers: parameters.routerTimers,
        families: [exchanged],
    };
    return {
        address: addressOf(linkIn(node.links, family).second),
        remoteAsn: node.asn,
        session: { kind: "own", settings },
    };
}

/** The speaker of a router with which the Pods peer: from any address in the pod CIDRs, so that only the filter decides. */
function withPods(parameters: PodGateway, bgp: BgpSpeaker, pods: readonly PlannedPod[]): BgpSpeaker {
    const { routerTimers } = parameters;
    const group = (family: Family): PeerGroup => ({
        name: groupNames[family],
        settings: {
            remoteAs: remoteAsOf(parameters),
            timers: routerTimers,
            ebgpMultihop: anyHops,
            updateSource: portOf(0),
            families: [
                { family, prefixListIn: podListNames[family], prefixListOut: offerNames[family], keepRefused: true },
            ],
        },
    });
    const neighbor = (pod: PlannedPod, family: Family): Neighbor => ({
        address: addressIn(pod.addresses, family),
        remoteAsn: pod.asn,
        pod: pod.name,
        session: { kind: "group", group: groupNames[family] },
    });
    return {
        ...bgp,
        peerGroups: families.map(group),
        podNeighbors: families.map((family) => ({
            ...planSelector(parameters),
            name: groupNames[family],
            timers: routerTimers,
            families: [family],
        })),
        neighbors: [...bgp.neighbors, ...families.flatMap((family) => pods.map((pod) => neighbor(pod, family)))],
    };
}

function addressIn(addresses: readonly InterfaceAddress[], family: Family): Address {
    return addressOf(addresses.find((each) => familyOf(each) === family)!);
}

function planPod(parameters: PodGateway, pod: PlannedPod, nodes: readonly PlannedNode[]): Router {
    const { namespace, virtualPort } = parameters;
    return {
        nos: "frr",
        interfaces: [
            podEnd(pod.name, pod.addresses),
            { name: "lo", attachment: { kind: "loopback" }, addresses: pod.virtualAddresses.map(hostPrefix) },
        ],
        staticRoutes: podRoutes(pod.node.ownPodAddresses),
        prefixLists: exportsAll(parameters, pod) ? [] : families.map((family) => planExport(pod, family)),
        bgp: planPodSpeaker(parameters, pod, nodes),
        pod: { namespace, workload: pod.workload, labels: gatewayLabels, node: pod.node.name },
        virtualServers: pod.virtualAddresses.map((address) => ({
            address,
            port: virtualPort,
            workload: { namespace, name: workload },
        })),
    };
}

/** Whether a Pod offers all it has: its own address goes out with the virtual ones unless a filter keeps it. */
function exportsAll(parameters: PodGateway, { virtualAddresses }: PlannedPod): boolean {
    return virtualAddresses.length === 0 || ownAddress(parameters);
}

function planExport({ virtualAddresses }: PlannedPod, family: Family): PrefixList {
    const offered = virtualAddresses.filter((address) => familyOf(address) === family);
    return {
        name: exportNames[family],
        family,
        entries: offered.map((address, index) => ({
            sequence: 5 * (index + 1),
            action: "permit",
            prefix: hostPrefix(address),
        })),
    };
}

function planPodSpeaker(parameters: PodGateway, pod: PlannedPod, nodes: readonly PlannedNode[]): BgpSpeaker {
    return {
        asn: pod.asn,
        routerId: pod.routerId,
        // Its neighbor is found by the default route only, which the profile traditional allows.
        defaults: "traditional",
        ebgpRequiresPolicy: false,
        multipathRelax: false,
        maximumPaths: parameters.maximumPaths,
        families: families.map((family) => ({
            family,
            redistribute: pod.virtualAddresses.length === 0 ? [] : ["connected"],
            networks: pod.networks.filter((prefix) => familyOf(prefix) === family),
        })),
        ...(pod.networks.length === 0 ? {} : { networkImportCheck: false }),
        peerGroups: [],
        neighbors: families.flatMap((family) =>
            upstreams(parameters, pod, nodes, family).map((upstream) =>
                planUpstream(parameters, pod, upstream, family),
            ),
        ),
    };
}

/** Whom a Pod calls. */
type Upstream = Pick<Neighbor, "address" | "remoteAsn">;

/**
 * A Pod's neighbors: its node at the end of its default route, and where that takes no routes also the router, at the
 * address of its first link.
 */
function upstreams(
    parameters: PodGateway,
    { node }: PlannedPod,
    nodes: readonly PlannedNode[],
    family: Family,
): readonly Upstream[] {
    const own = { address: addressIn(node.ownPodAddresses, family), remoteAsn: node.asn };
    const far = { address: addressOf(linkIn(nodes[0]!.links, family).first), remoteAsn: parameters.routerAsn };
    return parameters.peering === "node" ? [own] : [own, far];
}

function planUpstream(parameters: PodGateway, pod: PlannedPod, upstream: Upstream, family: Family): Neighbor {
    const exchanged: SessionFamily = {
        family,
        ...(exportsAll(parameters, pod) ? {} : { prefixListOut: exportNames[family] }),
    };
    const settings: SessionSettings = {
        remoteAs: { kind: "external" },
        timers: parameters.podTimers,
        ebgpMultihop: anyHops,
        families: [exchanged],
    };
    return { ...upstream, session: { kind: "own", settings } };
}

/**
 * The client asks the services and, through the forwarding Pods, the virtual addresses. It also asks every pod, and pods of
 * different nodes ask each other: those are the victims if a Pod's route draws their traffic away.
 */
function planChecks(parameters: PodGateway, lab: Lab): readonly TrafficCheck[] {
    const web = lab.cluster.workloads[0]!;
    return [
        ...virtualChecks(parameters, lab, web),
        ...lab.cluster.services.flatMap((service) => serviceChecks(lab, service, client)),
        ...web.pods.flatMap((pod) => podChecks(client, web, pod)),
        ...acrossNodes(web),
    ];
}

/** Of the addresses that Pods announce to somebody who takes them; nobody answers at any other. */
function virtualChecks(
    { virtualAddresses, virtualPort: port }: PodGateway,
    lab: Lab,
    web: Workload,
): readonly TrafficCheck[] {
    const answering = web.pods.map((pod) => pod.name);
    return virtualAddresses.flatMap((address): readonly TrafficCheck[] => {
        const through = forwardingPods(lab, address, port);
        return through.length === 0
            ? []
            : [
                  { kind: "service", from: client, address, port, pods: answering, clientAddress: "hidden" },
                  { kind: "passage", from: client, address, port, through },
              ];
    });
}

/** Each pod asks the next that is on another node. */
function acrossNodes(web: Workload): readonly TrafficCheck[] {
    return web.pods.flatMap((pod, index) => {
        const next = [...web.pods.slice(index + 1), ...web.pods].find(({ node }) => node !== pod.node);
        return next === undefined ? [] : podChecks(pod.name, web, next);
    });
}
