/** From parameters to the lab. */

import { addressOf, hostPrefix, lastHost, lengthOf, nthInterfaceAddress } from "../../lab/address";
import type {
    Address,
    BgpSpeaker,
    Calico,
    Interface,
    InterfaceAddress,
    KubernetesNode,
    Lab,
    MetalLb,
    Neighbor,
    Prefix,
    PrefixList,
    Router,
    SessionSettings,
    Vrf,
    Workload,
} from "../../lab/model";
import { calicoTimers } from "../../lab/speakers";
import { podChecks, serviceChecks } from "../planning/checks";
import { bridge, cable, everything, onSegment, viaAddress } from "../planning/links";
import { type KindNode, kindNodes, kubeletLabels } from "../planning/nodes";
import { planDeployment } from "../planning/pods";
import { planServices } from "../planning/services";
import { limitOf } from "../planning/sessions";
import {
    advertisement,
    appLabels,
    beforeWorkers,
    calicoPeer,
    calicoTarget,
    calicoVrf,
    client,
    clientNumber,
    clientPort,
    clientSegment,
    controlPlaneNumber,
    denyAll,
    loopbacks,
    metallbPeer,
    metallbTarget,
    metallbVrf,
    name,
    nodePort,
    nodeSegment,
    podPort,
    router,
    workload,
} from "./names";
import { blockOf, type CalicoMetalLbVrf, versions as versionsOf } from "./parameters";

/** A node of the cluster with what follows from its number. */
interface PlannedNode extends KindNode {
    readonly address: InterfaceAddress;
    readonly podCidrs: readonly Prefix[];
}

/**
 * Plans the lab: pure, and the same for the same parameters.
 *
 * @throws RangeError when a network is too small for the nodes, which `limits` reports before
 */
export function planCalicoMetalLbVrf(parameters: CalicoMetalLbVrf): Lab {
    const nodes = planNodes(parameters);
    const versions = versionsOf(parameters);
    const pods = planWorkload(parameters, nodes);
    const gateway = lastHost(parameters.clientSubnet);
    const lab: Lab = {
        topology: name,
        name,
        segments: {
            [nodeSegment]: bridge([parameters.nodeSubnet]),
            [clientSegment]: cable([parameters.clientSubnet]),
        },
        routers: { [router]: planRouter(parameters, nodes) },
        hosts: {
            [client]: {
                interfaces: [
                    onSegment("net0", clientSegment, [nthInterfaceAddress(parameters.clientSubnet, clientNumber)]),
                ],
                staticRoutes: [viaAddress(everything.ipv4, gateway)],
            },
        },
        cluster: {
            name: parameters.cluster,
            kubernetesVersion: parameters.kubernetesVersion ?? versions.kubernetes,
            podCidrs: [parameters.podCidr],
            serviceCidrs: [parameters.serviceCidr],
            nodeMask: { ipv4: parameters.blockSize, ipv6: 122 },
            nodeSegment,
            nodes: Object.fromEntries(nodes.map((node) => [node.name, planNode(parameters, node)])),
            calico: planCalico(parameters, parameters.calicoVersion ?? versions.calico),
            metallb: planMetalLb(parameters, parameters.metallbVersion ?? versions.metallb),
            loadBalancerPools: parameters.pools,
            services: planServices(parameters.services, {
                namespace: parameters.namespace,
                selector: appLabels,
                targetPort: podPort,
            }),
            workloads: [pods],
        },
        checks: [],
    };
    const checks = [
        ...lab.cluster.services.flatMap((service) => serviceChecks(lab, service, client)),
        ...pods.pods.flatMap((pod) => podChecks(client, pods, pod)),
    ];
    return { ...lab, checks };
}

function planNodes(parameters: CalicoMetalLbVrf): readonly PlannedNode[] {
    return kindNodes(parameters.cluster, parameters.workers).map((node, index) => {
        const block = blockOf(parameters, index);
        if (block === undefined) {
            throw new RangeError(`there is no block for ${node.name}`);
        }
        const number = index === 0 ? controlPlaneNumber : beforeWorkers + index;
        return { ...node, address: nthInterfaceAddress(parameters.nodeSubnet, number), podCidrs: [block] };
    });
}

function planRouter(parameters: CalicoMetalLbVrf, nodes: readonly PlannedNode[]): Router {
    const { nodeSubnet, clientSubnet, routerIds, vrfs, maximumPaths } = parameters;
    const forCalico = nodes.map((node) => calicoNeighbor(parameters, node));
    const forMetalLb = nodes.map((node) => metallbNeighbor(parameters, node));
    const base: Omit<Router, "interfaces" | "bgp"> = { nos: "frr", staticRoutes: [], prefixLists: [denyAllRoutes()] };
    const toNodes = onSegment(nodePort, nodeSegment, [edge(nodeSubnet)]);
    const toClient = onSegment(clientPort, clientSegment, [edge(clientSubnet)]);
    const own = planLoopbacks(parameters);
    if (!vrfs) {
        return {
            ...base,
            interfaces: [...own, toNodes, toClient],
            bgp: planSpeaker(parameters, routerIds.default, maximumPaths, [...forCalico, ...forMetalLb]),
        };
    }
    const [first, second, third] = own;
    return {
        ...base,
        interfaces: [
            first,
            { ...second, vrf: metallbVrf },
            { ...third, vrf: calicoVrf },
            { ...toNodes, vrf: metallbVrf },
            { ...toClient, vrf: calicoVrf },
        ],
        bgp: {
            ...planSpeaker(parameters, routerIds.default, 1, []),
            families: [{ family: "ipv4", redistribute: [], networks: [] }],
        },
        vrfs: [
            planVrf(calicoVrf, calicoTarget, planSpeaker(parameters, routerIds.calico, 1, forCalico)),
            planVrf(metallbVrf, metallbTarget, planSpeaker(parameters, routerIds.metallb, maximumPaths, forMetalLb)),
        ],
    };
}

