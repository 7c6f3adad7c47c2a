/** The BGP speakers of a lab with their established sessions and policies. */

import { addressOf, contains, familyOf } from "../lab/address";
import { carries } from "../lab/families";
import { clusterRanges, importEntries } from "../lab/import-policy";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type { Address, Asn, Family, Lab, Prefix, Router } from "../lab/model";
import { matchesPod, podAddress } from "../lab/pods";
import type { Filter } from "../lab/prefix-lists";
import { onLink } from "../lab/sessions";
import { nodeSpeakers, type SpeakerProgram } from "../lab/speakers";
import { hexOf, sortedByAddress } from "./bits";
import type { MultipathSettings } from "./decision";
import { type End, endKey } from "./ends";
import { denyAll, type FilterFactory, newFilterFactory, permitAll } from "./policy";
import type { Pair } from "./sessions";
import { keyOf, ownAddresses, type Place, portOf, type Table } from "./tables";

/** A speaker at work. */
export interface Speaker {
    /** Place among all speakers. */
    readonly index: number;
    readonly table: Table;
    /** Program on a Kubernetes node; absent for a router. */
    readonly program?: SpeakerProgram;
    readonly asn: Asn;
    /** BGP identifier as hexadecimal digits. */
    readonly identifier: string;
    readonly clusterId: Address;
    /** Whether it takes routes at all: routers and Calico's speakers do, and Cilium's where they pass routes on. */
    readonly imports: boolean;
    /** Whether it is a GoBGP, as Cilium's are, which differs from FRR and BIRD in what it sends and prefers. */
    readonly isGobgp: boolean;
    readonly multipath: MultipathSettings;
    readonly ownAddresses: ReadonlySet<Address>;
    /** The interface in whose subnet an address is. */
    readonly linkTo: (address: Address) => string | undefined;
    /** Established sessions. */
    readonly peers: readonly Peer[];
    /** Those whose other end takes routes. */
    readonly listeners: readonly Peer[];
}

/** An established session from one end. */
export interface Peer {
    /** Place among the ends of all sessions. */
    readonly index: number;
    readonly speaker: Speaker;
    readonly kind: "ebgp" | "ibgp";
    /** Address of the other end. */
    readonly address: Address;
    readonly policy: Readonly<Record<Family, FamilyPolicy>>;
    /** VRF of the same router at the other end, when the session stands for leaking. */
    readonly leak: string | undefined;
    /** Interface to a router's peer on the same link, on which a next hop may stay as it is. */
    readonly link: string | undefined;
    /** Next hop by which the other end reaches this one. */
    readonly self: Readonly<Record<Family, Address>>;
    /** Whether paths carry this end's IPv6 link-local address. */
    readonly sendsLinkLocal: boolean;
    readonly other: Peer;
    /** BGP identifier of the other end as hexadecimal digits, which compare as it does. */
    readonly identifier: string;
    /** Place among the speaker's peers by address. */
    readonly rank: number;
    /** What FRR tells update groups apart by, beside the family's policy. */
    readonly group: string;
    /** Node of the Pod at the other end, where it was taken by label: what it announces is routed to it there. */
    readonly podNode: string | undefined;
    /** Number that is the same for all of the speaker's peers that are told the same, but for next hops on their link. */
    readonly voice: number;
}

