/** Which sessions come up, and why the others do not. */

import { addressOf, familyOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Address, Family, Lab } from "../lab/model";
import { type End, endsOf } from "./ends";
import { type Forwarder, passage } from "./forwarding";
import type { SessionState } from "./prediction";
import { nameOf, portOf, type Table } from "./tables";

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
    /** The end that closed it because it got more prefixes than it accepts, and keeps it closed until somebody clears it. */
    readonly closed?: "local" | "remote";
}

/** All sessions of a lab, routers' ends first, by the routes that its tables have. */
export function pairs(lab: Lab, tables: ReadonlyMap<string, Table>, forwarder: Forwarder): readonly Pair[] {
    const ends = endsOf(lab, tables);
    const rivals = grouped(ends, ({ address, peerAddress }) => `${address} ${peerAddress}`);
    const facing = newMatcher(ends, rivals, forwarder);
    const owners = ownersOf(lab);
    const answered = new Set<End>();
    return ends.flatMap((own): Pair[] => {
        if (answered.has(own)) {
            return [];
        }
        const match = facing(own).find(({ remote }) => !answered.has(remote));
        if (match !== undefined) {
            answered.add(match.remote);
        }
        const { local, remote } = match?.as ?? { local: own, remote: undefined };
        const collision = [`${own.address} ${own.peerAddress}`, `${own.peerAddress} ${own.address}`].map((addresses) =>
            collisionOf(rivals.get(addresses) ?? []),
        );
        const reason = collision.find((each) => each !== undefined);
        return [pair(forwarder, local, remote, owners.get(own.peerAddress), reason)];
    });
}

/** An end that faces another one, and the two with the addresses between which their connection is. */
interface Match {
    readonly remote: End;
    readonly as: { readonly local: End; readonly remote: End };
}

/**
 * Finds the ends that may answer another one. Both may name each other's addresses, or only one of them calls from the
 * address that the other knows it by; then the other answers from the address that was called.
 */
function newMatcher(
    ends: readonly End[],
    byAddresses: ReadonlyMap<string, readonly End[]>,
    { owns }: Forwarder,
): (end: End) => readonly Match[] {
    const byAddress = grouped(ends, ({ address }) => `${address}`);
    const byPeer = grouped(ends, ({ peerAddress }) => peerAddress);
    return (end) => {
        const { address, peerAddress } = end;
        const mutual = (byAddresses.get(`${peerAddress} ${address}`) ?? []).filter((other) => other !== end);
        if (mutual.length > 0) {
            return onSegmentFirst(end, mutual).map((remote) => ({ remote, as: { local: end, remote } }));
        }
        const answering = (address === undefined ? [] : (byPeer.get(address) ?? []))
            .filter((other) => end.calls && other.place !== end.place && owns(other.place, peerAddress))
            .map((remote) => ({ remote, as: { local: end, remote: { ...remote, address: peerAddress } } }));
        const calling = (byAddress.get(peerAddress) ?? [])
            .filter((other) => other.calls && other.place !== end.place && owns(end.place, other.peerAddress))
            .map((remote) => ({ remote, as: { local: { ...end, address: remote.peerAddress }, remote } }));
        return [...answering, ...calling];
    };
}

/** Of several ends with the right addresses, as VRFs may have, the one on the same link goes first. */
function onSegmentFirst(local: End, facing: readonly End[]): readonly End[] {
    const segment = segmentOf(local);
    const near = facing.filter((end) => local.onLink && end.onLink && segmentOf(end) === segment);
    return near.length > 0 ? near : facing;
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
        silent(local, remote) ??
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

/** One of two ends has to call the other. */
function silent(local: End, remote: End): string | undefined {
    return local.calls || remote.calls
        ? undefined
        : `${local.name} has no route to ${local.peerAddress} but a default one, on which FRR does not call a peer`;
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
