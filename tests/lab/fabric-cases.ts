/** Ways to break a small leaf-spine lab, each with the rule that must object. */

import type { Lab } from "../../lab/model";
import { planLeafSpine, schema } from "../../stacks/leaf-spine";
import type { Draft } from "./labs";

/** A way to break the quiet fabric: the rule that must object, where, and the change. */
export interface FabricCase {
    readonly id: string;
    readonly at: string;
    readonly when: string;
    readonly parameters?: object;
    readonly change?: (draft: Draft) => void;
}

/** Parameters of a fabric about which no rule has anything to say once its external sessions have filters. */
const quiet = {
    spineAsns: [64601, 64602],
    leafAsns: [64701, 64702],
    pools: [{ name: "red", blocks: ["10.254.0.0/24"] }],
    services: [{ name: "web", addresses: ["10.254.0.10"], labels: { color: "red" } }],
    serviceSelector: { matchLabels: { color: "red" } },
    rackTimers: { holdTime: 90, keepalive: 30, connectRetry: 10 },
};

/** The quiet fabric with some parameters changed, and then its model changed in place. */
export function fabric({ parameters = {}, change = () => {} }: Partial<FabricCase> = {}): Lab {
    const planned = planLeafSpine(schema.parse({ ...quiet, ...parameters }));
    const draft = JSON.parse(JSON.stringify(planned)) as Draft;
    Object.values(draft.routers).forEach(addFilters);
    change(draft);
    return draft as Lab;
}

/** Filters that let everything through, because what passes between two ASes should be said. */
function addFilters(router: Draft["routers"][string]): void {
    const entry = { sequence: 5, action: "permit", prefix: "0.0.0.0/0", le: 32 } as const;
    router.prefixLists.push({ name: "ANY", family: "ipv4", entries: [{ ...entry }] });
    for (const { session } of router.bgp.neighbors.filter(({ remoteAsn }) => remoteAsn !== router.bgp.asn)) {
        const exchanged = session.kind === "own" ? session.settings.families : [];
        exchanged.forEach((family) => {
            Object.assign(family, { prefixListIn: "ANY", prefixListOut: "ANY" });
        });
    }
}

const leaf = (draft: Draft, rack = 0) => draft.routers[`leaf${rack}`]!;
const families = (draft: Draft, neighbor: number) => {
    const { session } = leaf(draft).bgp.neighbors[neighbor]!;
    return session.kind === "own" ? session.settings.families : [];
};

/** Makes nodes of a rack take routes, as Calico's do. */
function withCalico(draft: Draft): void {
    delete draft.cluster.cilium;
    draft.cluster.calico = {
        version: "3.32.1",
        asn: 64701,
        nodeToNodeMesh: false,
        encapsulation: "none",
        natOutgoing: false,
        peers: [
            {
                name: "leaf0",
                address: "10.1.5.1",
                asn: 64701,
                timers: { holdTime: 240, keepalive: 80, connectRetry: 5 },
            },
        ],
    };
}

/** Gives the two leaves a session between their racks, whose subnets nobody announces any more. */
function peerAcrossRacks(draft: Draft, defaults: "datacenter" | "traditional"): void {
    for (const [index, address] of ["10.1.8.1", "10.1.5.1"].entries()) {
        const { bgp, interfaces } = leaf(draft, index);
        const settings = {
            remoteAs: { kind: "external" as const },
            timers: { holdTime: 90, keepalive: 30, connectRetry: 10 },
            ebgpMultihop: 3,
            updateSource: interfaces.at(-1)!.name,
            families: [{ family: "ipv4" as const, prefixListIn: "ANY", prefixListOut: "ANY" }],
        };
        bgp.defaults = defaults;
        bgp.families[0]!.networks = [];
        bgp.neighbors.push({ address, remoteAsn: [64702, 64701][index]!, session: { kind: "own", settings } });
    }
}

