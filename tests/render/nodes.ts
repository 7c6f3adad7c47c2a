/** A lab whose nodes run Calico and MetalLB, and a router for each of the two: the smallest in which a node has two speakers. */

import type {
    BgpSpeaker,
    Calico,
    CalicoPeer,
    Interface,
    KubernetesNode,
    Lab,
    LoadBalancerPool,
    MetalLb,
    MetalLbAdvertisement,
    MetalLbPeer,
    Router,
    Service,
    SessionSettings,
} from "../../lab/model";

const timers = { holdTime: 9, keepalive: 3, connectRetry: 1 };

/** Addresses of the nodes; the pods of each are a block of their own. */
export const nodeAddresses: Readonly<Record<string, string>> = {
    master: "10.0.0.1",
    node1: "10.0.0.11",
    node2: "10.0.0.12",
};

/** Blocks of Calico's pool that the nodes have. */
export const nodeBlocks: Readonly<Record<string, string>> = {
    master: "192.168.116.0/26",
    node1: "192.168.160.0/26",
    node2: "192.168.160.64/26",
};

function port(name: string, segment: string, addresses: readonly string[]): Interface {
    return { name, attachment: { kind: "segment", segment }, addresses };
}

function settings(asn: number, more: Partial<SessionSettings> = {}): SessionSettings {
    return { remoteAs: { kind: "asn", asn }, timers, families: [{ family: "ipv4" }], ...more };
}

function speaker(routerId: string, remoteAsn: number, more: Partial<SessionSettings>): BgpSpeaker {
    return {
        asn: 65000,
        routerId,
        defaults: "datacenter",
        ebgpRequiresPolicy: false,
        multipathRelax: false,
        maximumPaths: 4,
        families: [{ family: "ipv4", redistribute: [], networks: [] }],
        peerGroups: [],
        neighbors: Object.values(nodeAddresses).map((address) => ({
            address,
            remoteAsn,
            session: { kind: "own", settings: settings(remoteAsn, more) },
        })),
    };
}

function router(interfaces: readonly Interface[], bgp: BgpSpeaker): Router {
    return { nos: "frr", interfaces, staticRoutes: [], prefixLists: [], bgp };
}

function node(name: string): KubernetesNode {
    const address = nodeAddresses[name]!;
    return {
        role: name === "master" ? "control-plane" : "worker",
        labels: {
            "kubernetes.io/hostname": name,
            ...(name === "master" ? { "node.kubernetes.io/exclude-from-external-load-balancers": "" } : {}),
        },
        interfaces: [port("eth0", "nodes", [`${address}/24`])],
        staticRoutes: [{ prefix: "1.1.1.2/32", via: { kind: "address", address: "10.0.0.253" } }],
        podCidrs: [nodeBlocks[name]!],
        routerId: address,
    };
}

/** A peer of Calico, several hops away. */
export const calicoPeer: CalicoPeer = { name: "router", address: "1.1.1.2", asn: 65000, timers };

/** A peer of MetalLB. */
export const metallbPeer: MetalLbPeer = {
    name: "router",
    myAsn: 65001,
    peerAsn: 65000,
    peerAddress: "10.0.0.254",
    timers,
    ebgpMultihop: false,
};

/** A service with a pod on node1 only. */
export const service: Service = {
    namespace: "default",
    name: "web",
    labels: { app: "web" },
    selector: { app: "web" },
    port: 80,
    targetPort: 8080,
    externalTrafficPolicy: "Cluster",
    loadBalancerAddresses: ["10.100.0.0"],
};

/** Pools, each of which a lab has if one of its advertisements names it. */
const pools: readonly LoadBalancerPool[] = [
    { name: "default", blocks: ["10.100.0.0/24"] },
    { name: "segment", blocks: ["10.0.0.200-10.0.0.210"] },
];

/** Announces the pool of addresses in the nodes' own subnet. */
export const layer2: MetalLbAdvertisement = { kind: "layer2", name: "arp", pools: ["segment"] };

/** Calico and MetalLB on three nodes. */
export function nodes(
    calico: Partial<Calico> = {},
    metallb: Partial<MetalLb> = {},
    services: readonly Service[] = [service],
): Lab {
    const advertisements: readonly MetalLbAdvertisement[] = metallb.advertisements ?? [
        { kind: "bgp", name: "bgp", pools: ["default"] },
    ];
    const loopback: Interface = { name: "lo", attachment: { kind: "loopback" }, addresses: ["1.1.1.2/32"] };
    return {
        topology: "nodes",
        name: "nodes",
        segments: { nodes: { kind: "bridge", subnets: ["10.0.0.0/24"], mtu: 1500 } },
        routers: {
            metallb: router([port("net0", "nodes", ["10.0.0.254/24"])], speaker("10.0.0.254", 65001, {})),
            calico: router(
                [port("net0", "nodes", ["10.0.0.253/24"]), loopback],
                speaker("1.1.1.2", 65002, { ebgpMultihop: 32, updateSource: "lo" }),
            ),
        },
        hosts: {},
        cluster: {
            name: "k8s",
            kubernetesVersion: "1.34.11",
            podCidrs: ["192.168.0.0/16"],
            serviceCidrs: ["10.96.0.0/16"],
            nodeMask: { ipv4: 26, ipv6: 122 },
            nodeSegment: "nodes",
            nodes: Object.fromEntries(Object.keys(nodeAddresses).map((name) => [name, node(name)])),
            calico: {
                version: "3.32.1",
                asn: 65002,
                nodeToNodeMesh: true,
                encapsulation: "none",
                natOutgoing: false,
                peers: [calicoPeer],
                ...calico,
            },
            metallb: {
                version: "0.16.1",
                peers: [metallbPeer],
                ignoreExcludeLabel: true,
                ...metallb,
                advertisements,
            },
            loadBalancerPools: pools.filter(({ name }) => advertisements.some((each) => each.pools.includes(name))),
            services,
            workloads: [
                {
                    kind: "Deployment",
                    namespace: "default",
                    name: "web",
                    labels: { app: "web" },
                    port: 8080,
                    pods: [{ name: "web-0", node: "node1", addresses: ["192.168.160.1"] }],
                },
            ],
        },
        checks: [],
    };
}
