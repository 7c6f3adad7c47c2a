/**
 * Inputs of the resources of the embedded runtime. They speak of namespaces, links and daemons; what a lab means is
 * decided before, in `lab/`, `stacks/` and `render/`.
 */

import type { LabelSelector, PrefixListEntry } from "../lab/model";

/** Pulumi type tokens of the provider's resources. */
export const types = {
    claim: "bgplab:netns:Claim",
    sandbox: "bgplab:netns:Sandbox",
    fabric: "bgplab:netns:Fabric",
    router: "bgplab:netns:Router",
    node: "bgplab:netns:Node",
    controller: "bgplab:netns:PeeringController",
    verification: "bgplab:netns:Verification",
} as const;

/**
 * The right to a lab's name on this machine. Creating it does nothing; deleting it sweeps whatever carries the name.
 * Its output `name` is made of the stack's name and the project's folder, so every run of the stack finds the same lab.
 */
export type ClaimInputs = Readonly<Record<string, never>>;

/** The sandbox: a process with its own mount, PID, network and (without root) user namespace. */
export interface SandboxInputs {
    /** Machine-wide name, from the claim. */
    readonly name: string;
}

/** All namespaces, links, addresses and static routes of a lab, built in one batch. */
export interface FabricInputs {
    readonly sandbox: string;
    /** One network namespace per device, by name. */
    readonly namespaces: Readonly<Record<string, NamespaceSpec>>;
    /** Point-to-point links (veth pairs), by name. */
    readonly links: Readonly<Record<string, LinkSpec>>;
    /** Bridges with their ports, by name. */
    readonly bridges: Readonly<Record<string, BridgeSpec>>;
}

/** A network namespace of a device. */
export interface NamespaceSpec {
    /** Whether packets are forwarded between interfaces, in both families. */
    readonly forwarding: boolean;
    /** Addresses with prefix length, by interface; `lo` for loopback addresses. */
    readonly addresses: Readonly<Record<string, readonly string[]>>;
    /** Static routes in the kernel, by prefix. */
    readonly routes: Readonly<Record<string, RouteSpec>>;
    /** Interfaces that answer ARP and neighbor discovery for the pods behind this device. */
    readonly proxyNeighbors: readonly string[];
    /** What leaves under an address of the device. @default nothing */
    readonly sourceNat?: readonly SourceNatSpec[];
}

/** Packets from `source` that leave by `interface` take an address of this interface as their source. */
export interface SourceNatSpec {
    readonly interface: string;
    /** A network of either family. */
    readonly source: string;
}

/** Where a kernel route goes. */
export type RouteSpec = { readonly via: string } | { readonly dev: string } | { readonly blackhole: true };

/** One end of a link. */
export interface EndSpec {
    readonly namespace: string;
    readonly interface: string;
}

/** A veth pair. */
export interface LinkSpec {
    readonly a: EndSpec;
    readonly b: EndSpec;
    readonly mtu: number;
}

/** A bridge and the interfaces attached to it. */
export interface BridgeSpec {
    readonly ports: readonly EndSpec[];
    readonly mtu: number;
}

/** A router: FRR in a namespace of the fabric. */
export interface RouterInputs {
    readonly sandbox: string;
    readonly namespace: string;
    /** Complete frr.conf. */
    readonly config: string;
    /** VRFs beside the default one; each is the namespace `<namespace>.<vrf>` of the fabric. @default none */
    readonly vrfs?: readonly string[];
}

/** A Kubernetes node: its speakers, the pods and the service rules in a namespace of the fabric. */
export interface NodeInputs {
    readonly sandbox: string;
    readonly namespace: string;
    /** BGP speakers, by the program in whose place they speak (`cilium`, `calico`, `metallb`); no two of one kind. */
    readonly speakers: Readonly<Record<string, SpeakerSpec>>;
    /** Pods, by name. */
    readonly pods: Readonly<Record<string, PodSpec>>;
    /** Services that the node answers for, by `namespace/name`. */
    readonly services: Readonly<Record<string, ServiceSpec>>;
}

/**
 * A BGP speaker of a node: gobgpd, told over its API; BIRD with its complete bird.conf; or FRR with its complete frr.conf,
 * which leaves the BGP port of the node to the others and only connects.
 */
export type SpeakerSpec =
    | { readonly kind: "gobgp"; readonly config: GobgpConfig }
    | { readonly kind: "bird"; readonly config: string }
    | { readonly kind: "frr"; readonly config: string };

