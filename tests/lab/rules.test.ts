import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overlaps, subnet } from "../../lab/address";
import { rules, validate } from "../../lab/rules";
import type { RuntimeName } from "../../lab/rules/rule";
import { fabricCases } from "./fabric-cases";
import { type Draft, lab } from "./labs";
import { podCases } from "./pod-cases";
import { speakerCases } from "./speaker-cases";

/** A way to break the quiet lab: the rule that must object, where, and the change. */
interface Case {
    readonly id: string;
    readonly at: string;
    readonly when: string;
    readonly change?: (draft: Draft) => void;
    readonly parameters?: object;
    /** Where the lab is to run. @default netns */
    readonly runtime?: RuntimeName;
}

const worker = "cilium-bgp-cp-worker";
const node = (draft: Draft, name = worker) => draft.cluster.nodes[name]!;
const router = (draft: Draft) => draft.routers.router0!;
const instance = (draft: Draft, index = 1) => draft.cluster.cilium!.bgp[index]!;
const group = (draft: Draft, index = 0) => router(draft).bgp.peerGroups[index]!;
const service = (draft: Draft, index = 0) => draft.cluster.services[index]!;
const workload = (draft: Draft) => draft.cluster.workloads[0]!;

const cases: readonly Case[] = [
    {
        id: "ADR-FMT-001",
        at: "cluster.podCidrs[0]",
        when: "a prefix has host bits",
        change: (draft) => {
            draft.cluster.podCidrs[0] = "10.100.0.1/16";
        },
    },
    {
        id: "ADR-FMT-001",
        at: "routers.router0.bgp.neighbors[0].address",
        when: "an address has a leading zero",
        change: (draft) => {
            router(draft).bgp.neighbors[0]!.address = "010.9.1.2";
        },
    },
    {
        id: "ADR-FMT-001",
        at: `cluster.nodes.${worker}.staticRoutes[0].via.address`,
        when: "a next hop is no address",
        change: (draft) => {
            node(draft).staticRoutes[0]!.via = { kind: "address", address: "router0" };
        },
    },
    {
        id: "BGP-FMT-001",
        at: "routers.router0.bgp.asn",
        when: "an AS number has more than 32 bits",
        change: (draft) => {
            router(draft).bgp.asn = 4294967296;
        },
    },
    {
        id: "NET-NAME-001",
        at: "hosts.router0",
        when: "a host has the name of a router",
        change: (draft) => {
            draft.hosts.router0 = { interfaces: [], staticRoutes: [] };
        },
    },
    {
        id: "NET-IF-001",
        at: "hosts.client0.interfaces[0].name",
        when: "an interface name has 16 bytes",
        change: (draft) => {
            draft.hosts.client0!.interfaces[0]!.name = "client-interface";
        },
    },
    {
        id: "NET-IF-001",
        at: `cluster.nodes.${worker}.interfaces[1].name`,
        when: "two interfaces of a device have one name",
        change: (draft) => {
            node(draft).interfaces[1]!.name = "eth0";
        },
    },
    {
        id: "NET-SEG-001",
        at: "hosts.client0.interfaces[0].attachment.segment",
        when: "an interface is on a segment that does not exist",
        change: (draft) => {
            draft.hosts.client0!.interfaces[0]!.attachment = { kind: "segment", segment: "lan" };
            draft.segments["router0-client0"]!.kind = "bridge";
        },
    },
    {
        id: "NET-SEG-002",
        at: "segments.spare",
        when: "a cable has no ends",
        change: (draft) => {
            draft.segments.spare = { kind: "point-to-point", subnets: [], mtu: 1500 };
        },
    },
    {
        id: "NET-SEG-003",
        at: "segments.kind.subnets[2]",
        when: "a segment has two IPv4 subnets",
        change: (draft) => {
            draft.segments.kind!.subnets.push("172.20.0.0/16");
        },
    },
    {
        id: "NET-MTU-001",
        at: "segments.router0-client0.mtu",
        when: "an IPv6 link is narrower than 1280 bytes",
        change: (draft) => {
            draft.segments["router0-client0"]!.mtu = 1279;
        },
    },
    {
        id: "NET-MTU-002",
        at: "segments.kind.mtu",
        when: "encapsulation leaves IPv6 pods 1270 bytes",
        change: (draft) => {
            for (const segment of Object.values(draft.segments)) {
                segment.mtu = 1320;
            }
        },
    },
    {
        id: "NET-MTU-003",
        at: "segments.kind.mtu",
        when: "cables carry 9500 bytes, as containerlab's do, and the nodes' network 1500",
        change: (draft) => {
            for (const segment of Object.values(draft.segments).filter(({ kind }) => kind === "point-to-point")) {
                segment.mtu = 9500;
            }
        },
    },
    {
        id: "ADR-SEG-001",
        at: "hosts.client0.interfaces[0].addresses[0]",
        when: "an interface has another length than its segment",
        change: (draft) => {
            draft.hosts.client0!.interfaces[0]!.addresses[0] = "192.168.0.2/25";
        },
    },
    {
        id: "ADR-SEG-002",
        at: "hosts.client0.interfaces[0].addresses[0]",
        when: "a host has the broadcast address",
        change: (draft) => {
            draft.hosts.client0!.interfaces[0]!.addresses[0] = "192.168.0.255/24";
        },
    },
    {
        id: "ADR-DUP-001",
        at: `cluster.nodes.${worker}2.interfaces[0].addresses[1]`,
        when: "two nodes have one address",
        change: (draft) => {
            node(draft, `${worker}2`).interfaces[0]!.addresses[1] = node(draft).interfaces[0]!.addresses[1]!;
        },
    },
    {
        id: "ADR-USE-001",
        at: "cluster.podCidrs[0]",
        when: "pods are in loopback space",
        parameters: { podCidrs: ["127.0.0.0/16", "fd00:10:255::/48"] },
    },
    {
        id: "ADR-USE-001",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a pool is in multicast space",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "multicast", blocks: ["ff05::/64"] });
        },
    },
    {
        id: "ADR-USE-001",
        at: "segments.kind.subnets[0]",
        when: "the node network is in the space of protocol assignments",
        parameters: { nodeSubnets: ["192.0.0.0/24", "fc00:f853:ccd:e793::/64"] },
    },
    {
        id: "ADR-USE-002",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a pool is link-local",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "local", blocks: ["169.254.7.0/24"] });
        },
    },
    {
        id: "ADR-USE-002",
        at: "segments.router0-client0.subnets[1]",
        when: "a link has explicit fe80 addresses",
        parameters: { clientSubnets: ["192.168.0.0/24", "fe80:0:0:1::/64"] },
    },
    {
        id: "ADR-USE-003",
        at: "segments.router0-client0.subnets[0]",
        when: "a cable is link-local in IPv4",
        parameters: { clientSubnets: ["169.254.0.0/24", "fd00:192:168::/64"] },
    },
    {
        id: "ADR-USE-004",
        at: "segments.kind.subnets[1]",
        when: "a network is for documentation",
        parameters: { nodeSubnets: ["172.18.0.0/16", "2001:db8::/64"] },
    },
    {
        id: "ADR-USE-005",
        at: "segments.kind.subnets[0]",
        when: "a network is public",
        parameters: { nodeSubnets: ["20.0.10.0/24", "fc00:f853:ccd:e793::/64"] },
    },
    {
        id: "ADR-USE-006",
        at: "segments.kind.subnets[1]",
        when: "a network is 6to4",
        parameters: { nodeSubnets: ["172.18.0.0/16", "2002::/64"] },
    },
    {
        id: "ADR-USE-007",
        at: "segments.kind.subnets[0]",
        when: "a network is carrier space",
        parameters: { nodeSubnets: ["100.64.0.0/16", "fc00:f853:ccd:e793::/64"] },
    },
    {
        id: "ADR-USE-008",
        at: "cluster.serviceCidrs[0]",
        when: "services are where home networks are",
        parameters: { serviceCidrs: ["192.168.128.0/20", "fd00:10:0:255::/108"] },
    },
    {
        id: "ADR-OVL-001",
        at: "cluster.serviceCidrs[0]",
        when: "services lie inside the pod CIDR",
        parameters: { serviceCidrs: ["10.100.128.0/20", "fd00:10:0:255::/108"] },
    },
    {
        id: "ADR-OVL-001",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a pool holds the node network",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "wide", blocks: ["172.16.0.0/12"] });
        },
    },
    {
        id: "LB-POOL-008",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "a pool is inside the node network",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "lan", blocks: ["172.18.200.0/24"] });
        },
    },
    {
        id: "LB-POOL-001",
        at: "cluster.loadBalancerPools[1].blocks[0]",
        when: "two pools share addresses",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "second", blocks: ["10.254.0.128/25"] });
        },
    },
    {
        id: "ADR-POD-001",
        at: "cluster.podCidrs[1]",
        when: "the masks of pods differ by more than 16 bits",
        parameters: {
            podCidrs: ["10.100.0.0/16", "fd00:20::/47"],
            nodeMask6: 64,
            labSubnets: ["10.0.0.0/8", "fd00:10::/32"],
        },
    },
    {
        id: "ADR-POD-002",
        at: `cluster.nodes.${worker}2.podCidrs`,
        when: "a node has no IPv4 slice",
        change: (draft) => {
            node(draft, `${worker}2`).podCidrs.shift();
            workload(draft).pods[1]!.addresses.shift();
        },
    },
    {
        id: "ADR-POD-002",
        at: "cluster.nodes.cilium-bgp-cp-control-plane.podCidrs[0]",
        when: "a slice has another mask",
        change: (draft) => {
            node(draft, "cilium-bgp-cp-control-plane").podCidrs[0] = "10.100.0.0/25";
        },
    },
    {
        id: "ADR-POD-002",
        at: `cluster.nodes.${worker}.podCidrs[0]`,
        when: "two nodes have one slice",
        change: (draft) => {
            node(draft).podCidrs[0] = "10.100.0.0/24";
            workload(draft).pods[0]!.addresses[0] = "10.100.0.10";
        },
    },
    {
        id: "ADR-POD-003",
        at: "cluster.workloads[0].pods[0].addresses[0]",
        when: "a pod is outside its node's slice",
        change: (draft) => {
            workload(draft).pods[0]!.addresses[0] = "10.100.9.10";
        },
    },
    {
        id: "ADR-SVC-001",
        at: "cluster.serviceCidrs[1]",
        when: "the IPv6 service CIDR has more than 20 bits of hosts",
        parameters: { serviceCidrs: ["10.101.0.0/16", "fd00:10:0:255::/107"] },
    },
    {
        id: "ADR-DUAL-001",
        at: "cluster.serviceCidrs",
        when: "services list IPv6 first and pods IPv4",
        parameters: { serviceCidrs: ["fd00:10:0:255::/108", "10.101.0.0/16"] },
    },
    {
        id: "ADR-DUAL-002",
        at: `cluster.nodes.${worker}.interfaces`,
        when: "a node has no IPv6 address on the node network",
        change: (draft) => {
            node(draft).interfaces[0]!.addresses.pop();
        },
    },
    {
        id: "CIL-RID-001",
        at: `cluster.nodes.${worker}.routerId`,
        when: "a node's BGP identifier is not its internal address",
        change: (draft) => {
            node(draft).routerId = "10.0.0.9";
        },
    },
    {
        id: "ADR-NXT-001",
        at: `cluster.nodes.${worker}.staticRoutes[0]`,
        when: "a next hop is in another subnet (Cilium's own lab has this)",
        change: (draft) => {
            node(draft).staticRoutes[0]!.via = { kind: "address", address: "10.9.1.1" };
        },
    },
    {
        id: "ADR-NXT-001",
        at: "hosts.client0.staticRoutes[0]",
        when: "a next hop is the device itself",
        change: (draft) => {
            draft.hosts.client0!.staticRoutes[0]!.via = { kind: "address", address: "192.168.0.2" };
        },
    },
    {
        id: "ADR-NXT-002",
        at: `cluster.nodes.${worker}.staticRoutes[4]`,
        when: "a route names an interface that does not exist",
        change: (draft) => {
            node(draft).staticRoutes[4]!.via = { kind: "interface", interface: "cilium_vxlan" };
        },
    },
    {
        id: "ADR-NXT-003",
        at: "routers.router0.staticRoutes[2]",
        when: "a device has two routes to one destination",
        change: (draft) => {
            router(draft).staticRoutes.push({ prefix: "10.0.0.0/8", via: { kind: "blackhole" } });
        },
    },
    {
        id: "ADR-NXT-004",
        at: "hosts.client0.staticRoutes[2]",
        when: "a static route repeats a connected subnet",
        change: (draft) => {
            draft.hosts.client0!.staticRoutes.push({
                prefix: "192.168.0.0/24",
                via: { kind: "address", address: "192.168.0.1" },
            });
        },
    },
    {
        id: "NET-RTE-001",
        at: `cluster.nodes.${worker}.staticRoutes`,
        when: "a node has no way back to the client",
        change: (draft) => {
            node(draft).staticRoutes.splice(1, 1);
        },
    },
    {
        id: "NET-RTE-002",
        at: "hosts.client0.staticRoutes",
        when: "the client has no route to a service",
        change: (draft) => {
            draft.hosts.client0!.staticRoutes.shift();
        },
    },
    {
        id: "BGP-ASN-001",
        at: "routers.router0.bgp.asn",
        when: "a speaker has the last 16-bit AS",
        parameters: { routerAsn: 65535 },
    },
    {
        id: "BGP-ASN-001",
        at: "cluster.cilium.bgp[2].localAsn",
        when: "the workers' ASes count up into a reserved one",
        parameters: { nodeAsn: 65533 },
    },
    { id: "BGP-ASN-001", at: "routers.router0.bgp.asn", when: "a speaker has AS 0", parameters: { routerAsn: 0 } },
    {
        id: "BGP-ASN-001",
        at: "routers.router0.bgp.asn",
        when: "a speaker has AS_TRANS",
        parameters: { routerAsn: 23456 },
    },
    {
        id: "BGP-ASN-002",
        at: "routers.router0.bgp.asn",
        when: "a speaker has a public AS",
        parameters: { routerAsn: 3333 },
    },
    {
        id: "BGP-ASN-003",
        at: "routers.router0.bgp.asn",
        when: "a speaker has a documentation AS",
        parameters: { routerAsn: 64496 },
    },
    {
        id: "BGP-RID-001",
        at: "routers.router0.bgp.routerId",
        when: "a BGP identifier is zero",
        parameters: { routerId: "0.0.0.0" },
    },
    {
        id: "BGP-RID-001",
        at: "routers.router0.bgp.routerId",
        when: "a BGP identifier is multicast",
        parameters: { routerId: "224.0.0.5" },
    },
    {
        id: "BGP-RID-002",
        at: `cluster.nodes.${worker}.routerId`,
        when: "two speakers of one AS share an identifier",
        change: (draft) => {
            const { bgp } = router(draft);
            bgp.routerId = node(draft).routerId;
            instance(draft).localAsn = bgp.asn;
            for (const [index, position] of [1, 4].entries()) {
                bgp.neighbors[position]!.remoteAsn = bgp.asn;
                const settings = {
                    ...structuredClone(group(draft, index).settings),
                    remoteAs: { kind: "internal" as const },
                };
                bgp.neighbors[position]!.session = { kind: "own", settings };
            }
        },
    },
    {
        id: "BGP-RID-003",
        at: "routers.router0.bgp.routerId",
        when: "speakers of two ASes share an identifier",
        parameters: { routerId: "172.18.0.3" },
    },
    {
        id: "BGP-SES-001",
        at: "routers.router0.bgp.neighbors[1].remoteAsn",
        when: "the router expects another AS",
        change: (draft) => {
            router(draft).bgp.neighbors[1]!.remoteAsn = 65009;
        },
    },
    {
        id: "BGP-SES-002",
        at: "routers.router0.bgp.neighbors[1].address",
        when: "a neighbor has no device",
        change: (draft) => {
            router(draft).bgp.neighbors[1]!.address = "10.9.2.9";
        },
    },
    {
        id: "BGP-SES-002",
        at: "routers.router0.bgp.neighbors[1].address",
        when: "only one end is configured",
        change: (draft) => {
            instance(draft).neighbors.shift();
        },
    },
    {
        id: "BGP-SES-003",
        at: "routers.router0.bgp.neighbors[1].address",
        when: "a neighbor is in no connected subnet",
        change: (draft) => {
            router(draft).bgp.neighbors[1]!.address = "172.18.0.3";
        },
    },
    {
        id: "BGP-SES-004",
        at: "routers.router0.bgp.neighbors[1].remoteAsn",
        when: "an external peer is in the same AS",
        parameters: { routerAsn: 65002 },
    },
    {
        id: "BGP-SES-005",
        at: "cluster.cilium.bgp[1].neighbors[0]",
        when: "a family is activated at one end only",
        change: (draft) => {
            instance(draft).neighbors[0]!.families = [];
        },
    },
    {
        id: "BGP-SES-006",
        at: "routers.router0.bgp.neighbors[0]",
        when: "IPv6 routes are exchanged over IPv4",
        change: (draft) => {
            group(draft).settings.families.push({
                family: "ipv6",
                prefixListIn: "K8S-ROUTES6",
                prefixListOut: "LAB-SUBNET6",
            });
            for (const { neighbors } of draft.cluster.cilium!.bgp) {
                neighbors[0]!.families.push("ipv6");
            }
        },
    },
    {
        id: "BGP-SES-007",
        at: "routers.router0.bgp.neighbors[6].address",
        when: "a neighbor is there twice",
        change: (draft) => {
            router(draft).bgp.neighbors.push(structuredClone(router(draft).bgp.neighbors[0]!));
        },
    },
    {
        id: "BGP-SES-008",
        at: "routers.router0.bgp.neighbors[0]",
        when: "an internal session has ebgpMultihop",
        change: (draft) => {
            const neighbor = router(draft).bgp.neighbors[0]!;
            neighbor.remoteAsn = 65000;
            neighbor.session = {
                kind: "own",
                settings: {
                    ...structuredClone(group(draft).settings),
                    remoteAs: { kind: "internal" },
                    ebgpMultihop: 2,
                },
            };
            instance(draft, 0).localAsn = 65000;
            router(draft).bgp.neighbors[3]!.remoteAsn = 65000;
            router(draft).bgp.neighbors[3]!.session = {
                kind: "own",
                settings: { ...structuredClone(group(draft, 1).settings), remoteAs: { kind: "internal" } },
            };
        },
    },
    {
        id: "BGP-REF-001",
        at: "routers.router0.bgp.neighbors[1].session.group",
        when: "a neighbor names a group that does not exist",
        change: (draft) => {
            router(draft).bgp.neighbors[1]!.session = { kind: "group", group: "K8S" };
            instance(draft).neighbors.shift();
        },
    },
    {
        id: "BGP-TMR-001",
        at: "routers.router0.bgp.peerGroups[0].settings.timers.holdTime",
        when: "a hold time is 2 s",
        change: (draft) => {
            for (const timers of [
                group(draft).settings.timers,
                ...draft.cluster.cilium!.bgp.map(({ neighbors }) => neighbors[0]!.timers),
            ]) {
                Object.assign(timers, { holdTime: 2, keepalive: 1 });
            }
        },
    },
    {
        id: "BGP-TMR-001",
        at: "routers.router0.bgp.peerGroups[0].settings.timers.holdTime",
        when: "a hold time has more than 16 bits",
        change: (draft) => {
            for (const timers of [
                group(draft).settings.timers,
                ...draft.cluster.cilium!.bgp.map(({ neighbors }) => neighbors[0]!.timers),
            ]) {
                timers.holdTime = 65536;
            }
        },
    },
    {
        id: "BGP-TMR-002",
        at: "routers.router0.bgp.peerGroups[0].settings.timers.keepalive",
        when: "keepalives come after the hold time",
        parameters: { routerTimers: { holdTime: 9, keepalive: 10, connectRetry: 1 } },
    },
    {
        id: "BGP-TMR-002",
        at: "routers.router0.bgp.peerGroups[0].settings.timers.keepalive",
        when: "keepalives never come",
        parameters: { routerTimers: { holdTime: 9, keepalive: 0, connectRetry: 1 } },
    },
    {
        id: "BGP-TMR-003",
        at: "routers.router0.bgp.peerGroups[0].settings.timers.keepalive",
        when: "there are two keepalives in a hold time",
        parameters: { routerTimers: { holdTime: 9, keepalive: 4, connectRetry: 1 } },
    },
    {
        id: "BGP-TMR-004",
        at: "cluster.cilium.bgp[0].neighbors[0].timers.holdTime",
        when: "the ends have different hold times",
        parameters: { nodeTimers: { holdTime: 30, keepalive: 10, connectRetry: 5 } },
    },
    {
        id: "BGP-TMR-005",
        at: "cluster.cilium.bgp[0].neighbors[0].timers.connectRetry",
        when: "a connect retry time is 0 s",
        parameters: { nodeTimers: { holdTime: 9, keepalive: 3, connectRetry: 0 } },
    },
    {
        id: "CIL-TMR-001",
        at: "cluster.cilium.bgp[0].neighbors[0].timers.holdTime",
        when: "Cilium has a hold time of 0 s",
        parameters: {
            nodeTimers: { holdTime: 0, keepalive: 0, connectRetry: 5 },
            routerTimers: { holdTime: 0, keepalive: 0, connectRetry: 1 },
        },
    },
    {
        id: "BGP-GR-001",
        at: "cluster.cilium.bgp[0].neighbors[0].gracefulRestartTime",
        when: "a graceful restart time has more than 12 bits",
        parameters: { gracefulRestartTime: 4096 },
    },
    {
        id: "BGP-GR-002",
        at: "cluster.cilium.bgp[0].neighbors[0].gracefulRestartTime",
        when: "a peer keeps routes longer than the hold time",
        parameters: { gracefulRestartTime: 10 },
    },
    ...["10.0.0.0/8", "10.254.0.0/23", "0.0.0.0/0"].map((prefix) => ({
        id: "BGP-POL-009",
        at: "routers.router0.prefixLists[2].entries[0]",
        when: `nodes may announce ${prefix}`,
        parameters: {
            importFilter: [
                { prefix, le: 32 },
                { prefix: "fd00:10:254::/64", le: 128 },
            ],
        },
    })),
    {
        id: "BGP-POL-011",
        at: "routers.router0.prefixLists[2]",
        when: "a filter takes a pool, but none of its addresses",
        parameters: { importFilter: [{ prefix: "10.254.0.0/24" }, { prefix: "fd00:10:254::/64", le: 128 }] },
    },
    {
        id: "BGP-POL-011",
        at: "routers.router0.prefixLists[2]",
        when: "a filter denies everything before it permits something",
        parameters: {
            importFilter: [
                { prefix: "0.0.0.0/0", action: "deny", le: 32 },
                { prefix: "10.254.0.0/24", le: 32 },
                { prefix: "fd00:10:254::/64", le: 128 },
            ],
        },
    },
    {
        id: "BGP-POL-011",
        at: "routers.router0.prefixLists[2]",
        when: "nodes announce pods that a filter does not take",
        parameters: {
            exportPodCidr: true,
            importFilter: [
                { prefix: "10.254.0.0/24", le: 32 },
                { prefix: "fd00:10:254::/64", le: 128 },
                { prefix: "fd00:10:255::/48", le: 64 },
            ],
        },
    },
    {
        id: "BGP-POL-001",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].prefixListOut",
        when: "a filter does not exist",
        change: (draft) => {
            group(draft).settings.families[0]!.prefixListOut = "LAB-NET";
        },
    },
    {
        id: "BGP-POL-002",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].prefixListOut",
        when: "a filter is of the other family",
        change: (draft) => {
            group(draft).settings.families[0]!.prefixListOut = "LAB-SUBNET6";
        },
    },
    {
        id: "BGP-POL-003",
        at: "routers.router0.prefixLists[0].entries[0]",
        when: "ge is shorter than the prefix",
        parameters: {
            exportFilter: [
                { prefix: "10.0.0.0/8", ge: 7 },
                { prefix: "fd00:10::/32", ge: 32 },
            ],
        },
    },
    {
        id: "BGP-POL-003",
        at: "routers.router0.prefixLists[0].entries[0]",
        when: "le is shorter than ge",
        parameters: { exportFilter: [{ prefix: "10.0.0.0/8", ge: 24, le: 16 }, { prefix: "fd00:10::/32" }] },
    },
    {
        id: "BGP-POL-003",
        at: "routers.router0.prefixLists[0].entries[0]",
        when: "ge is longer than an IPv4 address",
        parameters: { exportFilter: [{ prefix: "10.0.0.0/8", ge: 33 }, { prefix: "fd00:10::/32" }] },
    },
    {
        id: "BGP-POL-004",
        at: "routers.router0.prefixLists[1]",
        when: "a filter permits nothing",
        parameters: {
            exportFilter: [
                { prefix: "10.0.0.0/8", ge: 8 },
                { prefix: "fd00:10::/32", action: "deny" },
            ],
        },
    },
    {
        id: "BGP-POL-005",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].prefixListIn",
        when: "the router takes everything",
        parameters: { importFilter: [{ prefix: "fd00:10:254::/64", le: 128 }] },
    },
    {
        id: "BGP-POL-006",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].prefixListOut",
        when: "policy is required and missing",
        change: (draft) => {
            router(draft).bgp.ebgpRequiresPolicy = true;
            delete group(draft).settings.families[0]!.prefixListOut;
        },
    },
    {
        id: "BGP-POL-007",
        at: "routers.router0.prefixLists[0].entries[1].sequence",
        when: "two entries have one sequence number",
        change: (draft) => {
            router(draft).prefixLists[0]!.entries.push({ sequence: 5, action: "permit", prefix: "11.0.0.0/8" });
        },
    },
    {
        id: "BGP-POL-008",
        at: "routers.router0.prefixLists[0].entries[1]",
        when: "an entry repeats an earlier one",
        change: (draft) => {
            router(draft).prefixLists[0]!.entries.push({ sequence: 10, action: "deny", prefix: "10.0.0.0/8", ge: 8 });
        },
    },
    {
        id: "BGP-ECMP-001",
        at: "routers.router0.bgp.multipathRelax",
        when: "equal paths lead through different ASes",
        parameters: { multipathRelax: false, replicas: 1 },
    },
    {
        id: "BGP-ECMP-002",
        at: "routers.router0.bgp.maximumPaths",
        when: "there are more nodes than paths",
        parameters: { maximumPaths: 2 },
    },
    {
        id: "BGP-ECMP-003",
        at: "routers.router0.bgp.maximumPaths",
        when: "pods of a Local service are behind a path that is not used",
        change: (draft) => {
            router(draft).bgp.maximumPaths = 1;
            draft.cluster.services.shift();
            draft.checks = draft.checks.filter(({ address }) => service(draft).loadBalancerAddresses.includes(address));
        },
    },
    {
        id: "CIL-SEL-001",
        at: "cluster.cilium.bgp[3].nodeSelector",
        when: "an instance selects no node",
        change: (draft) => {
            draft.cluster.cilium!.bgp.push({
                ...structuredClone(instance(draft)),
                name: "gone",
                nodeSelector: { matchLabels: { rack: "r9" } },
            });
        },
    },
    {
        id: "CIL-SEL-002",
        at: "cluster.cilium.bgp[3].nodeSelector",
        when: "two instances select one node",
        change: (draft) => {
            draft.cluster.cilium!.bgp.push({ ...structuredClone(instance(draft)), name: "twin", neighbors: [] });
        },
    },
    {
        id: "CIL-SEL-003",
        at: "cluster.cilium.bgp[0].serviceSelector",
        when: "a service is selected by no instance",
        change: (draft) => {
            for (const speaker of draft.cluster.cilium!.bgp) {
                speaker.serviceSelector = { matchLabels: { "io.kubernetes.service.name": "app-svc-local" } };
            }
        },
    },
    {
        id: "CIL-SEL-004",
        at: "cluster.nodes.cilium-bgp-cp-control-plane.labels",
        when: "a node runs no speaker",
        change: (draft) => {
            draft.cluster.cilium!.bgp.shift();
            router(draft).bgp.neighbors = router(draft).bgp.neighbors.filter(({ remoteAsn }) => remoteAsn !== 65001);
        },
    },
    {
        id: "CIL-NAME-001",
        at: "cluster.cilium.bgp[1].name",
        when: "two instances have one name",
        change: (draft) => {
            instance(draft).name = "control-plane";
        },
    },
    {
        id: "CIL-GR-001",
        at: "cluster.cilium.bgp[0].neighbors[0].gracefulRestartTime",
        when: "speakers that offer both families restart gracefully beside a router that takes one",
        parameters: { ciliumVersion: "1.14.1" },
    },
    {
        id: "CIL-RTE-001",
        at: "cluster.cilium.bgp[0].exportPodCidr",
        when: "natively routed pods are not announced",
        parameters: { routingMode: "native" },
    },
    {
        id: "CIL-RTE-002",
        at: "cluster.cilium.routingMode",
        when: "nodes have no route to natively routed pods",
        parameters: {
            routingMode: "native",
            exportPodCidr: true,
            podCidrs: ["172.30.0.0/16", "fd00:10:255::/48"],
            importFilter: [
                { prefix: "10.254.0.0/24", le: 32 },
                { prefix: "fd00:10:254::/64", le: 128 },
                { prefix: "172.30.0.0/16", ge: 24, le: 24 },
                { prefix: "fd00:10:255::/48", ge: 64, le: 64 },
            ],
        },
    },
    {
        id: "CIL-RTE-003",
        at: "cluster.cilium.nativeRoutingCidrs",
        when: "natively routed pods would be masqueraded",
        parameters: {
            routingMode: "native",
            exportPodCidr: true,
            importFilter: [
                { prefix: "10.254.0.0/24", le: 32 },
                { prefix: "fd00:10:254::/64", le: 128 },
                { prefix: "10.100.0.0/16", ge: 24, le: 24 },
                { prefix: "fd00:10:255::/48", ge: 64, le: 64 },
            ],
        },
        change: (draft) => {
            draft.cluster.cilium!.nativeRoutingCidrs.pop();
        },
    },
    {
        id: "CIL-VER-001",
        at: "cluster.cilium.version",
        when: "Cilium has no load-balancer pools yet",
        parameters: { ciliumVersion: "1.12.9" },
    },
    {
        id: "CIL-VER-002",
        at: "cluster.cilium.version",
        when: "Cilium is newer than the lab",
        parameters: { ciliumVersion: "1.21.0" },
    },
    {
        id: "CIL-VER-003",
        at: "cluster.kubernetesVersion",
        when: "Kubernetes is older than Cilium tests",
        parameters: { kubernetesVersion: "1.28.0" },
    },
    {
        id: "K8S-NAME-001",
        at: "cluster.name",
        when: "the cluster's name has 33 characters",
        change: (draft) => {
            draft.cluster.name = "a".repeat(33);
        },
    },
    {
        id: "K8S-POD-001",
        at: "cluster.workloads",
        when: "a node has 111 pods",
        parameters: { workers: 2, replicas: 222 },
    },
    {
        id: "K8S-POD-002",
        at: "cluster.workloads[0].pods[2].node",
        when: "a pod is pinned to no node",
        change: (draft) => {
            workload(draft).pods.push({ name: "app-9", node: "gone", addresses: [] });
        },
    },
    {
        id: "K8S-POD-003",
        at: "cluster.workloads[0].pods[2].node",
        when: "a pod is pinned to the control plane",
        change: (draft) => {
            workload(draft).pods.push({ name: "app-9", node: "cilium-bgp-cp-control-plane", addresses: [] });
        },
    },
    {
        id: "K8S-POD-004",
        at: "cluster.workloads[0].pods[1].name",
        when: "two pods have one name",
        change: (draft) => {
            workload(draft).pods[1]!.name = "app-0";
            for (const check of draft.checks) {
                if (check.kind === "service") {
                    check.pods = ["app-0"];
                }
            }
        },
    },
    {
        id: "LB-POOL-002",
        at: "cluster.services[0].loadBalancerAddresses[0]",
        when: "a pinned address is in no pool",
        parameters: {
            pools: [{ name: "small", blocks: ["10.254.0.11/32", "fd00:10:254::/64"] }],
            importFilter: [{ prefix: "10.254.0.11/32" }, { prefix: "fd00:10:254::/64", le: 128 }],
        },
    },
    {
        id: "LB-POOL-003",
        at: "cluster.services[0].loadBalancerAddresses[0]",
        when: "an older Cilium keeps the first address",
        parameters: {
            ciliumVersion: "1.15.1",
            pools: [{ name: "small", blocks: ["10.254.0.10/31", "fd00:10:254::10/124"] }],
            importFilter: [
                { prefix: "10.254.0.8/29", le: 32 },
                { prefix: "fd00:10:254::/64", le: 128 },
            ],
        },
        change: (draft) => {
            draft.cluster.loadBalancerPools[0]!.blocks = ["10.254.0.8/29", "fd00:10:254::/64"];
            service(draft).loadBalancerAddresses[0] = "10.254.0.8";
            for (const check of draft.checks) {
                check.address = check.address === "10.254.0.10" ? "10.254.0.8" : check.address;
            }
        },
    },
    {
        id: "LB-POOL-004",
        at: "cluster.loadBalancerPools[1].name",
        when: "two pools have one name",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "default-pool", blocks: ["10.253.0.0/24"] });
        },
    },
    {
        id: "LB-POOL-005",
        at: "cluster.loadBalancerPools[1].blocks",
        when: "a pool has no blocks",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({ name: "empty", blocks: [] });
        },
    },
    {
        id: "LB-POOL-006",
        at: "cluster.loadBalancerPools[1].serviceSelector",
        when: "a pool selects no service",
        change: (draft) => {
            draft.cluster.loadBalancerPools.push({
                name: "red",
                blocks: ["10.253.0.0/24"],
                serviceSelector: { matchLabels: { color: "red" } },
            });
        },
    },
    {
        id: "LB-SVC-001",
        at: "cluster.services[1].loadBalancerAddresses[1]",
        when: "two services have one address",
        change: (draft) => {
            service(draft, 1).loadBalancerAddresses[1] = service(draft).loadBalancerAddresses[1]!;
            draft.checks = draft.checks.filter(({ address }) => address !== "fd00:10:254::11");
        },
    },
    {
        id: "LB-SVC-002",
        at: "cluster.services[1].name",
        when: "two services have one name",
        change: (draft) => {
            service(draft, 1).name = "app-svc-cluster";
        },
    },
    {
        id: "LB-SVC-003",
        at: "cluster.services[0].loadBalancerAddresses[2]",
        when: "a service has two IPv4 addresses",
        change: (draft) => {
            service(draft).loadBalancerAddresses.push("10.254.0.99");
        },
    },
    {
        id: "LB-SVC-004",
        at: "cluster.services[0].selector",
        when: "a service selects no pod",
        change: (draft) => {
            service(draft).selector = { app: "web" };
        },
    },
    {
        id: "LB-SVC-005",
        at: "cluster.services[2].loadBalancerAddresses",
        when: "a service has no address",
        change: (draft) => {
            draft.cluster.services.push({
                ...structuredClone(service(draft)),
                name: "app-svc-none",
                loadBalancerAddresses: [],
            });
        },
    },
    {
        id: "LB-SVC-006",
        at: "cluster.services[0].targetPort",
        when: "a service sends to a port nobody listens on",
        change: (draft) => {
            service(draft).targetPort = 8080;
        },
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
        id: "CHK-002",
        at: "checks[0]",
        when: "a check asks a port that is no service",
        change: (draft) => {
            const [check] = draft.checks;
            if (check?.kind === "service") {
                check.port = 8080;
            }
        },
    },
    {
        id: "CHK-002",
        at: "checks[2]",
        when: "a service should be silent",
        change: (draft) => {
            const check = draft.checks[2];
            if (check?.kind === "silence") {
                check.probe = { kind: "tcp", port: 80 };
            }
        },
    },
    {
        id: "CHK-003",
        at: "checks[0].pods",
        when: "a pod that does not exist should answer",
        change: (draft) => {
            const [check] = draft.checks;
            if (check?.kind === "service") {
                check.pods.push("app-9");
            }
        },
    },
    {
        id: "K8S-IP-001",
        at: `cluster.nodes.${worker}.nodeIp[0]`,
        when: "kubelet announces an address that the node does not have",
        change: (draft) => {
            node(draft).nodeIp = ["172.18.0.99"];
        },
    },
    {
        id: "K8S-IP-001",
        at: `cluster.nodes.${worker}.nodeIp[1]`,
        when: "kubelet announces two IPv4 addresses",
        change: (draft) => {
            node(draft).nodeIp = ["172.18.0.3", "10.9.2.2"];
        },
    },
    {
        id: "DKR-SEG-001",
        at: "segments.router0-client0.subnets[0]",
        when: "the client has the address that Docker's network needs",
        runtime: "docker",
        parameters: { clientSubnets: ["192.168.0.0/30", "fd00:192:168::/64"] },
    },
    {
        id: "DKR-SEG-002",
        at: "segments.spare.subnets",
        when: "a segment has IPv6 only",
        runtime: "docker",
        change: (draft) => {
            draft.segments.spare = { kind: "bridge", subnets: ["fd00:77::/64"], mtu: 1500 };
        },
    },
    {
        id: "DKR-SEG-003",
        at: "segments.kind.subnets[0]",
        when: "the node network is in the space of docker0",
        runtime: "docker",
        parameters: { nodeSubnets: ["172.17.128.0/17", "fc00:f853:ccd:e793::/64"] },
    },
    {
        id: "DKR-NET-001",
        at: "cluster.podCidrs[0]",
        when: "pods are where Docker takes its subnets from",
        runtime: "docker",
        parameters: { podCidrs: ["172.30.0.0/16", "fd00:10:255::/48"] },
    },
    {
        id: "DKR-NAME-001",
        at: "hosts.Client_1",
        when: "a host has a name with capitals",
        runtime: "docker",
        change: (draft) => {
            draft.hosts.Client_1 = { interfaces: [], staticRoutes: [] };
        },
    },
    {
        id: "DKR-IF-001",
        at: `cluster.nodes.${worker}.interfaces[1].name`,
        when: "a node has an interface of a name that Cilium makes",
        runtime: "docker",
        change: (draft) => {
            node(draft).interfaces[1]!.name = "cilium_net";
        },
    },
    {
        id: "BGP-MAX-001",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].maximumPrefixes",
        when: "a worker announces two services to a router that accepts one",
        parameters: { maximumPrefixes: 1 },
    },
    {
        id: "BGP-MAX-001",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].maximumPrefixes",
        when: "the filter lets the pod CIDR in, too",
        parameters: {
            exportPodCidr: true,
            maximumPrefixes: 3,
            services: [10, 11, 12].map((host) => ({ name: `s${host}`, addresses: [`10.254.0.${host}`] })),
            importFilter: [
                { prefix: "10.254.0.0/24", le: 32 },
                { prefix: "10.100.0.0/16", ge: 24, le: 24 },
                { prefix: "fd00:10:254::/64", le: 128 },
                { prefix: "fd00:10:255::/48", ge: 64, le: 64 },
            ],
        },
    },
    {
        id: "BGP-MAX-002",
        at: "routers.router0.bgp.peerGroups[1].settings.families[0].maximumPrefixes",
        when: "a worker announces as much as the router accepts",
        change: (draft) => {
            group(draft).settings.families[0]!.maximumPrefixes = 3;
            group(draft, 1).settings.families[0]!.maximumPrefixes = 2;
        },
    },
    {
        id: "BGP-MAX-003",
        at: "routers.router0.bgp.peerGroups[1].settings.families[0].maximumPrefixes",
        when: "only IPv4 has a limit",
        change: (draft) => {
            group(draft).settings.families[0]!.maximumPrefixes = 20;
        },
    },
    {
        id: "BGP-MAX-004",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].maximumPrefixes",
        when: "a limit is 0",
        change: (draft) => {
            group(draft).settings.families[0]!.maximumPrefixes = 0;
            group(draft, 1).settings.families[0]!.maximumPrefixes = 20;
        },
    },
];

