/** What the ends of sessions send. */

import type { Family, Prefix } from "../lab/model";
import type { Candidate } from "./attributes";
import { isHeldBack, permits } from "./exchange";
import type { PrefixIndex } from "./prefixes";
import type { Settled } from "./settle";
import type { Peer, Speaker } from "./speakers";

/** Gives the prefixes that one end of a session sends, in order of address. */
export type Offers = (peer: Peer, family: Family) => readonly Prefix[];

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
    return (peer, family) => {
        if (!peer.policy[family].active) {
            return [];
        }
        const known = groups.get(peer.speaker) ?? updateGroups(index, settled, peer.speaker);
        groups.set(peer.speaker, known);
        const { members, offer } = known.get(groupKey(peer, family))!;
        const isEchoing = members > 1 && !peer.speaker.isGobgp;
        const sent = isEchoing ? offer : offer.filter(({ best }) => best.peer !== peer && !isHeldBack(peer, best));
        return sent.map(({ prefix }) => prefix);
    };
}

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
