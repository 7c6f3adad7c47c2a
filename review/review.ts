/** What a change does to a lab, as plain data: the outcome of comparing two revisions of one stack. */

import type { Address, Family, Prefix } from "../lab/model";
import type { Finding } from "../lab/rules/findings";

/** The difference of two revisions of a stack; every list is empty where nothing differs. */
export interface Review {
    readonly stack: string;
    /** What happens to the stack as a whole. `refused` and `repaired`: errors forbid the lab after, or before, the change. */
    readonly kind: "unchanged" | "changed" | "new" | "removed" | "refused" | "repaired";
    readonly findings: FindingsChange;
    readonly services: readonly ServiceChange[];
    readonly failures: readonly FailureChange[];
    readonly sessions: readonly SessionChange[];
    readonly routes: readonly RouteChange[];
    readonly devices: readonly DeviceChange[];
    readonly networks: readonly NetworkChange[];
    readonly programs: readonly FieldChange[];
    readonly configurations: readonly ConfigurationChange[];
    /** What applying the change interrupts; absent when no session is reset. */
    readonly interruption?: Interruption;
    /** Why one of the two could not be predicted; absent when both were. */
    readonly unpredicted?: string;
    /** The lab with what changes in it marked, as a Mermaid flowchart; absent when nothing in the picture changes. */
    readonly diagram?: string;
}

/** Findings of the rules. One that only its place or wording changed is new and gone. */
export interface FindingsChange {
    readonly fresh: readonly Finding[];
    readonly gone: readonly Finding[];
    /** Findings that stay, e.g. the warnings of the article's own addresses. */
    readonly kept: number;
}

/** A value that comes (no `before`), goes (no `after`), or changes. */
export interface FieldChange {
    /** What it is, in the field's terms, e.g. `AS`, `hold time`, `next hop`, `Kubernetes`. */
    readonly field: string;
    readonly before?: string;
    readonly after?: string;
    /** Of a long list, `before` has only what goes and `after` only what comes. @default false */
    readonly partial?: boolean;
}

/** One end of a session as people call it. */
export interface SessionEnd {
    readonly device: string;
    /** VRF of a router, or the program of a node where it does not go without saying. */
    readonly instance?: string;
    readonly address?: Address;
}

/** A BGP session that comes, goes, changes its settings, its families or its state. */
export interface SessionChange {
    readonly kind: "added" | "removed" | "changed";
    readonly local: SessionEnd;
    readonly remote: SessionEnd;
    /** Whether it is predicted to be up; absent where the session does not exist. */
    readonly upBefore?: boolean;
    readonly upAfter?: boolean;
    /** Why it is down after the change. */
    readonly reason?: string;
    /** ASes, timers, families, filters, BFD …, of which end where they differ by end; empty for one that comes or goes. */
    readonly fields: readonly FieldChange[];
    /**
     * What applying the change does to a session that is up before and after: it is reset, or it stays up and has the new
     * values only from the next time it is established. Absent where neither is so.
     */
    readonly applied?: "reset" | "next session";
}

/** What is cut off while all sessions that are reset are down at once. */
export interface Interruption {
    /** Who does not reach which address meanwhile, and does before and after; empty when nobody is cut off. */
    readonly lost: readonly { readonly from: string; readonly to: Address; readonly name: string }[];
}

/** What becomes of a route in a kernel's table. */
export type RouteEffect =
    /** The network is no longer reached from there. */
    | "lost"
    /** Fewer equal paths. */
    | "narrower"
    /** As many paths, other next hops. */
    | "moved"
    /** The same next hops, another AS path. */
    | "path"
    /** More equal paths. */
    | "wider"
    | "gained";

/**
 * A route of one device and VRF that differs. A next hop is who it is: a neighbor under another address, or an interface
 * under another name, is the same one. Networks that a device is itself connected to are left to the change of the device.
 */
export interface RouteChange {
    readonly effect: RouteEffect;
    readonly device: string;
    readonly vrf?: string;
    readonly prefix: Prefix;
    readonly family: Family;
    readonly before?: RouteFacts;
    readonly after?: RouteFacts;
}

/** What forwards packets, and the AS path that it was learned with. */
export interface RouteFacts {
    readonly protocol: string;
    /** Next hops as `address` or interface, in the prediction's order; empty for a blackhole. */
    readonly nextHops: readonly string[];
    readonly asPath?: readonly number[];
}

/** A service, or a pod that is asked by its own address, whose way or reachability changes. */
export interface ServiceChange {
    /** `lost` and `gained`: somebody who is on both sides no longer reaches it, or does so for the first time. */
    readonly effect: "lost" | "gone" | "moved" | "gained" | "new";
    /** As `namespace/name`, or `pod name`. */
    readonly name: string;
    /** Addresses, announcing nodes, policy, pods: what differs. */
    readonly fields: readonly FieldChange[];
    /**
     * Who no longer reaches which address, and how the packets end; or who newly does. Of a service that is new, who does
     * not reach an address that nobody reaches.
     */
    readonly reach: readonly { readonly from: string; readonly to: Address; readonly reason?: string }[];
}

/** Who does not reach which address under a fault. */
export interface LostPair {
    readonly from: string;
    readonly to: Address;
    readonly name: string;
    /** Whether the fault took the address from others before it took it from this one, or still does. @default false */
    readonly others?: boolean;
}

/** A single fault that takes more, or less, than it did. Only what exists in both revisions is compared. */
export interface FailureChange {
    readonly effect: "worse" | "better";
    /** The text that names the fault, e.g. `node:spine0`. */
    readonly fault: string;
    /** Who no longer reaches which address under the fault and did before (`worse`), or the other way round. */
    readonly pairs: readonly LostPair[];
    /** Why routing does not come to rest under the fault after the change, and did before. */
    readonly unrest?: string;
    /** Whether the fault took nothing at all before the change: it is a new single point of failure. @default false */
    readonly harmlessBefore?: boolean;
}

/** A router, host or node that comes, goes or is configured otherwise; `Pod` is a router in one. */
export interface DeviceChange {
    readonly kind: "added" | "removed" | "changed";
    readonly role: "router" | "Pod" | "host" | "node";
    readonly device: string;
    /** AS, BGP identifier, addresses per interface, operating system, VRFs, static routes, prefix lists …: what differs. */
    readonly fields: readonly FieldChange[];
}

/** An entry of the address plan that comes, goes or has other networks: a segment, pod CIDRs, a pool … */
export interface NetworkChange {
    readonly kind: "added" | "removed" | "changed";
    /** As people call it, e.g. `link router0-worker`, `pods`, `pod CIDR of worker2`, `pool default-pool`. */
    readonly name: string;
    readonly before: readonly string[];
    readonly after: readonly string[];
}

/** A rendered file that comes, goes or changes. */
export interface ConfigurationChange {
    readonly kind: "added" | "removed" | "changed";
    /** Path below the lab's folder, as `make render OUT=folder` writes it. */
    readonly path: string;
    /** Whether it says for another operating system what the file of the router's own one says. @default false */
    readonly alternative?: boolean;
    readonly linesAdded: number;
    readonly linesRemoved: number;
    /** Unified diff without its two file lines; of a file that comes or goes, all of it. */
    readonly diff: string;
}
