/** What resources make of the results of checks. */

import type { CheckResult } from "../verify/check";
import { failures } from "../verify/report";
import type { Drift } from "./sandbox/protocol";

function failed(results: readonly CheckResult[]): readonly CheckResult[] {
    return results.filter(({ status }) => status === "fail");
}

/** @throws Error that tells which checks failed, unless all hold */
export function requirePassed(results: readonly CheckResult[]): void {
    const { length } = failed(results);
    if (length > 0) {
        throw new Error(`${length} of ${results.length} checks failed\n${failures(results)}`);
    }
}

/** Checks that do not hold, as a refresh reports them. */
export function driftOf(results: readonly CheckResult[]): readonly Drift[] {
    return failed(results).map(({ subject, observed }) => ({
        path: `checks[${JSON.stringify(subject)}]`,
        found: observed,
    }));
}
