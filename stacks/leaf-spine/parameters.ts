/** What a person can set about the topology, with the article's values as defaults. */

import { z } from "zod";
import { subnet } from "../../lab/address";
import type { Asn, Prefix } from "../../lab/model";
import { currentVersions, type VersionSet, versionSet } from "../../lab/versions";
import {
    asn,
    bfd,
    choice,
    ciliumVersion,
    clusterNameOf,
    dnsLabel,
    flag,
    ipv4Address,
    ipv4Prefix,
    kubernetesVersion,
    labelSelector,
    labels,
    maximumPrefixes,
    metallbVersion,
    pool,
    seconds,
    text,
    timers,
    versionChoice,
    wholeNumber,
} from "../parameters";
import { cluster, metallbPool, name } from "./names";

const service = z.strictObject({
    name: dnsLabel().describe("Name of the Service."),
    port: wholeNumber(1, 65535).default(80).describe("TCP port of the service."),
    addresses: z.array(ipv4Address).describe("Pinned load-balancer address."),
    labels: labels.default({}).describe("Labels of the Service, for selectors."),
});

/** Timers of routers: FRR's and VyOS's own (FRR documentation, profile traditional). */
const routerTimers = { holdTime: 180, keepalive: 60, connectRetry: 120 };

/** Parameters of the topology with their defaults, which are those of the article the lab comes from. */
export const schema = z.strictObject({
    cluster: clusterNameOf(name, cluster),
    spines: wholeNumber(1, 8).default(2).describe("Number of spines."),
    racks: wholeNumber(1, 32).default(2).describe("Number of racks, each with a leaf."),
    nodesPerRack: wholeNumber(1, 4)
        .default(2)
        .describe("Number of Kubernetes nodes in every rack; the control plane is the first node of the first rack."),
    nos: choice("frr", "vyos")
        .default("frr")
        .describe("Network operating system of spines and leaves; in namespaces FRR runs in place of either."),
    nosVersion: text("a version of VyOS", "1.4.0")
        .optional()
        .describe("Version of VyOS, which decides the syntax of its configuration.")
        .meta({ fallback: `\`"${currentVersions.vyos}"\`, or that of \`versions\`` }),
    versions: versionChoice,
    kubernetesVersion,
    ciliumVersion,
    metallbVersion,
    loadBalancer: choice("lbIpam", "metallb")
        .default("lbIpam")
        .describe("Who assigns the addresses of services: Cilium, or MetalLB. Cilium announces them in either case."),
    announceServices: flag
        .default(true)
        .describe("Whether Cilium's speakers have a service selector; without one leaves and spines reach no service."),
    serviceSelector: labelSelector
        .default({ matchExpressions: [{ key: "env", operator: "NotIn", values: ["test"] }] })
        .describe("Services whose load-balancer addresses the nodes announce."),
    serviceSelectors: z
        .array(labelSelector)
        .default([])
        .describe("Service selectors of single racks, the first rack's first; the other racks have `serviceSelector`."),
    pools: z
        .array(pool)
        .optional()
        .describe("Pools of load-balancer addresses.")
        .meta({ fallback: "the article's for `loadBalancer`: `blue-pool` and `red-pool`, or `ippool`" }),
    services: z
        .array(service)
        .optional()
        .describe("Services of type LoadBalancer.")
        .meta({ fallback: "`cni`, `color: red`, at 30.0.10.203, or with MetalLB at 172.18.0.200" }),
    namespace: dnsLabel().default("default").describe("Namespace of the services and pods."),
    exportPodCidr: flag.default(true).describe("Whether nodes announce their slice of the pod CIDR."),
    podCidr: ipv4Prefix.default("10.98.0.0/16").describe("Network of the pods."),
    nodeMask: wholeNumber(1, 32).default(24).describe("Length of a node's slice of the pod CIDR."),
    serviceCidr: ipv4Prefix.default("10.96.0.0/16").describe("Network of the cluster addresses of services."),
    nativeRoutingCidr: ipv4Prefix
        .default("10.0.0.0/8")
        .describe("Network within which Cilium leaves the addresses of pods as they are."),
    nodeSubnet: ipv4Prefix
        .default("172.18.0.0/16")
        .describe("Subnet of kind's network, on which the nodes reach the API server; node K has address K + 1."),
    managementSubnet: ipv4Prefix
        .default("172.20.20.0/24")
        .describe(
            "Subnet of the network by which spines and leaves reach the world, whose gateway has the first address.",
        ),
    natSource: ipv4Prefix
        .default("10.1.0.0/16")
        .describe("Sources that leaves hide behind their own address when they send out of the lab."),
    rackSubnets: z
        .array(ipv4Prefix)
        .optional()
        .describe("Subnets of the racks; a leaf has the first address, its nodes those from number 10 on.")
        .meta({
            fallback:
                "the article's `10.1.5.0/24` and `10.1.8.0/24`; `10.1.102.0/24`, `10.1.103.0/24` and so on beyond",
        }),
    linkPool: ipv4Prefix
        .optional()
        .describe("Network from which the links between spines and leaves take their /31s.")
        .meta({ fallback: "the article's /24s for its two spines and two racks; `10.0.0.0/23` beyond" }),
    spineAsns: z
        .array(asn)
        .optional()
        .describe("ASes of the spines.")
        .meta({ fallback: "`500`, `800`, and on in steps of 300" }),
    leafAsns: z
        .array(asn)
        .optional()
        .describe("ASes of the leaves and of the nodes of their racks.")
        .meta({ fallback: "`65005`, `65008`, and on in steps of three" }),
    routeReflection: flag.default(true).describe("Whether leaves reflect routes between the nodes of their rack."),
    maximumPrefixes,
    multipathRelax: flag
        .default(true)
        .describe("Whether leaves share load between spines of different ASes; spines never do between leaves."),
    maximumPaths: wholeNumber(1, 256)
        .default(256)
        .describe("Most equal paths that leaves and spines use; 256 is what FRR is built with."),
    fabricTimers: timers(routerTimers).describe("Timers of the sessions between spines and leaves."),
    rackTimers: timers(routerTimers).describe("Timers of the leaves' sessions with nodes."),
    nodeTimers: timers({ holdTime: 90, keepalive: 30, connectRetry: 120 }).describe("Timers of the nodes' sessions."),
    gracefulRestartTime: seconds
        .default(0)
        .describe("Seconds a leaf keeps a node's routes while its agent restarts; 0 turns graceful restart off."),
    bfd: bfd.optional().describe("Finds dead spines and leaves within milliseconds; off when left out."),
});