/** What a gobgpd is told over its API. */
export interface GobgpConfig {
    readonly asn: number;
    readonly routerId: string;
    readonly neighbors: readonly GobgpNeighbor[];
    /** Prefixes the node originates with itself as next hop; without `transit` nothing else is exported and nothing is imported. */
    readonly originated: readonly string[];
    /** Whether routes of neighbors are taken and passed on, those of Pods by the policy of their selector. @default false */
    readonly transit?: boolean;
    /**
     * Neighbors by label, which the peering controller adds and removes; the speaker leaves those alone that it did not
     * get from `neighbors`. @default none
     */
    readonly podNeighbors?: readonly GobgpPodNeighbor[];
}

/** Settings of the neighbors that a selector of Pods brings. */
export interface GobgpPodNeighbor extends Omit<GobgpNeighbor, "address" | "remoteAsn" | "gracefulRestartTime"> {
    /** Name of the selector. */
    readonly name: string;
    readonly namespace: string;
    /** A Kubernetes label selector. */
    readonly selector: LabelSelector;
    /** AS of the Pods; absent for any other than the speaker's own. */
    readonly remoteAsn?: number;
    readonly ebgpMultihop: number;
    /** Own address of the sessions, at most one per family. */
    readonly localAddresses: readonly string[];
    /** Whether a Pod may announce its own address. */
    readonly ownAddress: boolean;
    /**
     * What the administrator forbids. First match decides: these, then a Pod's own address where it may announce that, then
     * `importEntries`; what matches nothing is refused (`importLayers` in lab/import-policy.ts).
     */
    readonly administratorEntries: readonly PrefixListEntry[];
    /** What the cluster uses, which is denied, and what Pods may announce. */
    readonly importEntries: readonly PrefixListEntry[];
}

/** A neighbor of a gobgpd. */
export interface GobgpNeighbor {
    readonly address: string;
    readonly remoteAsn: number;
    readonly holdTime: number;
    readonly keepalive: number;
    readonly connectRetry: number;
    /** Seconds; 0 means graceful restart is off. */
    readonly gracefulRestartTime: number;
    readonly families: readonly ("ipv4" | "ipv6")[];
}

/** A pod: a namespace behind the node, with an HTTP server that answers the pod's and node's name and the client's address. */
export interface PodSpec {
    /** Host addresses without length, at most one per family. */
    readonly addresses: readonly string[];
    /** Port of its HTTP server; absent for a Pod without one. */
    readonly port?: number;
    /** What the Pod is to those who ask for Pods. */
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    /** Own addresses of the node to which the Pod's default routes lead, at most one per family. @default fe80::1 for both */
    readonly gateways?: readonly string[];
    /** The router that runs in the Pod; absent for a Pod that only answers. */
    readonly router?: PodRouterSpec;
}

/** FRR in a Pod. */
export interface PodRouterSpec {
    /**
     * Complete frr.conf, in which `{{node-ipv4}}` and `{{node-ipv6}}` stand for the addresses of the node, which are read
     * from the Pod's default routes when it starts.
     */
    readonly config: string;
    /** Host addresses without length on the Pod's loopback interface. */
    readonly loopback: readonly string[];
    readonly virtualServers: readonly VirtualServerSpec[];
}

/** TCP connections to an address are passed on to the endpoints in turn, under the Pod's own address. */
export interface VirtualServerSpec {
    readonly address: string;
    readonly port: number;
    /** Addresses of the same family. */
    readonly endpoints: readonly string[];
    readonly targetPort: number;
}

/**
 * The peering controller: a process in the sandbox that watches the Pods and keeps the neighbors and import policies of the
 * nodes' speakers equal to what their selectors match, and the nodes' kernel routes equal to what was taken of Pods.
 */
export interface ControllerInputs {
    readonly sandbox: string;
    /** Speakers with neighbors by label, by name of the node. */
    readonly speakers: Readonly<Record<string, ControlledSpeaker>>;
    /** Routers that take Pods as neighbors, by name: what they take of a Pod is routed to it on its node. @default none */
    readonly routers?: Readonly<Record<string, ControlledRouter>>;
}

/** A node's gobgpd with neighbors by label. */
export type ControlledSpeaker = Required<Pick<GobgpConfig, "asn" | "transit" | "podNeighbors">>;

