/** How speakers exchange paths: import, export, and what is seen of it on each session. */

import { addressOf, contains, familyOf, networkOf } from "../lab/address";
import { findDevice } from "../lab/devices";
import type { Address, Family, Lab, Prefix, Router } from "../lab/model";
import { nodeSpeaker } from "../lab/speakers";
import { sortedByAddress } from "./bits";
import type { Candidate, Choice, MultipathSettings } from "./decision";
import { denyAll, type Filter, permitAll, prefixListFilter } from "./policy";
import type { End, Pair } from "./sessions";
import { ownAddresses, portOf } from "./tables";

/** A path that a speaker holds. */
export type Path = Candidate;

/** A speaker at work. */
export interface Speaker {
    readonly name: string;
    readonly asn: number;
    /** Whether it takes routes at all: routers do, Cilium's speakers do not. */
    readonly imports: boolean;
    readonly multipath: MultipathSettings;
    readonly ownAddresses: ReadonlySet<Address>;
    /** Established sessions, by the peer's address. */
    readonly peersByAddress: ReadonlyMap<Address, Peer>;
    /** Peers that take routes. */
    readonly listeners: readonly Peer[];
    /** Own paths. */
    own: ReadonlyMap<Prefix, readonly Path[]>;
    /** Paths that passed import, by prefix and the peer that sent them. */
    readonly received: Map<Prefix, Map<Peer, Path>>;
    readonly choices: Map<Prefix, Choice<Path>>;
    /** Prefixes whose paths changed since the last decision. */
    readonly dirty: Set<Prefix>;
}

/** An established session from one end. */
export interface Peer {
    readonly speaker: Speaker;
    readonly end: End;
    readonly kind: "ebgp" | "ibgp";
    readonly families: readonly Family[];
    readonly incoming: Readonly<Record<Family, Filter>>;
    readonly outgoing: Readonly<Record<Family, Filter>>;
    /** Subnets of the link to the peer. */
    readonly subnets: readonly Prefix[];
    /** Own addresses on the link to the peer. */
    readonly linkAddresses: readonly Address[];
    readonly other: Peer;
    /** Place among the speaker's peers by BGP identifier, then by address. */
    readonly rank: number;
}

/** The speakers of a lab with their established sessions. */
export function speakers(lab: Lab, found: readonly Pair[]): ReadonlyMap<string, Speaker> {
    const network = new Map<string, MutableSpeaker>();
    for (const [name, router] of Object.entries(lab.routers)) {
        network.set(name, newSpeaker(lab, name, router.bgp.asn, true, router.bgp));
    }
    for (const name of Object.keys(lab.cluster.nodes)) {
        const speaker = nodeSpeaker(lab, name, "cilium");
        if (speaker !== undefined) {
            network.set(name, newSpeaker(lab, name, speaker.asn, false, { multipathRelax: false, maximumPaths: 1 }));
        }
    }
    const filters = policies(lab);
    for (const pair of found) {
        if (pair.state.up && pair.remote !== undefined) {
            connect(lab, network, filters, pair, pair.remote);
        }
    }
    for (const { peersByAddress } of network.values()) {
        rankPeers([...peersByAddress.values()]);
    }
    return network;
}

/** FRR compares BGP identifiers as numbers, then the neighbors' addresses. */
function rankPeers(peers: readonly Mutable<Peer>[]): void {
    const byAddress = sortedByAddress(peers, ({ end }) => end.peerAddress);
    sortedByAddress(byAddress, ({ other }) => other.end.routerId).forEach((peer, index) => {
        peer.rank = index;
    });
}

interface MutableSpeaker extends Speaker {
    readonly peersByAddress: Map<Address, Mutable<Peer>>;
    readonly listeners: Peer[];
}

function newSpeaker(
    lab: Lab,
    name: string,
    asn: number,
    imports: boolean,
    { multipathRelax, maximumPaths }: MultipathSettings,
): MutableSpeaker {
    return {
        name,
        asn,
        imports,
        multipath: { multipathRelax, maximumPaths },
        ownAddresses: ownAddresses(findDevice(lab, name)!),
        peersByAddress: new Map(),
        listeners: [],
        own: new Map(),
        received: new Map(),
        choices: new Map(),
        dirty: new Set(),
    };
}

