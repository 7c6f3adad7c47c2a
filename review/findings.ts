/** Findings of the rules that are new, and that are gone. */

import type { Finding, Severity } from "../lab/rules/findings";
import { byRank } from "./pairing";
import type { FindingsChange } from "./review";

const severities: readonly Severity[] = ["error", "warning", "info"];

/** What the rules say of one side only, errors first. */
export function findingsChange(before: readonly Finding[], after: readonly Finding[]): FindingsChange {
    const fresh = without(after, before);
    return { fresh: ordered(fresh), gone: ordered(without(before, after)), kept: after.length - fresh.length };
}

function without(findings: readonly Finding[], others: readonly Finding[]): readonly Finding[] {
    const known = new Map<string, number>();
    for (const key of others.map(keyOf)) {
        known.set(key, (known.get(key) ?? 0) + 1);
    }
    return findings.filter((finding) => {
        const key = keyOf(finding);
        const left = known.get(key) ?? 0;
        known.set(key, left - 1);
        return left <= 0;
    });
}

function keyOf({ id, severity, at, says, fix, source }: Finding): string {
    return JSON.stringify([id, severity, at, says, fix, source]);
}

function ordered(findings: readonly Finding[]): readonly Finding[] {
    return byRank(findings, ({ severity }) => severities.indexOf(severity));
}
