/** Which sessions come up, and why the others do not. */

import { addressOf, familyOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type {
    Address,
    Asn,
    Bfd,
    BgpSpeaker,
    Family,
    Lab,
    Neighbor,
    Seconds,
    SessionFamily,
    SessionSettings,
} from "../lab/model";
import { onLink } from "../lab/sessions";
import {
    findSessionSettings,
    type NodeNeighbor,
    type NodeSpeaker,
    nodeSpeakers,
    type SpeakerProgram,
} from "../lab/speakers";
import { type Forwarder, passage } from "./forwarding";
import type { SessionState } from "./prediction";
import { keyOf, nameOf, type Place, portOf, type Table } from "./tables";

/** What one end of a session is configured with. */
export interface End {
    readonly place: Place;
    /** Program of a Kubernetes node; absent for a router. */
    readonly program?: SpeakerProgram;
    /** The end in the words of people. */
    readonly name: string;
    readonly asn: Asn;
    readonly routerId: Address;
    readonly peerAddress: Address;
    /** Own address towards the peer; nothing when no route leads to the peer. */
    readonly address?: Address;
    /** Interface by which the peer is reached. */
    readonly interface?: string;
    /** Interface whose addresses stand for this end. */
    readonly source?: string;
    /** Whether the peer is in a subnet of the interface. */
    readonly onLink: boolean;
    /** Whether this end takes a peer of that AS. */
    readonly accepts: (asn: Asn) => boolean;
    /** What this end expects, for people. */
    readonly expects: string;
    readonly holdTime: Seconds;
    /** Finds a dead peer sooner; absent means off. */
    readonly bfd?: Bfd;
    /** Seconds the peer keeps routes while this end restarts; absent means off. */
    readonly restartTime?: Seconds;
    /** Hops that an eBGP peer may be away. */
    readonly hops: number;
    readonly families: readonly SessionFamily[];
    /** Peer group of the neighbor. */
    readonly group?: string;
}

/** Two ends that face each other, or one that nobody answers. */
export interface Pair {
    readonly local: End;
    readonly remote?: End;
    /** Device that owns the peer's address; nothing when none does. */
    readonly owner?: string;
    readonly families: readonly Family[];
    readonly state: SessionState;
    /** Whether the peer keeps the routes of a session that is down, waiting for it to restart (RFC 4724 §4.2). */
    readonly stale?: boolean;
}

/** A name for an end that no other has. */
export function endKey({ place, program, peerAddress }: Pick<End, "place" | "program" | "peerAddress">): string {
    return `${program ?? "router"} ${place.key} ${peerAddress}`;
}

/** All sessions of a lab, routers' ends first, by the routes that its tables have. */
export function pairs(lab: Lab, tables: ReadonlyMap<string, Table>, forwarder: Forwarder): readonly Pair[] {
    const ends = [...routerEnds(lab, tables), ...nodeEnds(lab, tables)];
    const byAddresses = grouped(ends, (end) => `${end.address} ${end.peerAddress}`);
    const owners = ownersOf(lab);
    const answered = new Set<End>();
    return ends.flatMap((local): Pair[] => {
        if (answered.has(local)) {
            return [];
        }
        const facing = byAddresses.get(`${local.peerAddress} ${local.address}`) ?? [];
        const remote = counterpart(
            local,
            facing.filter((end) => end !== local && !answered.has(end)),
        );
        if (remote !== undefined) {
            answered.add(remote);
        }
        const rivals = byAddresses.get(`${local.address} ${local.peerAddress}`) ?? [];
        const collision = collisionOf(rivals) ?? collisionOf(facing);
        return [pair(forwarder, local, remote, owners.get(local.peerAddress), collision)];
    });
}

function grouped<T>(items: readonly T[], keyOfItem: (item: T) => string): ReadonlyMap<string, readonly T[]> {
    const groups = new Map<string, T[]>();
    for (const item of items) {
        const group = groups.get(keyOfItem(item));
        if (group === undefined) {
            groups.set(keyOfItem(item), [item]);
        } else {
            group.push(item);
        }
    }
    return groups;
}

/** Of several ends with the right addresses, as VRFs may have, the one on the same link. */
function counterpart(local: End, facing: readonly End[]): End | undefined {
    const segment = segmentOf(local);
    return facing.find((end) => local.onLink && end.onLink && segmentOf(end) === segment) ?? facing[0];
}

/** Two programs of one node that speak from one address to one peer: a router keeps one connection of the two. */
function collisionOf(ends: readonly End[]): string | undefined {
    const [first, second] = ends.filter(({ program }) => program !== undefined);
    if (first === undefined || second === undefined || first.place !== second.place || first.address === undefined) {
        return undefined;
    }
    return (
        `${first.program} and ${second.program} on ${first.place.device} both speak from ${first.address} to ` +
        `${first.peerAddress}, and only one connection between two addresses lives (RFC 4271 §6.8)`
    );
}

function pair(
    forwarder: Forwarder,
    local: End,
    remote: End | undefined,
    owner: string | undefined,
    collision: string | undefined,
): Pair {
    const carried = new Set(remote?.families.map(({ family }) => family));
    const families = local.families.map(({ family }) => family).filter((family) => carried.has(family));
    const reason =
        collision ?? (remote === undefined ? unanswered(local, owner) : obstacle(forwarder, local, remote, families));
    return { local, remote, owner, families, state: reason === undefined ? { up: true } : { up: false, reason } };
}

function unanswered(local: End, owner: string | undefined): string {
    if (local.address === undefined) {
        return local.source === undefined
            ? `${local.name} has no route to ${local.peerAddress}`
            : `${local.name} has no ${familyOf(local.peerAddress)} address on ${local.source}, its update-source`;
    }
    if (owner === undefined) {
        return `no device has the address ${local.peerAddress}`;
    }
    if (owner === local.place.device && local.place.vrf === undefined) {
        return `${local.peerAddress} is ${local.name}'s own address`;
    }
    return `${owner} has no neighbor ${local.address}`;
}

function obstacle(forwarder: Forwarder, local: End, remote: End, families: readonly Family[]): string | undefined {
    return (
        [local, remote].map(torn).find((reason) => reason !== undefined) ??
        unreachable(forwarder, local, remote) ??
        refusal(local, remote) ??
        refusal(remote, local) ??
        (local.asn === remote.asn && local.routerId === remote.routerId
            ? `${local.name} and ${remote.name} have the same BGP identifier ${local.routerId} (RFC 6286)`
            : undefined) ??
        (families.length === 0 ? `${local.name} and ${remote.name} activate no address family in common` : undefined)
    );
}

function torn(end: End): string | undefined {
    return end.interface !== undefined && end.place.down.has(end.interface)
        ? `${end.name} ${end.interface} is down`
        : undefined;
}

/** An eBGP peer must be on the same link, unless both ends allow more hops. */
function unreachable(forwarder: Forwarder, local: End, remote: End): string | undefined {
    const apart = [local, remote].find((end) => !end.onLink && local.asn !== remote.asn && end.hops <= 1);
    if (apart !== undefined) {
        return `${apart.peerAddress} is not on a link of ${apart.name}, and eBGP reaches one hop without ebgpMultihop`;
    }
    if (local.onLink && remote.onLink) {
        return segmentOf(local) === segmentOf(remote)
            ? undefined
            : `${local.name} ${local.interface} and ${remote.name} ${remote.interface} are on different segments`;
    }
    return far(forwarder, local, remote) ?? far(forwarder, remote, local);
}

/** Whether packets of one end reach the other, and within as many hops as the end allows. */
function far(forwarder: Forwarder, from: End, to: End): string | undefined {
    const way = passage(forwarder, from.place, from.peerAddress);
    if (way.kind === "lost") {
        return way.reason;
    }
    if (way.at.key !== to.place.key) {
        return `${from.peerAddress} leads from ${from.name} to ${nameOf(way.at)}, not to ${to.name}`;
    }
    return from.asn !== to.asn && way.hops > from.hops
        ? `${to.name} is ${way.hops} hops away from ${from.name}, whose ebgpMultihop allows ${from.hops}`
        : undefined;
}

function segmentOf(end: End): string | undefined {
    const port = portOf(end.place, end.interface);
    return port?.attachment.kind === "segment" ? port.attachment.segment : undefined;
}

/** What `asked` answers to the other end's OPEN message (RFC 4271 §6.2). */
function refusal(asked: End, other: End): string | undefined {
    if (!asked.accepts(other.asn)) {
        return `${asked.name} expects ${asked.expects}, but ${other.name} is AS ${other.asn}`;
    }
    if (other.holdTime === 1 || other.holdTime === 2) {
        return `${other.name} offers a hold time of ${other.holdTime} s, which no speaker accepts (RFC 4271 §4.2)`;
    }
    return undefined;
}

function ownersOf(lab: Lab): ReadonlyMap<Address, string> {
    return new Map(
        namedDevices(lab).flatMap(([name, { interfaces }]) =>
            interfaces.flatMap(({ addresses }) => addresses.map((address) => [addressOf(address), name] as const)),
        ),
    );
}

function routerEnds(lab: Lab, tables: ReadonlyMap<string, Table>): End[] {
    return Object.entries(lab.routers).flatMap(([name, router]) =>
        routingInstances(router).flatMap((instance) => instanceEnds(instance, tables.get(keyOf(name, instance.vrf))!)),
    );
}

function instanceEnds({ bgp }: RoutingInstance, table: Table): End[] {
    return bgp.neighbors.flatMap((neighbor): End[] => {
        const settings = findSessionSettings(bgp, neighbor);
        return settings === undefined ? [] : [routerEnd(bgp, neighbor, settings, table)];
    });
}

function routerEnd(bgp: BgpSpeaker, neighbor: Neighbor, settings: SessionSettings, table: Table): End {
    return {
        place: table.place,
        name: nameOf(table.place),
        asn: bgp.asn,
        routerId: bgp.routerId,
        peerAddress: neighbor.address,
        ...ownSide(table, neighbor.address, settings.updateSource),
        ...expectation(settings.remoteAs, bgp.asn),
        holdTime: settings.timers.holdTime,
        ...(settings.bfd === undefined ? {} : { bfd: settings.bfd }),
        hops: settings.ebgpMultihop ?? 1,
        families: settings.families,
        group: neighbor.session.kind === "group" ? neighbor.session.group : undefined,
    };
}

function expectation(
    remoteAs: { readonly kind: "asn"; readonly asn: Asn } | { readonly kind: "external" | "internal" },
    own: Asn,
): Pick<End, "accepts" | "expects"> {
    switch (remoteAs.kind) {
        case "asn":
            return { accepts: (asn) => asn === remoteAs.asn, expects: `AS ${remoteAs.asn}` };
        case "external":
            return { accepts: (asn) => asn !== own, expects: `an AS other than ${own}` };
        case "internal":
            return { accepts: (asn) => asn === own, expects: `its own AS ${own}` };
    }
}

function nodeEnds(lab: Lab, tables: ReadonlyMap<string, Table>): End[] {
    return Object.keys(lab.cluster.nodes).flatMap((name) =>
        nodeSpeakers(lab, name).flatMap((speaker) =>
            speaker.neighbors.map((neighbor) => nodeEnd(speaker, neighbor, tables.get(name)!)),
        ),
    );
}

function nodeEnd({ program, asn, routerId }: NodeSpeaker, neighbor: NodeNeighbor, table: Table): End {
    const expected = neighbor.remoteAsn;
    return {
        place: table.place,
        program,
        name: program === "cilium" ? table.place.device : `${table.place.device} (${program})`,
        asn,
        routerId,
        peerAddress: neighbor.address,
        ...ownSide(table, neighbor.address, program === "calico" ? sourceOf(table.place, routerId) : undefined),
        accepts: (each) => each === expected,
        expects: `AS ${expected}`,
        holdTime: neighbor.timers.holdTime,
        ...(neighbor.bfd === undefined ? {} : { bfd: neighbor.bfd }),
        ...(neighbor.gracefulRestartTime === undefined ? {} : { restartTime: neighbor.gracefulRestartTime }),
        hops: neighbor.ebgpMultihop ?? 1,
        families: neighbor.families.map((family) => ({ family })),
    };
}

/** Calico's speakers use the node's internal address, whichever way the peer is reached (BIRD's `source address`). */
function sourceOf({ interfaces }: Place, own: Address): string | undefined {
    return interfaces.find(({ addresses }) => addresses.some((address) => addressOf(address) === own))?.name;
}

type OwnSide = Pick<End, "address" | "interface" | "source" | "onLink">;

/** Own address towards a peer: of the interface that is to be used, in the peer's subnet, or of the way to the peer. */
function ownSide({ place, resolver }: Table, peer: Address, source: string | undefined): OwnSide {
    const direct = onLink(place, peer);
    const towards = direct.interface ?? resolver.resolve(peer)[0]?.dev;
    if (source !== undefined) {
        const address = firstAddress(place, source, peer);
        const reached = towards === undefined ? {} : { interface: towards };
        return {
            ...(address === undefined ? {} : { address }),
            ...reached,
            source,
            onLink: direct.address !== undefined,
        };
    }
    if (direct.address !== undefined) {
        return { ...direct, onLink: true };
    }
    const address = towards === undefined ? undefined : firstAddress(place, towards, peer);
    return address === undefined ? { onLink: false } : { address, interface: towards!, onLink: false };
}

function firstAddress(place: Place, port: string, peer: Address): Address | undefined {
    const own = portOf(place, port)?.addresses.find((address) => familyOf(address) === familyOf(peer));
    return own === undefined ? undefined : addressOf(own);
}
