/** How a review names and counts things. */

import type { FieldChange, SessionChange, SessionEnd } from "./review";

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

/** What differs, e.g. `hold time 180 s → 30 s, BFD none → 3 × 300 ms`. */
export function fieldsText(fields: readonly FieldChange[]): string {
    return fields.map(({ field, before = "none", after = "none" }) => `${field} ${before} → ${after}`).join(", ");
}

function endName({ device, instance }: SessionEnd): string {
    return instance === undefined ? device : `${device} ${instance}`;
}

/** Sessions by who has many of them, e.g. `spine1 ↔ leaf0, leaf1`. */
export function sessionNames(sessions: readonly Pick<SessionChange, "local" | "remote">[]): readonly string[] {
    const pairs = sessions.map(({ local, remote }) => [endName(local), endName(remote)] as const);
    const names: string[] = [];
    let rest = pairs;
    while (rest.length > 0) {
        const hub = mostFrequent(rest.flat());
        const own = rest.filter((pair) => pair.includes(hub));
        const others = grouped(
            own.map(([local, remote]) => (local === hub ? remote : local)),
            (name) => name,
        );
        names.push(`${hub} ↔ ${others.map(([name, ...more]) => times(name!, more.length + 1)).join(", ")}`);
        rest = rest.filter((pair) => !own.includes(pair));
    }
    return names;
}

function times(name: string, number: number): string {
    return number === 1 ? name : `${name} (${number})`;
}

function mostFrequent(names: readonly string[]): string {
    const [first, ...others] = grouped(names, (name) => name);
    return others.reduce((most, group) => (group.length > most.length ? group : most), first!)[0]!;
}
