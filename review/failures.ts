/** Single faults that take more, or less, than they did, of what exists in both revisions. */

import type { Lab } from "../lab/model";
import type { Fault } from "../routing/failures";
import { deviceOf, type FailureEffect } from "../routing/sweep";
import { byRank } from "./pairing";
import type { FailureChange } from "./review";
import type { Revision } from "./revision";

type Pair = FailureChange["pairs"][number];

/** Kinds of faults, those that take others with them first. */
const kinds: readonly Fault["kind"][] = ["node", "link", "session", "daemon"];

/** Faults whose effect differs, those that take more than they did first. Who stands on a device that fails is not asked. */
export function failureChanges(before: Revision, after: Revision): readonly FailureChange[] {
    if (before.outcome === undefined || after.outcome === undefined) {
        return [];
    }
    const known = new Map(before.outcome.failures.map((effect) => [effect.name, effect]));
    const common = commonPairs(before, after);
    const effects = byRank(after.outcome.failures, ({ fault }) => kinds.indexOf(fault.kind));
    const changes = effects.flatMap((is): readonly FailureChange[] => {
        const was = known.get(is.name);
        return was === undefined ? [] : changesOf(was, is, (pair) => common(pair, is));
    });
    return byRank(changes, ({ effect }) => (effect === "worse" ? 0 : 1));
}

/** Whether a pair is reached on both sides while nothing is broken, by somebody whom the fault leaves standing. */
function commonPairs(...sides: readonly Revision[]): (pair: Pair, effect: FailureEffect) => boolean {
    const reached = sides.map(
        ({ outcome }) =>
            new Set((outcome?.reach ?? []).filter(({ reason }) => reason === undefined).map((each) => keyOf(each))),
    );
    const labs = sides.flatMap(({ lab }): readonly Lab[] => (lab === undefined ? [] : [lab]));
    return (pair, { fault }) =>
        reached.every((keys) => keys.has(keyOf(pair))) &&
        !(fault.kind === "node" && labs.some((lab) => deviceOf(lab, pair.from) === fault.device));
}

function keyOf({ from, to, name }: Pair): string {
    return JSON.stringify([from, to, name]);
}

/** What one fault takes on one side only; of a side that does not come to rest nobody knows. */
function changesOf(was: FailureEffect, is: FailureEffect, isCommon: (pair: Pair) => boolean): readonly FailureChange[] {
    const fault = is.name;
    if (was.unrest !== undefined || is.unrest !== undefined) {
        return unrestChange(was, is);
    }
    const worse = without(is, was).filter(isCommon);
    const better = without(was, is).filter(isCommon);
    const harmless = was.unreachable.length === 0 ? { harmlessBefore: true } : {};
    return [
        ...(worse.length === 0 ? [] : [{ effect: "worse" as const, fault, pairs: worse, ...harmless }]),
        ...(better.length === 0 ? [] : [{ effect: "better" as const, fault, pairs: better }]),
    ];
}

function unrestChange(was: FailureEffect, is: FailureEffect): readonly FailureChange[] {
    if ((was.unrest === undefined) === (is.unrest === undefined)) {
        return [];
    }
    return is.unrest === undefined
        ? [{ effect: "better", fault: is.name, pairs: [] }]
        : [{ effect: "worse", fault: is.name, pairs: [], unrest: is.unrest }];
}

/** What a fault takes on one side and not on the other, with whether it takes the same from others there. */
function without({ unreachable: targets }: FailureEffect, { unreachable: others }: FailureEffect): readonly Pair[] {
    const known = new Set(others.map(keyOf));
    const partly = new Set(others.map(({ to }) => to));
    return targets
        .filter((target) => !known.has(keyOf(target)))
        .map(({ from, to, name }) => ({ from, to, name, ...(partly.has(to) ? { others: true } : {}) }));
}
