/** How speakers exchange paths: what a peer is sent, and what it keeps of it. */

import type { Address, Family, Prefix } from "../lab/model";
import { type Attributes, type Candidate, defaultLocalPreference, isUnspecified } from "./attributes";
import { nextHopOf } from "./decision";
import { unspecified } from "./origination";
import type { FamilyPolicy, Peer } from "./speakers";

/** What a speaker tells peers of one voice of its best path. */
interface Letter {
    readonly permitted: boolean;
    /** With the speaker itself as next hop; made when it is first wanted. */
    own: Attributes | undefined;
    /** With the path's next hop. */
    kept: Attributes | undefined;
}

/** What is told of one best path, by voice. */
export type Letters = (Letter | undefined)[];

/**
 * The path that a peer is sent; nothing when it must not have it.
 *
 * @param letters what was told of the same best path before
 */
export function exported(
    peer: Peer,
    family: Family,
    prefix: Prefix,
    best: Candidate,
    letters: Letters,
): Attributes | undefined {
    let letter = letters[peer.voice];
    if (letter === undefined) {
        letter = { permitted: permits(peer, family, prefix, best), own: undefined, kept: undefined };
        letters[peer.voice] = letter;
    }
    if (best.peer === peer || !letter.permitted || isHeldBack(peer, best)) {
        return undefined;
    }
    const nextHop = nextHopFor(peer, family, best);
    if (nextHop === undefined) {
        letter.own ??= told(peer, family, best, undefined);
        return letter.own;
    }
    letter.kept ??= told(peer, family, best, nextHop);
    return letter.kept;
}

/**
 * GoBGP sends nothing back to the router that it has it from, over whichever session, and nothing that went through the
 * peer's AS (`filterPathFromSourcePeer` and `isASLoop` in its pkg/server).
 */
export function isHeldBack({ speaker, identifier, other }: Peer, { attributes, peer: from }: Candidate): boolean {
    return (
        speaker.isGobgp &&
        from !== undefined &&
        (from.identifier === identifier || attributes.asPath.includes(other.speaker.asn))
    );
}

/** Whether a session lets a speaker's best path out. */
export function permits(peer: Peer, family: Family, prefix: Prefix, best: Candidate): boolean {
    const policy = peer.policy[family];
    return policy.active && !isSplit(peer, best, policy, family) && policy.outgoing(prefix);
}

/**
 * A path learned over iBGP is passed on over iBGP only from and to clients of a reflector (RFC 4271 §9.2, RFC 4456 §6).
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

function told(peer: Peer, family: Family, best: Candidate, nextHop: Address | undefined): Attributes {
    const { attributes, peer: from } = best;
    const { speaker, kind } = peer;
    const { med } = peer.policy[family];
    const isExternal = kind === "ebgp";
    const reflected = isReflected(peer, best);
    return {
        nextHop,
        linkLocal: peer.sendsLinkLocal && family === "ipv6",
        asPath: isExternal ? [speaker.asn, ...attributes.asPath] : attributes.asPath,
        origin: attributes.origin,
        localPreference: isExternal ? defaultLocalPreference : attributes.localPreference,
        med: isExternal ? (med ?? (from === undefined ? attributes.med : 0)) : attributes.med,
        originator: reflected ? (attributes.originator ?? from?.identifier) : undefined,
        clusters: reflected ? [speaker.clusterId, ...attributes.clusters] : noClusters,
        usable: true,
    };
}

const noClusters: readonly Address[] = [];

/** The path as the receiver keeps it; nothing when it refuses it. */
export function imported(peer: Peer, family: Family, prefix: Prefix, path: Attributes): Attributes | undefined {
    const { incoming, localPreference } = peer.policy[family];
    if (isLoop(peer, path) || !incoming(prefix)) {
        return undefined;
    }
    return localPreference === undefined ? path : { ...path, localPreference };
}

/**
 * What went through the receiver before: its AS, its cluster, itself as originator (RFC 4456 §8), or as next hop. GoBGP does
 * not look at next hops.
 */
function isLoop({ speaker }: Peer, { asPath, clusters, originator, nextHop }: Attributes): boolean {
    return (
        asPath.includes(speaker.asn) ||
        clusters.includes(speaker.clusterId) ||
        originator === speaker.identifier ||
        (nextHop !== undefined && !speaker.isGobgp && speaker.ownAddresses.has(nextHop))
    );
}

/**
 * The next hop that a peer is told (RFC 4271 §5.1.3); nothing for the speaker itself. Over eBGP it is the speaker, unless
 * the path's own next hop is on the link with the peer; over iBGP the path's own, unless the session says `next-hop-self`,
 * which FRR leaves out of account for reflected paths.
 */
function nextHopFor(peer: Peer, family: Family, best: Candidate): Address | undefined {
    if (peer.leak !== undefined && best.peer === undefined) {
        return unspecified(family);
    }
    const nextHop = nextHopOf(best, family);
    if (isUnspecified(nextHop) || (peer.policy[family].nextHopSelf && !isReflected(peer, best))) {
        return undefined;
    }
    const isKept = peer.kind === "ibgp" || (peer.link !== undefined && peer.speaker.linkTo(nextHop) === peer.link);
    return isKept ? nextHop : undefined;
}
