/** What a person can set about the topology, with the article's values as defaults. */

import { z } from "zod";
import { type VersionSet, versionSet } from "../../lab/versions";
import {
    address,
    asn,
    choice,
    ciliumVersion,
    clusterNameOf,
    dnsLabel,
    dualStack,
    dualStackAddresses,
    flag,
    ipv4Address,
    ipv4Prefix,
    kubernetesVersion,
    labelSelector,
    labels,
    pool,
    prefix,
    seconds,
    timers,
    trafficPolicy,
    versionChoice,
    wholeNumber,
} from "../parameters";
import { cluster, gatewayLabels, name } from "./names";

const service = z.strictObject({
    name: dnsLabel().describe("Name of the Service."),
    externalTrafficPolicy: trafficPolicy,
    port: wholeNumber(1, 65535).default(80).describe("TCP port of the service."),
    addresses: z.array(address).describe("Pinned load-balancer addresses, one per family."),
    labels: labels.default({}).describe("Labels of the Service, for selectors."),
});

const allowedPrefix = z.strictObject({
    prefix: prefix.describe("Network that Pods may announce."),
    le: wholeNumber(0, 128).optional().describe("Longest prefix length of its parts that they may announce, too."),
});

/** Parameters of the topology with their defaults, which are those of the article the lab comes from. */
export const schema = z.strictObject({
    cluster: clusterNameOf(name, cluster),
    workers: wholeNumber(1, 200).default(2).describe("Number of worker nodes; there is one control-plane node beside."),
    versions: versionChoice,
    kubernetesVersion,
    ciliumVersion,
    peering: choice("node", "router")
        .default("node")
        .describe(
            "Who takes the forwarding Pods' routes: their node, whose Cilium must be patched to pass them on, or the router.",
        ),
    gateways: z
        .array(wholeNumber(0, 200))
        .default([2])
        .describe("Numbers of the nodes with a forwarding Pod, the control plane being 0; a number may come again."),
    podAsn: asn.default(65100).describe("AS of the forwarding Pods."),
    podRouterIds: ipv4Prefix
        .default("10.255.1.0/24")
        .describe("Network whose addresses the forwarding Pods have as BGP identifiers, from the first one on."),
    virtualAddresses: dualStackAddresses
        .default(["192.168.0.1", "fd00:192:168::1"])
        .describe("Addresses at which forwarding Pods take connections, one per family."),
    virtualPort: wholeNumber(1, 65535).default(80).describe("TCP port at the virtual addresses."),
    podSelector: labelSelector
        .default({ matchLabels: gatewayLabels })
        .describe("Pods of `namespace` that become neighbors; forwarding Pods have the label `app: loadbalancer`."),
    selectedAsn: asn
        .optional()
        .describe("AS that selected Pods must have.")
        .meta({ fallback: "any other than the speaker's own" }),
    allowed: z
        .array(allowedPrefix)
        .default([
            { prefix: "192.168.0.0/24", le: 32 },
            { prefix: "fd00:192:168::/64", le: 128 },
        ])
        .describe("What users may let selected Pods announce; all else is refused."),
    forbidden: z
        .array(prefix)
        .default(["172.16.0.0/24", "fd00:172:16::/64"])
        .describe(
            "What the administrator forbids, also inside `allowed`; what the cluster itself uses is always forbidden.",
        ),
    ownAddress: flag
        .optional()
        .describe("Whether forwarding Pods announce their own address, and their node takes it.")
        .meta({ fallback: "`true` with `peering: node`, `false` with `router`, which cannot tell whose it is" }),
    hijacks: z
        .array(prefix)
        .default([])
        .describe(
            "What a rogue Pod of the same label announces on the first worker; without any there is no such Pod.",
        ),
    rogueAsn: asn.default(65200).describe("AS of the rogue Pod."),
    routerAsn: asn.default(65000).describe("AS of the router."),
    routerId: ipv4Address.default("10.0.0.0").describe("BGP identifier of the router."),
    nodeAsn: asn.default(65010).describe("AS of the control-plane node; the workers' count up from it."),
    exportPodCidr: flag.default(true).describe("Whether nodes announce their slice of the pod CIDRs."),
    podCidrs: dualStack
        .default(["10.244.0.0/16", "fd00:10:244::/48"])
        .describe("Networks of the pods, one per family."),
    nodeMask: wholeNumber(1, 32).default(24).describe("Length of a node's slice of the IPv4 pod CIDR."),
    nodeMask6: wholeNumber(1, 128).default(64).describe("Length of a node's slice of the IPv6 pod CIDR."),
    nativeRoutingCidrs: dualStack
        .default(["10.0.0.0/8", "fd00:10::/32"])
        .describe("Networks to which Cilium leaves pods their own addresses."),
    serviceCidrs: dualStack
        .default(["10.96.0.0/16", "fd00:10:96::/108"])
        .describe("Networks of the cluster addresses of services, one per family."),
    nodeSubnets: dualStack
        .default(["172.18.0.0/16", "fc00:f853:ccd:e793::/64"])
        .describe("Subnets of kind's network; node N has address N + 2."),
    linkPools: dualStack
        .default(["10.0.0.0/16", "fd00:10::/48"])
        .describe("Networks from which the link of the router to node N takes subnet N."),
    linkMask: wholeNumber(1, 31).default(24).describe("Length of a link's IPv4 subnet."),
    linkMask6: wholeNumber(1, 127).default(64).describe("Length of a link's IPv6 subnet."),
    clientSubnets: dualStack
        .default(["172.16.0.0/24", "fd00:172:16::/64"])
        .describe("Subnets of the link to the client; the router has the first address, the client the second."),
    routerTimers: timers({ holdTime: 9, keepalive: 3, connectRetry: 1 }).describe("Timers of the router's sessions."),
    nodeTimers: timers({ holdTime: 9, keepalive: 3, connectRetry: 5 }).describe("Timers of the nodes' sessions."),
    podTimers: timers({ holdTime: 9, keepalive: 3, connectRetry: 1 }).describe(
        "Timers of the forwarding Pods' sessions.",
    ),
    gracefulRestartTime: seconds
        .default(0)
        .describe("Seconds the router keeps a node's routes while its agent restarts; 0 turns graceful restart off."),
    multipathRelax: flag.default(true).describe("Whether the router shares load between paths through different ASes."),
    maximumPaths: wholeNumber(1, 256)
        .default(256)
        .describe("Most equal paths that the router and the Pods use; 256 is what FRR is built with."),
    pools: z
        .array(pool)
        .default([{ name: "default-pool", blocks: ["10.254.0.0/24", "fd00:10:254::/64"] }])
        .describe("Pools of load-balancer addresses."),
    serviceSelector: labelSelector
        .optional()
        .describe("Services whose load-balancer addresses the nodes announce.")
        .meta({ fallback: "those in `namespace`" }),
    namespace: dnsLabel().default("default").describe("Namespace of the services and of all pods."),
    replicas: wholeNumber(1, 250)
        .default(3)
        .describe("Number of pods behind the virtual addresses and the services, in turn on all nodes."),
    services: z
        .array(service)
        .default([
            {
                name: "web",
                externalTrafficPolicy: "Cluster",
                port: 80,
                addresses: ["10.254.0.10", "fd00:10:254::10"],
                labels: {},
            },
        ])
        .describe("Services of type LoadBalancer."),
});

/** Parameters of the topology, all defaults filled in that do not depend on other parameters. */
export type PodGateway = z.output<typeof schema>;

/** The versions and images that `versions` names. */
export function versions({ versions: chosen }: PodGateway): VersionSet {
    return versionSet(chosen, name);
}

/** Whether Pods announce their own address: a router that takes it could not tell whether it is the Pod's. */
export function ownAddress({ ownAddress: chosen, peering }: PodGateway): boolean {
    return chosen ?? peering === "node";
}
