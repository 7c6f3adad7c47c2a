/** What a change does to a stack: two revisions of it, compared part by part. */

import type { Lab } from "../lab/model";
import { isError } from "../lab/rules/findings";
import { markedMermaid } from "../render/diagram";
import { configurationChanges } from "./configurations";
import { deviceChanges } from "./devices";
import { failureChanges } from "./failures";
import { findingsChange } from "./findings";
import { interruptionOf } from "./interruption";
import { networkChanges } from "./networks";
import { programChanges } from "./programs";
import { remainingChanges } from "./remainder";
import type { Review } from "./review";
import type { Outcome, Revision } from "./revision";
import { routeChanges } from "./routes";
import { serviceChanges } from "./services";
import { sessionChanges } from "./sessions";

/** The parts of a review in which a change shows. */
type Parts = Omit<Review, "stack" | "kind" | "interruption" | "unpredicted" | "diagram">;

/**
 * Compares two revisions of one stack.
 *
 * @param before absent for a stack that is new
 * @param after absent for a stack that is removed
 * @throws Error when both are absent
 */
export function compare(before: Revision | undefined, after: Revision | undefined): Review {
    const { stack } = after ?? before ?? noRevision();
    const parts = partsOf(before, after);
    const unpredicted = unpredictedOf(before, after);
    const interruption =
        isApplied(after) && before?.outcome !== undefined
            ? interruptionOf(parts.sessions, after.lab, after.outcome, before.outcome)
            : undefined;
    const diagram = before?.lab && after?.lab && markedMermaid(before.lab, after.lab);
    return {
        stack,
        kind: kindOf(before, after, parts),
        ...parts,
        ...(interruption === undefined ? {} : { interruption }),
        ...(unpredicted === undefined ? {} : { unpredicted }),
        ...(diagram === undefined ? {} : { diagram }),
    };
}

/** Whether a lab comes about at all. */
function isApplied(after: Revision | undefined): after is Revision & { readonly lab: Lab; readonly outcome: Outcome } {
    return after?.lab !== undefined && after.outcome !== undefined && !after.findings.some(isError);
}

function noRevision(): never {
    throw new Error("a review compares two revisions of a stack, or looks at one");
}

function partsOf(before: Revision | undefined, after: Revision | undefined): Parts {
    const findings = findingsChange(before?.findings ?? [], after?.findings ?? []);
    // Of a configuration that cannot become a lab nobody knows what is added or removed.
    if ([before, after].some((revision) => revision !== undefined && revision.lab === undefined)) {
        return { ...noParts, findings };
    }
    const passing = {
        services: serviceChanges(before, after),
        sessions: sessionChanges(before, after),
        devices: deviceChanges(before?.lab, after?.lab),
        networks: networkChanges(before?.lab, after?.lab),
        programs: programChanges(before, after),
        configurations: configurationChanges(before, after),
    };
    if (before?.lab === undefined || after?.lab === undefined) {
        return { ...noParts, findings, ...passing };
    }
    return {
        findings,
        ...passing,
        failures: failureChanges(before, after),
        routes: routeChanges(before, after),
        programs: [...passing.programs, ...remainingChanges(before.lab, after.lab, passing)],
    };
}

const noParts: Parts = {
    findings: { fresh: [], gone: [], kept: 0 },
    services: [],
    failures: [],
    sessions: [],
    routes: [],
    devices: [],
    networks: [],
    programs: [],
    configurations: [],
};

function kindOf(before: Revision | undefined, after: Revision | undefined, parts: Parts): Review["kind"] {
    if (after === undefined) {
        return "removed";
    }
    if (isEmpty(parts) && before?.unpredicted === after.unpredicted) {
        return "unchanged";
    }
    if (after.findings.some(isError)) {
        return "refused";
    }
    if (before === undefined) {
        return "new";
    }
    return before.findings.some(isError) ? "repaired" : "changed";
}

function isEmpty({ findings: { fresh, gone }, ...lists }: Parts): boolean {
    return [fresh, gone, ...Object.values(lists)].every((list) => list.length === 0);
}

/** Why one of the two has no outcome, the one after the change first. */
function unpredictedOf(before: Revision | undefined, after: Revision | undefined): string | undefined {
    return (
        after?.unpredicted ??
        (before?.unpredicted === undefined ? undefined : `before the change: ${before.unpredicted}`)
    );
}
