/**
 * The lab model: one plain, fully resolved JSON value that describes a Kubernetes BGP lab. Every address, ASN and
 * neighbor is written out; nothing here knows how the lab is run. Rules, prediction, rendering, the components and the
 * policy pack all read this value and nothing else.
 */

/** An IPv4 or IPv6 address in canonical text (dotted quad, RFC 5952). */
export type Address = string;

/** A network in canonical CIDR text without host bits (RFC 4632, RFC 5952). */
export type Prefix = string;

/** An address with the length of its subnet, e.g. `169.254.1.1/24`; host bits are expected. */
export type InterfaceAddress = string;

/** A 32-bit autonomous system number (RFC 6793), as asplain (RFC 5396). */
export type Asn = number;

/** A duration in whole seconds. */
export type Seconds = number;

/** A duration in whole milliseconds. */
export type Milliseconds = number;

/** Addresses from the first to the last in canonical text, both included, e.g. `172.18.0.200-172.18.0.210`. */
export type AddressRange = string;

/** A route target extended community (RFC 4360 §4) as `AS:number`, e.g. `65000:1`. */
export type RouteTarget = string;

/** Address family, in the words of RFC 4760 AFI names. */
export type Family = "ipv4" | "ipv6";

/** Kubernetes labels. */
export type Labels = Readonly<Record<string, string>>;

/** The whole lab. */
export interface Lab {
    /** Name of the topology that planned this lab, e.g. `single-frr`. */
    readonly topology: string;
    /** Name of the lab, unique on one machine together with the stack's name. */
    readonly name: string;
    /** Layer-2 segments, by name. */
    readonly segments: Readonly<Record<string, Segment>>;
    /** Routers, by name. */
    readonly routers: Readonly<Record<string, Router>>;
    /** Hosts that only send and receive traffic, by name. */
    readonly hosts: Readonly<Record<string, Host>>;
    /** The Kubernetes cluster. */
    readonly cluster: Cluster;
    /** What the running lab must show beyond its predicted sessions and routes. */
    readonly checks: readonly TrafficCheck[];
}

/**
 * A layer-2 segment: a cable between two interfaces, a bridge with any number of them, or the pair of interfaces that joins
 * a Pod to its node. The latter comes and goes with the Pod; the node's end has no address of its own.
 */
export interface Segment {
    readonly kind: "point-to-point" | "bridge" | "pod-link";
    /** Subnets in use on the segment, at most one per family. */
    readonly subnets: readonly Prefix[];
    /** Bytes of the largest layer-3 packet. @default 1500 */
    readonly mtu: number;
}

/** An interface of a device, attached to a segment or internal (loopback). */
export interface Interface {
    /** Name inside the device, e.g. `net0`; at most 15 bytes (Linux IFNAMSIZ). */
    readonly name: string;
    readonly attachment: { readonly kind: "segment"; readonly segment: string } | { readonly kind: "loopback" };
    readonly addresses: readonly InterfaceAddress[];
    /** VRF of the router to which it belongs; absent means the default one. */
    readonly vrf?: string;
}

/** A static route. */
export interface StaticRoute {
    readonly prefix: Prefix;
    readonly via:
        | { readonly kind: "address"; readonly address: Address }
        | { readonly kind: "interface"; readonly interface: string }
        | { readonly kind: "blackhole" };
}

/** What every device on the network has. */
export interface Device {
    readonly interfaces: readonly Interface[];
    readonly staticRoutes: readonly StaticRoute[];
}

/** A host without a routing daemon. */
export type Host = Device;

/** A router with its routing policy. Its static routes and BGP speaker are those of the default VRF. */
export interface Router extends Device {
    /** Network operating system. The embedded runtime runs FRR with the same meaning for all of them. */
    readonly nos: "frr" | "vyos";
    /** Version of the network operating system, where its configuration syntax depends on it (VyOS). */
    readonly nosVersion?: string;
    readonly prefixLists: readonly PrefixList[];
    readonly bgp: BgpSpeaker;
    /** VRFs beside the default one. @default none */
    readonly vrfs?: readonly Vrf[];
    /** Source addresses that are hidden behind an interface. @default none */
    readonly sourceNat?: readonly SourceNat[];
    /**
     * The Pod in which the router runs; absent for a device of its own. The router has the Pod's name, its static routes
     * are those that the Pod's network gives it, and its node and the node's AS are discovered, not configured.
     */
    readonly pod?: PodPlacement;
    /** Addresses at which the router takes connections and passes them on. @default none */
    readonly virtualServers?: readonly VirtualServer[];
}