/** A router with neighbors by label. */
export interface ControlledRouter {
    readonly podNeighbors: readonly Pick<GobgpPodNeighbor, "name" | "namespace" | "selector" | "families">[];
    /** Nodes on which its neighbors may be; routes that it has taken of Pods are kept there, and removed when they go. */
    readonly nodes: readonly string[];
}

/** What the peering controller says of itself. */
export interface ControllerStatus {
    /** Which configuration it has. */
    readonly configuration: string;
    readonly startedAt: string;
    /** Pods that it knows, and why it hears nothing of them where it does not. */
    readonly pods: { readonly known: number; readonly error?: string };
    /** By name of the node or router. */
    readonly targets: Readonly<Record<string, TargetStatus>>;
}

/** How the peering controller stands with a speaker or router. */
export interface TargetStatus {
    /** `away` when it cannot be reached or refuses what it is told, with the reason as `error`. */
    readonly state: "converging" | "converged" | "away";
    readonly error?: string;
    /** Neighbors by label that it should have, one per Pod and family. */
    readonly neighbors: number;
    /** Kernel routes to Pods that it keeps. */
    readonly routes: number;
    /** How often it was looked at, and how many things were done in all. */
    readonly convergences: number;
    readonly actions: number;
    /** The last time that there was something to do. */
    readonly last?: { readonly at: string; readonly milliseconds: number; readonly actions: number };
}

/** Destination translation on one node for the addresses of a service. */
export interface ServiceSpec {
    readonly addresses: readonly string[];
    readonly port: number;
    /** Endpoints used by this node, as pod addresses; none means that the node drops the traffic. */
    readonly endpoints: readonly string[];
    readonly targetPort: number;
    /** Whether the source is hidden behind the node (externalTrafficPolicy Cluster). */
    readonly masquerade: boolean;
    /** Addresses, at most one per family, that hide the source; without one, the one of the interface a packet leaves by. */
    readonly hideBehind?: readonly string[];
}

/** The verification of the running lab. */
export interface VerificationInputs {
    readonly sandbox: string;
    /** Checks as `verify/` defines them, by what they are about. */
    readonly checks: Readonly<Record<string, unknown>>;
    /** Seconds until a check that does not hold has failed. */
    readonly deadline: number;
    /** Digest of all that the checks speak of; a change runs them again. */
    readonly subject: string;
    /** Revisions of all that the checks speak of, added up; what was healed without another change counts, too. */
    readonly revision: number;
}

/**
 * Types of the resources that complete what @pulumi/docker, @pulumi/command and @pulumi/kubernetes make of a lab in Docker:
 * they look at the engine before anything is made, join containers to networks, configure routers live and verify.
 */
export const dockerTypes = {
    claim: "bgplab:docker:Claim",
    wiring: "bgplab:docker:Wiring",
    frr: "bgplab:docker:Frr",
    vyos: "bgplab:docker:Vyos",
    readiness: "bgplab:docker:Readiness",
    verification: "bgplab:docker:Verification",
} as const;

/** Label of every container and network of a lab in Docker; its value is the claim's name. */
export const claimLabel = "bgp-lab.claim";

/**
 * The right to a lab's names on a Docker engine. Checking it asks the engine and the tools for everything that would make
 * the lab fail later; creating it does nothing; deleting it sweeps what carries its label, and the cluster.
 * Its output `name` is made of the project and the stack, and is the value of the label.
 */
export interface DockerClaimInputs {
    /** Subnets of the Docker networks that the lab makes, by name of the network. */
    readonly networks: Readonly<Record<string, readonly string[]>>;
    /** Names of the containers that the lab makes, those of the cluster's nodes included. */
    readonly containers: readonly string[];
    /** Image references that must be on the engine or be pulled. */
    readonly images: readonly string[];
    /** The kind cluster, where the lab has one. */
    readonly cluster?: {
        readonly name: string;
        /** Path or name of the kind program. */
        readonly kind: string;
        /** Docker network of the nodes; it carries the label, and so says whose cluster this is. */
        readonly network: string;
    };
}

