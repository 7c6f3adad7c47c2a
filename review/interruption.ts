/** What is cut off while a change is applied: sessions that are reset are down for a while, and their routes are gone. */

import type { Lab } from "../lab/model";
import { type Reach, reachOf } from "../routing/reach";
import type { Pair } from "../routing/sessions";
import { simulate, sound, withEnds } from "../routing/simulate";
import { UnrestError } from "../routing/unrest";
import type { Interruption, SessionChange, SessionEnd } from "./review";
import type { Outcome } from "./revision";

/**
 * Who reaches what no longer while all sessions that are reset are down at once, as they may be when everything is applied
 * together.
 *
 * @param lab the lab after the change, and `outcome` what it settles on
 * @param before what the lab before the change settled on: who did not reach something then is not cut off from it
 * @returns nothing when no session is reset, or routing does not come to rest without them
 */
export function interruptionOf(
    sessions: readonly SessionChange[],
    lab: Lab,
    outcome: Outcome,
    before: Outcome,
): Interruption | undefined {
    const reset = new Set(sessions.filter(({ applied }) => applied === "reset").map(nameOf));
    if (reset.size === 0) {
        return undefined;
    }
    const down = simulate(lab)
        .pairs.filter((pair) => reset.has(pairName(pair)))
        .map((pair) => ({ ...pair, state: { up: false, reason: "it is reset" } as const }));
    // A router that is itself reset says nothing of what others reach through it.
    const isReset = (from: string) =>
        from in lab.routers &&
        down.some(({ local, remote }) => [local, remote].some((end) => end?.place.device === from));
    try {
        const meanwhile = simulate(lab, { ...sound, sessions: withEnds(new Map(), down) });
        const reached = new Set(outcome.reach.filter(isReached).map(keyOf));
        const known = new Set(before.reach.filter(isReached).map(askedName));
        const lost = reachOf(lab, meanwhile).filter(
            (each) => !isReached(each) && reached.has(keyOf(each)) && known.has(askedName(each)) && !isReset(each.from),
        );
        return { lost: lost.map(({ from, to, name }) => ({ from, to, name })) };
    } catch (error) {
        if (error instanceof UnrestError) {
            return undefined;
        }
        throw error;
    }
}

function isReached({ reason }: Reach): boolean {
    return reason === undefined;
}

/** Who asks for what, whatever its address is. */
function askedName({ from, name }: Reach): string {
    return JSON.stringify([from, name]);
}

function keyOf({ from, to }: { readonly from: string; readonly to: string }): string {
    return `${from} ${to}`;
}

function nameOf({ local, remote }: SessionChange): string {
    return namesOf(local, remote);
}

function pairName({ local, remote, owner }: Pair): string {
    const end = (device: string | undefined, address: string | undefined) => ({
        device: device ?? "",
        ...(address === undefined ? {} : { address }),
    });
    return namesOf(end(local.place.device, local.address), end(remote?.place.device ?? owner, local.peerAddress));
}

/** A name for a session that does not depend on which end is the local one. */
function namesOf(...ends: readonly SessionEnd[]): string {
    return ends
        .map(({ device, address }) => `${device} ${address}`)
        .sort()
        .join(" ");
}