/** Labs at the limit of a rule, which must not object. */
const allowed: readonly {
    readonly id: string;
    readonly when: string;
    readonly parameters?: object;
    readonly change?: Case["change"];
    readonly runtime?: RuntimeName;
}[] = [
    {
        id: "ADR-SVC-001",
        when: "service CIDRs have 20 bits of hosts",
        parameters: { serviceCidrs: ["172.32.0.0/12", "fd00:30::/108"] },
    },
    { id: "K8S-POD-001", when: "a node has 110 pods", parameters: { workers: 1, replicas: 110 } },
    { id: "K8S-NAME-001", when: "a cluster's name has 32 characters", parameters: { cluster: "a".repeat(32) } },
    {
        id: "LB-POOL-003",
        when: "Cilium 1.16 gives out the first address of a block",
        parameters: {
            ciliumVersion: "1.16.0",
            pools: [{ name: "edge", blocks: ["10.254.0.10/31", "fd00:10:254::10/126"] }],
        },
    },
    { id: "CIL-VER-001", when: "Cilium is 1.13", parameters: { ciliumVersion: "1.13.0" } },
    { id: "CIL-VER-002", when: "Cilium is 1.20", parameters: { ciliumVersion: "1.20.9" } },
    { id: "CIL-VER-003", when: "Kubernetes is 1.33", parameters: { kubernetesVersion: "1.33.0" } },
    { id: "CIL-VER-003", when: "Kubernetes is 1.36", parameters: { kubernetesVersion: "1.36.9" } },
    { id: "BGP-GR-001", when: "a graceful restart time has 12 bits", parameters: { gracefulRestartTime: 4095 } },
    {
        id: "BGP-POL-009",
        when: "nodes may announce pods, and a network that two pools fill",
        parameters: {
            pools: [
                { name: "one", blocks: ["10.254.0.0/24", "fd00:10:254::/64"] },
                { name: "two", blocks: ["10.254.1.0/24"] },
            ],
            importFilter: [
                { prefix: "10.254.0.0/23", le: 32 },
                { prefix: "10.100.0.0/16", ge: 24, le: 24 },
                { prefix: "fd00:10:254::/64", le: 128 },
            ],
        },
    },
    {
        id: "BGP-POL-009",
        when: "what nodes may not announce is denied before",
        parameters: {
            importFilter: [
                { prefix: "10.254.1.0/24", action: "deny", le: 32 },
                { prefix: "10.254.0.0/23", ge: 24, le: 32 },
                { prefix: "fd00:10:254::/64", le: 128 },
            ],
        },
    },
    {
        id: "DKR-NET-001",
        when: "no Docker is there to take its subnets from anywhere",
        parameters: { podCidrs: ["172.30.0.0/16", "fd00:10:255::/48"] },
    },
    {
        id: "NET-MTU-002",
        when: "encapsulation leaves IPv6 pods 1280 bytes",
        change: (draft) => {
            draft.segments.kind!.mtu = 1330;
        },
    },
    {
        id: "ADR-USE-005",
        when: "networks are in the space of benchmarks",
        parameters: { nodeSubnets: ["198.18.0.0/16", "2001:2::/64"] },
    },
    {
        id: "BGP-TMR-003",
        when: "three keepalives fit in a hold time",
        parameters: { routerTimers: { holdTime: 9, keepalive: 3, connectRetry: 1 } },
    },
    { id: "BGP-ASN-001", when: "an AS is the last private one", parameters: { routerAsn: 65534 } },
    {
        id: "BGP-RID-001",
        when: "a BGP identifier is the last unicast address",
        parameters: { routerId: "223.255.255.255" },
    },
    { id: "BGP-ECMP-003", when: "there are as many paths as nodes", parameters: { maximumPaths: 3 } },
    { id: "ADR-SEG-002", when: "a link has two addresses", parameters: { linkMask: 31, linkMask6: 127 } },
    { id: "DKR-SEG-001", when: "no Docker gives a link of two addresses a gateway", parameters: { linkMask: 31 } },
    {
        id: "DKR-SEG-001",
        when: "a link has one address more than its ends",
        runtime: "docker",
        parameters: { linkMask: 29, linkMask6: 126 },
    },
    {
        id: "DKR-SEG-001",
        when: "a node has the first address of the node network",
        runtime: "docker",
        change: (draft) => {
            node(draft).interfaces[0]!.addresses[0] = "172.18.0.1/16";
            node(draft).routerId = "172.18.0.1";
        },
    },
    {
        id: "K8S-IP-001",
        when: "kubelet announces the addresses of the link",
        change: (draft) => {
            node(draft).nodeIp = ["10.9.2.2", "fd00:9:0:2::2"];
        },
    },
    {
        id: "K8S-POD-003",
        when: "a pod is on a control plane without its taint",
        change: (draft) => {
            const name = "cilium-bgp-cp-control-plane";
            node(draft, name).untainted = true;
            workload(draft).pods[0]!.node = name;
        },
    },
    {
        id: "BGP-MAX-001",
        when: "the filter lets in as many as the limit, of more that a worker announces",
        parameters: { exportPodCidr: true, maximumPrefixes: 2 },
    },
    { id: "BGP-MAX-002", when: "a quarter of the limit is free", parameters: { maximumPrefixes: 3 } },
    {
        id: "BGP-MAX-001",
        when: "policy is required, and without a filter nothing is let in",
        parameters: { maximumPrefixes: 1, importFilter: [] },
        change: (draft) => {
            router(draft).bgp.ebgpRequiresPolicy = true;
        },
    },
];

