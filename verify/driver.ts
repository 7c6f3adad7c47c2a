import type { Address, Asn, Family, Prefix } from "../lab/model";

/** A BGP session as a router reports it. */
export interface ObservedSession {
    readonly neighbor: Address;
    readonly remoteAsn: Asn;
    /** FRR's name of the state, e.g. `Established` or `Active` (RFC 4271 §8.2.2). */
    readonly state: string;
    /** Families that both ends activated. */
    readonly families: readonly Family[];
    /** Seconds since the session came up; 0 when it is down. */
    readonly uptime: number;
}

/** Next hops of a router's BGP route that are in use: the best path and those that share its load. */
export interface ObservedRoute {
    readonly prefix: Prefix;
    readonly nextHops: readonly Address[];
}

/** Answer to a request or probe, as the client sees it. */
export type Answer =
    | { readonly kind: "answer"; readonly status: number; readonly body: string }
    | { readonly kind: "refused" | "timeout" | "unreachable" | "ttl-exceeded"; readonly detail: string };

/** How to look at a running lab. One implementation per runtime; the checks are the same for all. */
export interface Driver {
    /** Sessions of a router. */
    sessions(device: string): Promise<readonly ObservedSession[]>;
    /** BGP routes in a router's RIB, by family. */
    bgpRoutes(device: string, family: Family): Promise<readonly ObservedRoute[]>;
    /** Routes that a routing daemon installed in the kernel of a device. */
    kernelBgpRoutes(device: string, family: Family): Promise<readonly ObservedRoute[]>;
    /** Prefixes that a router offers to a neighbor. */
    offered(device: string, neighbor: Address, family: Family): Promise<readonly Prefix[]>;
    /** HTTP GET over a new connection. */
    http(from: string, address: Address, port: number, timeoutMilliseconds: number): Promise<Answer>;
    ping(from: string, address: Address, timeoutMilliseconds: number): Promise<Answer>;
    connect(from: string, address: Address, port: number, timeoutMilliseconds: number): Promise<Answer>;
}
