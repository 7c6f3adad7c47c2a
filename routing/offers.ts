/** What the ends of sessions send. */

import type { Family, Prefix } from "../lab/model";
import type { Candidate } from "./attributes";
import { isHeldBack, permits } from "./exchange";
import type { PrefixIndex } from "./prefixes";
import type { Settled } from "./settle";
import type { Peer, Speaker } from "./speakers";

/** What goes over sessions, in order of address. */
export interface Offers {
    /** The prefixes that one end of a session sends. */
    readonly sent: (peer: Peer, family: Family) => readonly Prefix[];
    /**
     * The prefixes that one end of a session gets and its incoming filter refuses. What comes back that the end sent itself
     * is not among them, nor what GoBGP drops before it asks its policy, because it went through its own AS.
     */
    readonly refused: (peer: Peer, family: Family) => readonly Prefix[];
}

/** Peers that are sent the same. */
interface UpdateGroup {
    readonly members: number;
    readonly offer: readonly Announcement[];
}

interface Announcement {
    readonly prefix: Prefix;
    readonly best: Candidate;
}

/**
 * Prepares the offers of a lab at rest; each speaker's are worked out when they are first asked for.
 *
 * FRR sends the same updates to all peers of an update group, so that each also gets back what it sent itself; a peer
 * that is alone in its group usually does not. Which of a peer's own prefixes it really got back depends on when it joined
 * the group, and verification leaves them open: a peer ignores them anyway, because it finds its own AS in the path or
 * itself as originator.
 */
export function newOffers(index: PrefixIndex, settled: Settled): Offers {
    const groups = new Map<Speaker, ReadonlyMap<string, UpdateGroup>>();
    const groupOf = (peer: Peer, family: Family): UpdateGroup => {
        if (!peer.policy[family].active) {
            return nobody;
        }
        const known = groups.get(peer.speaker) ?? updateGroups(index, settled, peer.speaker);
        groups.set(peer.speaker, known);
        return known.get(groupKey(peer, family))!;
    };
    const fresh = (peer: Peer, { offer }: UpdateGroup) =>
        offer.filter(({ best }) => best.peer !== peer && !isHeldBack(peer, best));
    return {
        sent: (peer, family) => {
            const group = groupOf(peer, family);
            const isEchoing = group.members > 1 && !peer.speaker.isGobgp;
            return (isEchoing ? group.offer : fresh(peer, group)).map(({ prefix }) => prefix);
        },
        refused: (peer, family) => {
            const { speaker, policy, other } = peer;
            const isAsked = ({ best }: Announcement) =>
                !speaker.isGobgp || !best.attributes.asPath.includes(speaker.asn);
            return fresh(other, groupOf(other, family))
                .filter((each) => isAsked(each) && !policy[family].incoming(each.prefix))
                .map(({ prefix }) => prefix);
        },
    };
}

const nobody: UpdateGroup = { members: 0, offer: [] };

function updateGroups(index: PrefixIndex, settled: Settled, speaker: Speaker): ReadonlyMap<string, UpdateGroup> {
    const groups = new Map<string, UpdateGroup>();
    for (const family of ["ipv4", "ipv6"] as const) {
        const announcements = announcementsOf(index, settled, speaker, family);
        for (const peer of speaker.peers.filter(({ policy }) => policy[family].active)) {
            const key = groupKey(peer, family);
            const group = groups.get(key);
            const offer =
                group?.offer ?? announcements.filter(({ prefix, best }) => permits(peer, family, prefix, best));
            groups.set(key, { members: (group?.members ?? 0) + 1, offer });
        }
    }
    return groups;
}

function announcementsOf(
    { inOrder, prefixes }: PrefixIndex,
    { classes }: Settled,
    speaker: Speaker,
    family: Family,
): readonly Announcement[] {
    const bests = new Map<number, Candidate>();
    for (const { family: own, members, outcome } of classes) {
        const best = outcome.best[speaker.index];
        if (own === family && best !== undefined) {
            for (const number of members) {
                bests.set(number, best);
            }
        }
    }
    return inOrder().flatMap((number) => {
        const best = bests.get(number);
        return best === undefined ? [] : [{ prefix: prefixes[number]!, best }];
    });
}

/** What FRR tells update groups apart by, as far as a lab sets it (`updgrp_hash_cmp` in bgp_updgrp.c). */
function groupKey({ group, policy }: Peer, family: Family): string {
    const { listOut, nextHopSelf, client, med } = policy[family];
    return `${family} ${group} ${listOut} ${nextHopSelf} ${client} ${med}`;
}