describe("rules", () => {
    it.each(allowed)("$id does not object when $when", ({ id, parameters, change, runtime }) => {
        expect(validate(lab(parameters, change), runtime).filter((finding) => finding.id === id)).toEqual([]);
    });

    it("find every pair of networks that overlap and no other", () => {
        const block = fc
            .record({ length: fc.integer({ min: 22, max: 32 }), number: fc.integer({ min: 0, max: 1023 }) })
            .map(({ length, number }) => subnet("10.253.0.0/22", length, number >> (32 - length)));
        fc.assert(
            fc.property(fc.array(block, { maxLength: 12 }), (blocks) => {
                const pairs = blocks.flatMap((first, index) =>
                    blocks.slice(index + 1).flatMap((second) => (overlaps(first, second) ? [[first, second]] : [])),
                );
                const found = validate(
                    lab({}, (draft) => {
                        draft.cluster.loadBalancerPools = blocks.map((only, index) => ({
                            name: `p${index}`,
                            blocks: [only],
                        }));
                        draft.cluster.services = [];
                        draft.checks = [];
                    }),
                ).filter(({ id }) => id === "LB-POOL-001");
                const said = found.map(({ says }) => [...says.matchAll(/10\.253[^)]*/g)].map(([text]) => text));
                expect(said.map(([second, first]) => `${first} ${second}`).sort()).toEqual(
                    pairs.map(([first, second]) => `${first} ${second}`).sort(),
                );
            }),
            { numRuns: 100 },
        );
    });

    it.each(["netns", "docker"] as const)(
        "have nothing to say about the lab that the cases start from in %s",
        (runtime) => {
            expect(validate(lab(), runtime)).toEqual([]);
        },
    );

    it.each(cases)("$id objects when $when", ({ id, at, parameters, change, runtime }) => {
        const findings = validate(lab(parameters, change), runtime);
        expect([...new Set(findings.map((finding) => finding.id))]).toEqual([id]);
        expect(findings[0]).toMatchObject({ at, severity: rules.find((rule) => rule.id === id)?.severity });
    });

    it("each have a case that shows them", () => {
        expect(
            [...new Set([...cases, ...fabricCases, ...podCases, ...speakerCases].map(({ id }) => id))].sort(),
        ).toEqual(rules.map(({ id }) => id).sort());
    });

    it("have ids that are told apart and follow one form, and a source", () => {
        expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
        for (const { id, source } of rules) {
            expect(id).toMatch(/^[A-Z0-9]+(-[A-Z0-9]+)?-\d{3}$/);
            expect(source.length).toBeGreaterThan(0);
        }
    });

    it("are not asked about meaning where addresses cannot be read", () => {
        const findings = validate(
            lab({}, (draft) => {
                draft.cluster.podCidrs[0] = "ten";
                draft.routers.router0!.bgp.asn = 0;
            }),
        );
        expect(findings.map(({ id }) => id)).toEqual(["ADR-FMT-001"]);
    });

    it("report the same findings in the same order when asked again", () => {
        const broken = () =>
            lab({ routerAsn: 0, routerId: "0.0.0.0", maximumPaths: 1 }, (draft) => {
                draft.cluster.services.push(structuredClone(draft.cluster.services[0]!));
            });
        expect(validate(broken())).toEqual(validate(broken()));
    });
});
