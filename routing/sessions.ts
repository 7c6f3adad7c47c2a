/** Which sessions come up, and why the others do not. */

import { addressOf, familyOf } from "../lab/address";
import { findDevice, namedDevices } from "../lab/devices";
import type { Address, Asn, Device, Family, Lab, Seconds, SessionFamily } from "../lab/model";
import { onLink } from "../lab/sessions";
import { findSessionSettings, nodeSpeaker } from "../lab/speakers";
import type { SessionState } from "./prediction";
import { portOf, type Resolver } from "./tables";

/** What one end of a session is configured with. */
export interface End {
    readonly device: string;
    readonly asn: Asn;
    readonly routerId: Address;
    readonly peerAddress: Address;
    /** Own address towards the peer, and the interface it is on; nothing when no route leads to the peer. */
    readonly address?: Address;
    readonly interface?: string;
    /** Whether the peer is in a subnet of that interface. */
    readonly onLink: boolean;
    /** Whether this end takes a peer of that AS. */
    readonly accepts: (asn: Asn) => boolean;
    /** What this end expects, for people. */
    readonly expects: string;
    readonly holdTime: Seconds;
    /** Hops that an eBGP peer may be away. */
    readonly multihop: boolean;
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
}

/**
 * All sessions of a lab, routers' ends first.
 *
 * @param resolverOf finds the way to a peer that is not on-link, by connected and static routes
 */
export function pairs(lab: Lab, resolverOf: (device: string) => Resolver): readonly Pair[] {
    const ends = [...routerEnds(lab, resolverOf), ...nodeEnds(lab, resolverOf)];
    const byAddresses = new Map(ends.map((end) => [`${end.address} ${end.peerAddress}`, end]));
    const owners = ownersOf(lab);
    const answered = new Set<End>();
    const result: Pair[] = [];
    for (const local of ends) {
        if (answered.has(local)) {
            continue;
        }
        const facing = byAddresses.get(`${local.peerAddress} ${local.address}`);
        const remote = facing === local ? undefined : facing;
        if (remote !== undefined) {
            answered.add(remote);
        }
        result.push(pair(lab, local, remote, owners.get(local.peerAddress)));
    }
    return result;
}

function pair(lab: Lab, local: End, remote: End | undefined, owner: string | undefined): Pair {
    const carried = new Set(remote?.families.map(({ family }) => family));
    const families = local.families.map(({ family }) => family).filter((family) => carried.has(family));
    const reason = remote === undefined ? unanswered(local, owner) : obstacle(lab, local, remote, families);
    return { local, remote, owner, families, state: reason === undefined ? { up: true } : { up: false, reason } };
}

function unanswered(local: End, owner: string | undefined): string {
    if (local.address === undefined) {
        return `${local.device} has no route to ${local.peerAddress}`;
    }
    if (owner === undefined) {
        return `no device has the address ${local.peerAddress}`;
    }
    if (owner === local.device) {
        return `${local.peerAddress} is ${local.device}'s own address`;
    }
    return `${owner} has no neighbor ${local.address}`;
}

function obstacle(lab: Lab, local: End, remote: End, families: readonly Family[]): string | undefined {
    return (
        unreachable(lab, local, remote) ??
        refusal(local, remote) ??
        refusal(remote, local) ??
        (local.asn === remote.asn && local.routerId === remote.routerId
            ? `${local.device} and ${remote.device} have the same BGP identifier ${local.routerId} (RFC 6286)`
            : undefined) ??
        (families.length === 0
            ? `${local.device} and ${remote.device} activate no address family in common`
            : undefined)
    );
}

/** An eBGP peer must be on the same link, unless both ends allow more hops. */
function unreachable(lab: Lab, local: End, remote: End): string | undefined {
    const apart = [local, remote].find((end) => !end.onLink && local.asn !== remote.asn && !end.multihop);
    if (apart !== undefined) {
        return `${apart.peerAddress} is not on a link of ${apart.device}, and eBGP reaches one hop without ebgpMultihop`;
    }
    const onOneLink = local.onLink && remote.onLink;
    if (onOneLink && segmentOf(lab, local) !== segmentOf(lab, remote)) {
        return `${local.device} ${local.interface} and ${remote.device} ${remote.interface} are on different segments`;
    }
    return undefined;
}

function segmentOf(lab: Lab, end: End): string | undefined {
    const device = findDevice(lab, end.device);
    const port = device && portOf(device, end.interface);
    return port?.attachment.kind === "segment" ? port.attachment.segment : undefined;
}

/** What `asked` answers to the other end's OPEN message (RFC 4271 §6.2). */
function refusal(asked: End, other: End): string | undefined {
    if (!asked.accepts(other.asn)) {
        return `${asked.device} expects ${asked.expects}, but ${other.device} is AS ${other.asn}`;
    }
    if (other.holdTime === 1 || other.holdTime === 2) {
        return `${other.device} offers a hold time of ${other.holdTime} s, which no speaker accepts (RFC 4271 §4.2)`;
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

function routerEnds(lab: Lab, resolverOf: (device: string) => Resolver): End[] {
    return Object.entries(lab.routers).flatMap(([name, router]) => {
        const { bgp } = router;
        return bgp.neighbors.flatMap((neighbor): End[] => {
            const settings = findSessionSettings(bgp, neighbor);
            if (settings === undefined) {
                return [];
            }
            return [
                {
                    device: name,
                    asn: bgp.asn,
                    routerId: bgp.routerId,
                    peerAddress: neighbor.address,
                    ...ownSide(router, neighbor.address, resolverOf(name)),
                    ...expectation(settings.remoteAs, bgp.asn),
                    holdTime: settings.timers.holdTime,
                    multihop: settings.ebgpMultihop !== undefined && settings.ebgpMultihop > 1,
                    families: settings.families,
                    group: neighbor.session.kind === "group" ? neighbor.session.group : undefined,
                },
            ];
        });
    });
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

function nodeEnds(lab: Lab, resolverOf: (device: string) => Resolver): End[] {
    return Object.entries(lab.cluster.nodes).flatMap(([name, node]) => {
        const speaker = nodeSpeaker(lab, name, "cilium");
        return (speaker?.neighbors ?? []).map((neighbor): End => {
            const expected = neighbor.remoteAsn;
            return {
                device: name,
                asn: speaker!.asn,
                routerId: speaker!.routerId,
                peerAddress: neighbor.address,
                ...ownSide(node, neighbor.address, resolverOf(name)),
                accepts: (asn) => asn === expected,
                expects: `AS ${expected}`,
                holdTime: neighbor.timers.holdTime,
                multihop: false,
                families: neighbor.families.map((family) => ({ family })),
            };
        });
    });
}

/** Own address towards a peer: the one in its subnet, or that of the interface through which the peer is reached. */
function ownSide(device: Device, peer: Address, resolve: Resolver): Pick<End, "address" | "interface" | "onLink"> {
    const direct = onLink(device, peer);
    if (direct.address !== undefined) {
        return { ...direct, onLink: true };
    }
    const [nextHop] = resolve(peer);
    const port = portOf(device, nextHop?.dev);
    const own = port?.addresses.find((address) => familyOf(address) === familyOf(peer));
    return own === undefined ? { onLink: false } : { address: addressOf(own), interface: nextHop?.dev, onLink: false };
}
