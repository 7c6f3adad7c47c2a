/** What one state of the project makes of one stack: everything that a review compares, as plain data. */

import type { Lab } from "../lab/model";
import type { Finding } from "../lab/rules/findings";
import type { RuntimeName } from "../lab/rules/rule";
import type { Artifact } from "../render/artifacts";
import type { Prediction } from "../routing/prediction";
import type { Reach } from "../routing/reach";
import type { FailureEffect } from "../routing/sweep";

/** Counts up when the data of a revision changes its form; revisions of other formats are not compared. */
export const revisionFormat = 1;

/**
 * A stack as one state of the project plans, predicts and renders it. Written by the very code of that state, so that a
 * change of the code shows as well as one of the configuration.
 */
export interface Revision {
    readonly format: number;
    readonly stack: string;
    readonly runtime: RuntimeName;
    /** What the rules say. */
    readonly findings: readonly Finding[];
    /** The lab as far as it could be planned, also where an error forbids it; absent when nothing could be planned. */
    readonly lab?: Lab;
    /** Absent where there is no lab, or it does not come to rest. */
    readonly outcome?: Outcome;
    /** Why there is a lab and no outcome. */
    readonly unpredicted?: string;
    readonly artifacts: readonly Artifact[];
}

/** What the lab settles on. */
export interface Outcome {
    readonly prediction: Prediction;
    /** Who reaches what: services and pods, from hosts and from whoever the lab's checks let ask. */
    readonly reach: readonly Reach[];
    /** What each single fault takes with it. */
    readonly failures: readonly FailureEffect[];
}
