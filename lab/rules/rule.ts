import type { Lab } from "../model";
import type { Path } from "../path";
import type { Severity } from "./findings";

/** Where a lab can run. */
export type RuntimeName = "netns" | "docker";

/** One place where a lab breaks a rule. */
export interface Violation {
    /** Where the value stands that should change. */
    readonly at: Path;
    /** Other values that took part; changing them may be the fix as well. */
    readonly with?: readonly Path[];
    readonly says: string;
    readonly fix: string;
}

/** One thought about labs, with the document it comes from. */
export interface Rule {
    /** Stable id: topic, subject, number. Ids are never given to another rule. */
    readonly id: string;
    readonly severity: Severity;
    /** RFC or document that says so. */
    readonly source: string;
    /** The only runtime whose labs it is about; absent means that it is about all labs. */
    readonly runtime?: RuntimeName;
    /** Yields every place that breaks the rule. */
    readonly check: (lab: Lab) => Iterable<Violation>;
}

/** Declares a rule. */
export function rule(declared: Rule): Rule {
    return declared;
}
