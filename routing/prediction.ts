/** What a lab's control plane settles on: sessions, BGP routes and forwarding tables. Plain data, comparable as JSON. */

import type { Address, Asn, Family, Prefix } from "../lab/model";

/** The settled control plane of a lab. */
export interface Prediction {
    readonly sessions: readonly PredictedSession[];
    /** Routers, hosts and Kubernetes nodes, by name. */
    readonly devices: Readonly<Record<string, PredictedDevice>>;
    /**
     * Routes of which more than one outcome is at rest, as local preferences may bring about: which of them routers hold
     * depends on the order in which messages arrive, and `devices` has one of them. Absent when there are none.
     */
    readonly undecided?: readonly UndecidedRoute[];
}

/** A route that may come out in more than one way. */
export interface UndecidedRoute {
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly prefix: Prefix;
}

/** A configured session. Both ends appear as one; an end that nobody answers appears alone, and is down. */
export interface PredictedSession {
    /** Device at this end; the router when the other end is a Kubernetes node. */
    readonly local: string;
    /** VRF of the router at this end, or the program of the node; absent for the default VRF. */
    readonly localInstance?: string;
    /** Own address of this end; nothing when no route leads to the peer. */
    readonly localAddress?: Address;
    /** Device at the other end; nothing when no device answers at the peer's address. */
    readonly remote?: string;
    /** VRF of the router at the other end, or the program of the node; absent for the default VRF. */
    readonly remoteInstance?: string;
    readonly remoteAddress: Address;
    /** Families that both ends activate. */
    readonly families: readonly Family[];
    readonly state: SessionState;
    /**
     * The end that has closed the session because it got more prefixes than it accepts, and keeps it closed until somebody
     * clears it (`clear bgp`). Absent for all other sessions.
     */
    readonly closedBy?: "local" | "remote";
    /** Prefixes that each end sends to the other; empty when the session is down. */
    readonly offers: { readonly fromLocal: Offer; readonly fromRemote: Offer };
    /**
     * Prefixes that each end gets and refuses by its incoming filter or import policy, without those that it sent itself;
     * empty of an end that cannot show them. Absent where neither end can.
     */
    readonly refused?: { readonly byLocal: Offer; readonly byRemote: Offer };
}

/** Whether a session is established, and if not, why. */
export type SessionState = { readonly up: true } | { readonly up: false; readonly reason: string };

/** Prefixes that one end of a session sends, in order of address. */
export type Offer = Readonly<Record<Family, readonly Prefix[]>>;

/** Tables of one device: of a router those of its default VRF. */
export interface PredictedDevice extends Tables {
    /** Tables of a router's other VRFs, by name; absent without any. */
    readonly vrfs?: Readonly<Record<string, Tables>>;
}

/** Tables of one routing instance. */
export interface Tables {
    /** BGP routes; empty without a speaker. Several speakers of a node have their routes here together. */
    readonly rib: Readonly<Record<Family, Readonly<Record<Prefix, BgpRoute>>>>;
    readonly fib: Readonly<Record<Family, Readonly<Record<Prefix, FibRoute>>>>;
}

/** All paths to one prefix, the best one first. */
export interface BgpRoute {
    readonly paths: readonly BgpPath[];
}

/** A path as a speaker holds it after import. */
export interface BgpPath {
    /** Next hop; `0.0.0.0` or `::` when the speaker originates the path and forwards it itself. */
    readonly nextHop: Address;
    /** ASes that the path went through, the nearest first. */
    readonly asPath: readonly Asn[];
    /** Address of the neighbor that sent the path, `local` for an own one, or `vrf <name>` for one that another VRF leaks. */
    readonly from: Address | "local";
    /** @default 100 */
    readonly localPreference?: number;
    /** Metric. @default 0, also for a path without one */
    readonly med?: number;
    /** Whether the next hop can be reached; a path that is not valid is never used. */
    readonly valid: boolean;
    readonly best: boolean;
    /**
     * Whether the path carries traffic along with the best one (always true of the best one itself). Of more IPv6 paths
     * than `maximumPaths`, FRR takes those with the lowest link-local next hops, which no model knows.
     */
    readonly multipath: boolean;
}

/** A route that forwards packets. */
export type FibRoute =
    | {
          readonly protocol: "connected" | "static" | "bgp";
          readonly blackhole: false;
          /** Next hops in order of address. A connected route has an interface only. */
          readonly nextHops: readonly NextHop[];
      }
    | { readonly protocol: "static"; readonly blackhole: true; readonly nextHops: readonly [] };

/** Where packets go. */
export interface NextHop {
    /**
     * Gateway; nothing when the destination is on the link. An IPv6 route learned from an FRR router names that router's
     * address on the link, while the kernel's route names its link-local address.
     */
    readonly via?: Address;
    /** Interface, or the name of another VRF of the router, in whose tables the packet goes on. */
    readonly dev: string;
}

const offersByPrediction = new WeakMap<Prediction, ReadonlyMap<string, () => Offer>>();

/**
 * The prefixes that a device offers to a neighbor.
 *
 * @param instance VRF of the router, or program of the node; a router's default VRF when absent
 * @returns nothing offered when the session is down or does not exist
 */
export function offered(
    prediction: Prediction,
    device: string,
    neighborAddress: Address,
    family: Family,
    instance?: string,
): readonly Prefix[] {
    const ends = offersByPrediction.get(prediction) ?? offersByEnd(prediction);
    offersByPrediction.set(prediction, ends);
    return ends.get(endKey(device, instance, neighborAddress))?.()[family] ?? [];
}

function offersByEnd({ sessions }: Prediction): ReadonlyMap<string, () => Offer> {
    return new Map(
        sessions.flatMap((session) => {
            const { local, localInstance, localAddress, remote, remoteInstance, remoteAddress, offers } = session;
            return [
                [endKey(local, localInstance, remoteAddress), () => offers.fromLocal] as const,
                [endKey(remote, remoteInstance, localAddress), () => offers.fromRemote] as const,
            ];
        }),
    );
}

function endKey(device: string | undefined, instance: string | undefined, neighbor: Address | undefined): string {
    return `${device} ${instance ?? ""} ${neighbor}`;
}
