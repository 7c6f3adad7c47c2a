/** From parameters to the lab. */

import { addressOf, nthAddress, nthInterfaceAddress, subnet } from "../../lab/address";
import type {
    Asn,
    BgpSpeaker,
    CiliumBgpInstance,
    Interface,
    InterfaceAddress,
    KubernetesNode,
    Lab,
    MetalLb,
    Neighbor,
    Prefix,
    Router,
    Segment,
    Service,
    SessionFamily,
    SessionSettings,
    Timers,
    TrafficCheck,
    Workload,
} from "../../lab/model";
import { podChecks, serviceChecks } from "../planning/checks";
import { bridge, cable, everything, type Link, link, onSegment, viaAddress } from "../planning/links";
import { type KindNode, kindNodes, kubeletLabels } from "../planning/nodes";
import { spreadPods } from "../planning/pods";
import { planServices } from "../planning/services";
import { limitOf } from "../planning/sessions";
import {
    appLabels,
    bridgeName,
    firstNode,
    leafName,
    linkName,
    management,
    metallbPool,
    name,
    nodeSegment,
    podPort,
    portName,
    rackLabel,
    rackName,
    spineName,
    uplink,
    uplinkPort,
    workload,
} from "./names";
import {
    type LeafSpine,
    leafAsn,
    linkSubnet,
    poolsOf,
    rackSubnet,
    servicesOf,
    spineAsn,
    versions as versionsOf,
} from "./parameters";

/** Everything that follows from the numbers of spines, racks and nodes. */
interface Fabric {
    readonly spines: readonly PlannedSpine[];
    readonly racks: readonly PlannedRack[];
}

interface PlannedSpine {
    readonly name: string;
    readonly asn: Asn;
    /** Links to the leaves, in their order; the leaf's end is the first. */
    readonly links: readonly Link[];
    readonly managementAddress: InterfaceAddress;
}

interface PlannedRack {
    readonly name: string;
    readonly leaf: string;
    readonly asn: Asn;
    readonly subnet: Prefix;
    /** The leaf's address in the rack, which is the gateway of the nodes. */
    readonly gateway: InterfaceAddress;
    /** Links to the spines, in their order; the leaf's end is the first. */
    readonly links: readonly Link[];
    readonly nodes: readonly PlannedNode[];
    readonly managementAddress: InterfaceAddress;
}

interface PlannedNode extends KindNode {
    readonly rack: number;
    /** Address in the rack. */
    readonly address: InterfaceAddress;
    /** Address on kind's network. */
    readonly internalAddress: InterfaceAddress;
    readonly podCidrs: readonly Prefix[];
}

/**
 * Plans the lab: pure, and the same for the same parameters.
 *
 * @throws RangeError when a network or a list is too small for the fabric, which `limits` reports before
 */
export function planLeafSpine(parameters: LeafSpine): Lab {
    const fabric = planFabric(parameters);
    const nodes = fabric.racks.flatMap((rack) => rack.nodes);
    const versions = versionsOf(parameters);
    const pods: Workload = {
        kind: "DaemonSet",
        namespace: parameters.namespace,
        name: workload,
        labels: appLabels,
        port: podPort,
        pods: spreadPods(workload, nodes.length, nodes),
    };
    const lab: Lab = {
        topology: name,
        name,
        segments: planSegments(parameters, fabric),
        routers: Object.fromEntries([
            ...fabric.spines.map((spine) => [spine.name, planSpine(parameters, fabric, spine)] as const),
            ...fabric.racks.map((rack, index) => [rack.leaf, planLeaf(parameters, fabric, rack, index)] as const),
        ]),
        hosts: {
            [uplink]: {
                interfaces: [onSegment(uplinkPort, management, [nthInterfaceAddress(parameters.managementSubnet, 1)])],
                staticRoutes: [],
            },
        },
        cluster: {
            name: parameters.cluster,
            kubernetesVersion: parameters.kubernetesVersion ?? versions.kubernetes,
            podCidrs: [parameters.podCidr],
            serviceCidrs: [parameters.serviceCidr],
            nodeMask: { ipv4: parameters.nodeMask, ipv6: 64 },
            nodeSegment,
            nodes: Object.fromEntries(nodes.map((node) => [node.name, planNode(fabric.racks[node.rack]!, node)])),
            cilium: {
                version: parameters.ciliumVersion ?? versions.cilium,
                routingMode: "native",
                nativeRoutingCidrs: [parameters.nativeRoutingCidr],
                bgp: fabric.racks.map((rack, index) => planInstance(parameters, rack, index)),
            },
            ...(parameters.loadBalancer === "metallb"
                ? { metallb: planMetalLb(parameters, parameters.metallbVersion ?? versions.metallb) }
                : {}),
            loadBalancerPools: poolsOf(parameters),
            services: servicesOfLab(parameters),
            workloads: [pods],
        },
        checks: [],
    };
    return { ...lab, checks: planChecks(parameters, lab, fabric) };
}