/** The last address of a network, which the router has. */
function edge(network: Prefix): InterfaceAddress {
    return `${lastHost(network)}/${lengthOf(network)}`;
}

function planLoopbacks({ loopbacks: addresses }: CalicoMetalLbVrf): readonly [Interface, Interface, Interface] {
    const loopback = (port: string, address: Address): Interface => ({
        name: port,
        attachment: { kind: "loopback" },
        addresses: [hostPrefix(address)],
    });
    return [
        loopback(loopbacks[0], addresses.default),
        loopback(loopbacks[1], addresses.metallb),
        loopback(loopbacks[2], addresses.calico),
    ];
}

/** Nodes have a default route, and need no others. */
function denyAllRoutes(): PrefixList {
    return {
        name: denyAll,
        family: "ipv4",
        entries: [{ sequence: 5, action: "deny", prefix: everything.ipv4, le: 32 }],
    };
}

/** Both VRFs import the routes of both. */
function planVrf(vrf: string, target: string, bgp: BgpSpeaker): Vrf {
    return {
        name: vrf,
        routeDistinguisher: target,
        exportTargets: [target],
        importTargets: [calicoTarget, metallbTarget],
        staticRoutes: [],
        bgp,
    };
}

function planSpeaker(
    { routerAsn }: CalicoMetalLbVrf,
    routerId: Address,
    maximumPaths: number,
    neighbors: readonly Neighbor[],
): BgpSpeaker {
    return {
        asn: routerAsn,
        routerId,
        defaults: "traditional",
        ebgpRequiresPolicy: false,
        multipathRelax: false,
        maximumPaths,
        families: [{ family: "ipv4", redistribute: ["connected"], networks: [] }],
        peerGroups: [],
        neighbors,
    };
}

function calicoNeighbor(parameters: CalicoMetalLbVrf, node: PlannedNode): Neighbor {
    const { calicoAsn, multihop, maximumPrefixes } = parameters;
    const more = { ebgpMultihop: multihop, updateSource: loopbacks[2] };
    return neighbor(parameters, node, calicoAsn, maximumPrefixes.calico, more);
}

function metallbNeighbor(parameters: CalicoMetalLbVrf, node: PlannedNode): Neighbor {
    const { metallbAsn, maximumPrefixes, bfd } = parameters;
    const more = { updateSource: nodePort, ...(bfd === undefined ? {} : { bfd }) };
    return neighbor(parameters, node, metallbAsn, maximumPrefixes.metallb, more);
}

function neighbor(
    { routerTimers }: CalicoMetalLbVrf,
    node: PlannedNode,
    asn: number,
    maximumPrefixes: number | undefined,
    more: Pick<SessionSettings, "ebgpMultihop" | "updateSource" | "bfd">,
): Neighbor {
    return {
        address: addressOf(node.address),
        remoteAsn: asn,
        session: {
            kind: "own",
            settings: {
                remoteAs: { kind: "asn", asn },
                timers: routerTimers,
                ...more,
                families: [{ family: "ipv4", prefixListOut: denyAll, ...limitOf({ maximumPrefixes }) }],
            },
        },
    };
}

function planNode({ nodeSubnet }: CalicoMetalLbVrf, node: PlannedNode): KubernetesNode {
    return {
        role: node.role,
        labels: kubeletLabels(node),
        podCidrs: node.podCidrs,
        routerId: addressOf(node.address),
        interfaces: [onSegment("eth0", nodeSegment, [node.address])],
        // Without it neither the loopback that Calico peers with nor a client could be reached.
        staticRoutes: [viaAddress(everything.ipv4, lastHost(nodeSubnet))],
    };
}

function planCalico(parameters: CalicoMetalLbVrf, version: string): Calico {
    const { calicoAsn, nodeToNodeMesh, encapsulation, natOutgoing, loopbacks: addresses } = parameters;
    return {
        version,
        asn: calicoAsn,
        nodeToNodeMesh,
        encapsulation,
        natOutgoing,
        peers: [
            {
                name: calicoPeer,
                address: addresses.calico,
                asn: parameters.routerAsn,
                timers: { ...calicoTimers, keepalive: parameters.calicoKeepalive },
                gracefulRestartTime: parameters.gracefulRestartTime,
            },
        ],
    };
}

function planMetalLb(parameters: CalicoMetalLbVrf, version: string): MetalLb {
    return {
        version,
        peers: [
            {
                name: metallbPeer,
                myAsn: parameters.metallbAsn,
                peerAsn: parameters.routerAsn,
                peerAddress: lastHost(parameters.nodeSubnet),
                timers: parameters.metallbTimers,
                ebgpMultihop: false,
                ...(parameters.bfd === undefined ? {} : { bfd: parameters.bfd }),
            },
        ],
        advertisements: [{ kind: "bgp", name: advertisement, pools: parameters.pools.map((pool) => pool.name) }],
        ignoreExcludeLabel: parameters.ignoreExcludeLabel,
    };
}

function planWorkload({ namespace, replicas }: CalicoMetalLbVrf, nodes: readonly PlannedNode[]): Workload {
    const chosen = { namespace, name: workload, labels: appLabels, port: podPort, replicas };
    return planDeployment(chosen, nodes.slice(1));
}
