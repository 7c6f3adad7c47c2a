/** Label selectors in Calico's own language (Calico documentation, "Selectors"), as far as Kubernetes' can be said in it. */

import type { LabelRequirement, LabelSelector, Labels } from "../lab/model";
import { selects } from "../lab/selectors";

/** A Kubernetes label selector as Calico writes it; an empty one is `all()`. */
export function calicoSelector({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
    const terms = [
        ...Object.entries(matchLabels).map(([key, value]) => `${key} == ${quoted(value)}`),
        ...matchExpressions.map(term),
    ];
    return terms.length === 0 ? "all()" : terms.join(" && ");
}

function term({ key, operator, values = [] }: LabelRequirement): string {
    const set = `{${values.map(quoted).join(", ")}}`;
    switch (operator) {
        case "In":
            return `${key} in ${set}`;
        case "NotIn":
            return `${key} not in ${set}`;
        case "Exists":
            return `has(${key})`;
        case "DoesNotExist":
            return `!has(${key})`;
    }
}

/** Values of Kubernetes labels have no quotes. */
function quoted(value: string): string {
    return `'${value}'`;
}

/**
 * Whether a selector in Calico's language matches labels.
 *
 * @throws Error when the selector has more than the terms that `calicoSelector` writes
 */
export function calicoSelects(selector: string, labels: Labels): boolean {
    return selects(parseSelector(selector), labels);
}

function parseSelector(selector: string): LabelSelector {
    if (selector === "all()") {
        return {};
    }
    return { matchExpressions: selector.split(" && ").map((text) => parseTerm(text, selector)) };
}

function parseTerm(text: string, selector: string): LabelRequirement {
    const [, not, present] = /^(!?)has\(([^\s()]+)\)$/.exec(text) ?? [];
    if (present !== undefined) {
        return { key: present, operator: not === "!" ? "DoesNotExist" : "Exists" };
    }
    const [, equal, value] = /^(\S+) == '([^']*)'$/.exec(text) ?? [];
    if (equal !== undefined) {
        return { key: equal, operator: "In", values: [value ?? ""] };
    }
    const [, key, negation, set] = /^(\S+) (not )?in \{((?:'[^']*'(?:, )?)*)\}$/.exec(text) ?? [];
    if (key !== undefined) {
        const values = [...(set ?? "").matchAll(/'([^']*)'/g)].map((match) => match[1] ?? "");
        return { key, operator: negation === undefined ? "In" : "NotIn", values };
    }
    throw new Error(`the selector "${selector}" has a term that is not known here: "${text}"`);
}
