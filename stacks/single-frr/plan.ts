/** From parameters to the lab. */

import { addressOf, familyOf, nthInterfaceAddress, subnet } from "../../lab/address";
import type {
    CiliumBgpInstance,
    CiliumNeighbor,
    Family,
    KubernetesNode,
    Lab,
    Neighbor,
    PeerGroup,
    Prefix,
    PrefixList,
    Router,
    SessionFamily,
    StaticRoute,
    Workload,
} from "../../lab/model";
import type { Path } from "../../lab/path";
import { serviceChecks } from "../planning/checks";
import { bridge, cable, families, hostOn, type Link, link, linkIn, onSegment, viaAddress } from "../planning/links";
import { linkMask, nodeMask } from "../planning/masks";
import { type KindNode, kindNodes, kubeletLabels } from "../planning/nodes";
import { planDeployment } from "../planning/pods";
import { planServices } from "../planning/services";
import { limitOf } from "../planning/sessions";
import { appLabels, client, clientPort, exportNames, groupNames, importNames, name, podPort, router } from "./names";
import { podWorkers, type SingleFrr, versionSet } from "./parameters";

/** A node of the cluster with everything that follows from its number. */
interface PlannedNode extends KindNode {
    /** Name of the segment between the router and this node. */
    readonly segment: string;
    readonly asn: number;
    readonly links: readonly Link[];
    readonly podCidrs: readonly Prefix[];
    readonly internalAddresses: readonly string[];
}

/**
 * Plans the lab: pure, and the same for the same parameters.
 *
 * @throws RangeError when a network is too small for the nodes, which `limits` reports before
 */
export function planSingleFrr(parameters: SingleFrr): Lab {
    const nodes = planNodes(parameters);
    const clientLinks = parameters.clientSubnets.map(link);
    const workload = planWorkload(parameters, nodes);
    const services = planServices(parameters.services, {
        namespace: parameters.namespace,
        selector: appLabels,
        targetPort: podPort,
    });
    const versions = versionSet(parameters);
    const lab: Lab = {
        topology: name,
        name,
        segments: planSegments(parameters, nodes),
        routers: { [router]: planRouter(parameters, nodes, clientLinks) },
        hosts: { [client]: hostOn(`${router}-${client}`, clientLinks) },
        cluster: {
            name: parameters.cluster,
            kubernetesVersion: parameters.kubernetesVersion ?? versions.kubernetes,
            podCidrs: parameters.podCidrs,
            serviceCidrs: parameters.serviceCidrs,
            nodeMask: { ipv4: parameters.nodeMask, ipv6: parameters.nodeMask6 },
            nodeSegment: "kind",
            nodes: Object.fromEntries(nodes.map((node) => [node.name, planNode(parameters, node)])),
            cilium: {
                version: parameters.ciliumVersion ?? versions.cilium,
                routingMode: parameters.routingMode,
                nativeRoutingCidrs: parameters.routingMode === "native" ? parameters.podCidrs : [],
                bgp: nodes.map((node) => planInstance(parameters, node)),
            },
            loadBalancerPools: parameters.pools,
            services,
            workloads: [workload],
        },
        checks: [],
    };
    return { ...lab, checks: services.flatMap((planned) => serviceChecks(lab, planned, client)) };
}

function planNodes(parameters: SingleFrr): readonly PlannedNode[] {
    return kindNodes(parameters.cluster, parameters.workers).map((node, index) => ({
        ...node,
        segment: `${router}-${node.shortName}`,
        asn: parameters.nodeAsn + index,
        links: parameters.linkPools.map((pool) => link(subnet(pool, linkMask(parameters, familyOf(pool)), index + 1))),
        podCidrs: parameters.podCidrs.map((cidr) => subnet(cidr, nodeMask(parameters, familyOf(cidr)), index)),
        internalAddresses: parameters.nodeSubnets.map((network) => nthInterfaceAddress(network, index + 2)),
    }));
}

function planSegments(parameters: SingleFrr, nodes: readonly PlannedNode[]): Lab["segments"] {
    return {
        kind: bridge(parameters.nodeSubnets),
        [`${router}-${client}`]: cable(parameters.clientSubnets),
        ...Object.fromEntries(nodes.map((node) => [node.segment, cable(node.links.map((end) => end.subnet))])),
    };
}

function planRouter(parameters: SingleFrr, nodes: readonly PlannedNode[], clientLinks: readonly Link[]): Router {
    const toNodes = nodes.map((node, index) =>
        onSegment(
            `net${index < clientPort ? index : index + 1}`,
            node.segment,
            node.links.map((end) => end.first),
        ),
    );
    const toClient = onSegment(
        `net${clientPort}`,
        `${router}-${client}`,
        clientLinks.map((end) => end.first),
    );
    return {
        nos: "frr",
        interfaces: [...toNodes.slice(0, clientPort), toClient, ...toNodes.slice(clientPort)],
        staticRoutes: parameters.labSubnets.map((prefix) => ({ prefix, via: { kind: "blackhole" } })),
        prefixLists: planFilters(parameters).map(({ list }) => list),
        bgp: {
            asn: parameters.routerAsn,
            routerId: parameters.routerId,
            defaults: "datacenter",
            ebgpRequiresPolicy: false,
            multipathRelax: parameters.multipathRelax,
            maximumPaths: parameters.maximumPaths,
            families: families.map((family) => ({ family, redistribute: ["connected"], networks: [] })),
            peerGroups: families.map((family) => planGroup(parameters, family)),
            neighbors: families.flatMap((family) => nodes.map((node) => planNeighbor(node, family))),
        },
    };
}

