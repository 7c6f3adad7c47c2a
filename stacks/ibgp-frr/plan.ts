/** From parameters to the lab. */

import { addressOf, nthAddress, nthInterfaceAddress, subnet } from "../../lab/address";
import type {
    Cilium,
    Host,
    InterfaceAddress,
    KubernetesNode,
    Lab,
    Neighbor,
    Prefix,
    Router,
    Workload,
} from "../../lab/model";
import { serviceChecks } from "../planning/checks";
import { bridge, everything, onSegment, viaAddress } from "../planning/links";
import { type KindNode, kindNodes, kubeletLabels } from "../planning/nodes";
import { planDeployment } from "../planning/pods";
import { planServices } from "../planning/services";
import { limitOf } from "../planning/sessions";
import {
    appLabels,
    beforeWorkers,
    client,
    clientNumber,
    clientPort,
    clientSegment,
    controlPlaneNumber,
    guestNumber,
    name,
    nodePort,
    nodeSegment,
    peer,
    podPort,
    router,
    routerNumber,
    workload,
} from "./names";
import { type IbgpFrr, speakerOf, versions as versionsOf } from "./parameters";

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
export function planIbgpFrr(parameters: IbgpFrr): Lab {
    const nodes = planNodes(parameters);
    const versions = versionsOf(parameters);
    const lab: Lab = {
        topology: name,
        name,
        segments: {
            [nodeSegment]: bridge([parameters.nodeSubnet]),
            [clientSegment]: bridge([parameters.clientSubnet]),
        },
        routers: { [router]: planRouter(parameters, nodes) },
        hosts: { [client]: planClient(parameters) },
        cluster: {
            name: parameters.cluster,
            kubernetesVersion: parameters.kubernetesVersion ?? versions.kubernetes,
            podCidrs: [parameters.podCidr],
            serviceCidrs: [parameters.serviceCidr],
            nodeMask: { ipv4: parameters.nodeMask, ipv6: 64 },
            nodeSegment,
            nodes: Object.fromEntries(nodes.map((node) => [node.name, planNode(parameters, node)])),
            cilium: planCilium(parameters, parameters.ciliumVersion ?? versions.cilium),
            loadBalancerPools: parameters.pools,
            services: planServices(parameters.services, {
                namespace: parameters.namespace,
                selector: appLabels,
                targetPort: podPort,
            }),
            workloads: [planWorkload(parameters, nodes)],
        },
        checks: [],
    };
    // The article asks from the router itself and from a client behind it.
    const checks = lab.cluster.services.flatMap((service) =>
        [client, router].flatMap((from) => serviceChecks(lab, service, from)),
    );
    return { ...lab, checks };
}

function planNodes({ cluster, workers, nodeSubnet, podCidr, nodeMask }: IbgpFrr): readonly PlannedNode[] {
    return kindNodes(cluster, workers).map((node, index) => ({
        ...node,
        address: nthInterfaceAddress(nodeSubnet, index === 0 ? controlPlaneNumber : beforeWorkers + index),
        podCidrs: [subnet(podCidr, nodeMask, index)],
    }));
}

function planRouter(parameters: IbgpFrr, nodes: readonly PlannedNode[]): Router {
    const { nodeSubnet, clientSubnet, routerAsn, routerId, multipathRelax, maximumPaths } = parameters;
    return {
        nos: "frr",
        interfaces: [
            onSegment(nodePort, nodeSegment, [nthInterfaceAddress(nodeSubnet, routerNumber)]),
            onSegment(clientPort, clientSegment, [nthInterfaceAddress(clientSubnet, routerNumber)]),
        ],
        staticRoutes: [],
        prefixLists: [],
        bgp: {
            asn: routerAsn,
            routerId: routerId ?? nthAddress(nodeSubnet, routerNumber),
            defaults: "traditional",
            ebgpRequiresPolicy: false,
            multipathRelax,
            maximumPaths,
            families: [{ family: "ipv4", redistribute: [], networks: [] }],
            peerGroups: [],
            neighbors: nodes.map((node) => planNeighbor(parameters, node)),
        },
    };
}

function planNeighbor(parameters: IbgpFrr, node: PlannedNode): Neighbor {
    const { nodeAsn, routerTimers, nextHopSelf } = parameters;
    return {
        address: addressOf(node.address),
        remoteAsn: nodeAsn,
        session: {
            kind: "own",
            settings: {
                remoteAs: { kind: "asn", asn: nodeAsn },
                timers: routerTimers,
                updateSource: nodePort,
                families: [{ family: "ipv4", ...(nextHopSelf ? { nextHopSelf } : {}), ...limitOf(parameters) }],
            },
        },
    };
}

/** The client is in both networks, as the article's host for management is, and sends to services by the router. */
function planClient({ nodeSubnet, clientSubnet }: IbgpFrr): Host {
    return {
        interfaces: [
            onSegment("net0", clientSegment, [nthInterfaceAddress(clientSubnet, guestNumber)]),
            onSegment("net1", nodeSegment, [nthInterfaceAddress(nodeSubnet, clientNumber)]),
        ],
        staticRoutes: [viaAddress(everything.ipv4, nthAddress(clientSubnet, routerNumber))],
    };
}

function planNode({ nodeSubnet, clientSubnet, podCidr }: IbgpFrr, node: PlannedNode): KubernetesNode {
    return {
        role: node.role,
        labels: kubeletLabels(node),
        podCidrs: node.podCidrs,
        routerId: addressOf(node.address),
        interfaces: [onSegment("eth0", nodeSegment, [node.address])],
        staticRoutes: [
            viaAddress(clientSubnet, nthAddress(nodeSubnet, routerNumber)),
            // The overlay: pods of other nodes are reached directly over the nodes' network.
            { prefix: podCidr, via: { kind: "interface", interface: "eth0" } },
        ],
    };
}

function planCilium(parameters: IbgpFrr, version: string): Cilium {
    const common = {
        version,
        routingMode: "tunnel",
        nativeRoutingCidrs: [],
        hubble: parameters.hubble,
    } as const;
    const { nodeAsn, routerAsn, nodeTimers, gracefulRestartTime, nodeSubnet, namespace } = parameters;
    const address = nthAddress(nodeSubnet, routerNumber);
    if (speakerOf(parameters) === "metallb") {
        return {
            ...common,
            bgp: [],
            metallbBgp: {
                peers: [
                    {
                        name: peer,
                        myAsn: nodeAsn,
                        peerAsn: routerAsn,
                        peerAddress: address,
                        timers: nodeTimers,
                        ebgpMultihop: false,
                    },
                ],
                announceLoadBalancerIp: true,
                announcePodCidr: false,
            },
        };
    }
    return {
        ...common,
        bgp: [
            {
                name: peer,
                nodeSelector: { matchLabels: { "kubernetes.io/os": "linux" } },
                localAsn: nodeAsn,
                exportPodCidr: false,
                serviceSelector: parameters.serviceSelector ?? {
                    matchLabels: { "io.kubernetes.service.namespace": namespace },
                },
                neighbors: [
                    {
                        address,
                        remoteAsn: routerAsn,
                        timers: nodeTimers,
                        ...(gracefulRestartTime === 0 ? {} : { gracefulRestartTime }),
                        families: ["ipv4"],
                    },
                ],
            },
        ],
    };
}

function planWorkload({ namespace, replicas }: IbgpFrr, nodes: readonly PlannedNode[]): Workload {
    const chosen = { namespace, name: workload, labels: appLabels, port: podPort, replicas };
    return planDeployment(chosen, nodes.slice(1));
}
