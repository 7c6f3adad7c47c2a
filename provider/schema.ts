/**
 * Inputs of the resources of the embedded runtime. They speak of namespaces, links and daemons; what a lab means is
 * decided before, in `lab/`, `stacks/` and `render/`.
 */

/** Pulumi type tokens of the provider's resources. */
export const types = {
    claim: "bgplab:netns:Claim",
    sandbox: "bgplab:netns:Sandbox",
    fabric: "bgplab:netns:Fabric",
    router: "bgplab:netns:Router",
    node: "bgplab:netns:Node",
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
}

/** A Kubernetes node: a speaker, the pods and the service rules in a namespace of the fabric. */
export interface NodeInputs {
    readonly sandbox: string;
    readonly namespace: string;
    readonly speaker: SpeakerSpec;
    /** Pods, by name. */
    readonly pods: Readonly<Record<string, PodSpec>>;
    /** Services that the node answers for, by `namespace/name`. */
    readonly services: Readonly<Record<string, ServiceSpec>>;
}

/** A BGP speaker of a node. */
export type SpeakerSpec =
    | { readonly kind: "gobgp"; readonly config: GobgpConfig }
    | { readonly kind: "bird"; readonly config: string };

/** What a gobgpd is told over its API. */
export interface GobgpConfig {
    readonly asn: number;
    readonly routerId: string;
    readonly neighbors: readonly GobgpNeighbor[];
    /** Prefixes the node originates with itself as next hop; nothing else is exported and nothing is imported. */
    readonly originated: readonly string[];
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
    readonly port: number;
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
