/** Ways to break labs with VRFs, Calico, MetalLB and internal sessions, each with the rule that must object. */

import { prefixesOf } from "../../lab/address";
import type { Lab } from "../../lab/model";
import type { RuntimeName } from "../../lab/rules/rule";
import * as calicoMetalLbVrf from "../../stacks/calico-metallb-vrf";
import * as ibgpFrr from "../../stacks/ibgp-frr";
import type { Draft } from "./labs";

/** A way to break a quiet lab: the rule that must object, where, and the change. */
export interface SpeakerCase {
    readonly id: string;
    readonly at: string;
    readonly when: string;
    /** The lab that is broken. @default calico-metallb-vrf */
    readonly base?: "calico-metallb-vrf" | "ibgp-frr";
    readonly parameters?: object;
    readonly change?: (draft: Draft) => void;
    /** Where the lab is to run. @default netns */
    readonly runtime?: RuntimeName;
    /** Rules that cannot but object as well. */
    readonly also?: readonly string[];
}

/** What Calico has by itself, for all. */
const equalTimers = { holdTime: 240, keepalive: 80, connectRetry: 5 };

/** Parameters about whose labs no rule has anything to say once the external sessions have filters. */
const quiet = {
    "calico-metallb-vrf": {
        podCidr: "10.200.0.0/16",
        loopbacks: { default: "172.31.255.0", metallb: "172.31.255.1", calico: "172.31.255.2" },
        routerTimers: equalTimers,
        metallbTimers: equalTimers,
    },
    "ibgp-frr": { routerTimers: equalTimers, nodeTimers: equalTimers },
} as const;

/** A quiet lab with some parameters changed, and then its model changed in place. */
export function speakerLab({
    base = "calico-metallb-vrf",
    parameters = {},
    change = () => {},
}: Partial<SpeakerCase>): Lab {
    const chosen = { ...quiet[base], ...parameters };
    const planned =
        base === "ibgp-frr"
            ? ibgpFrr.planIbgpFrr(ibgpFrr.schema.parse(chosen))
            : calicoMetalLbVrf.planCalicoMetalLbVrf(calicoMetalLbVrf.schema.parse(chosen));
    const draft = JSON.parse(JSON.stringify(planned)) as Draft;
    Object.values(draft.routers).forEach((own) => {
        addImportFilter(own, draft);
    });
    change(draft);
    return draft as Lab;
}

type DraftRouter = Draft["routers"][string];

/** A filter that lets in what the cluster has, because what passes between two ASes should be said; and reflection within one. */
function addImportFilter(router: DraftRouter, { cluster }: Draft): void {
    const networks = [
        ...cluster.podCidrs,
        ...cluster.loadBalancerPools.flatMap(({ blocks }) => blocks.flatMap(prefixesOf)),
    ];
    router.prefixLists.push({
        name: "CLUSTER",
        family: "ipv4",
        entries: networks.map((prefix, index) => ({ sequence: 5 * (index + 1), action: "permit", prefix, le: 32 })),
    });
    for (const bgp of [router.bgp, ...(router.vrfs ?? []).map((vrf) => vrf.bgp)]) {
        for (const { remoteAsn, session } of bgp.neighbors) {
            for (const family of session.kind === "own" ? session.settings.families : []) {
                family.prefixListIn = "CLUSTER";
                family.routeReflectorClient = remoteAsn === bgp.asn;
            }
        }
    }
}

const router = (draft: Draft) => draft.routers.csr1000v!;
const vrf = (draft: Draft, index: 0 | 1) => router(draft).vrfs![index]!;
const neighbor = (draft: Draft, index: 0 | 1, of = 0) => vrf(draft, index).bgp.neighbors[of]!;
const settings = (draft: Draft, index: 0 | 1, of = 0) => {
    const { session } = neighbor(draft, index, of);
    if (session.kind !== "own") {
        throw new Error("the neighbor is in a peer group");
    }
    return session.settings;
};
const calico = (draft: Draft) => draft.cluster.calico!;
const metallb = (draft: Draft) => draft.cluster.metallb!;
const worker = "k8s-vrf-worker";
const node = (draft: Draft, name = worker) => draft.cluster.nodes[name]!;
const bfd = { detectMultiplier: 3, receiveInterval: 300, transmitInterval: 300 };
const ibgpSettings = (draft: Draft, of = 0) => {
    const { session } = draft.routers["bgp-router1"]!.bgp.neighbors[of]!;
    if (session.kind !== "own") {
        throw new Error("the neighbor is in a peer group");
    }
    return session.settings;
};

/** Announces the pool on layer 2, from addresses of the nodes' own network. */
function announceOnLayer2(draft: Draft, block: string): void {
    metallb(draft).advertisements.push({ kind: "layer2", name: "l2", pools: ["lan"] });
    draft.cluster.loadBalancerPools.push({ name: "lan", blocks: [block] });
}