/** A prefix list and the parameter that each of its entries comes from. */
export interface PlannedFilter {
    readonly list: PrefixList;
    readonly origins: readonly Path[];
}

/** The prefix lists of the router, in both directions and families. */
export function planFilters(parameters: SingleFrr): readonly PlannedFilter[] {
    const imports = families.filter((family) => hasImportFilter(parameters, family));
    return [
        ...families.map((family) => planFilter(exportNames[family], family, parameters, "exportFilter")),
        ...imports.map((family) => planFilter(importNames[family], family, parameters, "importFilter")),
    ];
}

function hasImportFilter({ importFilter }: SingleFrr, family: Family): boolean {
    return importFilter.some(({ prefix }) => familyOf(prefix) === family);
}

/** The entries of one family; in the parameters both families are in one list. */
function planFilter(
    list: string,
    family: Family,
    parameters: SingleFrr,
    parameter: "exportFilter" | "importFilter",
): PlannedFilter {
    const ofFamily = parameters[parameter]
        .map((entry, index) => ({ ...entry, origin: [parameter, index] }))
        .filter(({ prefix }) => familyOf(prefix) === family);
    const entries = ofFamily.map(({ action, prefix, ge, le }, index) => ({
        sequence: 5 * (index + 1),
        action,
        prefix,
        ...(ge === undefined ? {} : { ge }),
        ...(le === undefined ? {} : { le }),
    }));
    return { list: { name: list, family, entries }, origins: ofFamily.map(({ origin }) => origin) };
}

function planGroup(parameters: SingleFrr, family: Family): PeerGroup {
    const exchanged: SessionFamily = {
        family,
        ...(hasImportFilter(parameters, family) ? { prefixListIn: importNames[family] } : {}),
        prefixListOut: exportNames[family],
        ...limitOf(parameters),
    };
    return {
        name: groupNames[family],
        settings: { remoteAs: { kind: "external" }, timers: parameters.routerTimers, families: [exchanged] },
    };
}

function planNeighbor(node: PlannedNode, family: Family): Neighbor {
    const end = linkIn(node.links, family);
    return {
        address: addressOf(end.second),
        remoteAsn: node.asn,
        session: { kind: "group", group: groupNames[family] },
    };
}

function planNode(parameters: SingleFrr, node: PlannedNode): KubernetesNode {
    const viaRouter = (destinations: readonly Prefix[]) =>
        families.flatMap((family) =>
            destinations
                .filter((prefix) => familyOf(prefix) === family)
                .map((prefix) => viaAddress(prefix, addressOf(linkIn(node.links, family).first))),
        );
    // The overlay of tunnel mode: pods of other nodes are reached directly over the node network.
    const overlay = (): readonly StaticRoute[] =>
        parameters.podCidrs.map((prefix) => ({ prefix, via: { kind: "interface", interface: "eth0" } }));
    // Without it, a node that passes a client on to another node's pod does so by its link, and under its address there.
    const betweenPods = parameters.routingMode === "tunnel" ? overlay() : viaRouter(parameters.linkPools);
    return {
        role: node.role,
        labels: kubeletLabels(node),
        podCidrs: node.podCidrs,
        routerId: addressOf(node.internalAddresses.find((internal) => familyOf(internal) === "ipv4")!),
        interfaces: [
            onSegment("eth0", "kind", node.internalAddresses),
            onSegment(
                "net0",
                node.segment,
                node.links.map((end) => end.second),
            ),
        ],
        staticRoutes: [...viaRouter([...parameters.labSubnets, ...parameters.clientSubnets]), ...betweenPods],
    };
}

function planInstance(parameters: SingleFrr, node: PlannedNode): CiliumBgpInstance {
    return {
        name: node.shortName,
        nodeSelector: { matchLabels: { "kubernetes.io/hostname": node.name } },
        localAsn: node.asn,
        exportPodCidr: parameters.exportPodCidr,
        serviceSelector: parameters.serviceSelector,
        neighbors: families.map((family) => planCiliumNeighbor(parameters, linkIn(node.links, family))),
    };
}

function planCiliumNeighbor(parameters: SingleFrr, end: Link): CiliumNeighbor {
    const { gracefulRestartTime } = parameters;
    return {
        address: addressOf(end.first),
        remoteAsn: parameters.routerAsn,
        timers: parameters.nodeTimers,
        ...(gracefulRestartTime === 0 ? {} : { gracefulRestartTime }),
        families: [end.family],
    };
}

/** Equal numbers of pods on as many workers as possible, so that every pod gets the same share of the traffic. */
function planWorkload(parameters: SingleFrr, nodes: readonly PlannedNode[]): Workload {
    const { namespace, replicas } = parameters;
    const chosen = { namespace, name: "app", labels: appLabels, port: podPort, replicas };
    return planDeployment(chosen, nodes.slice(1, 1 + podWorkers(parameters)));
}
