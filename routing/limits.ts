/** Limits on the prefixes that a session accepts, and what comes of more. */

import { familyName } from "../lab/address";
import type { Family } from "../lab/model";
import { type End, endKey } from "./ends";
import type { Pair } from "./sessions";
import type { Settled } from "./settle";
import { type Peer, peersByEnd } from "./speakers";

/**
 * The sessions that their ends close because more prefixes came than they accept (Cease, RFC 4486 subcode 1). FRR counts
 * each family by itself, after the incoming filter, and closes the session for all of them. It does not open it again.
 */
export function closedByLimits(pairs: readonly Pair[], settled: Settled): readonly Pair[] {
    const limited = pairs.filter(({ state, local, remote }) => state.up && [local, remote].some(hasLimit));
    if (limited.length === 0) {
        return [];
    }
    const peers = peersByEnd(settled.speakers);
    return limited.flatMap((pair): readonly Pair[] => {
        const [local, remote] = [pair.local, pair.remote!];
        const closing = [
            { closed: "local", reason: excess(local, remote, peers, settled) },
            { closed: "remote", reason: excess(remote, local, peers, settled) },
        ] as const;
        const [first] = closing.flatMap(({ closed, reason }) => (reason === undefined ? [] : [{ closed, reason }]));
        return first === undefined
            ? []
            : [{ ...pair, state: { up: false, reason: first.reason }, closed: first.closed }];
    });
}

/** Whether an end accepts only so many prefixes of a family. */
function hasLimit(end: End | undefined): boolean {
    return end?.families.some(({ maximumPrefixes }) => maximumPrefixes !== undefined) === true;
}

/** Why an end closes its session; nothing when it does not. */
function excess(end: End, other: End, peers: ReadonlyMap<string, Peer>, settled: Settled): string | undefined {
    const peer = peers.get(endKey(end));
    for (const { family, maximumPrefixes: limit } of end.families) {
        const count = peer === undefined || limit === undefined ? 0 : accepted(peer, family, settled);
        if (limit !== undefined && count > limit) {
            const prefixes = `${familyName(family)} ${limit === 1 ? "prefix" : "prefixes"}`;
            return `${end.name} accepts ${limit} ${prefixes} from ${other.name} and gets ${count}: it closes the session until somebody clears it (RFC 4486, Cease subcode 1)`;
        }
    }
    return undefined;
}

/** Number of prefixes of a family that came over a session and passed its filter. */
function accepted({ index }: Peer, family: Family, { classes }: Settled): number {
    return classes
        .filter((each) => each.family === family && each.outcome.received[index] !== undefined)
        .reduce((sum, { members }) => sum + members.length, 0);
}
