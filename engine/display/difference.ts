import { compare, type DiffKind, type PropertyDiff, topLevel } from "../diff";
import type { Step } from "../events";
import { containsPath, getPath, parsePath } from "../propertyPath";
import { type PropertyMap, plain, type Value, withoutSecrets } from "../values";
import { formatValue } from "./values";

const signOf: Readonly<Record<DiffKind, string>> = {
    add: "+",
    "add-replace": "+",
    delete: "-",
    "delete-replace": "-",
    update: "~",
    "update-replace": "~",
};

/** The properties that differ: as the provider told, or else as inputs compare. Hidden ones are left out. */
export function differencesOf(step: Step): Map<string, PropertyDiff> {
    const { diff, old, new: next } = step;
    const told = diff?.detailedDiff;
    const found = told ?? comparedInputs(step);
    const hidden = (next?.hideDiff ?? []) as (string | number)[][];
    const shown = [...found].filter(([path]) => !hidden.some((outer) => containsPath(outer, parsePath(path))));
    if (shown.length === 0 && told === undefined && old !== undefined) {
        const kind: DiffKind = "update-replace";
        return new Map((diff?.replaceKeys ?? []).map((key) => [key, { kind, inputDiff: true }]));
    }
    return new Map(shown.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function comparedInputs({ op, old, new: next }: Step): Map<string, PropertyDiff> {
    if (old === undefined || next === undefined) {
        return new Map();
    }
    if (op === "refresh") {
        return compare(withoutSecrets(old.outputs ?? {}), withoutSecrets(next.outputs ?? {}), false);
    }
    return compare(withoutSecrets(old.inputs), withoutSecrets(next.inputs), true);
}

/** One short list of what differs, by top-level property: `~files,+links`. */
export function shortDifference(step: Step): string {
    const signs = new Map<string, string>();
    for (const [path, { kind }] of differencesOf(step)) {
        const name = topLevel(path);
        const sign = path === name ? signOf[kind] : "~";
        signs.set(name, signs.has(name) && signs.get(name) !== sign ? "~" : sign);
    }
    return [...signs].map(([name, sign]) => sign + name).join(",");
}

/** Lines that show each difference with its values, one path a line; texts of many lines as a line-by-line difference. */
export function differenceLines(step: Step): string[] {
    return [...differencesOf(step)].flatMap(([path, difference]) => propertyLines(step, path, difference));
}

function propertyLines(step: Step, path: string, { kind, inputDiff }: PropertyDiff): string[] {
    const [before, after] = sides(step, inputDiff, kind);
    const parsed = parsePath(path);
    const [old, next] = [getPath(before, parsed), getPath(after, parsed)];
    const replace = kind.endsWith("-replace") ? " [replace]" : "";
    const head = `${signOf[kind]} ${path}${replace}`;
    const secret = isSecretPath(before, path) || isSecretPath(after, path);
    if (secret) {
        return [`${head}: [secret]`];
    }
    if (kind.startsWith("add")) {
        return [next === undefined ? head : `${head}: ${formatValue(next)}`];
    }
    if (kind.startsWith("delete")) {
        return [old === undefined ? head : `${head}: ${formatValue(old)}`];
    }
    if (isText(old) && isText(next)) {
        return [`${head}:`, ...lineDifference(old, next).map((line) => `    ${line}`)];
    }
    if (old === undefined && next === undefined) {
        return [head];
    }
    return [`${head}: ${formatValue(old)} => ${formatValue(next)}`];
}

/** Which bags a difference is between: old and new inputs, or what was recorded and what is wanted (or was found). */
function sides({ op, old, new: next }: Step, inputDiff: boolean, kind: DiffKind): [PropertyMap, PropertyMap] {
    if (op === "refresh") {
        const [before, after] = inputDiff ? [old?.inputs, next?.inputs] : [old?.outputs, next?.outputs];
        return [before ?? {}, after ?? {}];
    }
    const before = inputDiff ? old?.inputs : { ...old?.inputs, ...old?.outputs };
    const known = kind.startsWith("delete") ? {} : next?.inputs;
    return [before ?? {}, known ?? {}];
}

/** A part of a secret is secret; so is a whole that has a secret part, where it is shown as text. */
function isSecretPath(properties: PropertyMap, path: string): boolean {
    const parsed = parsePath(path);
    for (let length = 1; length <= parsed.length; length++) {
        const value = rawAt(properties, parsed.slice(0, length));
        if (value !== undefined && value !== plain(value)) {
            return true;
        }
    }
    return false;
}

function rawAt(properties: PropertyMap, path: readonly (string | number)[]): Value | undefined {
    const last = path[path.length - 1]!;
    const parent = path.length === 1 ? properties : getPath(properties, path.slice(0, -1));
    const container = parent === undefined ? undefined : plain(parent);
    if (typeof container !== "object" || container === null) {
        return undefined;
    }
    return (container as Record<string | number, Value>)[last];
}

function isText(value: Value | undefined): value is string {
    return typeof value === "string" && value.includes("\n");
}

/** Longest-common-subsequence difference of two texts, without the lines that are equal. */
export function lineDifference(before: string, after: string): string[] {
    const [a, b] = [before.split("\n"), after.split("\n")];
    const start = commonPrefix(a, b);
    const end = commonPrefix([...a].slice(start).reverse(), [...b].slice(start).reverse());
    return subsequenceDifference(a.slice(start, a.length - end), b.slice(start, b.length - end));
}

function commonPrefix(a: readonly string[], b: readonly string[]): number {
    const differs = a.findIndex((line, index) => line !== b[index]);
    return differs === -1 ? Math.min(a.length, b.length) : differs;
}

function subsequenceDifference(a: readonly string[], b: readonly string[]): string[] {
    const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--) {
        for (let j = b.length - 1; j >= 0; j--) {
            lengths[i]![j] =
                a[i] === b[j] ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
        }
    }
    const lines: string[] = [];
    let [i, j] = [0, 0];
    while (i < a.length || j < b.length) {
        if (i < a.length && j < b.length && a[i] === b[j]) {
            [i, j] = [i + 1, j + 1];
        } else if (j >= b.length || (i < a.length && lengths[i + 1]![j]! >= lengths[i]![j + 1]!)) {
            lines.push(`- ${a[i++]}`);
        } else {
            lines.push(`+ ${b[j++]}`);
        }
    }
    return lines;
}
