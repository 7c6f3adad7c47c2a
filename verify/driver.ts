import type { Address, Asn, Family, Prefix } from "../lab/model";
import type { ObjectReference } from "./check";

/** State of a session that FRR has closed because more prefixes came than it accepts (FRR bgpd/bgp_vty.c). */
export const closedByLimit = "Idle (PfxCt)";

/** A BGP session as a router, or the agent of a Kubernetes node, reports it. */
export interface ObservedSession {
    readonly neighbor: Address;
    readonly remoteAsn: Asn;
    /** Name of the state, e.g. `Established` or `Active` (RFC 4271 §8.2.2). */
    readonly state: string;
    /** Families that both ends activated. */
    readonly families: readonly Family[];
    /** Seconds since the session came up; 0 when it is down. */
    readonly uptime: number;
}

/** Next hops of a router's BGP route that are in use: the best path and those that share its load. */
export interface ObservedRoute {
    readonly prefix: Prefix;
    /**
     * In the RIB, `0.0.0.0` or `::` for a route of another VRF's own. In the kernel, the name of another VRF where packets
     * go on in its tables.
     */
    readonly nextHops: readonly (Address | string)[];
}

/** A best path of a speaker. */
export interface ObservedPath {
    readonly prefix: Prefix;
    readonly nextHop: Address;
    readonly asPath: readonly Asn[];
}

/** A TCP connection that was passed on: who called what, and who answered it. */
export interface ObservedConnection {
    readonly client: Address;
    readonly clientPort: number;
    readonly address: Address;
    readonly port: number;
    /** Who answers, and to which address. */
    readonly answering: Address;
    readonly answeredTo: Address;
    /** Whether packets were seen both ways. */
    readonly isAssured: boolean;
}

/** Answer to a request or probe, as the client sees it. */
export type Answer =
    | { readonly kind: "answer"; readonly status: number; readonly body: string }
    | { readonly kind: "refused" | "timeout" | "unreachable" | "ttl-exceeded"; readonly detail: string };

/**
 * How to look at a running lab. One implementation per runtime; the checks are the same for all. Without the name of a
 * VRF, what is asked is the default one of a router.
 */
export interface Driver {
    /**
     * Objects of the cluster's API as JSON, in the order of the references; nothing where there is no such object.
     *
     * @throws Error when the runtime has no API, or it does not answer
     */
    objects(references: readonly ObjectReference[]): Promise<readonly unknown[]>;
    /** Sessions of a router, or of the agent or speaker of a Kubernetes node. */
    sessions(device: string, vrf?: string): Promise<readonly ObservedSession[]>;
    /** BGP routes in a router's RIB, by family. */
    bgpRoutes(device: string, family: Family, vrf?: string): Promise<readonly ObservedRoute[]>;
    /** Routes that a routing daemon installed in the kernel of a device. */
    kernelBgpRoutes(device: string, family: Family, vrf?: string): Promise<readonly ObservedRoute[]>;
    /** Prefixes that a router offers to a neighbor. */
    offered(device: string, neighbor: Address, family: Family, vrf?: string): Promise<readonly Prefix[]>;
    /** Best paths of the speaker of a Kubernetes node that takes routes. */
    speakerRoutes(node: string, family: Family): Promise<readonly ObservedPath[]>;
    /** Prefixes that a router or the speaker of a node got from a neighbor and refused by its import policy. */
    refused(device: string, neighbor: Address, family: Family): Promise<readonly Prefix[]>;
    /** TCP connections that pass a router in a Pod, as its connection tracking has them. */
    tracked(pod: string): Promise<readonly ObservedConnection[]>;
    /**
     * HTTP GETs, each over a new connection.
     *
     * @param count how many; they may be under way at once
     * @param timeoutMilliseconds how long each may take
     */
    http(
        from: string,
        address: Address,
        port: number,
        count: number,
        timeoutMilliseconds: number,
    ): Promise<readonly Answer[]>;
    ping(from: string, address: Address, timeoutMilliseconds: number): Promise<Answer>;
    connect(from: string, address: Address, port: number, timeoutMilliseconds: number): Promise<Answer>;
}
