/** What a person can set about the topology, with the article's values as defaults. */

import { z } from "zod";
import { type VersionSet, versionSet } from "../../lab/versions";
import {
    asn,
    choice,
    ciliumVersion,
    clusterNameOf,
    dnsLabel,
    flag,
    ipv4Address,
    ipv4Prefix,
    ipv4Service,
    kubernetesVersion,
    labelSelector,
    maximumPrefixes,
    pool,
    seconds,
    timers,
    versionChoice,
    wholeNumber,
} from "../parameters";
import { appLabels, cluster, name } from "./names";

/** Parameters of the topology with their defaults, which are those of the article the lab comes from. */
export const schema = z.strictObject({
    cluster: clusterNameOf(name, cluster),
    workers: wholeNumber(1, 200).default(5).describe("Number of worker nodes; there is one control-plane node beside."),
    versions: versionChoice,
    kubernetesVersion,
    ciliumVersion,
    ciliumBgp: choice("controlPlane", "metallb")
        .optional()
        .describe(
            "Which of Cilium's speakers runs: its BGP control plane, or the MetalLB that releases 1.10 to 1.16 have inside.",
        )
        .meta({ fallback: "`controlPlane`; `metallb` with the versions of the article" }),
    hubble: z
        .strictObject({
            relay: flag.default(true).describe("Whether Hubble Relay gathers the flows of all nodes."),
            ui: flag.default(true).describe("Whether Hubble UI shows them."),
        })
        .default({ relay: true, ui: true })
        .describe("Hubble, which observes flows on a real cluster."),
    routerAsn: asn.default(64512).describe("AS of the router."),
    nodeAsn: asn.default(64512).describe("AS of the nodes; sessions are internal where it is the router's."),
    routerId: ipv4Address
        .optional()
        .describe("BGP identifier of the router.")
        .meta({ fallback: "its address in `nodeSubnet`" }),
    nextHopSelf: flag
        .default(true)
        .describe("Whether the router offers nodes routes with its own address as their next hop."),
    maximumPrefixes,
    multipathRelax: flag
        .default(false)
        .describe("Whether the router shares load between paths through different ASes."),
    maximumPaths: wholeNumber(1, 256)
        .default(256)
        .describe("Most equal paths the router uses; 256 is what FRR is built with."),
    routerTimers: timers({ holdTime: 180, keepalive: 60, connectRetry: 5 }).describe(
        "Timers of the router's sessions.",
    ),
    nodeTimers: timers({ holdTime: 90, keepalive: 30, connectRetry: 120 }).describe("Timers of the nodes' sessions."),
    gracefulRestartTime: seconds
        .default(0)
        .describe("Seconds the router keeps a node's routes while its agent restarts; 0 turns graceful restart off."),
    nodeSubnet: ipv4Prefix
        .default("192.168.1.0/24")
        .describe(
            "Subnet of the nodes' network: the router has address 1, the client 5, the control plane 10, worker K 20 + K.",
        ),
    clientSubnet: ipv4Prefix
        .default("192.168.10.0/24")
        .describe("Subnet of the clients' network: the router has address 1, the client 233."),
    podCidr: ipv4Prefix.default("10.0.0.0/16").describe("Network of the pods."),
    nodeMask: wholeNumber(1, 32).default(24).describe("Length of a node's slice of the pod CIDR."),
    serviceCidr: ipv4Prefix.default("10.96.0.0/12").describe("Network of the cluster addresses of services."),
    pools: z
        .array(pool)
        .default([{ name: "default", blocks: ["172.16.10.0/24"] }])
        .describe("Pools of load-balancer addresses."),
    serviceSelector: labelSelector
        .optional()
        .describe("Services whose load-balancer addresses the BGP control plane announces.")
        .meta({ fallback: "those in `namespace`" }),
    namespace: dnsLabel().default("default").describe("Namespace of the services and pods."),
    replicas: wholeNumber(1, 250).default(1).describe("Number of pods behind the services, in turn on the workers."),
    services: z
        .array(ipv4Service)
        .default([
            {
                name: "web1-lb",
                externalTrafficPolicy: "Cluster",
                port: 80,
                addresses: ["172.16.10.0"],
                labels: appLabels,
            },
        ])
        .describe("Services of type LoadBalancer."),
});

/** Parameters of the topology, all defaults filled in that do not depend on other parameters. */
export type IbgpFrr = z.output<typeof schema>;

/** The versions and images that `versions` names. */
export function versions({ versions: chosen }: IbgpFrr): VersionSet {
    return versionSet(chosen, name);
}

/** Which of Cilium's speakers runs: the article's release has only one. */
export function speakerOf({ ciliumBgp, versions: chosen }: IbgpFrr): "controlPlane" | "metallb" {
    return ciliumBgp ?? (chosen === "article" ? "metallb" : "controlPlane");
}