export const fabricCases: readonly FabricCase[] = [
    {
        id: "VYOS-VER-001",
        at: "routers.leaf0.nosVersion",
        when: "the release is of no series",
        parameters: { racks: 1, spines: 1, spineAsns: [64601], leafAsns: [64701], nos: "vyos", nosVersion: "1.4.0" },
        change: (draft) => {
            leaf(draft).nosVersion = "sagitta";
        },
    },
    {
        id: "VYOS-VRF-001",
        at: "routers.leaf0.vrfs",
        when: "a router of 1.3 has a VRF",
        parameters: { nos: "vyos", nosVersion: "1.3.8" },
        change: (draft) => {
            const routeTargets = ["64701:1"];
            leaf(draft).vrfs = [
                {
                    name: "blue",
                    routeDistinguisher: "64701:1",
                    importTargets: routeTargets,
                    exportTargets: [...routeTargets],
                    staticRoutes: [],
                    bgp: { ...structuredClone(leaf(draft).bgp), routerId: "10.1.5.2", neighbors: [], families: [] },
                },
            ];
        },
    },
    {
        id: "VYOS-POL-001",
        at: "routers.leaf0.bgp.ebgpRequiresPolicy",
        when: "a router of 1.2 is to require policies",
        parameters: { nos: "vyos", nosVersion: "1.2.8" },
        change: (draft) => {
            leaf(draft).bgp.ebgpRequiresPolicy = true;
        },
    },
    {
        id: "BGP-RR-001",
        at: "routers.leaf0.bgp.neighbors[2]",
        when: "a leaf reflects to a spine",
        change: (draft) => {
            families(draft, 2)[0]!.routeReflectorClient = true;
        },
    },
    {
        id: "BGP-RR-002",
        at: "routers.leaf0.bgp.neighbors[0].session.settings.families",
        when: "nodes that take routes have no reflector",
        parameters: { racks: 1, routeReflection: false, rackTimers: { holdTime: 240, keepalive: 80, connectRetry: 5 } },
        change: withCalico,
    },
    {
        id: "BGP-RR-003",
        at: "routers.leaf0.bgp.neighbors[0].session.settings.families",
        when: "nodes that only announce have no reflector",
        parameters: { routeReflection: false },
    },
    {
        id: "BGP-LOOP-001",
        at: "routers.leaf1.bgp.asn",
        when: "two leaves have one AS",
        parameters: { leafAsns: [64701, 64701] },
    },
    {
        id: "BGP-ECMP-004",
        at: "routers.leaf0.bgp.multipathRelax",
        when: "leaves take one of two spines",
        parameters: { multipathRelax: false },
    },
    {
        id: "BGP-ECMP-005",
        at: "routers.leaf0.bgp.maximumPaths",
        when: "leaves use two of four spines",
        parameters: { spines: 4, spineAsns: [64601, 64602, 64603, 64604], maximumPaths: 2 },
    },
    {
        id: "CIL-SEL-001",
        at: "cluster.cilium.bgp[1].nodeSelector",
        when: "an instance selects no node, which is no fault of the leaf's or the nodes'",
        change: (draft) => {
            draft.cluster.cilium!.bgp[1]!.nodeSelector = { matchLabels: { rack: "rack2" } };
        },
    },
    {
        id: "BGP-SES-012",
        at: "routers.leaf0.bgp.neighbors[4].address",
        // https://github.com/FRRouting/frr/issues/7420
        when: "leaves with the profile datacenter reach each other by a default route",
        change: (draft) => peerAcrossRacks(draft, "datacenter"),
    },
    {
        id: "BGP-NH-001",
        at: "routers.spine0.bgp.neighbors[0].session.settings.families",
        when: "a spine has the AS of a leaf, which is told of next hops on links that it is not on",
        parameters: { spineAsns: [64701, 64602] },
    },
    {
        id: "BGP-SES-002",
        at: "routers.leaf0.bgp.neighbors[4].address",
        when: "a client of the reflector is no node",
        change: (draft) => {
            const client = structuredClone(leaf(draft).bgp.neighbors[0]!);
            leaf(draft).bgp.neighbors.push({ ...client, address: "10.1.5.12" });
        },
    },
    {
        id: "ADR-NXT-005",
        at: "cluster.nodes.clab-bgp-worker.staticRoutes[0]",
        when: "a node's gateway is nobody's address",
        change: (draft) => {
            draft.cluster.nodes["clab-bgp-worker"]!.staticRoutes[0]!.via = { kind: "address", address: "10.1.5.254" };
        },
    },
    {
        id: "NET-NAT-001",
        at: "routers.leaf0.sourceNat[0].interface",
        when: "a leaf hides the racks behind an interface that it has not",
        change: (draft) => {
            leaf(draft).sourceNat![0]!.interface = "eth9";
        },
    },
    {
        id: "NET-NAT-001",
        at: "routers.leaf0.sourceNat[0].interface",
        when: "a leaf hides IPv6 behind an interface with an IPv4 address",
        change: (draft) => {
            leaf(draft).sourceNat![0]!.source = "fd00:1::/64";
        },
    },
    {
        id: "NET-NAT-002",
        at: "routers.leaf0.sourceNat[1]",
        when: "a source is hidden twice",
        change: (draft) => {
            leaf(draft).sourceNat!.push({ interface: "eth0", source: "10.1.5.0/24" });
        },
    },
    {
        id: "NET-NAT-003",
        at: "routers.leaf0.sourceNat[0].source",
        when: "leaves hide a network that is not in the lab",
        parameters: { natSource: "10.9.0.0/16" },
    },
    {
        id: "NET-NAT-003",
        at: "routers.leaf0.sourceNat[0].source",
        when: "leaves hide the network behind which they hide",
        parameters: { natSource: "172.20.20.0/24" },
    },
    {
        id: "CIL-SEL-005",
        at: "cluster.cilium.bgp[1].serviceSelector",
        when: "a rack selects services by a color that none has",
        parameters: { serviceSelectors: [{ matchLabels: { color: "red" } }, { matchLabels: { color: "blue" } }] },
    },
    {
        id: "K8S-SEL-001",
        at: "cluster.cilium.bgp[0].serviceSelector.matchExpressions[0].key",
        when: "a rack leaves out services by a label that none has",
        parameters: { serviceSelectors: [{ matchExpressions: [{ key: "evn", operator: "NotIn", values: ["test"] }] }] },
    },
    {
        id: "K8S-SEL-002",
        at: "cluster.cilium.bgp[0].serviceSelector.matchExpressions[0].key",
        when: "a rack leaves out services by another key than all racks, and one letter is wrong",
        parameters: {
            racks: 3,
            leafAsns: [64701, 64702, 64703],
            services: [{ name: "web", addresses: ["10.254.0.10"], labels: { color: "red", env: "prod" } }],
            serviceSelector: { matchExpressions: [{ key: "env", operator: "NotIn", values: ["test"] }] },
            serviceSelectors: [{ matchExpressions: [{ key: "evn", operator: "NotIn", values: ["test"] }] }],
        },
    },
    {
        id: "K8S-SEL-002",
        at: "cluster.cilium.bgp[1].nodeSelector.matchExpressions[0].key",
        when: "an instance leaves out nodes by a label that none has",
        change: (draft) => {
            draft.cluster.cilium!.bgp[1]!.nodeSelector.matchExpressions = [{ key: "rak", operator: "DoesNotExist" }];
        },
    },
    {
        id: "CIL-RID-001",
        at: "cluster.nodes.clab-bgp-worker.routerId",
        when: "a node has the address of kind's network as identifier, but kubelet announces that in the rack",
        change: (draft) => {
            draft.cluster.nodes["clab-bgp-worker"]!.routerId = "172.18.0.3";
        },
    },
    {
        id: "CHK-002",
        at: "checks[0]",
        when: "a node is to meet silence at a service that nobody announces: nodes know every service",
        parameters: { announceServices: false },
        change: (draft) => {
            draft.checks = [
                {
                    kind: "silence",
                    from: "clab-bgp-worker",
                    address: "10.254.0.10",
                    probe: { kind: "tcp", port: 80 },
                },
            ];
        },
    },
];