/** Parameters of the topology, all defaults filled in that do not depend on other parameters. */
export type LeafSpine = z.output<typeof schema>;

/** The versions and images that `versions` names. */
export function versions({ versions: chosen }: LeafSpine): VersionSet {
    return versionSet(chosen, name);
}

/** Pools of load-balancer addresses: the article's for who assigns them. */
export function poolsOf({ pools, loadBalancer }: LeafSpine): NonNullable<LeafSpine["pools"]> {
    if (pools !== undefined) {
        return pools;
    }
    return loadBalancer === "metallb"
        ? [{ name: metallbPool, blocks: ["172.18.0.200-172.18.0.210"] }]
        : [
              {
                  name: "blue-pool",
                  blocks: ["20.0.10.0/24"],
                  serviceSelector: {
                      matchExpressions: [{ key: "color", operator: "In", values: ["blue", "cyan"] }],
                  },
              },
              {
                  name: "red-pool",
                  blocks: ["30.0.10.0/24"],
                  serviceSelector: { matchLabels: { color: "red" } },
              },
          ];
}

/** Services: the article's, with the address that was assigned there. */
export function servicesOf({ services, loadBalancer }: LeafSpine): NonNullable<LeafSpine["services"]> {
    return (
        services ?? [
            {
                name: "cni",
                port: 80,
                addresses: [loadBalancer === "metallb" ? "172.18.0.200" : "30.0.10.203"],
                labels: { color: "red" },
            },
        ]
    );
}

/** AS of a spine; nothing when the list is too short. */
export function spineAsn({ spineAsns }: LeafSpine, spine: number): Asn | undefined {
    return spineAsns === undefined ? 500 + 300 * spine : spineAsns[spine];
}

/** AS of a leaf and its nodes; nothing when the list is too short. */
export function leafAsn({ leafAsns }: LeafSpine, rack: number): Asn | undefined {
    return leafAsns === undefined ? 65005 + 3 * rack : leafAsns[rack];
}

/** Subnet of a rack; nothing when the list is too short. */
export function rackSubnet({ rackSubnets }: LeafSpine, rack: number): Prefix | undefined {
    return rackSubnets === undefined ? (articleRacks[rack] ?? `10.1.${100 + rack}.0/24`) : rackSubnets[rack];
}

/** The article's racks. */
const articleRacks: readonly Prefix[] = ["10.1.5.0/24", "10.1.8.0/24"];

/** The article's links between spines and leaves, by leaf and spine. */
const articleLinks: readonly (readonly Prefix[])[] = [
    ["10.1.10.0/24", "10.1.12.0/24"],
    ["10.1.34.0/24", "10.1.11.0/24"],
];

/** Network of the links for which the article has none; large enough for every link that a fabric can have. */
const defaultLinkPool: Prefix = "10.0.0.0/23";

/** Room that the links of a spine have: what the parameter `racks` goes up to. */
export const largestRacks = 32;

/** Subnet of a link by its place in the fabric, so that a spine or a rack more changes no link of the others. */
export function linkSubnet({ linkPool }: LeafSpine, rack: number, spine: number): Prefix {
    const known = linkPool === undefined ? articleLinks[rack]?.[spine] : undefined;
    return known ?? subnet(linkPool ?? defaultLinkPool, 31, spine * largestRacks + rack);
}