export const speakerCases: readonly SpeakerCase[] = [
    {
        id: "ADR-FMT-001",
        at: "routers.csr1000v.vrfs[0].bgp.neighbors[0].address",
        when: "a neighbor of a VRF is no address",
        change: (draft) => {
            neighbor(draft, 0).address = "10.0.0.01";
        },
    },
    {
        id: "ADR-FMT-001",
        at: "cluster.calico.peers[0].address",
        when: "a peer of Calico is no address",
        change: (draft) => {
            calico(draft).peers[0]!.address = "1.1.1";
        },
    },
    {
        id: "ADR-FMT-001",
        at: "cluster.metallb.peers[0].peerAddress",
        when: "a peer of MetalLB is no address",
        change: (draft) => {
            metallb(draft).peers[0]!.peerAddress = "csr1000v";
        },
    },
    {
        id: "ADR-FMT-001",
        at: "cluster.loadBalancerPools[0].blocks[0]",
        when: "a range ends before it begins",
        change: (draft) => {
            draft.cluster.loadBalancerPools[0]!.blocks = ["10.100.0.9-10.100.0.0"];
        },
    },
    {
        id: "BGP-FMT-001",
        at: "routers.csr1000v.vrfs[1].bgp.neighbors[2].remoteAsn",
        when: "a neighbor of a VRF has an AS of more than 32 bits",
        change: (draft) => {
            neighbor(draft, 1, 2).remoteAsn = 2 ** 32;
        },
    },
    {
        id: "VRF-FMT-001",
        at: "routers.csr1000v.vrfs[0].importTargets[1]",
        when: "a route target has no number",
        change: (draft) => {
            vrf(draft, 0).importTargets[1] = "65000";
        },
    },
    {
        id: "VRF-FMT-001",
        at: "routers.csr1000v.vrfs[1].routeDistinguisher",
        when: "a route distinguisher has more than six bytes",
        change: (draft) => {
            vrf(draft, 1).routeDistinguisher = "4200000000:65536";
        },
    },
    {
        id: "VRF-IF-001",
        at: "routers.csr1000v.interfaces[0].vrf",
        when: "an interface is in a VRF that does not exist",
        change: (draft) => {
            router(draft).interfaces[0]!.vrf = "k8s-calcio";
        },
    },
    {
        id: "VRF-IF-001",
        at: "hosts.client0.interfaces[0].vrf",
        when: "a host's interface is in a VRF",
        change: (draft) => {
            draft.hosts.client0!.interfaces[0]!.vrf = "k8s-calico";
        },
    },
    {
        id: "VRF-NAME-001",
        at: "routers.csr1000v.vrfs[0].name",
        when: "a VRF has the name of an interface",
        change: (draft) => {
            vrf(draft, 0).name = "Loopback0";
            for (const port of router(draft).interfaces.filter((each) => each.vrf === "k8s-calico")) {
                port.vrf = "Loopback0";
            }
        },
    },
    {
        id: "VRF-RD-001",
        at: "routers.csr1000v.vrfs[1].routeDistinguisher",
        when: "two VRFs have one route distinguisher",
        change: (draft) => {
            vrf(draft, 1).routeDistinguisher = vrf(draft, 0).routeDistinguisher;
        },
    },
    {
        id: "VRF-RT-001",
        at: "routers.csr1000v.vrfs[1].importTargets[2]",
        when: "a VRF imports what none exports",
        change: (draft) => {
            vrf(draft, 1).importTargets.push("65000:3");
        },
    },
    {
        id: "VRF-RT-002",
        at: "routers.csr1000v.vrfs[1].exportTargets[1]",
        when: "a VRF exports what none imports",
        change: (draft) => {
            vrf(draft, 1).exportTargets.push("65000:3");
        },
    },
    {
        id: "VRF-LEAK-001",
        at: "routers.csr1000v.vrfs[1].bgp.neighbors[0]",
        when: "a VRF that takes over routes has internal neighbors",
        parameters: { metallbAsn: 65000 },
    },
    {
        id: "VRF-LEAK-002",
        at: "routers.csr1000v.vrfs[0].bgp.families",
        when: "a VRF passes on what it learns, but not its subnets",
        change: (draft) => {
            vrf(draft, 0).bgp.families[0]!.redistribute = [];
        },
    },
    {
        id: "VRF-ASN-001",
        at: "routers.csr1000v.vrfs[0].bgp.asn",
        when: "a VRF has an AS of its own",
        change: (draft) => {
            vrf(draft, 0).bgp.asn = 65010;
            calico(draft).peers[0]!.asn = 65010;
        },
    },
    {
        id: "ADR-DUP-001",
        at: "hosts.client0.interfaces[0].addresses[0]",
        when: "two devices on the client's segment have one address",
        change: (draft) => {
            router(draft).interfaces[4]!.addresses = ["10.0.1.1/24"];
            draft.hosts.client0!.staticRoutes = [];
            draft.checks = [];
        },
    },
    {
        id: "ADR-NXT-001",
        at: "routers.csr1000v.vrfs[0].staticRoutes[0]",
        when: "a static route of a VRF has its next hop in another VRF",
        change: (draft) => {
            vrf(draft, 0).staticRoutes = [{ prefix: "10.9.0.0/24", via: { kind: "address", address: "10.0.0.1" } }];
        },
    },
    {
        id: "BGP-ASN-001",
        at: "cluster.calico.asn",
        when: "Calico has a reserved AS",
        parameters: { calicoAsn: 65535 },
    },
    {
        id: "BGP-RID-002",
        at: "routers.csr1000v.vrfs[1].bgp.routerId",
        when: "two VRFs have one BGP identifier",
        change: (draft) => {
            vrf(draft, 1).bgp.routerId = vrf(draft, 0).bgp.routerId;
        },
    },
    {
        id: "BGP-POL-001",
        at: "routers.csr1000v.vrfs[0].bgp.neighbors[0].session.settings.families[0].prefixListOut",
        when: "a session of a VRF has a filter that does not exist",
        change: (draft) => {
            settings(draft, 0).families[0]!.prefixListOut = "deny-all";
        },
    },
    {
        id: "BGP-POL-004",
        at: "routers.csr1000v.prefixLists[0]",
        when: "a filter that denies everything is one for what is received",
        change: (draft) => {
            settings(draft, 1, 3).families[0]!.prefixListIn = "deny-all-routes";
        },
    },
    {
        id: "BGP-TMR-001",
        at: "cluster.metallb.peers[0].timers.holdTime",
        when: "a peer of MetalLB has a hold time of 2 s",
        parameters: { metallbTimers: { holdTime: 2, keepalive: 1 } },
        also: ["BGP-TMR-004"],
    },
    {
        id: "BGP-TMR-002",
        at: "routers.csr1000v.vrfs[0].bgp.neighbors[0].session.settings.timers.keepalive",
        when: "a neighbor of a VRF is sent no keepalive in its hold time",
        change: (draft) => {
            settings(draft, 0).timers = { holdTime: 240, keepalive: 241, connectRetry: 5 };
        },
    },
    {
        id: "BGP-GR-001",
        at: "cluster.calico.peers[0].gracefulRestartTime",
        when: "a peer of Calico has a graceful restart time of 13 bits",
        parameters: { gracefulRestartTime: 4096 },
    },
    {
        id: "BGP-ECMP-002",
        at: "routers.csr1000v.vrfs[1].bgp.maximumPaths",
        when: "MetalLB's VRF uses fewer paths than there are nodes",
        parameters: { maximumPaths: 3 },
    },
    {
        id: "BGP-SES-001",
        at: "cluster.calico.peers[0].asn",
        when: "Calico expects another AS",
        change: (draft) => {
            calico(draft).peers[0]!.asn = 65003;
        },
    },
    {
        id: "BGP-SES-003",
        at: "routers.csr1000v.vrfs[0].bgp.neighbors[0].address",
        when: "a neighbor that is in no subnet of the VRF may not be any hops away",
        change: (draft) => {
            delete settings(draft, 0).ebgpMultihop;
        },
    },
    {
        id: "BGP-SES-008",
        at: "cluster.metallb.peers[0]",
        when: "MetalLB allows hops on an internal session",
        parameters: { metallbAsn: 65000 },
        also: ["VRF-LEAK-001"],
        change: (draft) => {
            metallb(draft).peers[0]!.ebgpMultihop = true;
        },
    },
    {
        id: "BGP-SES-009",
        at: "cluster.metallb.peers[0]",
        when: "both programs of the nodes peer with one VRF",
        parameters: { vrfs: false },
    },
    {
        id: "BGP-SES-010",
        at: "cluster.calico.peers[0].address",
        when: "a node has no default route to the loopback that Calico peers with",
        change: (draft) => {
            node(draft).staticRoutes = [{ prefix: "10.0.1.0/24", via: { kind: "address", address: "10.0.0.254" } }];
            vrf(draft, 0).bgp.neighbors = vrf(draft, 0).bgp.neighbors.filter(({ address }) => address !== "10.0.0.11");
        },
    },
    {
        id: "BGP-SES-010",
        at: "routers.csr1000v.vrfs[0].bgp.neighbors[0].address",
        when: "a VRF does not import the subnet of its neighbors",
        change: (draft) => {
            vrf(draft, 0).importTargets = ["65000:2"];
        },
    },
    {
        id: "BGP-SES-011",
        at: "routers.csr1000v.vrfs[1].bgp.neighbors[0]",
        when: "a session speaks from an interface of another VRF",
        change: (draft) => {
            settings(draft, 1).updateSource = "Loopback2";
        },
    },
    {
        id: "BGP-SES-011",
        at: "routers.bgp-router1.bgp.neighbors[2]",
        when: "a session speaks from an interface that does not exist",
        base: "ibgp-frr",
        change: (draft) => {
            ibgpSettings(draft, 2).updateSource = "enp9s0";
        },
    },
    {
        id: "BGP-BFD-001",
        at: "routers.csr1000v.vrfs[1].bgp.neighbors[0].session.settings.bfd.receiveInterval",
        when: "a BFD interval is below 10 ms",
        change: (draft) => {
            settings(draft, 1).bfd = { ...bfd, receiveInterval: 9 };
            metallb(draft).peers[0]!.bfd = { ...bfd };
            vrf(draft, 1)
                .bgp.neighbors.slice(1)
                .forEach((_, index) => {
                    settings(draft, 1, index + 1).bfd = { ...bfd };
                });
        },
    },
    {
        id: "BGP-BFD-001",
        at: "cluster.metallb.peers[0].bfd.detectMultiplier",
        when: "BFD gives up after one packet",
        change: (draft) => {
            metallb(draft).peers[0]!.bfd = { ...bfd, detectMultiplier: 1 };
            vrf(draft, 1).bgp.neighbors.forEach((_, index) => {
                settings(draft, 1, index).bfd = { ...bfd };
            });
        },
    },
    {
        id: "BGP-BFD-002",
        at: "routers.csr1000v.vrfs[1].bgp.neighbors[0].session.settings.bfd",
        when: "BFD is slower than the hold time",
        change: (draft) => {
            metallb(draft).peers[0]!.bfd = { ...bfd, detectMultiplier: 4, transmitInterval: 60000 };
            vrf(draft, 1).bgp.neighbors.forEach((_, index) => {
                settings(draft, 1, index).bfd = { ...bfd };
            });
        },
    },
    {
        id: "BGP-BFD-003",
        at: "routers.bgp-router1.bgp.neighbors[0]",
        when: "Cilium is asked for BFD",
        base: "ibgp-frr",
        change: (draft) => {
            ibgpSettings(draft).bfd = { ...bfd };
        },
    },
    {
        id: "BGP-BFD-003",
        at: "cluster.metallb.peers[0]",
        when: "MetalLB runs BFD and the router does not",
        change: (draft) => {
            metallb(draft).peers[0]!.bfd = { ...bfd };
        },
    },
    {
        id: "BGP-BFD-004",
        at: "cluster.metallb.peers[0]",
        when: "MetalLB runs BFD over several hops and the router over one",
        change: (draft) => {
            Object.assign(metallb(draft).peers[0]!, { bfd: { ...bfd }, ebgpMultihop: true });
            vrf(draft, 1).bgp.neighbors.forEach((_, index) => {
                settings(draft, 1, index).bfd = { ...bfd };
            });
        },
    },
    {
        id: "BGP-SES-013",
        at: "cluster.metallb.peers[1].peerAddress",
        when: "MetalLB peers with a router on its own node",
        change: (draft) => {
            const [peer] = metallb(draft).peers;
            const nodeSelector = { matchLabels: { "kubernetes.io/hostname": worker } };
            metallb(draft).peers.push({ ...peer!, name: "self", peerAddress: "10.0.0.11", nodeSelector });
        },
    },
    {
        id: "BGP-POL-010",
        at: "routers.csr1000v.prefixLists[2]",
        when: "Calico's nodes are offered every route",
        change: (draft) => {
            const entry = { sequence: 5, action: "permit", prefix: "0.0.0.0/0", le: 32 } as const;
            router(draft).prefixLists.push({ name: "ANY", family: "ipv4", entries: [{ ...entry }] });
            settings(draft, 0).families[0]!.prefixListOut = "ANY";
        },
    },
    {
        id: "ADR-USE-005",
        at: "routers.csr1000v.interfaces[1].addresses[0]",
        when: "a loopback is public",
        parameters: { loopbacks: { default: "10.255.0.0", metallb: "1.1.1.1", calico: "10.255.0.2" } },
    },
    {
        id: "ADR-OVL-001",
        at: "cluster.loadBalancerPools[0].blocks[0]",
        when: "a pool holds a loopback",
        parameters: { loopbacks: { default: "10.100.0.7", metallb: "10.255.0.1", calico: "10.255.0.2" } },
    },
    {
        id: "LB-POOL-008",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a range of the nodes' network is announced over BGP only",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "lan", blocks: ["10.0.0.200-10.0.0.210"] });
            metallb(draft).advertisements[0]!.pools.push("lan");
        },
    },
    {
        id: "CAL-SEL-001",
        at: "cluster.calico.peers[0].nodeSelector",
        when: "the only peer of Calico is for no node, which is no fault of the router's",
        change: (draft) => {
            calico(draft).peers[0]!.nodeSelector = { matchLabels: { rack: "rack9" } };
        },
    },
    {
        id: "MLB-SEL-001",
        at: "cluster.metallb.peers[0].nodeSelector",
        when: "the only peer of MetalLB is for no node, which is no fault of the router's",
        change: (draft) => {
            metallb(draft).peers[0]!.nodeSelector = { matchLabels: { rack: "rack9" } };
        },
    },
    {
        id: "K8S-CNI-001",
        at: "cluster.cilium",
        when: "a cluster has no network",
        change: (draft) => {
            delete draft.cluster.calico;
            vrf(draft, 0).bgp.neighbors = [];
            for (const { staticRoutes } of Object.values(draft.cluster.nodes)) {
                staticRoutes.push({ prefix: "10.200.0.0/16", via: { kind: "interface", interface: "eth0" } });
            }
            draft.cluster.nodeMask.ipv4 = 26;
        },
    },
    {
        id: "K8S-CNI-001",
        at: "cluster.calico",
        when: "a cluster has two networks",
        change: (draft) => {
            draft.cluster.cilium = { version: "1.20.2", routingMode: "tunnel", nativeRoutingCidrs: [], bgp: [] };
        },
    },
    {
        id: "CAL-POOL-001",
        at: "cluster.nodeMask.ipv4",
        when: "blocks are larger than Calico's",
        parameters: { podCidr: "10.192.0.0/10", blockSize: 19 },
    },
    {
        id: "CAL-POOL-002",
        at: `cluster.nodes.${worker}.podCidrs[1]`,
        when: "a block is outside the pool",
        change: (draft) => {
            node(draft).podCidrs.push("10.201.0.0/26");
        },
    },
    {
        id: "ADR-POD-002",
        at: `cluster.nodes.${worker}.podCidrs[0]`,
        when: "two nodes have one block",
        change: (draft) => {
            node(draft).podCidrs[0] = node(draft, "k8s-vrf-control-plane").podCidrs[0]!;
            draft.cluster.workloads = [];
            draft.cluster.services = [];
            draft.checks = [];
        },
    },
    {
        id: "CAL-RTE-001",
        at: "cluster.calico.nodeToNodeMesh",
        when: "a node has neither mesh, nor peers, nor a route to pods",
        parameters: { nodeToNodeMesh: false },
        change: (draft) => {
            calico(draft).peers = [];
            vrf(draft, 0).bgp.neighbors = [];
            node(draft).staticRoutes = [{ prefix: "10.0.1.0/24", via: { kind: "address", address: "10.0.0.254" } }];
        },
    },
    {
        id: "CAL-RTE-002",
        at: "cluster.calico.encapsulation",
        when: "packets are not encapsulated between nodes without a common link",
        also: ["BGP-SES-002", "CIL-RID-001"],
        change: (draft) => {
            node(draft).routerId = "10.0.9.11";
        },
    },
    {
        id: "CAL-SEL-001",
        at: "cluster.calico.peers[1].nodeSelector",
        when: "a peer of Calico is for no node",
        change: (draft) => {
            const [peer] = calico(draft).peers;
            calico(draft).peers.push({ ...peer!, name: "other", nodeSelector: { matchLabels: { rack: "rack9" } } });
        },
    },
    {
        id: "CAL-NAME-001",
        at: "cluster.calico.peers[1].name",
        when: "two peers of Calico have one name",
        change: (draft) => {
            const [peer] = calico(draft).peers;
            peer!.nodeSelector = { matchLabels: { "kubernetes.io/hostname": worker } };
            calico(draft).peers.push({
                ...peer!,
                nodeSelector: {
                    matchExpressions: [{ key: "kubernetes.io/hostname", operator: "NotIn", values: [worker] }],
                },
            });
        },
    },
    {
        id: "CAL-FAM-001",
        at: "cluster.podCidrs[1]",
        when: "Calico has an IPv6 pool",
        change: (draft) => {
            draft.cluster.podCidrs.push("fd00:200::/112");
            draft.cluster.serviceCidrs.push("fd00:96::/112");
            draft.segments.kind!.subnets.push("fd00:10::/64");
            Object.values(draft.cluster.nodes).forEach(({ interfaces }, index) => {
                interfaces[0]!.addresses.push(`fd00:10::${index + 1}/64`);
            });
        },
    },
    {
        id: "MLB-ADV-001",
        at: "cluster.metallb.advertisements[0].pools[1]",
        when: "an advertisement names a pool that does not exist",
        change: (draft) => {
            metallb(draft).advertisements[0]!.pools.push("production");
        },
    },
    {
        id: "MLB-ADV-002",
        at: "cluster.loadBalancerPools[1].name",
        when: "no advertisement names a pool",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "spare", blocks: ["10.101.0.0/24"] });
        },
    },
    {
        id: "MLB-ADV-003",
        at: "cluster.metallb.advertisements[0]",
        when: "MetalLB announces over BGP without a peer",
        change: (draft) => {
            metallb(draft).peers = [];
            vrf(draft, 1).bgp.neighbors = [];
        },
    },
    {
        id: "MLB-ARP-001",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a pool on layer 2 is in no subnet of the nodes",
        change: (draft) => announceOnLayer2(draft, "10.102.0.0/24"),
    },
    {
        id: "MLB-ARP-002",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a pool on layer 2 holds a node's address",
        change: (draft) => announceOnLayer2(draft, "10.0.0.13-10.0.0.20"),
    },
    {
        id: "LB-POOL-001",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a range overlaps a network in part",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "more", blocks: ["10.100.0.255-10.100.1.9"] });
            metallb(draft).advertisements[0]!.pools.push("more");
        },
    },
    {
        id: "MLB-ASN-001",
        at: "cluster.metallb.peers[1].myAsn",
        when: "MetalLB would have two ASes on a node",
        change: (draft) => {
            const { session } = neighbor(draft, 1);
            metallb(draft).peers.push({
                ...metallb(draft).peers[0]!,
                name: "other",
                myAsn: 65009,
                peerAddress: "10.0.0.253",
                nodeSelector: { matchLabels: { "kubernetes.io/hostname": worker } },
            });
            draft.routers.other = {
                ...structuredClone(router(draft)),
                interfaces: [
                    { name: "net0", attachment: { kind: "segment", segment: "kind" }, addresses: ["10.0.0.253/24"] },
                ],
                vrfs: [],
                bgp: {
                    ...structuredClone(vrf(draft, 1).bgp),
                    asn: 65000,
                    routerId: "1.0.0.9",
                    neighbors: [{ address: "10.0.0.11", remoteAsn: 65001, session: structuredClone(session) }],
                },
            };
        },
    },
    {
        id: "MLB-SEL-001",
        at: "cluster.metallb.peers[1].nodeSelector",
        when: "a peer of MetalLB is for no node",
        change: (draft) => {
            const [peer] = metallb(draft).peers;
            metallb(draft).peers.push({ ...peer!, name: "other", nodeSelector: { matchLabels: { rack: "rack9" } } });
        },
    },
    {
        id: "MLB-NAME-001",
        at: "cluster.metallb.advertisements[1].name",
        when: "two advertisements over BGP have one name",
        change: (draft) => {
            metallb(draft).advertisements.push({ ...metallb(draft).advertisements[0]! });
        },
    },
    {
        id: "MLB-LBL-001",
        at: "cluster.metallb.ignoreExcludeLabel",
        when: "the control plane's label keeps it from announcing",
        parameters: { ignoreExcludeLabel: false },
    },
    {
        id: "MLB-VER-001",
        at: "cluster.metallb.peers[0].bfd",
        when: "MetalLB 0.11 is asked for BFD",
        parameters: { metallbVersion: "0.11.0" },
        change: (draft) => {
            metallb(draft).peers[0]!.bfd = { ...bfd };
            vrf(draft, 1).bgp.neighbors.forEach((_, index) => {
                settings(draft, 1, index).bfd = { ...bfd };
            });
        },
    },
    {
        id: "MLB-VER-001",
        at: "cluster.metallb.version",
        when: "MetalLB 0.13.8 is to have a pool for some services only",
        parameters: {
            metallbVersion: "0.13.8",
            pools: [{ name: "default", blocks: ["10.100.0.0/24"], serviceSelector: { matchLabels: { app: "nginx" } } }],
            services: [{ name: "nginx", addresses: ["10.100.0.0"], labels: { app: "nginx" } }],
        },
    },
    {
        id: "MLB-VER-001",
        at: "cluster.metallb.advertisements[0]",
        when: "MetalLB 0.12 is to announce a pool in two ways",
        parameters: {
            metallbVersion: "0.12.1",
            pools: [{ name: "default", blocks: ["10.0.0.200-10.0.0.210"] }],
            services: [{ name: "nginx", addresses: ["10.0.0.200"] }],
        },
        change: (draft) => {
            metallb(draft).advertisements.push({ kind: "layer2", name: "l2", pools: ["default"] });
        },
    },
    {
        id: "MLB-VER-003",
        at: "cluster.metallb.version",
        when: "MetalLB is 0.7",
        parameters: { metallbVersion: "0.7.3" },
    },
    {
        id: "MLB-TMR-001",
        at: "cluster.metallb.peers[0].timers.keepalive",
        when: "MetalLB 0.15 is told when to send keepalives",
        parameters: { metallbVersion: "0.15.3", metallbTimers: { holdTime: 240, keepalive: 60 } },
    },
    {
        id: "MLB-TMR-001",
        at: "cluster.cilium.metallbBgp.peers[0].timers.keepalive",
        when: "the MetalLB inside Cilium is told when to send keepalives",
        base: "ibgp-frr",
        parameters: { ciliumBgp: "metallb", ciliumVersion: "1.10.5", nodeTimers: { holdTime: 240, keepalive: 60 } },
    },
    {
        id: "CAL-TMR-001",
        at: "cluster.calico.peers[0].timers.holdTime",
        when: "Calico is told a hold time",
        also: ["BGP-TMR-004"],
        change: (draft) => {
            calico(draft).peers[0]!.timers.holdTime = 300;
        },
    },
    {
        id: "CAL-TMR-001",
        at: "cluster.calico.peers[0].timers.keepalive",
        when: "Calico 3.31 is told when to send keepalives",
        parameters: { calicoVersion: "3.31.0", calicoKeepalive: 60 },
    },
    {
        id: "CIL-TMR-002",
        at: "cluster.cilium.bgp[0].neighbors[0].timers.holdTime",
        when: "Cilium 1.13 is told a hold time",
        base: "ibgp-frr",
        parameters: { ciliumVersion: "1.13.0", pools: [{ name: "default", blocks: ["172.16.8.0/22"] }] },
    },
    {
        id: "CIL-MLB-003",
        at: "cluster.cilium.metallbBgp.peers[0].bfd",
        when: "the MetalLB inside Cilium is asked for BFD",
        base: "ibgp-frr",
        parameters: { ciliumBgp: "metallb", ciliumVersion: "1.16.5" },
        change: (draft) => {
            draft.cluster.cilium!.metallbBgp!.peers[0]!.bfd = { ...bfd };
            draft.routers["bgp-router1"]!.bgp.neighbors.forEach((_, index) => {
                ibgpSettings(draft, index).bfd = { ...bfd };
            });
        },
    },
    {
        id: "CIL-MLB-003",
        at: "cluster.loadBalancerPools[0].serviceSelector",
        when: "the MetalLB inside Cilium is to have a pool for some services only",
        base: "ibgp-frr",
        parameters: {
            ciliumBgp: "metallb",
            ciliumVersion: "1.10.5",
            pools: [
                { name: "default", blocks: ["172.16.10.0/24"], serviceSelector: { matchLabels: { svc: "web1-lb" } } },
            ],
        },
    },
    {
        id: "LB-POOL-007",
        at: "cluster.loadBalancerPools[0].blocks[0]",
        when: "a pool of Cilium 1.14 is a range",
        base: "ibgp-frr",
        parameters: {
            ciliumVersion: "1.14.1",
            pools: [{ name: "default", blocks: ["172.16.9.9-172.16.10.9"] }],
        },
    },
    {
        id: "MLB-VER-001",
        at: "cluster.metallb.ignoreExcludeLabel",
        when: "MetalLB 0.14.3 cannot ignore the label",
        parameters: { metallbVersion: "0.14.3" },
    },
    {
        id: "DKR-IF-001",
        at: `cluster.nodes.${worker}.interfaces[0].name`,
        when: "a node has an interface of a name that Calico makes",
        runtime: "docker",
        change: (draft) => {
            node(draft).interfaces[0]!.name = "cali0";
        },
    },
    {
        id: "CIL-MLB-001",
        at: "cluster.cilium.metallbBgp",
        when: "Cilium 1.17 is to have MetalLB inside",
        base: "ibgp-frr",
        parameters: { ciliumBgp: "metallb", ciliumVersion: "1.17.0" },
    },
    {
        id: "CIL-MLB-001",
        at: "cluster.cilium.metallbBgp",
        when: "Cilium 1.9 is to have MetalLB inside",
        base: "ibgp-frr",
        parameters: { ciliumBgp: "metallb", ciliumVersion: "1.9.18" },
    },
    {
        id: "CIL-MLB-002",
        at: "cluster.cilium.metallbBgp",
        when: "Cilium runs its MetalLB beside its control plane",
        base: "ibgp-frr",
        parameters: { ciliumBgp: "controlPlane", ciliumVersion: "1.16.5" },
        change: (draft) => {
            draft.cluster.cilium!.metallbBgp = { peers: [], announceLoadBalancerIp: true, announcePodCidr: false };
        },
    },
    {
        id: "CIL-HUB-001",
        at: "cluster.cilium.hubble.ui",
        when: "Hubble UI has no relay to ask",
        base: "ibgp-frr",
        parameters: { hubble: { relay: false } },
    },
    {
        id: "CHK-001",
        at: "checks[0].from",
        when: "a check is made from nowhere",
        change: (draft) => {
            draft.checks[0]!.from = "client9";
        },
    },
    {
        id: "CHK-003",
        at: "checks[3].pod",
        when: "a pod that is asked does not exist",
        change: (draft) => {
            Object.assign(draft.checks[3]!, { pod: "nginx-9" });
        },
    },
    {
        id: "CHK-004",
        at: "checks[3].address",
        when: "a pod is asked at the address of another",
        change: (draft) => {
            Object.assign(draft.checks[3]!, { address: draft.cluster.workloads[0]!.pods[1]!.addresses[0] });
        },
    },
    {
        id: "BGP-MAX-001",
        at: "routers.csr1000v.vrfs[0].bgp.neighbors[0].session.settings.families[0].maximumPrefixes",
        when: "Calico's speakers pass the blocks of all four nodes on to a router that accepts three",
        parameters: { maximumPrefixes: { calico: 3, metallb: 20 } },
    },
    {
        id: "BGP-MAX-003",
        at: "routers.csr1000v.vrfs[1].bgp.neighbors[0].session.settings.families[0].maximumPrefixes",
        when: "the router limits what Calico announces, and not what MetalLB does",
        parameters: { maximumPrefixes: { calico: 20 } },
    },
];