/** The Pod that a router is. */
export interface PodPlacement {
    readonly namespace: string;
    /** Deployment of which the Pod is a replica. */
    readonly workload: string;
    readonly labels: Labels;
    readonly node: string;
}

/**
 * TCP connections to an address of a router are passed on to the pods of a workload in turn, with the router's own address
 * as their source, so that answers come back through it.
 */
export interface VirtualServer {
    readonly address: Address;
    readonly port: number;
    /** Workload of the router's cluster whose pods take the connections on their own port. */
    readonly workload: { readonly namespace: string; readonly name: string };
}

/** A VRF of a router (RFC 4364 §3): own interfaces, own tables, own BGP speaker, and routes leaked by route target. */
export interface Vrf {
    readonly name: string;
    /** Makes the VRF's routes distinct from those of others (RFC 4364 §4.2), as `AS:number`. */
    readonly routeDistinguisher: string;
    /** Routes that carry one of these are taken over from the other VRFs. */
    readonly importTargets: readonly RouteTarget[];
    /** What the VRF's own routes carry; a route that was itself leaked is not leaked on. */
    readonly exportTargets: readonly RouteTarget[];
    readonly staticRoutes: readonly StaticRoute[];
    readonly bgp: BgpSpeaker;
}

/** Packets from `source` that leave by `interface` take its address as their source (masquerading). */
export interface SourceNat {
    readonly interface: string;
    readonly source: Prefix;
}

/** An ordered prefix list; what no entry matches is denied. */
export interface PrefixList {
    readonly name: string;
    readonly family: Family;
    readonly entries: readonly PrefixListEntry[];
}

/** One entry: matches `prefix` itself, or with `ge`/`le` its more specifics of those lengths. */
export interface PrefixListEntry {
    readonly sequence: number;
    readonly action: "permit" | "deny";
    readonly prefix: Prefix;
    readonly ge?: number;
    readonly le?: number;
}

/** A BGP speaker of a router (RFC 4271). */
export interface BgpSpeaker {
    readonly asn: Asn;
    /** BGP identifier, unique within its AS (RFC 6286). */
    readonly routerId: Address;
    /** FRR's profile of defaults: timers, `ebgp-requires-policy`, next-hop tracking over the default route. */
    readonly defaults: "datacenter" | "traditional";
    /** Whether an eBGP session without policy exchanges nothing (RFC 8212). */
    readonly ebgpRequiresPolicy: boolean;
    /** Whether paths of equal length through different ASes share the load. */
    readonly multipathRelax: boolean;
    /** Largest number of equal paths in use, for eBGP and iBGP alike. */
    readonly maximumPaths: number;
    /** Cluster id of a route reflector (RFC 4456 §7). @default the router id */
    readonly clusterId?: Address;
    readonly families: readonly SpeakerFamily[];
    /** Whether `networks` are announced only while there is a route to them (FRR `bgp network import-check`). @default true */
    readonly networkImportCheck?: boolean;
    readonly peerGroups: readonly PeerGroup[];
    readonly neighbors: readonly Neighbor[];
    /**
     * Neighbors by label: Pods that call from the pod CIDRs become members of the peer group of the same name. The Pods
     * that do are written out in `neighbors`, too. @default none
     */
    readonly podNeighbors?: readonly PodNeighbor[];
}

/** What a speaker originates in one address family. */
export interface SpeakerFamily {
    readonly family: Family;
    readonly redistribute: readonly ("connected" | "static")[];
    readonly networks: readonly Prefix[];
}

/** A named set of session settings that neighbors share. */
export interface PeerGroup {
    readonly name: string;
    readonly settings: SessionSettings;
}