/** The interfaces, addresses and routes of a container, beyond what Docker itself gives it. */
export interface WiringInputs {
    /** Name of the container that is joined to the networks. */
    readonly container: string;
    /** Name of the container in which commands run: the same, or one that shares its network namespace. */
    readonly agent: string;
    /** Docker's id of the agent: a new container is wired anew. */
    readonly agentId: string;
    /** What the wiring makes of each Docker network, by name of the interface. */
    readonly interfaces: Readonly<Record<string, WiredInterface>>;
    /** Static routes in the kernel, by prefix. Other default routes are removed if one of these is a default route. */
    readonly routes: Readonly<Record<string, RouteSpec>>;
    /** Whether packets are forwarded between interfaces, in both families. */
    readonly forwarding: boolean;
    /** Addresses on the loopback interface beside its own. @default none */
    readonly loopback?: readonly string[];
    /** What comes in for these networks and is not taken before it is routed ends in silence. @default nothing */
    readonly silence?: Silence;
    /** VRFs beside the default one, by name. The kernel needs VRF devices. @default none */
    readonly vrfs?: Readonly<Record<string, WiredVrf>>;
}

/** A VRF: a device of its name, in which interfaces are. */
export interface WiredVrf {
    /** Number of its routing table. */
    readonly table: number;
    readonly interfaces: readonly string[];
    /** Addresses on the device itself, which is the VRF's loopback. */
    readonly addresses: readonly string[];
}

/** Networks to which nothing is forwarded that came in by one of the interfaces. */
export interface Silence {
    readonly interfaces: readonly string[];
    readonly prefixes: readonly string[];
}

/** An interface on a Docker network. */
export interface WiredInterface {
    /** Name of the Docker network. */
    readonly network: string;
    /** Addresses with prefix length, at most one per family. */
    readonly addresses: readonly string[];
    readonly mtu: number;
}

/** FRR's configuration in a container, applied live. */
export interface FrrInputs {
    readonly container: string;
    /** Docker's id of the container: a new one is configured anew. */
    readonly containerId: string;
    /** Complete frr.conf. */
    readonly config: string;
}

/** VyOS's configuration in a container, loaded and committed live. */
export interface VyosInputs {
    readonly container: string;
    /** Docker's id of the container: a new one is configured anew. */
    readonly containerId: string;
    /** Complete config.boot. It has a hash of a password in it, and is secret. */
    readonly config: string;
}

/** Waits until objects of the cluster are as wanted. */
export interface ReadinessInputs {
    /** Container of the control plane, in which kubectl runs. */
    readonly controlPlane: string;
    /** Identity of the cluster: another one is awaited anew. */
    readonly clusterId: string;
    /** Checks of kind `condition` as `verify/` defines them, by what they are about. */
    readonly checks: Readonly<Record<string, unknown>>;
    /**
     * Objects that the lab has in the cluster, as `verify/` refers to them, by name. Those that an update leaves out are
     * removed before anything is awaited: Pulumi itself deletes when all else is done, and so after the lab was verified.
     */
    readonly objects?: Readonly<Record<string, unknown>>;
    /**
     * Objects that the API server must take when it is asked to try: where a program in the cluster looks at them first,
     * it has to answer. The objects themselves are made by others. @default none
     */
    readonly admits?: readonly unknown[];
    /** Seconds until a check that does not hold has failed. */
    readonly deadline: number;
    /** Digest of what must be ready; a change waits again. */
    readonly subject: string;
}

/** The verification of a lab in Docker: what the cluster chose is bound into the model, which is then predicted and checked. */
export interface DockerVerificationInputs {
    /** The lab model. */
    readonly model: unknown;
    /** Containers of the routers and hosts, by name in the model. */
    readonly containers: Readonly<Record<string, string>>;
    /** Containers from which routers and nodes ask, by name in the model. @default those of the devices themselves */
    readonly probes?: Readonly<Record<string, string>>;
    /** Container of the control plane, in which kubectl runs; without a cluster only routers and hosts are checked. */
    readonly controlPlane?: string;
    /** Seconds until a check that does not hold has failed. */
    readonly deadline: number;
    /** Digest of all that the checks speak of; a change runs them again. */
    readonly subject: string;
    /** Revisions of all that the checks speak of, added up; what was healed without another change counts, too. */
    readonly revision: number;
}

/** What the peering controller of a cluster looks after. */
export interface ClusterTargets {
    /** Namespaces of the pods that may become peers. */
    readonly namespaces: readonly string[];
    /** Names of CiliumBGPClusterConfigs with neighbors by label, each with the nodes that its selector means. */
    readonly configs: Readonly<Record<string, readonly string[]>>;
}

/** Annotation of a pod: the prefixes at which it takes connections beside its own address, with commas between them. */
export const virtualAddressesAnnotation = "bgp-lab.dev/virtual-addresses";