/** Labs at the limit of a rule, which must not object. */
export const speakerAllowed: readonly Omit<SpeakerCase, "at">[] = [
    {
        id: "ADR-DUP-001",
        when: "loopbacks of two VRFs have one address",
        change: (draft) => {
            router(draft).interfaces[1]!.addresses = ["1.1.1.2/32"];
        },
    },
    {
        id: "VRF-LEAK-001",
        when: "VRFs that take over nothing have internal neighbors",
        parameters: { metallbAsn: 65000 },
        change: (draft) => {
            vrf(draft, 1).importTargets = ["65000:1"];
        },
    },
    {
        id: "ADR-OVL-001",
        when: "the loopback of a VRF is inside a link of another",
        parameters: { loopbacks: { default: "172.31.255.0", metallb: "10.0.1.77", calico: "172.31.255.2" } },
    },
    {
        id: "BGP-POL-010",
        when: "Calico's nodes are offered a default route and the client's network",
        change: (draft) => {
            const out = ["0.0.0.0/0", "10.0.1.0/24"].map((prefix, index) => ({
                sequence: 5 * (index + 1),
                action: "permit" as const,
                prefix,
            }));
            router(draft).prefixLists.push({ name: "OUT", family: "ipv4", entries: out });
            settings(draft, 0).families[0]!.prefixListOut = "OUT";
        },
    },
    {
        id: "BGP-BFD-004",
        when: "both ends may be several hops away",
        change: (draft) => {
            Object.assign(metallb(draft).peers[0]!, { bfd: { ...bfd }, ebgpMultihop: true });
            vrf(draft, 1).bgp.neighbors.forEach((_, index) => {
                Object.assign(settings(draft, 1, index), { bfd: { ...bfd }, ebgpMultihop: 255 });
            });
        },
    },
    {
        id: "LB-POOL-008",
        when: "nodes answer for a pool on their own network",
        change: (draft) => announceOnLayer2(draft, "10.0.0.200-10.0.0.210"),
    },
    { id: "BGP-RID-003", when: "two programs of a node have its identifier" },
    { id: "BGP-POL-004", when: "a filter for what is offered denies everything in so many words" },
    { id: "BGP-ECMP-002", when: "a VRF that no node announces to uses one path" },
    {
        id: "ADR-OVL-001",
        when: "nodes answer for a pool on their own network",
        change: (draft) => announceOnLayer2(draft, "10.0.0.200-10.0.0.210"),
    },
    {
        id: "MLB-ARP-001",
        when: "nodes answer for a pool on their own network",
        change: (draft) => announceOnLayer2(draft, "10.0.0.200-10.0.0.210"),
    },
    {
        id: "MLB-LBL-001",
        when: "MetalLB 0.13 does not know the label",
        parameters: { ignoreExcludeLabel: false, metallbVersion: "0.13.12" },
    },
    { id: "MLB-VER-001", when: "MetalLB 0.14.4 can ignore the label", parameters: { metallbVersion: "0.14.4" } },
    {
        id: "CIL-MLB-001",
        when: "Cilium is 1.16",
        base: "ibgp-frr",
        parameters: { ciliumBgp: "metallb", ciliumVersion: "1.16.19" },
    },
    {
        id: "LB-POOL-003",
        when: "the MetalLB inside Cilium gives out the first address of a block",
        base: "ibgp-frr",
        parameters: { ciliumBgp: "metallb", ciliumVersion: "1.10.5" },
    },
    {
        id: "BGP-LOOP-001",
        when: "nodes of one AS meet at a router that tells them nothing",
        parameters: { nodeToNodeMesh: false },
    },
    { id: "CAL-TMR-001", when: "Calico 3.32 is told when to send keepalives", parameters: { calicoKeepalive: 60 } },
    {
        id: "MLB-TMR-001",
        when: "MetalLB 0.16 is told when to send keepalives",
        parameters: { metallbTimers: { holdTime: 240, keepalive: 60 } },
    },
    {
        id: "CIL-TMR-002",
        when: "Cilium 1.13 has the timers of its library",
        base: "ibgp-frr",
        parameters: { ciliumVersion: "1.13.0", nodeTimers: { holdTime: 90, keepalive: 30, connectRetry: 120 } },
    },
    { id: "CAL-POOL-001", when: "blocks are as large as Calico's can be", parameters: { blockSize: 20 } },
    {
        id: "CAL-RTE-002",
        when: "packets between nodes without a common link are encapsulated",
        parameters: { encapsulation: "vxlan" },
        change: (draft) => {
            node(draft).routerId = "10.0.9.11";
        },
    },
    {
        id: "BGP-BFD-002",
        when: "BFD is a little faster than the hold time",
        change: (draft) => {
            metallb(draft).peers[0]!.bfd = { ...bfd, detectMultiplier: 4, transmitInterval: 59999 };
            vrf(draft, 1).bgp.neighbors.forEach((_, index) => {
                settings(draft, 1, index).bfd = { ...bfd };
            });
        },
    },
    {
        id: "BGP-MAX-001",
        when: "without a mesh, Calico's speakers announce their own blocks only",
        parameters: { maximumPrefixes: { calico: 1, metallb: 20 }, nodeToNodeMesh: false },
    },
    {
        id: "BGP-MAX-001",
        when: "a node of an internal session announces its pod CIDR and a service",
        base: "ibgp-frr",
        parameters: { maximumPrefixes: 2 },
    },
];
