/** Labs made by hand for the network operating systems: those of the articles, and one with all that the model has. */

import type {
    BgpSpeaker,
    Interface,
    Lab,
    Neighbor,
    PeerGroup,
    Router,
    SessionFamily,
    SessionSettings,
    Vrf,
} from "../../lab/model";
import { lab } from "./labs";

const traditional = { keepalive: 60, holdTime: 180, connectRetry: 120 };

function peer(address: string, remoteAsn: number, families: readonly SessionFamily[], more = {}): Neighbor {
    const settings: SessionSettings = {
        remoteAs: { kind: "asn", asn: remoteAsn },
        timers: traditional,
        families,
        ...more,
    };
    return { address, remoteAsn, session: { kind: "own", settings } };
}

function speaker(asn: number, routerId: string, more: Partial<BgpSpeaker> = {}): BgpSpeaker {
    return {
        asn,
        routerId,
        defaults: "traditional",
        ebgpRequiresPolicy: false,
        multipathRelax: false,
        maximumPaths: 256,
        families: [{ family: "ipv4", redistribute: [], networks: [] }],
        peerGroups: [],
        neighbors: [],
        ...more,
    };
}

function link(name: string, segment: string, ...addresses: readonly string[]): Interface {
    return { name, attachment: { kind: "segment", segment }, addresses };
}

function loopback(name: string, vrf: string | undefined, ...addresses: readonly string[]): Interface {
    return { name, attachment: { kind: "loopback" }, addresses, ...(vrf === undefined ? {} : { vrf }) };
}

function labOf(name: string, routers: Readonly<Record<string, Router>>): Lab {
    const names = Object.values(routers).flatMap(({ interfaces }) =>
        interfaces.flatMap(({ attachment }) => (attachment.kind === "segment" ? [attachment.segment] : [])),
    );
    const segments = names.map((each) => [each, { kind: "point-to-point", subnets: [], mtu: 1500 }] as const);
    return { ...lab(), name, routers, segments: Object.fromEntries(segments) };
}

const plain: readonly SessionFamily[] = [{ family: "ipv4" }];
const client: readonly SessionFamily[] = [{ family: "ipv4", routeReflectorClient: true }];

function leaf(asn: number, rack: string, links: readonly [string, string, number][], nosVersion: string): Router {
    const nodes = [`${rack}.10`, `${rack}.11`].map((address) => peer(address, asn, client));
    return {
        nos: "vyos",
        nosVersion,
        interfaces: [
            ...links.map(([own], index) => link(`net${index + 1}`, `${asn}-${index}`, `${own}/24`)),
            link("net3", `${asn}-rack`, `${rack}.1/24`),
        ],
        staticRoutes: [],
        prefixLists: [],
        sourceNat: [{ interface: "net0", source: "10.1.0.0/16" }],
        bgp: speaker(asn, `${rack}.1`, {
            multipathRelax: true,
            families: [{ family: "ipv4", redistribute: [], networks: [`${rack}.0/24`] }],
            neighbors: [...nodes, ...links.map(([, address, spine]) => peer(address, spine, plain))],
        }),
    };
}

function spine(
    asn: number,
    first: readonly [string, string, number],
    second: readonly [string, string, number],
    nosVersion: string,
): Router {
    return {
        nos: "vyos",
        nosVersion,
        interfaces: [first, second].map(([own], index) => link(`net${index + 1}`, `${asn}-${index}`, `${own}/24`)),
        staticRoutes: [],
        prefixLists: [],
        bgp: speaker(asn, first[0], {
            neighbors: [first, second].map(([, address, leafAsn]) => peer(address, leafAsn, plain)),
        }),
    };
}

/** The four switches of the article on BGP with Cilium and VyOS, under the addresses and AS numbers that it gives. */
export function articleLeafSpine(nosVersion: string): Lab {
    const toSpines = (a: string, b: string, c: string, d: string): [string, string, number][] => [
        [a, b, 500],
        [c, d, 800],
    ];
    return labOf("leaf-spine", {
        spine0: spine(500, ["10.1.10.2", "10.1.10.1", 65005], ["10.1.34.2", "10.1.34.1", 65008], nosVersion),
        spine1: spine(800, ["10.1.12.2", "10.1.12.1", 65005], ["10.1.11.2", "10.1.11.1", 65008], nosVersion),
        leaf0: leaf(65005, "10.1.5", toSpines("10.1.10.1", "10.1.10.2", "10.1.12.1", "10.1.12.2"), nosVersion),
        leaf1: leaf(65008, "10.1.8", toSpines("10.1.34.1", "10.1.34.2", "10.1.11.1", "10.1.11.2"), nosVersion),
    });
}

