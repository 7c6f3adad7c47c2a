/** What rules find, and how people read it. */

/** How much a finding matters: an error stops the lab, a warning and an info do not. */
export type Severity = "error" | "warning" | "info";

/** One thing that is wrong with a lab or its configuration. */
export interface Finding {
    /** Stable id of the rule, e.g. `BGP-SES-001`. */
    readonly id: string;
    readonly severity: Severity;
    /** Where: a path in the model, or the key of the configuration that the value comes from. */
    readonly at: string;
    /** What is wrong. */
    readonly says: string;
    /** What to do about it. */
    readonly fix: string;
    /** The RFC or document that the rule comes from. */
    readonly source: string;
}

/** Whether a finding stops the lab. */
export function isError(finding: Finding): boolean {
    return finding.severity === "error";
}

/** Column at which the source of a finding starts. */
const sourceColumn = 67;

/** Findings as text, one block each, with an empty line between them; nothing for no findings. */
export function formatFindings(findings: readonly Finding[]): string {
    return findings.map(formatFinding).join("\n");
}

function formatFinding({ id, severity, at, says, fix, source }: Finding): string {
    const remedy = `  fix: ${fix}`;
    return `${severity} ${id}  ${at}\n  ${says}\n${remedy.padEnd(sourceColumn - 2)}  ${source}\n`;
}