/** A BGP session as one end sees it (RFC 4271 §8). Both ends appear in the lab; rule BGP-SES-001 holds them together. */
export interface Neighbor {
    /** Peer address; must be on-link unless `ebgpMultihop` is set. */
    readonly address: Address;
    /** The AS this end expects; also written out where the settings say only `external` or `internal`. */
    readonly remoteAsn: Asn;
    /** The Pod at this address, of a neighbor that is taken by label and so is not configured; absent for all others. */
    readonly pod?: string;
    readonly session:
        | { readonly kind: "group"; readonly group: string }
        | { readonly kind: "own"; readonly settings: SessionSettings };
}

/** Settings of a session, for a group or one neighbor. */
export interface SessionSettings {
    /** How the peer's AS is configured: a number, or any other / the same AS as ours. */
    readonly remoteAs: { readonly kind: "asn"; readonly asn: Asn } | { readonly kind: "external" | "internal" };
    readonly timers: Timers;
    /** Hops an eBGP peer may be away (TTL); absent means directly connected. */
    readonly ebgpMultihop?: number;
    /** Own interface whose address the session uses; absent means that of the interface towards the peer. */
    readonly updateSource?: string;
    /** Finds a dead peer within milliseconds (RFC 5880); absent means off. */
    readonly bfd?: Bfd;
    /** Families exchanged, each with its policy; what is not named is not activated. */
    readonly families: readonly SessionFamily[];
}

/** Bidirectional forwarding detection of a session (RFC 5880 §6.8.1). */
export interface Bfd {
    /** Packets that may be missed in a row; 2 to 255. */
    readonly detectMultiplier: number;
    /** Time between packets that this end wants to receive; at least 10 ms. */
    readonly receiveInterval: Milliseconds;
    /** Time between packets that this end wants to send; at least 10 ms. */
    readonly transmitInterval: Milliseconds;
}

/** Session timers (RFC 4271 §10). */
export interface Timers {
    /** Seconds before a silent peer is declared dead; 0 disables keepalives, otherwise at least 3 (RFC 4271 §4.2). */
    readonly holdTime: Seconds;
    /** Seconds between keepalives; a third of the hold time is usual (RFC 4271 §4.4). */
    readonly keepalive: Seconds;
    /** Seconds between attempts to connect (RFC 4271 §8.2.2). */
    readonly connectRetry: Seconds;
}

/** One address family of a session, with its policy. */
export interface SessionFamily {
    readonly family: Family;
    /** Name of the prefix list for routes that are received. */
    readonly prefixListIn?: string;
    /** Name of the prefix list for routes that are offered. */
    readonly prefixListOut?: string;
    /** Whether routes are offered with the own address as next hop, those learned over eBGP to iBGP peers too. @default false */
    readonly nextHopSelf?: boolean;
    /** Whether the peer is a client to which iBGP routes are reflected (RFC 4456 §6). @default false */
    readonly routeReflectorClient?: boolean;
    /** Local preference of routes that are received (RFC 4271 §5.1.5). @default what an iBGP peer says, otherwise 100 */
    readonly localPreference?: number;
    /** Metric that an eBGP peer is told (MULTI_EXIT_DISC, RFC 4271 §5.1.4). @default none of learned routes, 0 of own ones */
    readonly med?: number;
    /**
     * Prefixes accepted from the peer before the session is closed (Cease, RFC 4486 subcode 1; RFC 7454 §8); at least 1.
     * Absent means no limit.
     */
    readonly maximumPrefixes?: number;
    /** Whether routes that the filter refuses are kept, so that they can be shown (FRR `soft-reconfiguration inbound`). @default false */
    readonly keepRefused?: boolean;
}

/**
 * A neighbor by label: every Pod of a namespace that the selector matches. To a node's speaker those are the Pods on that
 * node, whatever addresses they have at the time. There is a session for each family, between addresses of that family.
 */
