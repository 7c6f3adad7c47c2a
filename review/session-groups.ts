/** Sessions that change alike, told together. */

import type { FieldChange, SessionChange, SessionEnd } from "./review";
import { count, distinct, grouped, listed, valuesText, verb } from "./wording";

/** What becomes of a session, in the order in which it matters. */
export const fates = ["goes down", "stays down", "goes", "comes up", "comes", "changes"] as const;

export type Fate = (typeof fates)[number];

/** What becomes of a session. */
export function fateOf({ kind, upBefore, upAfter }: SessionChange): Fate {
    if (kind === "removed") {
        return "goes";
    }
    if (kind === "added") {
        return upAfter === false ? "stays down" : "comes";
    }
    if (upBefore === upAfter) {
        return "changes";
    }
    return upAfter === true ? "comes up" : "goes down";
}

/** Sessions with the same fate, in which the same differs at the same ends. */
export interface SessionGroup {
    readonly fate: Fate;
    readonly sessions: readonly SessionChange[];
    /** What differs, e.g. `AS of spine0 500 → 550`; empty for sessions that come or go. */
    readonly what: string;
    readonly applied?: SessionChange["applied"];
}

/** A field with the end that it is about. */
interface PlacedField extends FieldChange {
    readonly end: "local" | "remote" | "both";
}

/** All groups, the most important first. */
export function sessionGroups(changes: readonly SessionChange[]): readonly SessionGroup[] {
    const groups = grouped(changes, (change) =>
        JSON.stringify([fateOf(change), change.applied, placedFields(change).map(likeness)]),
    ).map(groupOf);
    return groups.toSorted((a, b) => gravity(a) - gravity(b));
}

/** Of what comes and changes, resets are first. */
function gravity({ fate, applied }: SessionGroup): number {
    return applied === "reset" ? fates.indexOf("goes") + 0.5 : fates.indexOf(fate);
}

function groupOf(sessions: readonly SessionChange[]): SessionGroup {
    const [first] = sessions as [SessionChange];
    return {
        fate: fateOf(first),
        sessions,
        what: whatText(sessions),
        ...(first.applied === undefined ? {} : { applied: first.applied }),
    };
}

/** The fields of a session by end; one that changes at both ends in the same way is one field. */
function placedFields({ fields, local, remote }: SessionChange): readonly PlacedField[] {
    const placed = fields.map((change): PlacedField => {
        const end = (
            [
                [local, "local"],
                [remote, "remote"],
            ] as const
        ).find(([{ device }]) => isOf(change, device));
        return end === undefined
            ? { ...change, end: "both" }
            : { ...change, field: change.field.slice(0, -` of ${end[0].device}`.length), end: end[1] };
    });
    return grouped(placed, ({ end: _end, ...values }) => JSON.stringify(values)).map(([first, ...others]) =>
        others.length === 0 ? first! : { ...first!, end: "both" },
    );
}

function isOf({ field }: FieldChange, device: string): boolean {
    return field.endsWith(` of ${device}`);
}

/** What everybody has of his own, so that its values say nothing about who changes alike. */
const own: Readonly<Record<string, string>> = { address: "other addresses", "BGP identifier": "other BGP identifiers" };

function likeness({ field, end, ...values }: PlacedField): unknown {
    return own[field] ?? [field, end, values];
}

/** What differs in settings that all have alike, and what in those that everybody has of his own. */
export function splitFields<T extends FieldChange>(
    fields: readonly T[],
): { readonly settings: readonly T[]; readonly own: readonly string[] } {
    const isRepeated = ({ field, before, after }: T) =>
        fields.some((other) => field === `agreed ${other.field}` && other.before === before && other.after === after);
    const names = Object.keys(own).flatMap((name) => (fields.some(({ field }) => field === name) ? [own[name]!] : []));
    return {
        // What both ends agree on needs no word where it changes like one of them.
        settings: fields.filter((change) => own[change.field] === undefined && !isRepeated(change)),
        // The identifier is mostly one of the addresses, and not worth a word beside them.
        own: names.length > 1 ? names.slice(0, 1) : names,
    };
}

function whatText(sessions: readonly SessionChange[]): string {
    const { settings, own: others } = splitFields(placedFields(sessions[0]!));
    return [...others, ...grouped(settings, ({ end }) => end).map((group) => endText(group, sessions))].join(", ");
}

function endText(fields: readonly PlacedField[], sessions: readonly SessionChange[]): string {
    const { end } = fields[0]!;
    const values = fields.map((change) => `${change.field} ${valuesText(change)}`).join(", ");
    if (end === "both") {
        return values;
    }
    return `${values} at ${listed(distinct(sessions.map((session) => session[end].device)), 3)}`;
}

/** What happens to running sessions, e.g. `which resets them`; empty when they stay and use the new values at once. */
export function appliedText(applied: SessionChange["applied"], number: number): string {
    switch (applied) {
        case "reset":
            return `, which resets ${verb(number, "it", "them")}`;
        case "next session":
            return `, in force once ${verb(number, "it is", "they are")} cleared`;
        case undefined:
            return "";
    }
}

/** Sessions by who has many of them, e.g. `spine1 ↔ leaf0, leaf1`. */
export function sessionNames(sessions: readonly SessionChange[]): readonly string[] {
    const names: string[] = [];
    let rest = sessions.map(({ local, remote }) => [endName(local), endName(remote)] as const);
    while (rest.length > 0) {
        const hub = mostFrequent(rest.flat());
        const own = rest.filter((pair) => pair.includes(hub));
        const others = grouped(
            own.map(([local, remote]) => (local === hub ? remote : local)),
            (name) => name,
        );
        names.push(`${hub} ↔ ${peersText(others)}`);
        rest = rest.filter((pair) => !own.includes(pair));
    }
    return names;
}

function endName({ device, instance }: SessionEnd): string {
    return instance === undefined ? device : `${device} ${instance}`;
}

/** The peers, and how many sessions there are with each where there is more than one. */
function peersText(peers: readonly (readonly string[])[]): string {
    const names = peers.map(([name]) => name!);
    const numbers = distinct(peers.map(({ length }) => String(length)));
    if (numbers.length === 1) {
        return `${names.join(", ")}${numbers[0] === "1" ? "" : ` (${numbers[0]} each)`}`;
    }
    return peers.map(({ length }, place) => `${names[place]!} (${length})`).join(", ");
}

function mostFrequent(names: readonly string[]): string {
    const [first, ...others] = grouped(names, (name) => name);
    return others.reduce((most, group) => (group.length > most.length ? group : most), first!)[0]!;
}

/** Who is meant, in few words: names, or the number of sessions. */
export function sessionsInShort(sessions: readonly SessionChange[]): string {
    const names = sessionNames(sessions);
    return names.length === 1 && sessions.length < 4 ? names[0]! : count(sessions.length, "session");
}
