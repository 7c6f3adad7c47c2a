/** From a lab to its revision: planned, predicted and rendered, with nothing deployed. */

import type { Lab } from "../lab/model";
import { isMalformed, validate } from "../lab/rules";
import { type Finding, isError } from "../lab/rules/findings";
import type { RuntimeName } from "../lab/rules/rule";
import { artifacts } from "../render/artifacts";
import { describe } from "../routing/describe";
import { reachOf } from "../routing/reach";
import { simulate } from "../routing/simulate";
import { failureSweep } from "../routing/sweep";
import { UnrestError } from "../routing/unrest";
import { type Outcome, type Revision, revisionFormat } from "./revision";

/** What a stack's configuration comes to. */
export interface PlannedStack {
    readonly stack: string;
    /** Where the lab is to run. */
    readonly runtime: RuntimeName;
    /** Everything that is wrong with the configuration and the lab. */
    readonly findings: readonly Finding[];
    /** Also one that errors forbid; absent where nothing could be planned. */
    readonly lab?: Lab | undefined;
}

/**
 * The revision of a planned stack. A lab that cannot be predicted or rendered says so in its revision; one whose addresses
 * cannot be read is left to its findings.
 */
export function revisionOf({ stack, runtime, findings, lab }: PlannedStack): Revision {
    const own = { format: revisionFormat, stack, runtime, findings };
    return lab === undefined || isMalformed(findings)
        ? { ...own, artifacts: [] }
        : { ...own, lab, ...predicted(lab, findings.some(isError)), ...rendered(lab, findings.some(isError)) };
}

/**
 * The revision of a lab that has no configuration at hand, such as one that is deployed.
 *
 * @param runtime where it runs
 */
export function revisionOfLab(stack: string, lab: Lab, runtime: RuntimeName): Revision {
    return revisionOf({ stack, runtime, findings: validate(lab, runtime), lab });
}

/** Rules keep labs predictable; of one that breaks them anything may go wrong, of another that is a mistake of ours. */
function predicted(lab: Lab, isRefused: boolean): Pick<Revision, "outcome" | "unpredicted"> {
    try {
        return { outcome: outcomeOf(lab) };
    } catch (error) {
        if (isRefused || error instanceof UnrestError) {
            return { unpredicted: messageOf(error) };
        }
        throw error;
    }
}

function outcomeOf(lab: Lab): Outcome {
    const simulation = simulate(lab);
    const reach = reachOf(lab, simulation);
    return { prediction: describe(lab, simulation), reach, failures: failureSweep(lab, simulation, reach) };
}

function rendered(lab: Lab, isRefused: boolean): Pick<Revision, "artifacts"> {
    try {
        return { artifacts: artifacts(lab) };
    } catch (error) {
        if (!isRefused) {
            throw error;
        }
        return { artifacts: [{ kind: "left out", path: ".", reason: messageOf(error) }] };
    }
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