function planFabric(parameters: LeafSpine): Fabric {
    const { spines, racks } = parameters;
    const managed = (index: number) => nthInterfaceAddress(parameters.managementSubnet, index + 2);
    const links = Array.from({ length: racks }, (_, rack) =>
        Array.from({ length: spines }, (_, spine) => link(linkSubnet(parameters, rack, spine))),
    );
    return {
        spines: Array.from({ length: spines }, (_, spine) => ({
            name: spineName(spine),
            asn: present(spineAsn(parameters, spine)),
            links: links.map((ofLeaf) => ofLeaf[spine]!),
            managementAddress: managed(spine),
        })),
        racks: links.map((ofLeaf, rack) => {
            const network = present(rackSubnet(parameters, rack));
            return {
                name: rackName(rack),
                leaf: leafName(rack),
                asn: present(leafAsn(parameters, rack)),
                subnet: network,
                gateway: nthInterfaceAddress(network, 1),
                links: ofLeaf,
                nodes: planNodes(parameters, rack, network),
                managementAddress: managed(spines + rack),
            };
        }),
    };
}

function present<T>(value: T | undefined): T {
    if (value === undefined) {
        throw new RangeError("a list of the parameters has fewer entries than the fabric needs");
    }
    return value;
}

function planNodes(parameters: LeafSpine, rack: number, network: Prefix): readonly PlannedNode[] {
    const { cluster, racks, nodesPerRack } = parameters;
    const first = rack * nodesPerRack;
    const named = kindNodes(cluster, racks * nodesPerRack - 1).slice(first, first + nodesPerRack);
    return named.map((node, index) => ({
        ...node,
        rack,
        address: nthInterfaceAddress(network, firstNode + index),
        internalAddress: nthInterfaceAddress(parameters.nodeSubnet, first + index + 2),
        podCidrs: [subnet(parameters.podCidr, parameters.nodeMask, first + index)],
    }));
}

function planSegments(parameters: LeafSpine, { spines, racks }: Fabric): Lab["segments"] {
    const links = racks.flatMap((rack, index) =>
        spines.map((_, spine): readonly [string, Segment] => [
            linkName(spine, index),
            cable([rack.links[spine]!.subnet]),
        ]),
    );
    return {
        [nodeSegment]: bridge([parameters.nodeSubnet]),
        [management]: bridge([parameters.managementSubnet]),
        ...Object.fromEntries(links),
        ...Object.fromEntries(racks.map((rack, index) => [bridgeName(index), bridge([rack.subnet])])),
    };
}

function planSpine(parameters: LeafSpine, { racks }: Fabric, spine: PlannedSpine): Router {
    const toLeaves = spine.links.map((end, rack) =>
        onSegment(portName(rack + 1), `${spine.name}-${leafName(rack)}`, [end.second]),
    );
    return {
        ...planRouter(parameters, spine.managementAddress, toLeaves),
        bgp: {
            ...speaker(parameters, spine.asn, addressOf(spine.links[0]!.second)),
            multipathRelax: false,
            families: [{ family: "ipv4", redistribute: [], networks: [] }],
            neighbors: racks.map((rack, index) => fabricNeighbor(parameters, spine.links[index]!.first, rack.asn)),
        },
    };
}

function planLeaf(parameters: LeafSpine, { spines }: Fabric, rack: PlannedRack, index: number): Router {
    const toSpines = rack.links.map((end, spine) =>
        onSegment(portName(spine + 1), linkName(spine, index), [end.first]),
    );
    const toRack = onSegment(portName(spines.length + 1), bridgeName(index), [rack.gateway]);
    return {
        ...planRouter(parameters, rack.managementAddress, [...toSpines, toRack]),
        bgp: {
            ...speaker(parameters, rack.asn, addressOf(rack.gateway)),
            multipathRelax: parameters.multipathRelax,
            families: [{ family: "ipv4", redistribute: [], networks: [rack.subnet] }],
            neighbors: [
                ...rack.nodes.map((node) => nodeNeighbor(parameters, node, rack.asn)),
                ...spines.map((spine, number) => fabricNeighbor(parameters, rack.links[number]!.second, spine.asn)),
            ],
        },
        sourceNat: [{ interface: uplinkPort, source: parameters.natSource }],
    };
}

function planRouter(
    parameters: LeafSpine,
    managementAddress: InterfaceAddress,
    links: readonly Interface[],
): Omit<Router, "bgp"> {
    const { nos, nosVersion, managementSubnet } = parameters;
    return {
        nos,
        ...(nos === "vyos" ? { nosVersion: nosVersion ?? versionsOf(parameters).vyos } : {}),
        interfaces: [onSegment(uplinkPort, management, [managementAddress]), ...links],
        staticRoutes: [viaAddress(everything.ipv4, nthAddress(managementSubnet, 1))],
        prefixLists: [],
    };
}

function speaker(
    { maximumPaths }: LeafSpine,
    asn: Asn,
    routerId: string,
): Omit<BgpSpeaker, "multipathRelax" | "families" | "neighbors"> {
    return {
        asn,
        routerId,
        defaults: "traditional",
        ebgpRequiresPolicy: false,
        maximumPaths,
        peerGroups: [],
    };
}