/** The router of the article on Calico beside MetalLB, with two VRFs that leak into each other. */
export function articleVrfs(more: Partial<Router> = {}): Lab {
    const nodes = ["10.0.0.1", "10.0.0.11", "10.0.0.12", "10.0.0.13"];
    const silent: readonly SessionFamily[] = [{ family: "ipv4", prefixListOut: "deny-all-routes" }];
    const connected = [{ family: "ipv4", redistribute: ["connected"], networks: [] }] as const;
    const vrf = (name: string, routeDistinguisher: string, bgp: BgpSpeaker): Vrf => ({
        name,
        routeDistinguisher,
        exportTargets: [routeDistinguisher],
        importTargets: ["65000:2", "65000:1"],
        staticRoutes: [],
        bgp,
    });
    return labOf("calico-metallb-vrf", {
        csr1000v: {
            nos: "frr",
            interfaces: [
                { ...link("net0", "cluster", "10.0.0.254/24"), vrf: "k8s-metallb" },
                { ...link("net1", "clients", "10.0.1.254/24"), vrf: "k8s-calico" },
                loopback("lo0", undefined, "1.1.1.0/32"),
                loopback("lo1", "k8s-metallb", "1.1.1.1/32"),
                loopback("lo2", "k8s-calico", "1.1.1.2/32"),
            ],
            staticRoutes: [],
            prefixLists: [
                {
                    name: "deny-all-routes",
                    family: "ipv4",
                    entries: [{ sequence: 5, action: "deny", prefix: "0.0.0.0/0", le: 32 }],
                },
            ],
            bgp: speaker(65000, "1.0.0.0", { families: [] }),
            vrfs: [
                vrf(
                    "k8s-metallb",
                    "65000:1",
                    speaker(65000, "1.0.0.1", {
                        maximumPaths: 4,
                        families: connected,
                        neighbors: nodes.map((node) => peer(node, 65001, silent, { updateSource: "net0" })),
                    }),
                ),
                vrf(
                    "k8s-calico",
                    "65000:2",
                    speaker(65000, "1.0.0.2", {
                        maximumPaths: 1,
                        families: connected,
                        neighbors: nodes.map((node) =>
                            peer(node, 65002, silent, { updateSource: "lo2", ebgpMultihop: 32 }),
                        ),
                    }),
                ),
            ],
            ...more,
        },
    });
}

const quick: SessionSettings = {
    remoteAs: { kind: "external" },
    timers: { keepalive: 3, holdTime: 9, connectRetry: 5 },
    bfd: { detectMultiplier: 3, receiveInterval: 100, transmitInterval: 200 },
    families: [
        {
            family: "ipv4",
            prefixListIn: "nodes",
            prefixListOut: "default-only",
            localPreference: 200,
            med: 50,
            maximumPrefixes: 100,
            keepRefused: true,
        },
        { family: "ipv6", prefixListIn: "nodes6" },
    ],
};

const racks: PeerGroup = { name: "racks", settings: quick };

const reflected: readonly SessionFamily[] = [
    { family: "ipv4", routeReflectorClient: true, nextHopSelf: true },
    { family: "ipv6", routeReflectorClient: true, nextHopSelf: true, maximumPrefixes: 20 },
];

/** A router that has everything of the model but VRFs. */
export function everything(nosVersion: string, more: Partial<BgpSpeaker> = {}): Lab {
    return labOf("everything", {
        router0: {
            nos: "vyos",
            nosVersion,
            interfaces: [
                link("net0", "uplink", "172.20.20.10/24", "2001:db8:20::10/64"),
                link("net1", "rack0", "10.1.5.1/24", "fd00:5::1/64"),
                link("net2", "rack1", "10.1.8.1/24"),
                loopback("lo", undefined, "10.255.0.1/32", "fd00:ff::1/128"),
                loopback("lo1", undefined, "10.255.1.1/32"),
            ],
            staticRoutes: [
                { prefix: "0.0.0.0/0", via: { kind: "address", address: "172.20.20.1" } },
                { prefix: "10.98.0.0/16", via: { kind: "blackhole" } },
                { prefix: "10.99.0.0/16", via: { kind: "interface", interface: "net2" } },
                { prefix: "::/0", via: { kind: "address", address: "2001:db8:20::1" } },
                { prefix: "fd00:98::/48", via: { kind: "blackhole" } },
                { prefix: "fd00:99::/48", via: { kind: "interface", interface: "net2" } },
            ],
            sourceNat: [
                { interface: "net0", source: "10.1.0.0/16" },
                { interface: "net0", source: "10.98.0.0/16" },
            ],
            prefixLists: [
                {
                    name: "nodes",
                    family: "ipv4",
                    entries: [
                        { sequence: 5, action: "permit", prefix: "10.98.0.0/16", ge: 24, le: 28 },
                        { sequence: 10, action: "deny", prefix: "0.0.0.0/0", le: 32 },
                    ],
                },
                {
                    name: "default-only",
                    family: "ipv4",
                    entries: [{ sequence: 5, action: "permit", prefix: "0.0.0.0/0" }],
                },
                {
                    name: "nodes6",
                    family: "ipv6",
                    entries: [{ sequence: 5, action: "permit", prefix: "fd00:98::/48", le: 64 }],
                },
            ],
            bgp: speaker(65005, "10.255.0.1", {
                multipathRelax: true,
                maximumPaths: 8,
                clusterId: "10.255.0.9",
                families: [
                    { family: "ipv4", redistribute: ["connected", "static"], networks: ["10.1.5.0/24"] },
                    { family: "ipv6", redistribute: ["connected"], networks: ["fd00:5::/64"] },
                ],
                peerGroups: [racks],
                neighbors: [
                    { address: "10.1.8.10", remoteAsn: 65101, session: { kind: "group", group: "racks" } },
                    { address: "10.1.8.11", remoteAsn: 65102, session: { kind: "group", group: "racks" } },
                    peer("10.1.5.10", 65005, reflected),
                    peer("fd00:5::11", 65005, [{ family: "ipv6" }], { updateSource: "lo" }),
                    peer("10.255.9.1", 65009, plain, { updateSource: "lo1", ebgpMultihop: 4 }),
                ],
                ...more,
            }),
        },
    });
}