/** What a session does with the routes of one family. */
export interface FamilyPolicy {
    /** Whether both ends activate the family. */
    readonly active: boolean;
    readonly incoming: Filter;
    readonly outgoing: Filter;
    /** Name of the list behind `outgoing`. */
    readonly listOut?: string;
    readonly nextHopSelf: boolean;
    readonly client: boolean;
    readonly localPreference?: number;
    readonly med?: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface MutableSpeaker extends Speaker {
    readonly peers: Mutable<Peer>[];
    readonly listeners: Peer[];
}

/** Calico's kernel routes share load between all equal paths that BIRD has (`merge paths`, at most 16). */
const birdMultipath: MultipathSettings = { multipathRelax: true, maximumPaths: 16 };

const onePath: MultipathSettings = { multipathRelax: false, maximumPaths: 1 };

/** The speakers of a lab, routers' first, with the sessions among `found` that are up and the leaking between VRFs. */
export function newSpeakers(lab: Lab, tables: ReadonlyMap<string, Table>, found: readonly Pair[]): readonly Speaker[] {
    const speakers = allSpeakers(lab, tables);
    const byEnd = new Map(speakers.map((each) => [speakerKey(each.table.place, each.program), each]));
    const connection = newConnections(lab);
    for (const { state, stale, local, remote, families } of found) {
        if ((state.up || stale === true) && remote !== undefined) {
            const [a, b] = [local, remote].map((end) => byEnd.get(speakerKey(end.place, end.program))!);
            connection.connect(a!, b!, asKept(local, stale), asKept(remote, stale), families);
        }
    }
    for (const [name, router] of Object.entries(lab.routers)) {
        leak(name, router, byEnd, connection.leak);
    }
    for (const { peers } of speakers) {
        sortedByAddress(peers, ({ address }) => address).forEach((peer, rank) => {
            peer.rank = rank;
        });
        giveVoices(peers);
    }
    return speakers;
}

/** The ends of all sessions between devices, by the keys of the ends that they were made of. */
export function peersByEnd(speakers: readonly Speaker[]): ReadonlyMap<string, Peer> {
    const sessions = speakers.flatMap(({ peers }) => peers.filter((peer) => peer.leak === undefined));
    return new Map(
        sessions.map((peer) => {
            const { table, program } = peer.speaker;
            return [endKey({ place: table.place, program, peerAddress: peer.address }), peer];
        }),
    );
}

/** Gives peers that are treated alike the same number. */
function giveVoices(peers: readonly Mutable<Peer>[]): void {
    const voices = new Map<string, number>();
    const filters = new Map<Filter, number>();
    for (const peer of peers) {
        const policies = [peer.policy.ipv4, peer.policy.ipv6].map(({ outgoing, active, nextHopSelf, client, med }) => {
            filters.set(outgoing, filters.get(outgoing) ?? filters.size);
            return [active, filters.get(outgoing), nextHopSelf, client, med].join(" ");
        });
        const key = [peer.kind, peer.leak !== undefined, peer.sendsLinkLocal, ...policies].join(", ");
        voices.set(key, voices.get(key) ?? voices.size);
        peer.voice = voices.get(key)!;
    }
}

/** FRR forgets the BGP identifier of a peer that is gone, so that its routes, while they are kept, win every tie. */
function asKept(end: End, stale: boolean | undefined): End {
    return stale === true ? { ...end, routerId: "0.0.0.0" } : end;
}

function speakerKey({ key }: Place, program: SpeakerProgram | undefined): string {
    return `${program ?? "router"} ${key}`;
}

function allSpeakers(lab: Lab, tables: ReadonlyMap<string, Table>): readonly MutableSpeaker[] {
    const speakers: MutableSpeaker[] = [];
    const add = (table: Table, speaker: Omit<Speaker, keyof ReturnType<typeof idle> | "index">) =>
        speakers.push({ ...speaker, ...idle(table), index: speakers.length });
    for (const [name, router] of Object.entries(lab.routers)) {
        for (const { vrf, bgp } of routingInstances(router)) {
            const { asn, routerId, clusterId = routerId, multipathRelax, maximumPaths } = bgp;
            const multipath = { multipathRelax, maximumPaths };
            const identifier = hexOf(routerId);
            const table = tables.get(keyOf(name, vrf))!;
            add(table, { asn, identifier, clusterId, imports: true, isGobgp: false, multipath });
        }
    }
    for (const name of Object.keys(lab.cluster.nodes)) {
        for (const { program, asn, routerId, imports } of nodeSpeakers(lab, name)) {
            const identifier = hexOf(routerId);
            const isGobgp = program === "cilium";
            const multipath = program === "calico" ? birdMultipath : onePath;
            add(tables.get(name)!, { program, asn, identifier, clusterId: routerId, imports, isGobgp, multipath });
        }
    }
    return speakers;
}

/** What a speaker has to itself before it has sessions. */
function idle(table: Table) {
    return {
        table,
        ownAddresses: ownAddresses(table.place),
        linkTo: linksIn(table.place),
        peers: [] as Mutable<Peer>[],
        listeners: [] as Peer[],
    };
}

function linksIn(place: Place): Speaker["linkTo"] {
    const known = new Map<Address, string | undefined>();
    return (address) => {
        if (!known.has(address)) {
            known.set(address, onLink(place, address).interface);
        }
        return known.get(address);
    };
}

type Side = Omit<Peer, "index" | "speaker" | "other" | "rank" | "voice">;

interface Connections {
    readonly connect: (
        a: MutableSpeaker,
        b: MutableSpeaker,
        local: End,
        remote: End,
        families: readonly Family[],
    ) => void;
    readonly leak: (a: MutableSpeaker, b: MutableSpeaker, sideA: Side, sideB: Side) => void;
}

function newConnections(lab: Lab): Connections {
    let ends = 0;
    const filters = newFilterFactory();
    const join = (a: MutableSpeaker, b: MutableSpeaker, sideA: Side, sideB: Side): void => {
        const attach = (speaker: MutableSpeaker, side: Side): Mutable<Peer> => ({
            ...side,
            index: ends++,
            speaker,
            rank: 0,
            voice: 0,
            other: undefined as never, // set below: the two ends name each other
        });
        const [peerA, peerB] = [attach(a, sideA), attach(b, sideB)];
        peerA.other = peerB;
        peerB.other = peerA;
        for (const peer of [peerA, peerB]) {
            const speaker = peer === peerA ? a : b;
            speaker.peers.push(peer);
            if (peer.other.speaker.imports) {
                speaker.listeners.push(peer);
            }
        }
    };
    return {
        connect: (a, b, local, remote, families) => {
            const kind = local.asn === remote.asn ? "ibgp" : "ebgp";
            const sideOf = (speaker: Speaker, end: End, facing: End): Side =>
                side(lab, filters, speaker, end, facing, kind, families);
            join(a, b, sideOf(a, local, remote), sideOf(b, remote, local));
        },
        leak: join,
    };
}

function side(
    lab: Lab,
    filters: FilterFactory,
    speaker: Speaker,
    end: End,
    facing: End,
    kind: Peer["kind"],
    families: readonly Family[],
): Side {
    const own = portOf(end.place, end.source ?? end.interface)?.addresses ?? [];
    const policy = (family: Family) => familyPolicy(lab, filters, end, kind, family, families.includes(family));
    const isRouter = speaker.program === undefined;
    return {
        kind,
        address: end.peerAddress,
        policy: { ipv4: policy("ipv4"), ipv6: policy("ipv6") },
        leak: undefined,
        link: isRouter && end.onLink ? end.interface : undefined,
        self: selfOf(facing.peerAddress, isRouter ? own.map(addressOf) : []),
        sendsLinkLocal: isRouter && kind === "ebgp" && end.onLink && familyOf(end.peerAddress) === "ipv6",
        identifier: hexOf(facing.routerId),
        group: `${kind} ${end.group} ${end.onLink}`,
        podNode: podNodeOf(lab, end),
    };
}

/** A router takes whoever calls, but only Pods that its selector means are routed to. */
function podNodeOf({ routers }: Lab, { pod }: End): string | undefined {
    const placement = pod === undefined ? undefined : routers[pod.name]?.pod;
    return pod !== undefined && placement !== undefined && matchesPod(pod.neighbor, placement)
        ? placement.node
        : undefined;
}

/** A speaker's address for the other end: the session's own, or for the other family one of the same interface. */
function selfOf(session: Address, own: readonly Address[]): Record<Family, Address> {
    const family = familyOf(session);
    const other = own.find((address) => familyOf(address) !== family);
    return family === "ipv4"
        ? // GoBGP and BIRD know only the session's own address.
          { ipv4: session, ipv6: other ?? `::ffff:${session}` }
        : { ipv4: other ?? session, ipv6: session };
}

function familyPolicy(
    lab: Lab,
    filters: FilterFactory,
    end: End,
    kind: Peer["kind"],
    family: Family,
    active: boolean,
): FamilyPolicy {
    const settings = end.families.find((entry) => entry.family === family);
    const router = end.program === undefined ? lab.routers[end.place.device] : undefined;
    const filter = (list: string | undefined, hasRouteMap: boolean): Filter =>
        list === undefined
            ? withoutList(lab, end, router, kind, hasRouteMap)
            : filters(router?.prefixLists, family, list);
    const { prefixListIn, prefixListOut, nextHopSelf, routeReflectorClient, localPreference, med } = settings ?? {};
    return {
        active,
        incoming:
            router === undefined
                ? importFilter(lab, filters, end, family)
                : filter(prefixListIn, localPreference !== undefined),
        outgoing: filter(prefixListOut, med !== undefined),
        ...(prefixListOut === undefined ? {} : { listOut: prefixListOut }),
        nextHopSelf: nextHopSelf === true,
        client: routeReflectorClient === true,
        ...(localPreference === undefined ? {} : { localPreference }),
        ...(med === undefined ? {} : { med }),
    };
}

/** What a node's speaker takes: of Pods what their policy lets through, of all others everything. */
function importFilter(lab: Lab, filters: FilterFactory, { pod }: End, family: Family): Filter {
    if (pod === undefined) {
        return permitAll;
    }
    const router = lab.routers[pod.name];
    const own = router && podAddress(router, family);
    const policy = pod.neighbor.importPolicy;
    const entries = importEntries({ policy, used: usedBy(lab), ...(own === undefined ? {} : { own }) }, family);
    return filters([{ name: pod.name, family, entries }], family, pod.name);
}

const usedByLab = new WeakMap<Lab, readonly Prefix[]>();

function usedBy(lab: Lab): readonly Prefix[] {
    const used = usedByLab.get(lab) ?? clusterRanges(lab).map(({ prefix }) => prefix);
    usedByLab.set(lab, used);
    return used;
}

/**
 * What a session without lists exchanges: a router that keeps to RFC 8212 nothing over eBGP, unless a route map that sets
 * something is policy enough for FRR; Calico what is in its pools (`calico_export_to_bgp_peers`), all others everything.
 */
function withoutList(lab: Lab, end: End, router: Router | undefined, kind: Peer["kind"], hasRouteMap: boolean): Filter {
    if (end.program === "calico") {
        return inPools(lab);
    }
    const { vrf } = end.place;
    const instance = router && routingInstances(router).find((each) => each.vrf === vrf);
    return kind === "ebgp" && !hasRouteMap && instance?.bgp.ebgpRequiresPolicy === true ? denyAll : permitAll;
}

const poolFilters = new WeakMap<Lab, Filter>();

function inPools(lab: Lab): Filter {
    const { podCidrs } = lab.cluster;
    const filter = poolFilters.get(lab) ?? ((prefix) => podCidrs.some((pool) => contains(pool, prefix)));
    poolFilters.set(lab, filter);
    return filter;
}

/** Sessions between the VRFs of a router that carry what route targets let through. */
function leak(
    name: string,
    router: Router,
    speakers: ReadonlyMap<string, MutableSpeaker>,
    join: Connections["leak"],
): void {
    const vrfs = routingInstances(router).filter(({ leaking }) => leaking !== undefined);
    vrfs.forEach((one, place) => {
        vrfs.slice(place + 1).forEach((other, offset) => {
            if (takes(one, other) || takes(other, one)) {
                const speakerOf = ({ vrf }: RoutingInstance) => speakers.get(`router ${keyOf(name, vrf)}`)!;
                const [sideA, sideB] = leakSides(one, place, other, place + 1 + offset);
                join(speakerOf(one), speakerOf(other), sideA, sideB);
            }
        });
    });
}

function takes(receiver: RoutingInstance, sender: RoutingInstance): boolean {
    const exported = sender.leaking?.exportTargets ?? [];
    return receiver.leaking?.importTargets.some((target) => exported.includes(target)) === true;
}

function leakSides(
    one: RoutingInstance,
    placeOfOne: number,
    other: RoutingInstance,
    placeOfOther: number,
): readonly [Side, Side] {
    // Addresses that only break ties: in the order of the VRFs, like those that the runtime gives.
    const addressAt = (place: number) => `169.254.255.${place + 1}`;
    const sideOf = (own: RoutingInstance, facing: RoutingInstance, place: number): Side => {
        const policy = (family: Family): FamilyPolicy => ({
            active: carries(own.bgp, family) && carries(facing.bgp, family),
            incoming: permitAll,
            outgoing: takes(facing, own) ? permitAll : denyAll,
            nextHopSelf: false,
            client: false,
        });
        return {
            kind: "ibgp",
            address: addressAt(place),
            policy: { ipv4: policy("ipv4"), ipv6: policy("ipv6") },
            leak: facing.vrf!,
            link: undefined,
            self: { ipv4: "0.0.0.0", ipv6: "::" },
            sendsLinkLocal: false,
            identifier: hexOf(facing.bgp.routerId),
            group: "leak",
            podNode: undefined,
        };
    };
    return [sideOf(one, other, placeOfOther), sideOf(other, one, placeOfOne)];
}
