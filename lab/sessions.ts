/** BGP sessions of a lab: every configured neighbor as an end, and ends that face each other as a session. */

import { addressOf, contains, familyOf, lengthOf, networkOf } from "./address";
import { type RoutingInstance, routingInstances } from "./instances";
import type { Address, Asn, Bfd, Device, Family, Lab, Neighbor, Prefix, Seconds, Timers } from "./model";
import type { Path } from "./path";
import { findSessionSettings, nodeSpeakers, type SpeakerProgram } from "./speakers";

/** One end of a session: a neighbor that a device is configured with. */
export interface SessionEnd {
    /** Where the neighbor stands in the model. */
    readonly path: Path;
    /** Where the session's settings stand in the model: those of a peer group are not at the neighbor. */
    readonly settingsPath: Path;
    /** Where the session's timers stand in the model. */
    readonly timersPath: Path;
    /** Device that has this neighbor. */
    readonly node: string;
    readonly kind: "router" | "kubernetes-node";
    /** The program that speaks on a Kubernetes node. */
    readonly program?: SpeakerProgram;
    /** VRF of the router's speaker; absent means the default one. */
    readonly vrf?: string;
    readonly speaker: { readonly asn: Asn; readonly routerId: Address };
    /** Name of the interface that shares a subnet with the peer; nothing when the peer is not on-link. */
    readonly interface?: string;
    /**
     * Own address of this end: that of the interface which it is told to use, or else the one in the peer's subnet or in
     * that of the static route's next hop. Nothing when neither leads to the peer.
     */
    readonly address?: Address;
    /** Address of the other end. */
    readonly peerAddress: Address;
    /** The AS that this end expects. */
    readonly remoteAsn: Asn;
    readonly timers: Timers;
    readonly families: readonly Family[];
    /** Hops the peer may be away; absent means directly connected. */
    readonly ebgpMultihop?: number;
    /** Seconds the peer keeps routes while this end restarts; absent means off. */
    readonly gracefulRestartTime?: Seconds;
    /** Finds a dead peer within milliseconds; absent means off. */
    readonly bfd?: Bfd;
    /** Name of the Pod that is the peer, where it was taken by label; absent for one that is configured by its address. */
    readonly pod?: string;
}

/** Two ends that name each other's addresses. The local end is the router's when one end is a router's. */
export interface Session {
    /** Readable name: `router0 ↔ worker (169.254.2.2)`; the address is the remote end's. */
    readonly session: string;
    readonly local: SessionEnd;
    readonly remote: SessionEnd;
}

/** Kept with the lab, which never changes: many rules ask, and ends are compared by identity. */
const endsByLab = new WeakMap<Lab, readonly SessionEnd[]>();

/** Every neighbor of every speaker, routers first, in the order of the model. */
export function sessionEnds(lab: Lab): readonly SessionEnd[] {
    const ends = endsByLab.get(lab) ?? collectEnds(lab);
    endsByLab.set(lab, ends);
    return ends;
}

function collectEnds(lab: Lab): readonly SessionEnd[] {
    const routers = Object.keys(lab.routers).flatMap((name) => routerEnds(lab, name));
    const nodes = Object.keys(lab.cluster.nodes).flatMap((name) => nodeEnds(lab, name));
    return [...routers, ...nodes];
}

const sessionsByLab = new WeakMap<Lab, readonly Session[]>();

/** Every session whose two ends are both configured. Ends that stand alone are in `loneEnds`. */
export function sessions(lab: Lab): readonly Session[] {
    const found = sessionsByLab.get(lab) ?? findSessions(sessionEnds(lab));
    sessionsByLab.set(lab, found);
    return found;
}

function findSessions(ends: readonly SessionEnd[]): readonly Session[] {
    const byAddresses = new Map<string, SessionEnd[]>();
    for (const end of ends) {
        const facing = byAddresses.get(key(end.address, end.peerAddress));
        if (facing === undefined) {
            byAddresses.set(key(end.address, end.peerAddress), [end]);
        } else {
            facing.push(end);
        }
    }
    const seen = new Set<SessionEnd>();
    return ends.flatMap((local) => {
        const facing = (byAddresses.get(key(local.peerAddress, local.address)) ?? []).filter(
            (end) => end !== local && !seen.has(end),
        );
        const remote = facing.find((end) => isExpected(local, end)) ?? facing[0];
        if (remote === undefined || seen.has(local)) {
            return [];
        }
        seen.add(local).add(remote);
        return [{ session: `${local.node} ↔ ${remote.node} (${local.peerAddress})`, local, remote }];
    });
}