export interface PodNeighbor {
    /** Name of the peer in Cilium's resources, and of the peer group in FRR. */
    readonly name: string;
    readonly namespace: string;
    readonly selector: LabelSelector;
    /** AS of the Pods: one for all of them, or any other than the speaker's own (FRR `remote-as external`). */
    readonly remoteAs: { readonly kind: "asn"; readonly asn: Asn } | { readonly kind: "external" };
    readonly timers: Timers;
    /** Hops a Pod may be away: it is on no subnet of the speaker's. */
    readonly ebgpMultihop: number;
    readonly families: readonly Family[];
    readonly importPolicy: ImportPolicy;
}

/**
 * What is taken of Pods, in two layers. What the cluster itself uses is forbidden without being listed: the ranges of pods,
 * services, nodes and load balancers with all that is inside or covers them, and the default route.
 */
export interface ImportPolicy {
    /** What users may announce; what is in none of these is refused. */
    readonly allowed: readonly AllowedPrefix[];
    /** What the administrator forbids, with all that is inside or covers it; wins over `allowed`. */
    readonly forbidden: readonly Prefix[];
    /** Whether a Pod may announce its own address, which is in a pod range. Only its own node can tell. */
    readonly ownAddress: boolean;
}

/** A prefix that may be announced, and with `le` its more specifics up to that length. */
export interface AllowedPrefix {
    readonly prefix: Prefix;
    readonly le?: number;
}

/** The Kubernetes cluster. */
export interface Cluster {
    /** Name of the kind cluster; node names and hostname labels follow from it. */
    readonly name: string;
    readonly kubernetesVersion: string;
    /** One prefix per family, in the cluster's order of families. */
    readonly podCidrs: readonly Prefix[];
    /** One prefix per family, in the cluster's order of families. */
    readonly serviceCidrs: readonly Prefix[];
    /** Length of each node's slice of the pod CIDR. */
    readonly nodeMask: Readonly<Record<Family, number>>;
    /** Segment of the network on which the nodes reach each other and the API server (kind's Docker network). */
    readonly nodeSegment: string;
    /** Nodes in kind's order, the control plane first; by name. */
    readonly nodes: Readonly<Record<string, KubernetesNode>>;
    /** The network of the pods is Cilium's, or Calico's: exactly one of the two is there (rule K8S-CNI-001). */
    readonly cilium?: Cilium;
    readonly calico?: Calico;
    /** Assigns the addresses of `loadBalancerPools` where it is there; otherwise Cilium does. */
    readonly metallb?: MetalLb;
    readonly loadBalancerPools: readonly LoadBalancerPool[];
    readonly services: readonly Service[];
    readonly workloads: readonly Workload[];
}

/** A Kubernetes node. */
export interface KubernetesNode extends Device {
    readonly role: "control-plane" | "worker";
    readonly labels: Labels;
    /**
     * Addresses that kubelet announces as the node's own (`--node-ip`), one per family; absent means those on the node
     * network. They must be addresses of the node's interfaces.
     */
    readonly nodeIp?: readonly Address[];
    /** On a control plane: whether ordinary pods may run there, too, because kubeadm leaves out its taint. @default false */
    readonly untainted?: boolean;
    /** The node's slices of the pod CIDRs: one per family, or with Calico any number of blocks. */
    readonly podCidrs: readonly Prefix[];
    /** Address the node's speakers use as BGP identifier: its internal IPv4 address. */
    readonly routerId: Address;
}

/** The Cilium installation. */
export interface Cilium {
    readonly version: string;
    /** `tunnel`: pod traffic between nodes is encapsulated on the node network; `native`: it is routed. */
    readonly routingMode: "tunnel" | "native";
    /** Networks that are routed without masquerading when `routingMode` is `native`. */
    readonly nativeRoutingCidrs: readonly Prefix[];
    /** Speaker configurations, each for the nodes that its selector matches. */
    readonly bgp: readonly CiliumBgpInstance[];
    /** The MetalLB speaker that Cilium 1.10 to 1.16 had inside (Helm `bgp.enabled`); absent means off. */
    readonly metallbBgp?: CiliumMetalLbBgp;
    /** Hubble, which observes flows; absent means off. */
    readonly hubble?: { readonly relay: boolean; readonly ui: boolean };
}

