/** What a person can set about the topology, with the article's values as defaults. */

import { z } from "zod";
import { versionSet as chosenVersions, type VersionSet } from "../../lab/versions";
import {
    address,
    asn,
    choice,
    ciliumVersion,
    clusterNameOf,
    dnsLabel,
    dualStack,
    flag,
    ipv4Address,
    kubernetesVersion,
    labelSelector,
    labels,
    maximumPrefixes,
    pool,
    prefix,
    seconds,
    timers,
    trafficPolicy,
    versionChoice,
    wholeNumber,
} from "../parameters";
import { cluster, name } from "./names";

const service = z.strictObject({
    name: dnsLabel().describe("Name of the Service."),
    externalTrafficPolicy: trafficPolicy,
    port: wholeNumber(1, 65535).default(80).describe("TCP port of the service."),
    addresses: z.array(address).describe("Pinned load-balancer addresses, one per family."),
    labels: labels.default({}).describe("Labels of the Service, for selectors."),
});

const filterEntry = z.strictObject({
    prefix: prefix.describe("Network of the entry."),
    action: choice("permit", "deny").default("permit").describe("What happens to a route that matches."),
    ge: wholeNumber(0, 128).optional().describe("Shortest prefix length that matches."),
    le: wholeNumber(0, 128).optional().describe("Longest prefix length that matches."),
});

/** Parameters of the topology with their defaults, which are those of the article the lab comes from. */
export const schema = z.strictObject({
    cluster: clusterNameOf(name, cluster),
    workers: wholeNumber(1, 250).default(3).describe("Number of worker nodes; there is one control-plane node beside."),
    versions: versionChoice,
    kubernetesVersion,
    ciliumVersion,
    routingMode: choice("tunnel", "native")
        .default("tunnel")
        .describe("How pod traffic crosses nodes: encapsulated on the node network, or routed through the router."),
    exportPodCidr: flag.default(false).describe("Whether nodes announce their slice of the pod CIDRs."),
    podCidrs: dualStack
        .default(["10.100.0.0/16", "fd00:10:255::/48"])
        .describe("Networks of the pods, one per family."),
    nodeMask: wholeNumber(1, 32).default(24).describe("Length of a node's slice of the IPv4 pod CIDR."),
    nodeMask6: wholeNumber(1, 128).default(64).describe("Length of a node's slice of the IPv6 pod CIDR."),
    serviceCidrs: dualStack
        .default(["10.101.0.0/16", "fd00:10:0:255::/108"])
        .describe("Networks of the cluster addresses of services, one per family."),
    nodeSubnets: dualStack
        .default(["172.18.0.0/16", "fc00:f853:ccd:e793::/64"])
        .describe("Subnets of kind's network, on which the nodes reach each other; node K has address K + 1."),
    linkPools: dualStack
        .default(["169.254.0.0/16", "fd00:169:254::/48"])
        .describe("Networks from which the link of the router to node K takes subnet K."),
    linkMask: wholeNumber(1, 31).default(24).describe("Length of a link's IPv4 subnet."),
    linkMask6: wholeNumber(1, 127).default(64).describe("Length of a link's IPv6 subnet."),
    clientSubnets: dualStack
        .default(["192.168.0.0/24", "fd00:192:168::/64"])
        .describe("Subnets of the link to the client; the router has the first address, the client the second."),
    labSubnets: dualStack
        .default(["10.0.0.0/8", "fd00:10::/32"])
        .describe("Networks that nodes route to the router, and the router discards where it knows nothing better."),
    exportFilter: z
        .array(filterEntry)
        .default([
            { prefix: "10.0.0.0/8", action: "permit", ge: 8 },
            { prefix: "fd00:10::/32", action: "permit", ge: 32 },
        ])
        .describe("Routes the router may offer to the nodes, as ordered entries of the prefix lists of both families."),
    importFilter: z
        .array(filterEntry)
        .default([])
        .describe("Routes the router takes from the nodes, by family; without an entry of a family, all of it."),
    maximumPrefixes,
    routerAsn: asn.default(65000).describe("AS of the router."),
    routerId: ipv4Address.default("10.0.0.0").describe("BGP identifier of the router."),
    nodeAsn: asn.default(65001).describe("AS of the control-plane node; the workers' count up from it."),
    routerTimers: timers({ holdTime: 9, keepalive: 3, connectRetry: 1 }).describe("Timers of the router's sessions."),
    nodeTimers: timers({ holdTime: 30, keepalive: 30, connectRetry: 120 }).describe("Timers of the nodes' sessions."),
    gracefulRestartTime: seconds
        .default(120)
        .describe("Seconds the router keeps a node's routes while its agent restarts; 0 turns graceful restart off."),
    multipathRelax: flag.default(true).describe("Whether the router shares load between paths through different ASes."),
    maximumPaths: wholeNumber(1, 256)
        .default(256)
        .describe("Most equal paths the router uses; 256 is what Debian's FRR is built with."),
    pools: z
        .array(pool)
        .default([{ name: "default-pool", blocks: ["10.254.0.0/24", "fd00:10:254::/64"] }])
        .describe("Pools of load-balancer addresses."),
    serviceSelector: labelSelector
        .default({ matchExpressions: [{ key: "dummy", operator: "NotIn", values: ["dummy"] }] })
        .describe("Services whose load-balancer addresses the nodes announce."),
    namespace: dnsLabel().default("test").describe("Namespace of the services and pods."),
    replicas: wholeNumber(1, 250).default(3).describe("Number of pods behind the services."),
    services: z
        .array(service)
        .default([
            {
                name: "app-svc-cluster",
                externalTrafficPolicy: "Cluster",
                port: 80,
                addresses: ["10.254.0.10", "fd00:10:254::10"],
                labels: {},
            },
            {
                name: "app-svc-local",
                externalTrafficPolicy: "Local",
                port: 80,
                addresses: ["10.254.0.11", "fd00:10:254::11"],
                labels: {},
            },
        ])
        .describe("Services of type LoadBalancer."),
});

/** Parameters of the topology, all defaults filled in. */
export type SingleFrr = z.output<typeof schema>;

/** The versions and images that `versions` names. */
export function versionSet({ versions }: SingleFrr): VersionSet {
    return chosenVersions(versions, name);
}

/** Number of workers that run pods: the largest divisor of the replicas that the cluster has workers for. */
export function podWorkers({ replicas, workers }: SingleFrr): number {
    let count = Math.min(replicas, workers);
    while (replicas % count !== 0) {
        count--;
    }
    return count;
}
