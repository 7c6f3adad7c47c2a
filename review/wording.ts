/** How a review names and counts things. */

import type { FieldChange } from "./review";

/** A number with its noun, e.g. `1 session`, `2 addresses`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
    return `${number} ${number === 1 ? noun : plural}`;
}

/** Names as a person lists them, e.g. `leaf0, leaf1 and 3 more`. */
export function listed(names: readonly string[], most = 4): string {
    const shown = names.length <= most ? names : [...names.slice(0, most - 1), `${names.length - most + 1} more`];
    const [last, ...others] = [...shown].reverse();
    return others.length === 0 ? (last ?? "") : `${others.reverse().join(", ")} and ${last}`;
}

/** The verb for so many, e.g. `goes` or `go`. */
export function verb(number: number, one: string, many: string): string {
    return number === 1 ? one : many;
}

/** Values by key, in the order in which the keys appear. */
export function grouped<T>(values: readonly T[], key: (value: T) => string): readonly (readonly T[])[] {
    const groups = new Map<string, T[]>();
    for (const value of values) {
        const name = key(value);
        const group = groups.get(name);
        if (group === undefined) {
            groups.set(name, [value]);
        } else {
            group.push(value);
        }
    }
    return [...groups.values()];
}

/** Without repetitions. */
export function distinct(values: readonly string[]): readonly string[] {
    return [...new Set(values)];
}

/** What differs, e.g. `hold time 180 s → 30 s, announcing nodes + worker4, worker5`. */
export function fieldsText(fields: readonly FieldChange[]): string {
    return fields.map((change) => `${change.field} ${valuesText(change)}`).join(", ");
}

/** A value of more characters is a thing of its own, whose values are of no interest where it comes or goes as a whole. */
const mostOfThing = 50;

/** A list of more characters is only counted: a filter that is written anew is in the configurations. */
const mostOfList = 200;

function itemsText(items: string): string {
    return items.length > mostOfList ? `${items.split(", ").length} entries` : items;
}

/** Before and after, or what goes and comes; a setting that is on or not there is off. */
export function valuesText({ before, after, partial = false }: FieldChange): string {
    if (partial) {
        return [
            after === undefined ? [] : `+ ${itemsText(after)}`,
            before === undefined ? [] : `− ${itemsText(before)}`,
        ]
            .flat()
            .join(" ");
    }
    const [only, ...both] = [before, after].filter((value) => value !== undefined);
    if (both.length === 0 && only !== undefined && only.length > mostOfThing) {
        return before === undefined ? "comes" : "goes";
    }
    const nothing = [before, after].includes("on") ? "off" : "none";
    return `${before ?? nothing} → ${after ?? nothing}`;
}