/** What the rules must leave alone, though it looks like a case. */
export const fabricAllowed: readonly FabricCase[] = [
    {
        id: "BGP-SES-012",
        at: "",
        when: "the profile takes default routes for ways to a neighbor",
        change: (draft) => peerAcrossRacks(draft, "traditional"),
    },
    {
        id: "BGP-ECMP-005",
        at: "",
        when: "leaves use all of four spines",
        parameters: { spines: 4, spineAsns: [64601, 64602, 64603, 64604], maximumPaths: 4 },
    },
    {
        id: "BGP-NH-001",
        at: "",
        when: "internal peers put themselves as next hop",
        parameters: { spineAsns: [64701, 64602] },
        change: (draft) => {
            for (const { bgp } of Object.values(draft.routers)) {
                for (const { session, remoteAsn } of bgp.neighbors) {
                    if (session.kind === "own" && remoteAsn === bgp.asn) {
                        session.settings.families[0]!.nextHopSelf = true;
                    }
                }
            }
        },
    },
    {
        id: "K8S-SEL-002",
        at: "",
        when: "all racks leave out services by one label, which none has so far",
        parameters: { serviceSelector: { matchExpressions: [{ key: "env", operator: "NotIn", values: ["test"] }] } },
    },
    {
        id: "K8S-SEL-001",
        at: "",
        when: "a key that is its own value says: all",
        parameters: { serviceSelector: { matchExpressions: [{ key: "dummy", operator: "NotIn", values: ["dummy"] }] } },
    },
    {
        id: "BGP-RR-002",
        at: "",
        when: "one of two internal peers is a client: the other hears of it, and it of the other",
        parameters: { racks: 1 },
        change: (draft) => {
            withCalico(draft);
            delete families(draft, 1)[0]!.routeReflectorClient;
        },
    },
    {
        id: "BGP-LOOP-001",
        at: "",
        when: "leaves of one AS have a session with each other beside",
        parameters: { leafAsns: [64701, 64701] },
        change: (draft) => {
            const timers = { holdTime: 90, keepalive: 30, connectRetry: 10 };
            const peer = (address: string) => ({
                address,
                remoteAsn: 64701,
                session: {
                    kind: "own" as const,
                    settings: {
                        remoteAs: { kind: "internal" as const },
                        timers,
                        families: [{ family: "ipv4" as const }],
                    },
                },
            });
            leaf(draft, 0).bgp.neighbors.push(peer("10.1.34.1"));
            leaf(draft, 1).bgp.neighbors.push(peer("10.1.34.3"));
            leaf(draft, 0).interfaces[1]!.attachment = { kind: "segment", segment: "spine0-leaf1" };
            leaf(draft, 0).interfaces[1]!.addresses = ["10.1.34.3/24"];
        },
    },
    {
        id: "BGP-ECMP-004",
        at: "",
        when: "the spines have one AS",
        parameters: { multipathRelax: false, spineAsns: [64601, 64601] },
    },
    {
        id: "CHK-002",
        at: "",
        when: "a spine is to meet silence at a service that nobody announces",
        parameters: { announceServices: false },
    },
    {
        id: "CIL-SEL-003",
        at: "",
        when: "no instance has a service selector, which is a decision",
        parameters: { announceServices: false },
    },
    {
        id: "CIL-SEL-005",
        at: "",
        when: "a rack has no service selector, which is a decision",
        change: (draft) => {
            delete draft.cluster.cilium!.bgp[1]!.serviceSelector;
        },
    },
    {
        id: "CIL-SEL-005",
        at: "",
        when: "no instance announces a service, which is told of the service",
        parameters: { serviceSelector: { matchLabels: { color: "blue" } } },
    },
    {
        id: "NET-NAT-003",
        at: "",
        when: "a leaf hides one node of a rack",
        parameters: { natSource: "10.1.5.10/32" },
    },
];
