import type { Diagnostic, Op, Step } from "../events";
import { nameOf, rootStackType, typeOf, type Urn } from "../urn";
import { equal, isSecret, type PropertyMap } from "../values";
import type { Style } from "./style";
import { blind } from "./values";
import { counted, countedAs } from "./words";

/** `type name`, as resources are listed. */
export function title(urn: Urn): string {
    return `${typeOf(urn)} ${nameOf(urn)}`;
}

/** Counts operations for the summary. */
export interface Tally {
    add(step: Step): void;
    counts(): ReadonlyMap<Op, number>;
    /** Whether anything but "unchanged" was counted. */
    hasChanges(): boolean;
}

/** Opens an empty tally. Steps that are part of a replacement count once, as the replacement. */
export function newTally(): Tally {
    const counts = new Map<Op, number>();
    const parts: ReadonlySet<Op> = new Set([
        "create-replacement",
        "delete-replaced",
        "discard-replaced",
        "remove-pending-replace",
    ]);
    return {
        add(step) {
            const op = countedAs(step);
            if (!parts.has(op)) {
                counts.set(op, (counts.get(op) ?? 0) + 1);
            }
        },
        counts: () => counts,
        hasChanges: () => [...counts].some(([op, count]) => op !== "same" && count > 0),
    };
}

/** The summary: what was, or would be, done, and how much is unchanged. */
export function summaryLines(counts: ReadonlyMap<Op, number>, preview: boolean, style: Style): string[] {
    const lines: string[] = [];
    let changes = 0;
    for (const [op, future, past] of counted) {
        const count = counts.get(op) ?? 0;
        if (count > 0) {
            lines.push(
                `    ${style.op(op, `${op === "replace" ? "+-" : style.sign(op)} ${count} ${preview ? future : past}`)}`,
            );
            changes += count;
        }
    }
    const unchanged = counts.get("same") ?? 0;
    if (unchanged > 0) {
        const total = changes > 0 ? `${changes} change${changes === 1 ? "" : "s"}. ` : "";
        lines.push(`    ${total}${unchanged} unchanged`);
    }
    return lines.length === 0 ? [] : ["Resources:", ...lines];
}

/** Messages by resource; warnings and errors are named as such, the stack's own come last. */
export function diagnosticLines(diagnostics: readonly Diagnostic[], stack: Urn, style: Style): string[] {
    const groups = new Map<Urn, Diagnostic[]>();
    for (const diagnostic of diagnostics) {
        const urn = diagnostic.urn || stack;
        groups.set(urn, [...(groups.get(urn) ?? []), diagnostic]);
    }
    const ordered = [...groups].sort(
        ([a], [b]) => Number(typeOf(a) === rootStackType) - Number(typeOf(b) === rootStackType),
    );
    const lines = ordered.flatMap(([urn, list]) => [
        `  ${typeOf(urn)} (${nameOf(urn)}):`,
        ...list.flatMap((diagnostic) => messageLines(diagnostic, style)),
        "",
    ]);
    return lines.length === 0 ? [] : ["Diagnostics:", ...lines];
}

function messageLines({ severity, message }: Diagnostic, style: Style): string[] {
    const label = severity === "error" || severity === "warning" ? `${style.severity(severity, `${severity}:`)} ` : "";
    return `${label}${message.trimEnd()}`.split("\n").map((line) => `    ${line}`);
}

/** Outputs of the stack; in a changed stack each with its sign. */
export function outputLines(before: PropertyMap | undefined, after: PropertyMap, style: Style): string[] {
    const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after)])].sort();
    if (names.length === 0) {
        return [];
    }
    const width = Math.max(...names.map((name) => name.length));
    const lines = names.map((name) => {
        const [old, next] = [before?.[name], after[name]];
        const label = name.padEnd(width);
        if (next === undefined) {
            return style.op("delete", `  - ${label}: ${structure(old!)}`);
        }
        if (old === undefined) {
            return before === undefined
                ? `    ${label}: ${structure(next)}`
                : style.op("create", `  + ${label}: ${structure(next)}`);
        }
        return equal(old, next)
            ? `    ${label}: ${structure(next)}`
            : style.op("update", `  ~ ${label}: ${structure(old)} => ${structure(next)}`);
    });
    return ["Outputs:", ...lines];
}

/** A value with structures indented below its name. */
function structure(value: PropertyMap[string]): string {
    if (isSecret(value)) {
        return "[secret]";
    }
    return JSON.stringify(blind(value), null, 4).replaceAll("\n", "\n    ");
}