/** MetalLB inside Cilium: one configuration for all nodes, read from the ConfigMap `bgp-config`. */
export interface CiliumMetalLbBgp {
    readonly peers: readonly MetalLbPeer[];
    /** Whether load-balancer addresses are announced (Helm `bgp.announce.loadbalancerIP`). */
    readonly announceLoadBalancerIp: boolean;
    /** Whether the nodes' slices of the pod CIDRs are announced (Helm `bgp.announce.podCIDR`). */
    readonly announcePodCidr: boolean;
}

/** The Calico installation: BIRD on every node, and IP pools of the cluster's pod CIDRs in blocks of its node mask. */
export interface Calico {
    readonly version: string;
    /** AS of all nodes (BGPConfiguration `asNumber`). */
    readonly asn: Asn;
    /** Whether every node has an iBGP session with every other (BGPConfiguration `nodeToNodeMeshEnabled`). */
    readonly nodeToNodeMesh: boolean;
    /** How pods' packets travel between nodes; `none` routes them as they are. */
    readonly encapsulation: "none" | "ipip" | "vxlan";
    /** Whether pods' addresses are hidden behind the node outside the pools (IPPool `natOutgoing`). */
    readonly natOutgoing: boolean;
    /** Peers outside the cluster (BGPPeer). */
    readonly peers: readonly CalicoPeer[];
}

/** A peer of Calico's speakers; eBGP sessions may cross any number of hops. */
export interface CalicoPeer {
    readonly name: string;
    readonly address: Address;
    readonly asn: Asn;
    /** Nodes that have the peer; absent means all. */
    readonly nodeSelector?: LabelSelector;
    readonly timers: Timers;
    /** Seconds the peer keeps routes while BIRD restarts (BGPPeer `maxRestartTime`, 120 s in Calico). */
    readonly gracefulRestartTime?: Seconds;
}

/** The MetalLB installation. Versions up to 0.12 read a ConfigMap, later ones custom resources. */
export interface MetalLb {
    readonly version: string;
    /** Peers of the speaker on every node; none when it only assigns addresses or announces them on layer 2. */
    readonly peers: readonly MetalLbPeer[];
    readonly advertisements: readonly MetalLbAdvertisement[];
    /**
     * Whether nodes with the label `node.kubernetes.io/exclude-from-external-load-balancers`, which kubeadm gives to
     * control planes, announce as well (Helm `speaker.ignoreExcludeLB`).
     */
    readonly ignoreExcludeLabel: boolean;
}

/** A peer of MetalLB's speakers (BGPPeer, or an entry of `peers` in the ConfigMap). */
export interface MetalLbPeer {
    readonly name: string;
    /** AS of the nodes. */
    readonly myAsn: Asn;
    readonly peerAsn: Asn;
    readonly peerAddress: Address;
    readonly timers: Timers;
    readonly ebgpMultihop: boolean;
    /** Nodes that have the peer; absent means all. */
    readonly nodeSelector?: LabelSelector;
    /** Finds a dead router within milliseconds (BFDProfile); absent means off. */
    readonly bfd?: Bfd;
}

/** How the addresses of pools are made known: to peers over BGP, or by answering ARP and neighbor discovery. */
export interface MetalLbAdvertisement {
    readonly kind: "bgp" | "layer2";
    readonly name: string;
    /** Names of the pools. */
    readonly pools: readonly string[];
}

/** A speaker configuration for a set of nodes: a CiliumBGPPeeringPolicy, or ClusterConfig + PeerConfig + Advertisement. */
export interface CiliumBgpInstance {
    readonly name: string;
    readonly nodeSelector: LabelSelector;
    readonly localAsn: Asn;
    /** Whether the node's pod CIDR slices are announced. @default false */
    readonly exportPodCidr: boolean;
    /** Services whose load-balancer addresses are announced; no selector announces none. */
    readonly serviceSelector?: LabelSelector;
    readonly neighbors: readonly CiliumNeighbor[];
    /** Neighbors by label. The peering controller keeps the speaker's neighbors equal to them. @default none */
    readonly podNeighbors?: readonly PodNeighbor[];
    /**
     * Whether the speaker takes routes of its neighbors, those of Pods by their policy, and passes them on. An unpatched
     * Cilium rejects every route. @default false
     */
    readonly transit?: boolean;
}

