/** The lab of the article on Calico beside MetalLB, written by hand: a router with two VRFs, four nodes with two speakers. */

import type { BgpSpeaker, KubernetesNode, Lab, Neighbor, Router, SessionSettings } from "../../lab/model";

const timers = { holdTime: 90, keepalive: 30, connectRetry: 5 };

export const nodeAddresses = {
    "k8s-master1": "10.0.0.1",
    "k8s-worker1": "10.0.0.11",
    "k8s-worker2": "10.0.0.12",
    "k8s-worker3": "10.0.0.13",
} as const;

/** The article's blocks: which node has which follows from the next hops in k8s-metallb. */
export const blocks = {
    "k8s-master1": "192.168.116.0/26",
    "k8s-worker1": "192.168.160.0/26",
    "k8s-worker2": "192.168.195.128/26",
    "k8s-worker3": "192.168.165.192/26",
} as const;

function neighbors(remoteAsn: number, settings: Partial<SessionSettings>): readonly Neighbor[] {
    return Object.values(nodeAddresses).map((address) => ({
        address,
        remoteAsn,
        session: {
            kind: "own",
            settings: {
                remoteAs: { kind: "asn", asn: remoteAsn },
                timers,
                families: [{ family: "ipv4", prefixListOut: "deny-all-routes" }],
                ...settings,
            },
        },
    }));
}

function speaker(routerId: string, change: Partial<BgpSpeaker>): BgpSpeaker {
    return {
        asn: 65000,
        routerId,
        defaults: "traditional",
        ebgpRequiresPolicy: false,
        multipathRelax: false,
        maximumPaths: 1,
        families: [{ family: "ipv4", redistribute: ["connected"], networks: [] }],
        peerGroups: [],
        neighbors: [],
        ...change,
    };
}

export const router: Router = {
    nos: "frr",
    interfaces: [
        { name: "lo0", attachment: { kind: "loopback" }, addresses: ["1.1.1.0/32"] },
        { name: "lo1", attachment: { kind: "loopback" }, addresses: ["1.1.1.1/32"], vrf: "k8s-metallb" },
        { name: "lo2", attachment: { kind: "loopback" }, addresses: ["1.1.1.2/32"], vrf: "k8s-calico" },
        {
            name: "net0",
            attachment: { kind: "segment", segment: "nodes" },
            addresses: ["10.0.0.254/24"],
            vrf: "k8s-metallb",
        },
        {
            name: "net1",
            attachment: { kind: "segment", segment: "client" },
            addresses: ["10.0.1.254/24"],
            vrf: "k8s-calico",
        },
    ],
    staticRoutes: [],
    prefixLists: [
        {
            name: "deny-all-routes",
            family: "ipv4",
            entries: [{ sequence: 5, action: "deny", prefix: "0.0.0.0/0", le: 32 }],
        },
    ],
    bgp: speaker("1.0.0.0", { families: [] }),
    vrfs: [
        {
            name: "k8s-metallb",
            routeDistinguisher: "65000:1",
            importTargets: ["65000:2", "65000:1"],
            exportTargets: ["65000:1"],
            staticRoutes: [],
            bgp: speaker("1.0.0.1", { neighbors: neighbors(65001, { updateSource: "net0" }), maximumPaths: 4 }),
        },
        {
            name: "k8s-calico",
            routeDistinguisher: "65000:2",
            importTargets: ["65000:2", "65000:1"],
            exportTargets: ["65000:2"],
            staticRoutes: [],
            bgp: speaker("1.0.0.2", { neighbors: neighbors(65002, { updateSource: "lo2", ebgpMultihop: 32 }) }),
        },
    ],
};

function node(name: keyof typeof nodeAddresses): KubernetesNode {
    const address = nodeAddresses[name];
    return {
        role: name === "k8s-master1" ? "control-plane" : "worker",
        labels: {},
        interfaces: [{ name: "net0", attachment: { kind: "segment", segment: "nodes" }, addresses: [`${address}/24`] }],
        staticRoutes: [{ prefix: "0.0.0.0/0", via: { kind: "address", address: "10.0.0.254" } }],
        podCidrs: [blocks[name]],
        routerId: address,
    };
}

const names = Object.keys(nodeAddresses) as (keyof typeof nodeAddresses)[];

/** Pods and their addresses as the article shows them. */
const pods = [
    { name: "nginx-7tv9n", node: "k8s-worker2", addresses: ["192.168.195.141"] },
    { name: "nginx-jphvf", node: "k8s-worker1", addresses: ["192.168.160.9"] },
    { name: "nginx-lp5pq", node: "k8s-worker3", addresses: ["192.168.165.209"] },
];

export const vrfLab: Lab = {
    topology: "test",
    name: "calico-metallb-vrf",
    segments: {
        nodes: { kind: "bridge", subnets: ["10.0.0.0/24"], mtu: 1500 },
        client: { kind: "point-to-point", subnets: ["10.0.1.0/24"], mtu: 1500 },
    },
    routers: { csr1000v: router },
    hosts: {
        client0: {
            interfaces: [
                { name: "net0", attachment: { kind: "segment", segment: "client" }, addresses: ["10.0.1.1/24"] },
            ],
            staticRoutes: [{ prefix: "0.0.0.0/0", via: { kind: "address", address: "10.0.1.254" } }],
        },
    },
    cluster: {
        name: "k8s",
        kubernetesVersion: "1.15.0",
        podCidrs: ["192.168.0.0/16"],
        serviceCidrs: ["10.96.0.0/12"],
        nodeMask: { ipv4: 26, ipv6: 122 },
        nodeSegment: "nodes",
        nodes: Object.fromEntries(names.map((name) => [name, node(name)])),
        calico: {
            version: "3.8.0",
            asn: 65002,
            nodeToNodeMesh: true,
            encapsulation: "none",
            natOutgoing: false,
            peers: [{ name: "bgppeer-csr1000v", address: "1.1.1.2", asn: 65000, timers }],
        },
        metallb: {
            version: "0.8.1",
            peers: [
                { name: "peer", myAsn: 65001, peerAsn: 65000, peerAddress: "10.0.0.254", timers, ebgpMultihop: false },
            ],
            advertisements: [{ kind: "bgp", name: "default", pools: ["default"] }],
            ignoreExcludeLabel: true,
        },
        loadBalancerPools: [{ name: "default", blocks: ["10.100.0.0/24"] }],
        services: [
            {
                namespace: "default",
                name: "nginx",
                labels: {},
                selector: { app: "nginx" },
                port: 80,
                targetPort: 80,
                externalTrafficPolicy: "Cluster",
                loadBalancerAddresses: ["10.100.0.0"],
            },
        ],
        workloads: [
            { kind: "Deployment", namespace: "default", name: "nginx", labels: { app: "nginx" }, port: 80, pods },
        ],
    },
    checks: [],
};

/** The same without VRFs: both speakers of a node want sessions from one address to one address. */
export const withoutVrfs: Lab = {
    ...vrfLab,
    routers: {
        csr1000v: {
            ...router,
            interfaces: router.interfaces.map(({ vrf: _, ...port }) => port),
            bgp: speaker("1.0.0.0", { neighbors: neighbors(65001, {}) }),
            vrfs: [],
        },
    },
    cluster: {
        ...vrfLab.cluster,
        calico: {
            ...vrfLab.cluster.calico!,
            peers: [{ name: "bgppeer-csr1000v", address: "10.0.0.254", asn: 65000, timers }],
        },
    },
};
