/** The ends of BGP sessions: every neighbor that a speaker is configured with, and how it would reach it. */

import { addressOf, familyOf } from "../lab/address";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type {
    Address,
    Asn,
    Bfd,
    BgpSpeaker,
    Lab,
    Neighbor,
    PodNeighbor,
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
    /** Whether this end calls its peer: FRR does not when only a default route leads there, unless it is told to. */
    readonly calls: boolean;
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
    /** Whether this end takes routes. */
    readonly imports: boolean;
    /** Peer group of the neighbor. */
    readonly group?: string;
    /** The Pod that is the neighbor and was taken by label; absent for one that is configured by its address. */
    readonly pod?: PodPeer;
}

/** A Pod as a neighbor. */
export interface PodPeer {
    readonly name: string;
    /** The selector by which it was taken; to a router it says no more than whom the nodes route to. */
    readonly neighbor: PodNeighbor;
}

/** A name for an end that no other has. */
export function endKey({ place, program, peerAddress }: Pick<End, "place" | "program" | "peerAddress">): string {
    return `${program ?? "router"} ${place.key} ${peerAddress}`;
}

/** The ends of all sessions of a lab, routers' first. */
export function endsOf(lab: Lab, tables: ReadonlyMap<string, Table>): readonly End[] {
    return [...routerEnds(lab, tables), ...nodeEnds(lab, tables)];
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
    const pod = podPeer(bgp, neighbor);
    const side = ownSide(table, neighbor.address, settings.updateSource);
    return {
        place: table.place,
        name: nameOf(table.place),
        asn: bgp.asn,
        routerId: bgp.routerId,
        peerAddress: neighbor.address,
        // Whoever takes a neighbor by label waits for its call.
        ...(pod === undefined ? side : { ...side, calls: false, pod }),
        ...expectation(settings.remoteAs, bgp.asn),
        holdTime: settings.timers.holdTime,
        ...(settings.bfd === undefined ? {} : { bfd: settings.bfd }),
        hops: settings.ebgpMultihop ?? 1,
        families: settings.families,
        imports: true,
        group: neighbor.session.kind === "group" ? neighbor.session.group : undefined,
    };
}

function podPeer({ podNeighbors = [] }: BgpSpeaker, { pod, session }: Neighbor): PodPeer | undefined {
    const group = session.kind === "group" ? session.group : undefined;
    const neighbor = podNeighbors.find(({ name }) => name === group);
    return pod === undefined || neighbor === undefined ? undefined : { name: pod, neighbor };
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

function nodeEnd({ program, asn, routerId, imports }: NodeSpeaker, neighbor: NodeNeighbor, table: Table): End {
    const expected = neighbor.remoteAsn;
    const source = program === "calico" ? sourceOf(table.place, routerId) : neighbor.updateSource;
    return {
        place: table.place,
        program,
        name: program === "cilium" ? table.place.device : `${table.place.device} (${program})`,
        asn,
        routerId,
        peerAddress: neighbor.address,
        ...ownSide(table, neighbor.address, source),
        accepts: (each) => each === expected,
        expects: `AS ${expected}`,
        holdTime: neighbor.timers.holdTime,
        ...(neighbor.bfd === undefined ? {} : { bfd: neighbor.bfd }),
        ...(neighbor.gracefulRestartTime === undefined ? {} : { restartTime: neighbor.gracefulRestartTime }),
        hops: neighbor.ebgpMultihop ?? 1,
        families: neighbor.families.map((family) => ({ family })),
        imports,
        ...(neighbor.pod === undefined ? {} : { pod: neighbor.pod }),
    };
}

/** Calico's speakers use the node's internal address, whichever way the peer is reached (BIRD's `source address`). */
function sourceOf({ interfaces }: Place, own: Address): string | undefined {
    return interfaces.find(({ addresses }) => addresses.some((address) => addressOf(address) === own))?.name;
}

type OwnSide = Pick<End, "address" | "interface" | "source" | "onLink" | "calls">;

/** Own address towards a peer: of the interface that is to be used, in the peer's subnet, or of the way to the peer. */
function ownSide({ place, resolver }: Table, peer: Address, source: string | undefined): OwnSide {
    const direct = onLink(place, peer);
    const isOnLink = direct.address !== undefined;
    const towards = direct.interface ?? resolver.resolve(peer)[0]?.dev;
    const reached = towards === undefined ? {} : { interface: towards };
    const address = sourceAddress(place, peer, source ?? towards, source === undefined ? direct.address : undefined);
    return {
        ...(address === undefined ? {} : { address }),
        ...reached,
        ...(source === undefined ? {} : { source }),
        onLink: isOnLink,
        calls: towards !== undefined && address !== undefined,
    };
}

function sourceAddress(
    place: Place,
    peer: Address,
    port: string | undefined,
    inSubnet: Address | undefined,
): Address | undefined {
    return inSubnet ?? (port === undefined ? undefined : firstAddress(place, port, peer));
}

function firstAddress(place: Place, port: string, peer: Address): Address | undefined {
    const own = portOf(place, port)?.addresses.find((address) => familyOf(address) === familyOf(peer));
    return own === undefined ? undefined : addressOf(own);
}
