/** Kubernetes label selectors: who is selected by whom. */

import type { LabelRequirement, LabelSelector, Labels, Service } from "./model";

/** Whether a selector matches labels. An empty selector matches everything (meta/v1 LabelSelector). */
export function selects(selector: LabelSelector, labels: Labels): boolean {
    return (
        Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
        (selector.matchExpressions ?? []).every((requirement) => meets(requirement, labels))
    );
}

/** Whom a set of selectors selects, without asking every selector. */
export type SelectorIndex<T> = (labels: Labels) => readonly T[];

/**
 * Prepares many selectors for many questions. Most selectors of a lab name one node: those are found by that label, and
 * only the others are asked one by one.
 *
 * @returns a function that gives, for some labels, the items whose selector matches them, in their order
 */
export function selectorIndex<T>(items: readonly T[], selectorOf: (item: T) => LabelSelector): SelectorIndex<T> {
    const byLabel = new Map<string, number[]>();
    items.forEach((item, index) => {
        const [label] = Object.entries(selectorOf(item).matchLabels ?? {});
        const key = label === undefined ? "" : label.join("=");
        const indices = byLabel.get(key);
        if (indices === undefined) {
            byLabel.set(key, [index]);
        } else {
            indices.push(index);
        }
    });
    return (labels) => {
        const keys = ["", ...Object.entries(labels).map((label) => label.join("="))];
        return keys
            .flatMap((key) => byLabel.get(key) ?? [])
            .sort((a, b) => a - b)
            .map((index) => items[index]!)
            .filter((item) => selects(selectorOf(item), labels));
    };
}

/**
 * The labels that Cilium matches a service selector against: the service's own, its name and its namespace
 * (docs.cilium.io, "LoadBalancer IP Address Management", "Service Selectors").
 */
export function serviceLabels(service: Service): Labels {
    return {
        ...service.labels,
        "io.kubernetes.service.name": service.name,
        "io.kubernetes.service.namespace": service.namespace,
    };
}

/** `NotIn` and `DoesNotExist` also match what has no such key (meta/v1 LabelSelectorRequirement). */
function meets({ key, operator, values = [] }: LabelRequirement, labels: Labels): boolean {
    const value = labels[key];
    switch (operator) {
        case "In":
            return value !== undefined && values.includes(value);
        case "NotIn":
            return value === undefined || !values.includes(value);
        case "Exists":
            return value !== undefined;
        case "DoesNotExist":
            return value === undefined;
    }
}

/** What a selector selects, e.g. `rack=0, tier in (a, b)`. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
    return [...labelTexts(matchLabels), ...matchExpressions.map(requirementText)].join(", ") || "everything";
}

function requirementText({ key, operator, values = [] }: LabelRequirement): string {
    switch (operator) {
        case "In":
            return `${key} in (${values.join(", ")})`;
        case "NotIn":
            return `${key} not in (${values.join(", ")})`;
        case "Exists":
            return key;
        case "DoesNotExist":
            return `no ${key}`;
    }
}

/** Labels as `key=value`, in their alphabetical order, since a model has them in any. */
export function labelTexts(labels: Labels): readonly string[] {
    return Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .sort();
}
