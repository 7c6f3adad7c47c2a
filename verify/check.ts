import type { Address, Asn, Family, Prefix, ServiceCheck, SilenceCheck } from "../lab/model";

/** One claim about the running lab. Checks are plain data: what must be seen, not how to look. */
export type Check = SessionCheck | TableCheck | RouteCheck | OfferCheck | ServiceAnswers | SilenceCheck;

/** A BGP session is established with the right AS, and exchanges exactly these families. */
export interface SessionCheck {
    readonly kind: "session";
    readonly device: string;
    readonly neighbor: Address;
    readonly remoteAsn: Asn;
    readonly families: readonly Family[];
}

/** A router's BGP table and the BGP routes in its kernel hold exactly these networks, and nothing that came from elsewhere. */
export interface TableCheck {
    readonly kind: "table";
    readonly device: string;
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
    readonly prefix: Prefix;
    /** Next hops in ascending order; empty means that the router must not hold a BGP route to the prefix. */
    readonly nextHops: readonly Address[];
}

/** A router offers exactly these prefixes to a neighbor, all of them inside the permitted networks. */
export interface OfferCheck {
    readonly kind: "offer";
    readonly device: string;
    readonly neighbor: Address;
    readonly family: Family;
    readonly prefixes: readonly Prefix[];
    /** Networks of the outgoing filter's permits; absent when the session has no filter. */
    readonly within?: readonly Prefix[];
}

/** The model's check of a service, with what tells whether a pod sees the client itself. */
export interface ServiceAnswers extends ServiceCheck {
    /** Addresses of the client, of the family of the service's address. */
    readonly clientAddresses: readonly Address[];
}

/** What became of a check. */
export interface CheckResult {
    readonly check: Check;
    /** What the check is about, in a few words. */
    readonly subject: string;
    readonly expected: string;
    readonly observed: string;
    readonly status: "pass" | "fail";
    /** Milliseconds from the start of the verification until the check held, or was given up. */
    readonly milliseconds: number;
}
