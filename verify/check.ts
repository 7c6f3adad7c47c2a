import type { Address, Asn, Family, PassageCheck, PodCheck, Prefix, ServiceCheck, SilenceCheck } from "../lab/model";

/** One claim about the running lab. Checks are plain data: what must be seen, not how to look. */
export type Check =
    | ConditionCheck
    | SessionCheck
    | DownSessionCheck
    | TableCheck
    | RouteCheck
    | OfferCheck
    | ForwardingCheck
    | ServiceAnswers
    | PodAnswers
    | SilenceCheck
    | NeighborsCheck
    | SpeakerTableCheck
    | RefusalCheck
    | PassageAnswers;

/**
 * A router or the speaker of a node that takes neighbors by label has exactly these neighbors, those that are configured
 * included: no Pod is missing, and none is left that is not there any more.
 */
export interface NeighborsCheck {
    readonly kind: "neighbors";
    readonly device: string;
    readonly neighbors: readonly Address[];
}

/** The speaker of a Kubernetes node that takes routes holds exactly these best paths, its own included. */
export interface SpeakerTableCheck {
    readonly kind: "speaker-table";
    /** Name of the node. */
    readonly device: string;
    readonly family: Family;
    /** By prefix. */
    readonly routes: Readonly<Record<Prefix, SpeakerRoute>>;
}

/** A best path of a speaker. */
export interface SpeakerRoute {
    /** Next hop; `0.0.0.0` or `::` for a route of its own. */
    readonly nextHop: Address;
    readonly asPath: readonly Asn[];
}

/** A router or the speaker of a node got exactly these prefixes from a neighbor and refused them by its import policy. */
export interface RefusalCheck {
    readonly kind: "refusal";
    readonly device: string;
    readonly neighbor: Address;
    readonly family: Family;
    readonly prefixes: readonly Prefix[];
}

/** Which object of a Kubernetes API. */
export interface ObjectReference {
    readonly apiVersion: string;
    readonly kind: string;
    /** Absent for objects of the whole cluster. */
    readonly namespace?: string;
    readonly name: string;
}

/** An object of the cluster exists and is as wanted. Only a runtime with a Kubernetes API can be asked. */
export interface ConditionCheck {
    readonly kind: "condition";
    readonly object: ObjectReference;
    readonly wants: Want;
}

/** What must be true of an object. */
export type Want =
    /** A condition of its status is True (meta/v1 Condition). */
    | { readonly kind: "condition"; readonly type: string }
    /** None of these conditions, which tell of errors, is True. */
    | { readonly kind: "no-condition"; readonly types: readonly string[] }
    /** Every pod of the Deployment or DaemonSet is of the latest generation, and available. */
    | { readonly kind: "rollout" }
    /** The CustomResourceDefinition is established and serves this version. */
    | { readonly kind: "served"; readonly version: string }
    /** The Service was given exactly these load-balancer addresses. */
    | { readonly kind: "addresses"; readonly addresses: readonly Address[] };

/** A BGP session, as a router or the agent of a Kubernetes node sees it, is established with the right AS, and exchanges exactly these families. */
export interface SessionCheck {
    readonly kind: "session";
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly neighbor: Address;
    readonly remoteAsn: Asn;
    readonly families: readonly Family[];
}

/** A session that a router is configured with stays down, once everything else is as it should be. */
export interface DownSessionCheck {
    readonly kind: "down-session";
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly neighbor: Address;
    /** Whether it is the router that closed it, because it got more prefixes than it accepts. */
    readonly closed: boolean;
}

/** A router's BGP table and the BGP routes in its kernel hold exactly these networks, and nothing that came from elsewhere. */
export interface TableCheck {
    readonly kind: "table";
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly family: Family;
    /** Networks of the BGP table, its own included. */
    readonly prefixes: readonly Prefix[];
    /** Those of them that it learned, and that its kernel therefore holds as BGP routes. */
    readonly learned: readonly Prefix[];
}

/** A router holds a BGP route with exactly these next hops, as multipath in its RIB and in the kernel's FIB. */
export interface RouteCheck {
    readonly kind: "route";
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly prefix: Prefix;
    /**
     * Next hops in ascending order; empty means that the router must not hold a BGP route to the prefix. `0.0.0.0` or `::`
     * stands for another VRF of the router, which originates the route.
     */
    readonly nextHops: readonly Address[];
    /**
     * Gateways in the kernel in ascending order, where they are others than the next hops: those that lead to next hops that
     * are not on-link, or names of VRFs in whose tables packets go on; none where the kernel has another route.
     */
    readonly gateways?: readonly (Address | string)[];
}

/** A router offers exactly these prefixes to a neighbor, all of them inside the permitted networks. */
export interface OfferCheck {
    readonly kind: "offer";
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly neighbor: Address;
    readonly family: Family;
    readonly prefixes: readonly Prefix[];
    /** Networks of the outgoing filter's permits; absent when the session has no filter. */
    readonly within?: readonly Prefix[];
    /**
     * Networks that the neighbor itself sent, where there are any: FRR gives them back or not, depending on when the
     * neighbor joined its update group.
     */
    readonly returned?: readonly Prefix[];
}

/** The kernel of a Kubernetes node holds exactly the routes that the node's speakers learned, such as to pods of other nodes. */
export interface ForwardingCheck {
    readonly kind: "forwarding";
    readonly device: string;
    readonly family: Family;
    /** Gateways in ascending order, by prefix. */
    readonly routes: Readonly<Record<Prefix, readonly Address[]>>;
}

/** The model's check of a service, with what tells whether a pod sees the client itself. */
export interface ServiceAnswers extends ServiceCheck {
    /** Addresses of the client, of the family of the service's address. */
    readonly clientAddresses: readonly Address[];
}

/** The model's check of a pod, with what tells whether the pod sees the client itself. */
export interface PodAnswers extends PodCheck {
    /** Addresses of the client, of the family of the pod's address. */
    readonly clientAddresses: readonly Address[];
}

/** The model's check of what passes Pods, with what tells the client's connections from others. */
export interface PassageAnswers extends PassageCheck {
    /** Addresses of the client, of the family of the virtual server's address. */
    readonly clientAddresses: readonly Address[];
}

/** What a cluster chose can be put into the model. Where it cannot, nothing can be predicted, and no other check is made. */
export interface BindingCheck {
    readonly kind: "binding";
    /** Place in the model. */
    readonly at: string;
}

/** What became of a check. */
export interface CheckResult {
    readonly check: Check | BindingCheck;
    /** What the check is about, in a few words. */
    readonly subject: string;
    readonly expected: string;
    readonly observed: string;
    readonly status: "pass" | "fail";
    /** Milliseconds from the start of the verification until the check held, or was given up. */
    readonly milliseconds: number;
}