function fabricNeighbor({ fabricTimers, bfd }: LeafSpine, peer: InterfaceAddress, asn: Asn): Neighbor {
    return neighbor(peer, asn, fabricTimers, { family: "ipv4" }, bfd === undefined ? {} : { bfd });
}

function nodeNeighbor(parameters: LeafSpine, node: PlannedNode, asn: Asn): Neighbor {
    const { rackTimers, routeReflection } = parameters;
    const exchanged: SessionFamily = {
        family: "ipv4",
        ...(routeReflection ? { routeReflectorClient: true } : {}),
        ...limitOf(parameters),
    };
    return neighbor(node.address, asn, rackTimers, exchanged, {});
}

function neighbor(
    peer: InterfaceAddress,
    asn: Asn,
    timers: Timers,
    exchanged: SessionFamily,
    more: Pick<SessionSettings, "bfd">,
): Neighbor {
    const settings: SessionSettings = { remoteAs: { kind: "asn", asn }, timers, families: [exchanged], ...more };
    return { address: addressOf(peer), remoteAsn: asn, session: { kind: "own", settings } };
}

function planNode(rack: PlannedRack, node: PlannedNode): KubernetesNode {
    return {
        role: node.role,
        labels: { ...kubeletLabels(node), [rackLabel]: rack.name },
        nodeIp: [addressOf(node.address)],
        ...(node.role === "control-plane" ? { untainted: true } : {}),
        podCidrs: node.podCidrs,
        routerId: addressOf(node.address),
        interfaces: [
            onSegment("eth0", nodeSegment, [node.internalAddress]),
            onSegment("net0", bridgeName(node.rack), [node.address]),
        ],
        staticRoutes: [viaAddress(everything.ipv4, addressOf(rack.gateway))],
    };
}

function planInstance(parameters: LeafSpine, rack: PlannedRack, index: number): CiliumBgpInstance {
    const { announceServices, serviceSelector, serviceSelectors, gracefulRestartTime } = parameters;
    return {
        name: rack.name,
        nodeSelector: { matchLabels: { [rackLabel]: rack.name } },
        localAsn: rack.asn,
        exportPodCidr: parameters.exportPodCidr,
        ...(announceServices ? { serviceSelector: serviceSelectors[index] ?? serviceSelector } : {}),
        neighbors: [
            {
                address: addressOf(rack.gateway),
                remoteAsn: rack.asn,
                timers: parameters.nodeTimers,
                ...(gracefulRestartTime === 0 ? {} : { gracefulRestartTime }),
                families: ["ipv4"],
            },
        ],
    };
}

/** MetalLB gives out addresses of kind's network, and answers for them there; it speaks no BGP. */
function planMetalLb(parameters: LeafSpine, version: string): MetalLb {
    const pools = poolsOf(parameters).map((pool) => pool.name);
    return {
        version,
        peers: [],
        advertisements: [{ kind: "layer2", name: metallbPool, pools }],
        ignoreExcludeLabel: false,
    };
}

function servicesOfLab(parameters: LeafSpine): readonly Service[] {
    const common = { namespace: parameters.namespace, selector: appLabels, targetPort: podPort };
    // Under Local a spine, which has one path, would reach the pods of one rack only.
    const chosen = servicesOf(parameters).map((each) => ({ ...each, externalTrafficPolicy: "Cluster" as const }));
    return planServices(chosen, common);
}

/**
 * A node asks the services, and a spine once they are announced; until then spines and leaves meet silence. A pod of the
 * first rack and one of the last ask each other.
 */
function planChecks(parameters: LeafSpine, lab: Lab, { spines, racks }: Fabric): readonly TrafficCheck[] {
    const [firstSpine, firstRack, lastRack] = [spines[0]!.name, racks[0]!, racks.at(-1)!];
    const services = lab.cluster.services.flatMap((service) => [
        ...(parameters.announceServices
            ? serviceChecks(lab, service, firstSpine)
            : [firstSpine, firstRack.leaf].flatMap((device) => silentChecks(service, device))),
        ...serviceChecks(lab, service, firstRack.nodes[0]!.name).filter(({ kind }) => kind === "service"),
    ]);
    return [...services, ...acrossRacks(lab, firstRack, lastRack)];
}

function silentChecks({ loadBalancerAddresses, port }: Service, from: string): readonly TrafficCheck[] {
    return loadBalancerAddresses.flatMap((address): TrafficCheck[] => [
        { kind: "silence", from, address, probe: { kind: "ping" } },
        { kind: "silence", from, address, probe: { kind: "tcp", port } },
    ]);
}

function acrossRacks({ cluster: { workloads } }: Lab, first: PlannedRack, last: PlannedRack): readonly TrafficCheck[] {
    return workloads.flatMap((planned) => {
        const of = (rack: PlannedRack) => planned.pods.find(({ node }) => node === rack.nodes[0]!.name)!;
        const [one, other] = [of(first), of(last)];
        return one === other ? [] : [...podChecks(one.name, planned, other), ...podChecks(other.name, planned, one)];
    });
}