function connect(
    lab: Lab,
    network: ReadonlyMap<string, MutableSpeaker>,
    filters: FilterOf,
    { local, families }: Pair,
    remote: End,
): void {
    const kind = local.asn === remote.asn ? "ibgp" : "ebgp";
    const side = (end: End): Mutable<Peer> => ({
        rank: 0,
        speaker: network.get(end.device)!,
        end,
        kind,
        families,
        incoming: filters(end, kind, "prefixListIn"),
        outgoing: filters(end, kind, "prefixListOut"),
        ...link(lab, end),
        other: undefined as never, // set below: the two sides name each other
    });
    const [a, b] = [side(local), side(remote)];
    a.other = b;
    b.other = a;
    for (const peer of [a, b]) {
        const speaker = network.get(peer.end.device)!;
        speaker.peersByAddress.set(peer.end.peerAddress, peer);
        if (peer.other.speaker.imports) {
            speaker.listeners.push(peer);
        }
    }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function link(lab: Lab, end: End): Pick<Peer, "subnets" | "linkAddresses"> {
    const own = portOf(findDevice(lab, end.device)!, end.interface)?.addresses ?? [];
    return { subnets: end.onLink ? own.map(networkOf) : [], linkAddresses: own.map(addressOf) };
}

type FilterOf = (end: End, kind: Peer["kind"], list: "prefixListIn" | "prefixListOut") => Record<Family, Filter>;

/** Filters of the sessions' ends; those made of the same prefix list are one, and share its answers. */
function policies(lab: Lab): FilterOf {
    const known = new Map<string, Filter>();
    const byName = (router: string, family: Family, name: string): Filter => {
        const id = `${router} ${family} ${name}`;
        const list = lab.routers[router]?.prefixLists.find((each) => each.name === name && each.family === family);
        // FRR denies everything to a list that does not exist.
        const filter = known.get(id) ?? (list === undefined ? denyAll : prefixListFilter(list));
        known.set(id, filter);
        return filter;
    };
    return (end, kind, list) => {
        const own = (family: Family): Filter => {
            const name = end.families.find((entry) => entry.family === family)?.[list];
            return name === undefined ? withoutList(lab.routers[end.device], kind) : byName(end.device, family, name);
        };
        return { ipv4: own("ipv4"), ipv6: own("ipv6") };
    };
}

/** RFC 8212: an eBGP session without policy exchanges nothing, if the router keeps to it. */
function withoutList(router: Router | undefined, kind: Peer["kind"]): Filter {
    return kind === "ebgp" && router?.bgp.ebgpRequiresPolicy === true ? denyAll : permitAll;
}

/** The path that a peer is sent; nothing when it must not have it. */
export function exported(peer: Peer, prefix: Prefix, best: Path): Path | undefined {
    if (cameFrom(best, peer) || !permits(peer, prefix, best)) {
        return undefined;
    }
    const nextHop = nextHopFor(peer, familyOf(prefix), best);
    return {
        nextHop,
        gateway: sendsLinkLocal(peer, prefix) ? peer.other.end.peerAddress : nextHop,
        asPath: peer.kind === "ebgp" ? [peer.speaker.asn, ...best.asPath] : best.asPath,
        origin: best.origin,
        source: {
            kind: peer.kind,
            address: peer.other.end.peerAddress,
            asn: peer.speaker.asn,
            rank: peer.other.rank,
        },
        valid: true,
    };
}

/** The path as the receiver keeps it; nothing when it refuses it. */
export function imported(
    peer: Peer,
    prefix: Prefix,
    path: Path,
    reaches: (nextHop: Address) => boolean,
): Path | undefined {
    const loops = path.asPath.includes(peer.speaker.asn) || peer.speaker.ownAddresses.has(path.nextHop);
    if (loops || !peer.incoming[familyOf(prefix)](prefix)) {
        return undefined;
    }
    return { ...path, valid: reaches(path.nextHop) };
}

function cameFrom({ source }: Path, peer: Peer): boolean {
    return source.kind !== "local" && source.address === peer.end.peerAddress;
}

/** A path learned over iBGP is not passed on over iBGP (RFC 4271 §9.2.1); the rest is the session's policy. */
function permits(peer: Peer, prefix: Prefix, { source }: Path): boolean {
    const family = familyOf(prefix);
    return (
        peer.families.includes(family) &&
        !(peer.kind === "ibgp" && source.kind === "ibgp") &&
        peer.outgoing[family](prefix)
    );
}

/**
 * The next hop that a peer is told (RFC 4271 §5.1.3): over eBGP the speaker itself, unless the path's own next hop is on
 * the link with the peer; over iBGP the path's own.
 */
function nextHopFor(peer: Peer, family: Family, best: Path): Address {
    const own = best.nextHop === "0.0.0.0" || best.nextHop === "::";
    const keeps = peer.kind === "ibgp" || peer.subnets.some((subnet) => contains(subnet, best.nextHop));
    return !own && keeps ? best.nextHop : selfTowards(peer, family);
}

/** FRR adds its link-local address to the next hop that an eBGP neighbor on the link is told (RFC 2545 §3). */
function sendsLinkLocal({ speaker, kind, end }: Peer, prefix: Prefix): boolean {
    const overIpv6 = familyOf(prefix) === "ipv6" && familyOf(end.peerAddress) === "ipv6";
    return overIpv6 && speaker.imports && kind === "ebgp" && end.onLink;
}

function selfTowards(peer: Peer, family: Family): Address {
    const sessionAddress = peer.other.end.peerAddress;
    if (familyOf(sessionAddress) === family) {
        return sessionAddress;
    }
    const onInterface = peer.linkAddresses.find((address) => familyOf(address) === family);
    if (onInterface !== undefined && peer.speaker.imports) {
        return onInterface;
    }
    // GoBGP knows only the session's own address.
    return family === "ipv6" ? `::ffff:${sessionAddress}` : sessionAddress;
}

/**
 * The prefixes that a peer is sent, in order of address.
 *
 * FRR sends the same updates to all peers of an update group, so that each also gets back what it sent itself; a peer
 * that is alone in its group does not. Which of a peer's own prefixes it really got back depends on when it joined the
 * group: a peer ignores them anyway, because it finds its own AS in the path.
 */
export function advertised(peer: Peer, family: Family): readonly Prefix[] {
    if (!peer.families.includes(family)) {
        return [];
    }
    const { members, offer } = updateGroups(peer.speaker).get(groupKey(peer, family)) ?? { members: 0, offer: [] };
    const sent = members > 1 ? offer : offer.filter(({ best }) => !cameFrom(best, peer));
    return sent.map(({ prefix }) => prefix);
}

/** Peers that are sent the same. */
interface UpdateGroup {
    readonly members: number;
    readonly offer: readonly Announcement[];
}

interface Announcement {
    readonly prefix: Prefix;
    readonly best: Path;
}

const groupsBySpeaker = new WeakMap<Speaker, ReadonlyMap<string, UpdateGroup>>();

/** The update groups of a speaker at rest. */
function updateGroups(speaker: Speaker): ReadonlyMap<string, UpdateGroup> {
    const known = groupsBySpeaker.get(speaker);
    if (known !== undefined) {
        return known;
    }
    const groups = new Map<string, UpdateGroup>();
    for (const family of ["ipv4", "ipv6"] as const) {
        const announcements = announcementsOf(speaker, family);
        for (const peer of [...speaker.peersByAddress.values()].filter(({ families }) => families.includes(family))) {
            const key = groupKey(peer, family);
            const group = groups.get(key);
            const offer = group?.offer ?? announcements.filter(({ prefix, best }) => permits(peer, prefix, best));
            groups.set(key, { members: (group?.members ?? 0) + 1, offer });
        }
    }
    groupsBySpeaker.set(speaker, groups);
    return groups;
}

function announcementsOf(speaker: Speaker, family: Family): readonly Announcement[] {
    const own = [...speaker.choices].flatMap(([prefix, { used }]) =>
        used[0] !== undefined && familyOf(prefix) === family ? [{ prefix, best: used[0] }] : [],
    );
    return sortedByAddress(own, ({ prefix }) => prefix);
}

/** What FRR tells update groups apart by, as far as a lab sets it (`updgrp_hash_cmp` in bgp_updgrp.c). */
function groupKey({ kind, end }: Peer, family: Family): string {
    const list = end.families.find((entry) => entry.family === family)?.prefixListOut;
    return `${family} ${kind} ${end.group} ${list} ${end.onLink}`;
}