/** A neighbor of Cilium's speaker. */
export interface CiliumNeighbor {
    readonly address: Address;
    readonly remoteAsn: Asn;
    readonly timers: Timers;
    /** Seconds the peer keeps our routes while the agent restarts (RFC 4724); absent means off. */
    readonly gracefulRestartTime?: Seconds;
    readonly families: readonly Family[];
}

/** A Kubernetes label selector (meta/v1 LabelSelector). */
export interface LabelSelector {
    readonly matchLabels?: Labels;
    readonly matchExpressions?: readonly LabelRequirement[];
}

/** One requirement of a label selector. */
export interface LabelRequirement {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: readonly string[];
}

/** A pool of load-balancer addresses (CiliumLoadBalancerIPPool, or MetalLB's IPAddressPool). */
export interface LoadBalancerPool {
    readonly name: string;
    readonly blocks: readonly (Prefix | AddressRange)[];
    /** Services the pool serves; absent means all. */
    readonly serviceSelector?: LabelSelector;
}

/** A Service of type LoadBalancer. */
export interface Service {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Labels;
    /** Labels of the pods behind it. */
    readonly selector: Labels;
    readonly port: number;
    readonly targetPort: number;
    readonly externalTrafficPolicy: "Cluster" | "Local";
    /** Pinned load-balancer addresses, at most one per family. */
    readonly loadBalancerAddresses: readonly Address[];
}

/** A set of equal pods. */
export interface Workload {
    readonly kind: "Deployment" | "DaemonSet";
    readonly namespace: string;
    readonly name: string;
    /** Labels of the pods. */
    readonly labels: Labels;
    /** TCP port on which each pod answers HTTP with its own name. */
    readonly port: number;
    /** Pods with the nodes they are pinned to. */
    readonly pods: readonly Pod[];
}

/** A pod. Its addresses are the model's on the embedded runtime and the cluster's choice on a real one. */
export interface Pod {
    readonly name: string;
    readonly node: string;
    readonly addresses: readonly Address[];
}

/** What traffic must do, or must not do. */
export type TrafficCheck = ServiceCheck | PodCheck | SilenceCheck | PassageCheck;

/** A client asks a service over HTTP, again and again, until every expected pod has answered. */
export interface ServiceCheck {
    readonly kind: "service";
    /** Device or pod that asks. */
    readonly from: string;
    readonly address: Address;
    readonly port: number;
    /** Pods that must all answer, and no others. */
    readonly pods: readonly string[];
    /**
     * Whether the pod sees the client's own address (externalTrafficPolicy Local) or another one; `any` for a client that
     * is a node, which its own pods see under another of its addresses than those of other nodes.
     */
    readonly clientAddress: "seen" | "hidden" | "any";
}

/** A device or pod asks a pod by its own address, and is seen under its own: nothing on the way translates. */
export interface PodCheck {
    readonly kind: "pod";
    /** Device or pod that asks. */
    readonly from: string;
    /** Name of the pod that must answer. */
    readonly pod: string;
    readonly address: Address;
    readonly port: number;
}

/** A client sends something to an address and nothing may answer, not even a router with "TTL exceeded". */
export interface SilenceCheck {
    readonly kind: "silence";
    /** Device or pod that asks. */
    readonly from: string;
    readonly address: Address;
    readonly probe: { readonly kind: "ping" } | { readonly kind: "tcp"; readonly port: number };
}

/**
 * A client's connections to a virtual server pass through Pods in both directions: their connection tracking has seen
 * packets of the client and of whoever answered.
 */
export interface PassageCheck {
    readonly kind: "passage";
    /** Device that asks. */
    readonly from: string;
    readonly address: Address;
    readonly port: number;
    /** Routers in Pods that must all have passed connections. */
    readonly through: readonly string[];
}