/** Whether two ends expect each other's AS: where several programs of a node have one address, it tells them apart. */
function isExpected(local: SessionEnd, remote: SessionEnd): boolean {
    return local.remoteAsn === remote.speaker.asn && remote.remoteAsn === local.speaker.asn;
}

/** Ends that no other end answers: no device has the peer's address, or it has no neighbor with this end's address. */
export function loneEnds(lab: Lab): readonly SessionEnd[] {
    const matched = new Set(sessions(lab).flatMap(({ local, remote }) => [local, remote]));
    return sessionEnds(lab).filter((end) => !matched.has(end));
}

const directedByLab = new WeakMap<Lab, readonly Session[]>();

/** Both directions of every session, for rules that hold for either end. */
export function directedSessions(lab: Lab): readonly Session[] {
    const directed =
        directedByLab.get(lab) ??
        sessions(lab).flatMap(({ session, local, remote }) => [
            { session, local, remote },
            { session, local: remote, remote: local },
        ]);
    directedByLab.set(lab, directed);
    return directed;
}

function key(from: Address | undefined, to: Address | undefined): string {
    return `${from} ${to}`;
}

function routerEnds(lab: Lab, name: string): SessionEnd[] {
    const router = lab.routers[name]!;
    return routingInstances(router).flatMap((instance) => instanceEnds(lab, name, instance));
}

function instanceEnds(lab: Lab, name: string, { vrf, bgp, place, ...device }: RoutingInstance): SessionEnd[] {
    return bgp.neighbors.flatMap((neighbor, index) => {
        const settings = findSessionSettings(bgp, neighbor);
        if (settings === undefined) {
            return [];
        }
        const path: Path = ["routers", name, ...place, "bgp", "neighbors", index];
        const { session } = neighbor;
        const settingsPath: Path =
            session.kind === "own"
                ? [...path, "session", "settings"]
                : [
                      "routers",
                      name,
                      ...place,
                      "bgp",
                      "peerGroups",
                      groupIndex(bgp.peerGroups, session.group),
                      "settings",
                  ];
        return [
            {
                path,
                settingsPath,
                timersPath: [...settingsPath, "timers"],
                node: name,
                kind: "router",
                ...(vrf === undefined ? {} : { vrf }),
                speaker: { asn: bgp.asn, routerId: bgp.routerId },
                ...calledSide(lab, device, neighbor, ownSide(device, neighbor.address, settings.updateSource)),
                peerAddress: neighbor.address,
                remoteAsn: neighbor.remoteAsn,
                timers: settings.timers,
                families: settings.families.map(({ family }) => family),
                ...(settings.ebgpMultihop === undefined ? {} : { ebgpMultihop: settings.ebgpMultihop }),
                ...(settings.bfd === undefined ? {} : { bfd: settings.bfd }),
                ...(neighbor.pod === undefined ? {} : { pod: neighbor.pod }),
            },
        ];
    });
}

type OwnSide = Pick<SessionEnd, "interface" | "address">;

/** The side that faces a peer: with the address of the interface that the session is told to use, if it is told. */
function ownSide(device: Device, peer: Address, source?: string): OwnSide {
    const own = addressOn(device, source, familyOf(peer));
    const direct = onLink(device, peer);
    if (own !== undefined) {
        return { ...direct, address: own };
    }
    return direct.address === undefined ? routedSide(device, peer) : direct;
}

/** Whoever takes a neighbor by label answers from the address that the neighbor calls. */
function calledSide(
    { routers }: Lab,
    { interfaces }: Device,
    { address: peer, pod }: Neighbor,
    side: OwnSide,
): OwnSide {
    const calling = pod === undefined ? undefined : routers[pod];
    const own = new Set(interfaces.flatMap(({ addresses }) => addresses.map(addressOf)));
    const called = calling?.bgp.neighbors.find(
        ({ address }) => own.has(address) && familyOf(address) === familyOf(peer),
    );
    return called === undefined ? side : { ...side, address: called.address };
}

