/** Lets the speakers of a lab agree on one prefix: they decide and tell each other until nobody changes its mind. */

import { familyOf } from "../lab/address";
import type { Family, Prefix } from "../lab/model";
import { type Attributes, type Candidate, sameAttributes } from "./attributes";
import { bestOf, type Validity } from "./decision";
import { exported, imported, type Letters } from "./exchange";
import type { Peer, Speaker } from "./speakers";

/** What the speakers hold of one prefix, or of any number of prefixes that fare alike. */
export interface Outcome {
    /** Own paths by the number of their speaker. */
    readonly own: ReadonlyMap<number, readonly Attributes[]>;
    /** Paths that passed import, by the number of the session's end. */
    readonly received: readonly (Attributes | undefined)[];
    /** The best path of each speaker, by its number. */
    readonly best: readonly (Candidate | undefined)[];
}

/** Decisions of one speaker about one prefix after which it is said never to settle. */
const mostDecisions = 1000;

/** Speakers that prefer each other's paths in a circle, so that none of them ever settles. */
export class DisputeError extends Error {
    constructor(
        readonly speaker: Speaker,
        readonly prefix: Prefix,
    ) {
        super(`${speaker.table.place.key} never settles on a path to ${prefix}`);
    }
}

/** Work in progress on one prefix. */
interface Work {
    readonly speakers: readonly Speaker[];
    readonly family: Family;
    readonly prefix: Prefix;
    readonly isValid: Validity;
    readonly own: Outcome["own"];
    readonly received: (Attributes | undefined)[];
    readonly best: (Candidate | undefined)[];
    /** Speakers that have to decide, in the order in which they learned of it. */
    readonly waiting: Set<number>;
    readonly listenersOf: (speaker: Speaker) => readonly Peer[];
}

/** In which order speakers tell what they decided; where only one state is at rest, the order does not matter. */
export type Order = "forwards" | "backwards";

/**
 * Finds a state in which no speaker would choose otherwise. Where several exist, it is the one that is reached when every
 * message takes equally long.
 *
 * @param own own paths by the number of their speaker
 * @throws DisputeError when there is no such state within reach
 */
export function converge(
    speakers: readonly Speaker[],
    prefix: Prefix,
    own: Outcome["own"],
    isValid: Validity,
    order: Order = "forwards",
): Outcome {
    const ends = speakers.reduce((sum, { peers }) => sum + peers.length, 0);
    const work: Work = {
        speakers,
        family: familyOf(prefix),
        prefix,
        isValid,
        own,
        received: new Array<Attributes | undefined>(ends).fill(undefined),
        best: new Array<Candidate | undefined>(speakers.length).fill(undefined),
        waiting: new Set(order === "forwards" ? own.keys() : [...own.keys()].reverse()),
        listenersOf: ({ listeners }) => (order === "forwards" ? listeners : listeners.toReversed()),
    };
    decideInTurn(work);
    return { own, received: work.received, best: work.best };
}

/** What happens to an agreement. */
export interface Disturbance {
    /** Own paths as they are now, by the number of their speaker. */
    readonly own: Outcome["own"];
    /** Ends of sessions that are gone, by their numbers. */
    readonly silent: ReadonlyMap<number, Peer>;
    /** Numbers of speakers whose own paths or tables have changed. */
    readonly awake: Iterable<number>;
}

/** What speakers agree on after a disturbance. */
export interface Agreement {
    readonly outcome: Outcome;
    /** Numbers of the speakers that may hold other paths than before. */
    readonly touched: ReadonlySet<number>;
}

/**
 * Lets speakers go on from what they agreed on. It ends where {@link converge} does if only one state is at rest, which is
 * so as long as no session has preferences of its own.
 *
 * @throws DisputeError when there is no such state within reach
 */
export function reconverge(
    speakers: readonly Speaker[],
    prefix: Prefix,
    before: Outcome,
    { own, silent, awake }: Disturbance,
    isValid: Validity,
): Agreement {
    const received = [...before.received];
    const waiting = new Set(awake);
    const isGone = ({ index }: Peer) => silent.has(index);
    for (const [number, { speaker }] of silent) {
        if (received[number] !== undefined) {
            received[number] = undefined;
            waiting.add(speaker.index);
        }
    }
    const touched = new Set(waiting);
    const work: Work = {
        speakers,
        family: familyOf(prefix),
        prefix,
        isValid,
        own,
        received,
        best: [...before.best],
        waiting,
        listenersOf: ({ listeners }) =>
            listeners.some(isGone) ? listeners.filter((peer) => !isGone(peer)) : listeners,
    };
    decideInTurn(work, touched);
    return { outcome: { own, received, best: work.best }, touched };
}

/** @param decided takes the numbers of the speakers that decided */
function decideInTurn(work: Work, decided?: Set<number>): void {
    const { speakers, waiting, prefix } = work;
    const decisions = new Uint16Array(speakers.length);
    for (const number of waiting) {
        waiting.delete(number);
        decided?.add(number);
        decisions[number]! += 1;
        if (decisions[number]! > mostDecisions) {
            throw new DisputeError(speakers[number]!, prefix);
        }
        decide(work, speakers[number]!);
    }
}

/** Whether a speaker holds the same path in two outcomes. */
export function sameBest(a: Outcome, b: Outcome, speaker: Speaker): boolean {
    const [one, other] = [a.best[speaker.index], b.best[speaker.index]];
    return one?.peer === other?.peer && sameAttributes(one?.attributes, other?.attributes);
}

function decide(work: Work, speaker: Speaker): void {
    const best = bestOf(candidatesOf(speaker, work), speaker.isGobgp, work.isValid);
    const before = work.best[speaker.index];
    if (best?.peer === before?.peer && sameAttributes(best?.attributes, before?.attributes)) {
        return;
    }
    work.best[speaker.index] = best;
    const letters: Letters = [];
    for (const peer of work.listenersOf(speaker)) {
        tell(work, peer, best, letters);
    }
}

/** All paths that a speaker may choose of, its own first. */
export function candidatesOf(speaker: Speaker, { own, received }: Pick<Outcome, "own" | "received">): Candidate[] {
    const candidates: Candidate[] = (own.get(speaker.index) ?? []).map((attributes) => ({
        attributes,
        peer: undefined,
    }));
    for (const peer of speaker.peers) {
        const attributes = received[peer.index];
        if (attributes !== undefined) {
            candidates.push({ attributes, peer });
        }
    }
    return candidates;
}

/** Sends the best path, or its withdrawal. */
function tell(work: Work, peer: Peer, best: Candidate | undefined, letters: Letters): void {
    const sent = best === undefined ? undefined : exported(peer, work.family, work.prefix, best, letters);
    const kept = sent === undefined ? undefined : imported(peer.other, work.family, work.prefix, sent);
    const { index, speaker } = peer.other;
    if (!sameAttributes(kept, work.received[index])) {
        work.received[index] = kept;
        work.waiting.add(speaker.index);
    }
}
