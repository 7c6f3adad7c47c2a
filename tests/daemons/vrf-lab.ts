/**
 * A router with two VRFs that leak, as in the lab of Calico beside MetalLB: the peers of one VRF are reached through the
 * other. Routers stand in for the speakers of the cluster's nodes.
 */

import type { Address, Asn, BgpSpeaker, Interface, Lab, Neighbor, Router, SessionSettings, Vrf } from "../../lab/model";
import { row } from "../routing/labs";

const timers = { holdTime: 30, keepalive: 10, connectRetry: 1 };

function neighbor(address: Address, remoteAsn: Asn, settings: Partial<SessionSettings> = {}): Neighbor {
    return {
        address,
        remoteAsn,
        session: {
            kind: "own",
            settings: {
                remoteAs: { kind: "asn", asn: remoteAsn },
                timers,
                families: [{ family: "ipv4" }],
                ...settings,
            },
        },
    };
}

function speaker(
    asn: Asn,
    routerId: Address,
    neighbors: readonly Neighbor[],
    more: Partial<BgpSpeaker> = {},
): BgpSpeaker {
    return {
        asn,
        routerId,
        defaults: "datacenter",
        ebgpRequiresPolicy: false,
        multipathRelax: true,
        maximumPaths: 4,
        families: [],
        peerGroups: [],
        neighbors,
        ...more,
    };
}

function port(name: string, segment: string, addresses: readonly string[], vrf?: string): Interface {
    return {
        name,
        attachment: { kind: "segment", segment },
        addresses,
        ...(vrf === undefined ? {} : { vrf }),
    };
}

function loopback(name: string, address: string, vrf?: string): Interface {
    return { name, attachment: { kind: "loopback" }, addresses: [address], ...(vrf === undefined ? {} : { vrf }) };
}

const connected = [
    { family: "ipv4" as const, redistribute: ["connected" as const], networks: [] },
    { family: "ipv6" as const, redistribute: ["connected" as const], networks: [] },
];
const denied = { families: [{ family: "ipv4" as const, prefixListOut: "deny-all-routes" }] };

function vrf(name: string, number: number, bgp: BgpSpeaker, more: Partial<Vrf> = {}): Vrf {
    return {
        name,
        routeDistinguisher: `65000:${number}`,
        importTargets: ["65000:1", "65000:2"],
        exportTargets: [`65000:${number}`],
        staticRoutes: [],
        bgp,
        ...more,
    };
}

const router: Router = {
    nos: "frr",
    interfaces: [
        loopback("Loopback0", "1.1.1.0/32"),
        loopback("Loopback1", "1.1.1.1/32", "k8s-metallb"),
        loopback("Loopback2", "1.1.1.2/32", "k8s-calico"),
        port("net1", "cluster", ["10.0.0.254/24", "fd00::254/64"], "k8s-metallb"),
        port("net2", "clients", ["10.0.1.254/24", "fd00:0:0:1::254/64"], "k8s-calico"),
    ],
    staticRoutes: [],
    prefixLists: [
        {
            name: "deny-all-routes",
            family: "ipv4",
            entries: [{ sequence: 5, action: "deny", prefix: "0.0.0.0/0", le: 32 }],
        },
    ],
    bgp: speaker(65000, "1.0.0.0", []),
    vrfs: [
        vrf(
            "k8s-metallb",
            1,
            speaker(65000, "1.0.0.1", [neighbor("10.0.0.1", 65001, denied), neighbor("10.0.0.11", 65001, denied)], {
                families: connected,
            }),
        ),
        vrf(
            "k8s-calico",
            2,
            speaker(
                65000,
                "1.0.0.2",
                ["10.0.0.2", "10.0.0.12"].map((address) =>
                    neighbor(address, 65002, { ...denied, ebgpMultihop: 32, updateSource: "Loopback2" }),
                ),
                { families: connected, maximumPaths: 1 },
            ),
        ),
    ],
};

/** A router that announces networks to the router of the lab, whose default gateway it is. */
function announcer(address: Address, asn: Asn, peer: Address, networks: readonly string[], hops?: number): Router {
    const settings = hops === undefined ? {} : { ebgpMultihop: hops };
    return {
        nos: "frr",
        interfaces: [port("net0", "cluster", [`${address}/24`])],
        staticRoutes: [
            { prefix: "0.0.0.0/0", via: { kind: "address", address: "10.0.0.254" } },
            ...networks.map((prefix) => ({ prefix, via: { kind: "blackhole" as const } })),
        ],
        prefixLists: [],
        bgp: speaker(asn, address, [neighbor(peer, 65000, settings)], {
            // Under the other profile, FRR does not go to a peer that only a default route leads to.
            defaults: "traditional",
            families: [{ family: "ipv4", redistribute: [], networks }],
        }),
    };
}

/** The lab. */
export const vrfLab: Lab = {
    ...row({}),
    segments: {
        cluster: { kind: "bridge", subnets: ["10.0.0.0/24", "fd00::/64"], mtu: 1500 },
        clients: { kind: "bridge", subnets: ["10.0.1.0/24", "fd00:0:0:1::/64"], mtu: 1500 },
    },
    routers: {
        router0: router,
        metallb1: announcer("10.0.0.1", 65001, "10.0.0.254", ["10.100.0.0/32"]),
        metallb2: announcer("10.0.0.11", 65001, "10.0.0.254", ["10.100.0.0/32"]),
        calico1: announcer("10.0.0.2", 65002, "1.1.1.2", ["192.168.1.0/26"], 255),
        calico2: announcer("10.0.0.12", 65002, "1.1.1.2", ["192.168.2.0/26", "192.168.1.0/26"], 255),
    },
    hosts: {
        client: {
            interfaces: [port("eth0", "clients", ["10.0.1.1/24"])],
            staticRoutes: [{ prefix: "0.0.0.0/0", via: { kind: "address", address: "10.0.1.254" } }],
        },
    },
};
