/** How speakers exchange paths: what a peer is sent, and what it keeps of it. */

import { contains, familyOf } from "../lab/address";
import type { Address, Family, Prefix } from "../lab/model";
import { type Attributes, type Candidate, defaultLocalPreference, isUnspecified } from "./attributes";
import { nextHopOf } from "./decision";
import { unspecified } from "./origination";
import type { FamilyPolicy, Peer } from "./speakers";

/** Paths made for one peer that others are told as well. */
export type Shared = Map<string, Attributes>;

/**
 * The path that a peer is sent; nothing when it must not have it.
 *
 * @param shared the paths that were made of the same best path for other peers
 */
export function exported(peer: Peer, prefix: Prefix, best: Candidate, shared: Shared): Attributes | undefined {
    if (best.peer === peer || !permits(peer, prefix, best)) {
        return undefined;
    }
    const family = familyOf(prefix);
    const policy = peer.policy[family];
    const nextHop = nextHopFor(peer, prefix, best, policy);
    const linkLocal = peer.sendsLinkLocal && family === "ipv6";
    const reflected = isReflected(peer, best);
    const key = `${peer.kind} ${reflected} ${nextHop} ${linkLocal} ${policy.med}`;
    const sent = shared.get(key) ?? told(peer, best, policy, nextHop, linkLocal, reflected);
    shared.set(key, sent);
    return sent;
}

/** Whether a session lets a speaker's best path out. */
export function permits(peer: Peer, prefix: Prefix, best: Candidate): boolean {
    const policy = peer.policy[familyOf(prefix)];
    return policy.active && !isSplit(peer, best, policy, familyOf(prefix)) && policy.outgoing(prefix);
}

/**
 * A path learned over iBGP is passed on over iBGP only from and to clients of a reflector (RFC 4271 §9.2.1, RFC 4456 §6).
 * What came from another VRF does not go to a third one.
 */
function isSplit(peer: Peer, { peer: from }: Candidate, policy: FamilyPolicy, family: Family): boolean {
    if (peer.kind === "ebgp" || from?.kind !== "ibgp") {
        return false;
    }
    const leaksOn = peer.leak !== undefined && from.leak !== undefined;
    return leaksOn || !(policy.client || from.policy[family].client);
}

function isReflected(peer: Peer, { peer: from }: Candidate): boolean {
    return peer.kind === "ibgp" && from?.kind === "ibgp";
}

function told(
    peer: Peer,
    { attributes, peer: from }: Candidate,
    { med }: FamilyPolicy,
    nextHop: Address | undefined,
    linkLocal: boolean,
    reflected: boolean,
): Attributes {
    const { speaker, kind } = peer;
    const common = {
        ...(nextHop === undefined ? {} : { nextHop }),
        linkLocal,
        origin: attributes.origin,
        usable: true,
    };
    if (kind === "ebgp") {
        return {
            ...common,
            asPath: [speaker.asn, ...attributes.asPath],
            localPreference: defaultLocalPreference,
            med: med ?? (from === undefined ? attributes.med : 0),
            clusters: [],
        };
    }
    const { asPath, localPreference, originator = from?.identifier } = attributes;
    const reflection =
        reflected && originator !== undefined
            ? { originator, clusters: [speaker.clusterId, ...attributes.clusters] }
            : { clusters: attributes.clusters };
    return { ...common, asPath, localPreference, med: attributes.med, ...reflection };
}

/** The path as the receiver keeps it; nothing when it refuses it. */
export function imported(peer: Peer, prefix: Prefix, path: Attributes): Attributes | undefined {
    const { incoming, localPreference } = peer.policy[familyOf(prefix)];
    if (isLoop(peer, path) || !incoming(prefix)) {
        return undefined;
    }
    return localPreference === undefined ? path : { ...path, localPreference };
}

/** What went through the receiver before: its AS, its cluster, itself as originator (RFC 4456 §8), or as next hop. */
function isLoop({ speaker }: Peer, { asPath, clusters, originator, nextHop }: Attributes): boolean {
    return (
        asPath.includes(speaker.asn) ||
        clusters.includes(speaker.clusterId) ||
        originator === speaker.routerId ||
        (nextHop !== undefined && speaker.ownAddresses.has(nextHop))
    );
}

/**
 * The next hop that a peer is told (RFC 4271 §5.1.3); nothing for the speaker itself. Over eBGP it is the speaker, unless
 * the path's own next hop is on the link with the peer; over iBGP the path's own, unless the session says `next-hop-self`,
 * which FRR leaves out of account for reflected paths.
 */
function nextHopFor(peer: Peer, prefix: Prefix, best: Candidate, { nextHopSelf }: FamilyPolicy): Address | undefined {
    if (peer.leak !== undefined && best.peer === undefined) {
        return unspecified(prefix);
    }
    const nextHop = nextHopOf(best, familyOf(prefix));
    if (isUnspecified(nextHop) || (nextHopSelf && !isReflected(peer, best))) {
        return undefined;
    }
    const keeps = peer.kind === "ibgp" || peer.subnets.some((subnet) => contains(subnet, nextHop));
    return keeps ? nextHop : undefined;
}
