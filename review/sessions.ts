/** BGP sessions that come, go or change: each is found again by its ends, whatever else about it changes. */

import type { SessionState } from "../routing/prediction";
import { appliedTo } from "./applied";
import { byRank, kindOf, type Paired, pairUp } from "./pairing";
import type { FieldChange, SessionChange, SessionEnd } from "./review";
import type { Revision } from "./revision";
import { type End, type Session, sessionKeys, sessionsOf } from "./session-ends";
import { sessionFields } from "./session-fields";

/** Sessions that differ, those that go down first. */
export function sessionChanges(before: Revision | undefined, after: Revision | undefined): readonly SessionChange[] {
    return byRank(pairUp(sessionsOf(before), sessionsOf(after), ...sessionKeys).flatMap(sessionChange), importance);
}

function sessionChange(pair: Paired<Session>): readonly SessionChange[] {
    const { before, after } = pair;
    const kind = kindOf(pair);
    const [local, remote] = (after ?? before)!.ends.map((end, place) => known(end, before?.ends[place])) as [End, End];
    const fields = before === undefined || after === undefined ? [] : sessionFields(before, after);
    if (kind === "changed" && fields.length === 0 && isSameState(before?.state, after?.state)) {
        return [];
    }
    const reason = after?.state?.up === false ? { reason: after.state.reason } : {};
    return [
        {
            kind,
            local: shown(local),
            remote: shown(remote),
            ...(before?.state === undefined ? {} : { upBefore: before.state.up }),
            ...(after?.state === undefined ? {} : { upAfter: after.state.up }),
            ...reason,
            fields,
            ...(before?.state?.up && after?.state?.up ? effectOf(fields, after) : {}),
        },
    ];
}

/** What is not predicted on one side is not said to change. */
function isSameState(before: SessionState | undefined, after: SessionState | undefined): boolean {
    return before === undefined || after === undefined || JSON.stringify(before) === JSON.stringify(after);
}

/** What the daemons at both ends do about the change. */
function effectOf(fields: readonly FieldChange[], { ends }: Session): Pick<SessionChange, "applied"> {
    const applied = appliedTo(
        fields,
        ends.map(({ device, configured }) => ({ device, program: configured?.program })),
    );
    return applied === undefined ? {} : { applied };
}

/** Of an end that no longer answers, the instance is the one that did. */
function known(end: End, before: End | undefined): End {
    return { ...end, instance: end.instance ?? before?.instance };
}

/** Cilium's speaker is mostly a node's only one, and goes without saying. */
function shown({ device, instance, address }: End): SessionEnd {
    return {
        device,
        ...(instance === undefined || instance === "cilium" ? {} : { instance }),
        ...(address === undefined ? {} : { address }),
    };
}

/** Sessions that go down first, then those that go or come in vain, then what else changes, then what comes up. */
function importance({ kind, upBefore, upAfter }: SessionChange): number {
    switch (kind) {
        case "changed":
            return upBefore === true && upAfter === false ? 0 : upBefore === false && upAfter === true ? 4 : 3;
        case "removed":
            return upBefore === false ? 6 : 1;
        case "added":
            return upAfter === false ? 2 : 5;
    }
}