/**
 * Towards a peer that is not on-link, the kernel takes the address that it has in the next hop's subnet, or of the interface
 * behind which the next hop is.
 *
 * @param longerThan length of the route whose next hop is looked for: only more specific ones lead to it
 */
function routedSide(device: Device, peer: Address, longerThan = -1): Pick<SessionEnd, "address"> {
    const route = device.staticRoutes
        .filter(({ prefix }) => contains(prefix, peer) && lengthOf(prefix) > longerThan)
        .sort((a, b) => lengthOf(b.prefix) - lengthOf(a.prefix))[0];
    switch (route?.via.kind) {
        case "address": {
            const { address } = onLink(device, route.via.address);
            return address === undefined ? routedSide(device, route.via.address, lengthOf(route.prefix)) : { address };
        }
        case "interface": {
            const address = addressOn(device, route.via.interface, familyOf(peer));
            return address === undefined ? {} : { address };
        }
        default:
            return {};
    }
}

/** First address of a family on an interface. */
function addressOn({ interfaces }: Device, port: string | undefined, family: Family): Address | undefined {
    const text = interfaces.find(({ name }) => name === port)?.addresses.find((each) => familyOf(each) === family);
    return text === undefined ? undefined : addressOf(text);
}

function groupIndex(groups: readonly { readonly name: string }[], name: string): number {
    return groups.findIndex((group) => group.name === name);
}

function nodeEnds(lab: Lab, name: string): SessionEnd[] {
    const node = lab.cluster.nodes[name]!;
    return nodeSpeakers(lab, name).flatMap(({ asn, routerId, program, neighbors }) =>
        neighbors.map((neighbor) => ({
            path: neighbor.path,
            settingsPath: neighbor.path,
            timersPath: [...neighbor.path, "timers"],
            node: name,
            kind: "kubernetes-node" as const,
            program,
            speaker: { asn, routerId },
            ...ownSide(node, neighbor.address, neighbor.updateSource),
            peerAddress: neighbor.address,
            remoteAsn: neighbor.remoteAsn,
            timers: neighbor.timers,
            families: neighbor.families,
            ...(neighbor.ebgpMultihop === undefined ? {} : { ebgpMultihop: neighbor.ebgpMultihop }),
            ...(neighbor.gracefulRestartTime === undefined
                ? {}
                : { gracefulRestartTime: neighbor.gracefulRestartTime }),
            ...(neighbor.bfd === undefined ? {} : { bfd: neighbor.bfd }),
            ...(neighbor.pod === undefined ? {} : { pod: neighbor.pod.name }),
        })),
    );
}

/** The interface and own address with which a device reaches an address on-link, the most specific subnet first. */
export function onLink(device: Device, peer: Address): { readonly interface?: string; readonly address?: Address } {
    const { lengths, bySubnet } = subnetsOf(device);
    for (const length of lengths[familyOf(peer)]) {
        const found = bySubnet.get(networkOf(`${peer}/${length}`));
        if (found !== undefined) {
            return found;
        }
    }
    return {};
}

interface Subnets {
    /** Prefix lengths in use, longest first. */
    readonly lengths: Readonly<Record<Family, readonly number[]>>;
    readonly bySubnet: ReadonlyMap<Prefix, { readonly interface: string; readonly address: Address }>;
}

/** A router has a subnet per node and a session in each, so that searching them one by one would be quadratic. */
const subnetsByDevice = new WeakMap<Device, Subnets>();

function subnetsOf(device: Device): Subnets {
    const known = subnetsByDevice.get(device);
    if (known !== undefined) {
        return known;
    }
    const own = device.interfaces.flatMap(({ name, addresses }) => addresses.map((address) => ({ name, address })));
    const lengths = (family: Family) =>
        [
            ...new Set(
                own.filter(({ address }) => familyOf(address) === family).map(({ address }) => lengthOf(address)),
            ),
        ].sort((a, b) => b - a);
    const subnets = {
        lengths: { ipv4: lengths("ipv4"), ipv6: lengths("ipv6") },
        bySubnet: new Map(
            own.map(({ name, address }) => [networkOf(address), { interface: name, address: addressOf(address) }]),
        ),
    };
    subnetsByDevice.set(device, subnets);
    return subnets;
}
