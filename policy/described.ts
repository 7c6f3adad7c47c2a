/** What every policy tells of itself. */

import type { Severity } from "@pulumi/policy";
import type { Declared } from "./parameters";

/** A policy as people choose, configure and read it. */
export interface Described {
    /** Its name in the pack's configuration. */
    readonly name: string;
    /** What it asks for, in one sentence. */
    readonly description: string;
    /** How much a violation matters, in Pulumi's words. */
    readonly severity: Severity;
    /** The document that says so; lab/rules/links.ts knows where it can be read. */
    readonly source: string;
    /** What to do about a violation. */
    readonly remediation: string;
}

/** A policy of an organisation's own, or about resources. */
export interface Configurable<Parameters extends Declared> extends Described {
    /** Stable id of what it finds. */
    readonly id: string;
    readonly parameters: Parameters;
}

/** How strictly a policy is enforced. A mandatory one stops a preview; `remediate` is `mandatory` where nothing can be remedied. */
export type Level = "advisory" | "mandatory" | "remediate" | "disabled";
