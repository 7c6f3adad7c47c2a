import { rules } from "../../lab/rules";
import type { Rule } from "../../lab/rules/rule";
import type { Described } from "../described";

/** A set of rules of lab/rules that a stack is held to alike. */
export interface RuleGroup {
    /** Its name in the pack's configuration; that of its advice has `-advice` behind. */
    readonly name: string;
    /** What it is about, as it stands behind "The rules on". */
    readonly subject: string;
    /** Topics of rules, with which their ids begin: `BGP-ASN` is that of BGP-ASN-001. */
    readonly topics: readonly string[];
    /** The document to read first. */
    readonly source: string;
    /** What helps against most violations. */
    readonly remediation: string;
}

/** The half of a group that is enforced alike: its errors, or its warnings and infos. */
export interface RulePolicy extends Described {
    readonly group: RuleGroup;
    readonly isAdvice: boolean;
    readonly rules: readonly Rule[];
}

/** Declares a group. */
export function ruleGroup(declared: RuleGroup): RuleGroup {
    return declared;
}

/** The rules of a group, in the order in which findings are listed. */
export function rulesOf({ topics }: RuleGroup): readonly Rule[] {
    return rules.filter(({ id }) => topics.some((topic) => id.startsWith(`${topic}-`)));
}

/** The policies of a group: one for its errors and one for its advice, each where it has such rules. */
export function rulePolicies(group: RuleGroup): readonly RulePolicy[] {
    const { name, subject, source, remediation } = group;
    const all = rulesOf(group);
    const halves = [
        { isAdvice: false, own: all.filter(({ severity }) => severity === "error") },
        { isAdvice: true, own: all.filter(({ severity }) => severity !== "error") },
    ];
    return halves
        .filter(({ own }) => own.length > 0)
        .map(({ isAdvice, own }) => ({
            name: isAdvice ? `${name}-advice` : name,
            description: `The ${isAdvice ? "advice" : "rules"} on ${subject} (${topicsOf(own)}).`,
            severity: isAdvice ? "medium" : "high",
            source,
            remediation,
            group,
            isAdvice,
            rules: own,
        }));
}

/** The topics of rules: their ids without the numbers. */
function topicsOf(own: readonly Rule[]): string {
    return [...new Set(own.map(({ id }) => id.slice(0, id.lastIndexOf("-"))))].join(", ");
}
