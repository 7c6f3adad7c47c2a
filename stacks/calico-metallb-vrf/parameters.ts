/** What a person can set about the topology, with the article's values as defaults. */

import { z } from "zod";
import { subnet, subnetCount } from "../../lab/address";
import type { Prefix } from "../../lab/model";
import { calicoTimers } from "../../lab/speakers";
import { type VersionSet, versionSet } from "../../lab/versions";
import {
    asn,
    bfd,
    calicoVersion,
    choice,
    clusterNameOf,
    dnsLabel,
    flag,
    ipv4Address,
    ipv4Prefix,
    ipv4Service,
    kubernetesVersion,
    maximumPrefixes,
    metallbVersion,
    pool,
    seconds,
    timers,
    versionChoice,
    wholeNumber,
} from "../parameters";
import { cluster, name } from "./names";

/** An address for each routing instance of the router. */
function perInstance(defaults: readonly [base: string, metallb: string, calico: string]) {
    const [base, metallb, calico] = defaults;
    return z
        .strictObject({
            default: ipv4Address.default(base).describe("The address in the default VRF."),
            metallb: ipv4Address.default(metallb).describe("The address in the VRF of MetalLB."),
            calico: ipv4Address.default(calico).describe("The address in the VRF of Calico."),
        })
        .default({ default: base, metallb, calico });
}

/** Parameters of the topology with their defaults, which are those of the article the lab comes from. */
export const schema = z.strictObject({
    cluster: clusterNameOf(name, cluster),
    workers: wholeNumber(1, 200).default(3).describe("Number of worker nodes; there is one control-plane node beside."),
    versions: versionChoice,
    kubernetesVersion,
    calicoVersion,
    metallbVersion,
    vrfs: flag
        .default(true)
        .describe(
            "Whether Calico and MetalLB have a VRF of the router each; without, every node would peer with it twice.",
        ),
    routerAsn: asn.default(65000).describe("AS of the router."),
    calicoAsn: asn.default(65002).describe("AS of Calico's speakers."),
    metallbAsn: asn.default(65001).describe("AS of MetalLB's speakers."),
    routerIds: perInstance(["1.0.0.0", "1.0.0.1", "1.0.0.2"]).describe("BGP identifiers of the router."),
    loopbacks: perInstance(["1.1.1.0", "1.1.1.1", "1.1.1.2"]).describe(
        "Addresses of the router's loopbacks; Calico peers with that of its VRF.",
    ),
    multihop: wholeNumber(2, 255).default(32).describe("Hops that Calico's speakers may be away from the router."),
    maximumPaths: wholeNumber(1, 256)
        .default(4)
        .describe("Most equal paths in the VRF of MetalLB; that of Calico uses one."),
    maximumPrefixes: z
        .strictObject({
            calico: maximumPrefixes.describe(
                "Blocks that the router accepts from a node's BIRD; no limit when left out.",
            ),
            metallb: maximumPrefixes.describe(
                "Load-balancer addresses that the router accepts from a node's MetalLB; no limit when left out.",
            ),
        })
        .default({})
        .describe("Prefixes that the router accepts from a node; with more it closes the session."),
    routerTimers: timers({ holdTime: 180, keepalive: 60, connectRetry: 5 }).describe(
        "Timers of the router's sessions.",
    ),
    calicoKeepalive: wholeNumber(1, 240)
        .default(calicoTimers.keepalive)
        .describe("Seconds between keepalives of Calico's speakers; their hold time is always 240."),
    metallbTimers: timers({ holdTime: 90, keepalive: 30, connectRetry: 120 }).describe("Timers of MetalLB's sessions."),
    gracefulRestartTime: seconds
        .default(120)
        .describe("Seconds the router keeps a node's blocks while its BIRD restarts."),
    bfd: bfd
        .optional()
        .describe(
            "Finds dead nodes within milliseconds, between the router and MetalLB; Calico has none. Off when left out.",
        ),
    nodeToNodeMesh: flag.default(true).describe("Whether Calico's speakers have sessions with each other."),
    encapsulation: choice("none", "ipip", "vxlan")
        .default("none")
        .describe("How pods' packets travel between nodes: as they are, or encapsulated."),
    natOutgoing: flag.default(true).describe("Whether Calico hides pods that send out of its pools behind their node."),
    ignoreExcludeLabel: flag
        .default(true)
        .describe("Whether MetalLB announces from the control plane, too, which kubeadm labels to be left out."),
    nodeSubnet: ipv4Prefix
        .default("10.0.0.0/24")
        .describe(
            "Subnet of the nodes' network: the control plane has address 1, worker K 10 + K, the router the last one.",
        ),
    clientSubnet: ipv4Prefix
        .default("10.0.1.0/24")
        .describe("Subnet of the link to the client, which has address 1; the router has the last one."),
    podCidr: ipv4Prefix.default("192.168.0.0/16").describe("Calico's pool, the network of the pods."),
    blockSize: wholeNumber(1, 32).default(26).describe("Length of the blocks that Calico cuts its pool into."),
    blocks: z
        .array(ipv4Prefix)
        .optional()
        .describe("The nodes' blocks, the control plane's first; a cluster chooses its own.")
        .meta({ fallback: "the article's for its four nodes, and the first ones of `podCidr` beyond" }),
    // kind's own. That of the article, 10.96.0.0/12 of kubeadm, holds its pool of load-balancer addresses.
    serviceCidr: ipv4Prefix.default("10.96.0.0/16").describe("Network of the cluster addresses of services."),
    pools: z
        .array(pool)
        .default([{ name: "default", blocks: ["10.100.0.0/24"] }])
        .describe("MetalLB's pools of load-balancer addresses."),
    namespace: dnsLabel().default("default").describe("Namespace of the services and pods."),
    replicas: wholeNumber(1, 250).default(3).describe("Number of pods behind the services, in turn on the workers."),
    services: z
        .array(ipv4Service)
        .default([{ name: "nginx", externalTrafficPolicy: "Cluster", port: 80, addresses: ["10.100.0.0"], labels: {} }])
        .describe("Services of type LoadBalancer."),
});

/** Parameters of the topology, all defaults filled in that do not depend on other parameters. */
export type CalicoMetalLbVrf = z.output<typeof schema>;

/** The versions and images that `versions` names. */
export function versions({ versions: chosen }: CalicoMetalLbVrf): VersionSet {
    return versionSet(chosen, name);
}

/** Pool and blocks of the article: of k8s-master1 and k8s-worker1 to 3. */
const articlePool: Prefix = "192.168.0.0/16";
const articleBlocks: readonly Prefix[] = [
    "192.168.116.0/26",
    "192.168.160.0/26",
    "192.168.195.128/26",
    "192.168.165.192/26",
];

/** The block of a node; nothing when the pool or the list has no more. */
export function blockOf({ blocks, podCidr, blockSize }: CalicoMetalLbVrf, node: number): Prefix | undefined {
    if (blocks !== undefined) {
        return blocks[node];
    }
    const isArticles = podCidr === articlePool && blockSize === 26;
    const article = isArticles ? articleBlocks[node] : undefined;
    return article ?? (subnetCount(podCidr, blockSize) > node ? subnet(podCidr, blockSize, node) : undefined);
}
