import { isObject, isPlainObject, isSecret, makeSecret, type PropertyMap, plain, type Value } from "./values";

/** A path into properties: names, array indices, and `*` for all of them. */
export type PropertyPath = readonly (string | number)[];

/**
 * Parses a path such as `links[0].address` or `files["frr.conf"]` (sdk/go/common/resource/properties_path.go).
 *
 * @throws Error if a bracket or quote is not closed
 */
export function parsePath(text: string): PropertyPath {
    const path: (string | number)[] = [];
    let rest = text;
    while (rest !== "") {
        if (rest.startsWith(".")) {
            rest = rest.slice(1);
        } else if (rest.startsWith("[")) {
            const match = /^\[(?:"((?:\\"|[^"])*)"|(\*|\d+))\]/.exec(rest);
            if (match === null) {
                throw new Error(`invalid property path "${text}": bad index at "${rest}"`);
            }
            path.push(match[2] === undefined ? match[1]!.replaceAll('\\"', '"') : indexOrStar(match[2]));
            rest = rest.slice(match[0].length);
        } else {
            const name = /^[^.[]+/.exec(rest)![0];
            path.push(name);
            rest = rest.slice(name.length);
        }
    }
    return path;
}

function indexOrStar(text: string): string | number {
    return text === "*" ? "*" : Number(text);
}

/** Writes a path the way {@link parsePath} reads it. */
export function formatPath(path: PropertyPath): string {
    let text = "";
    for (const element of path) {
        if (typeof element === "number") {
            text += `[${element}]`;
        } else if (/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(element)) {
            text += text === "" ? element : `.${element}`;
        } else {
            text += `["${element.replaceAll('"', '\\"')}"]`;
        }
    }
    return text;
}

/** Whether a path is another or a parent of it; `*` stands for any element. */
export function containsPath(path: PropertyPath, other: PropertyPath): boolean {
    return path.length <= other.length && path.every((element, index) => element === "*" || element === other[index]);
}

/** The value at a path, or undefined. */
export function getPath(value: Value | undefined, path: PropertyPath): Value | undefined {
    let current = value;
    for (const element of path) {
        current = current === undefined ? undefined : plain(current);
        if (Array.isArray(current) && typeof element === "number") {
            current = current[element];
        } else if (isObject(current)) {
            current = current[String(element)];
        } else {
            return undefined;
        }
    }
    return current;
}

/**
 * Sets the value at a path in `next` to the one in `previous`, for ignoreChanges.
 *
 * @returns false if that is impossible because an element in between was added or removed
 */
export function resetPath(path: PropertyPath, previous: PropertyMap, next: PropertyMap): boolean {
    return reset(path, previous, next, false);
}

function reset(path: PropertyPath, previous: Value, next: Value, becameSecret: boolean): boolean {
    const secret = becameSecret || (isSecret(previous) && !isSecret(next));
    const [old, current] = [plain(previous), plain(next)];
    const [key, ...rest] = path;
    if (key === undefined) {
        return false;
    }
    if (key === "*") {
        return resetAll(rest, old, current, secret);
    }
    if (typeof key === "number") {
        return resetIndex(key, rest, old, current, secret);
    }
    return resetKey(key, rest, old, current, secret);
}

function taken(value: Value, secret: boolean): Value {
    return secret ? makeSecret(value) : value;
}

function resetIndex(index: number, rest: PropertyPath, old: Value, current: Value, secret: boolean): boolean {
    if (!Array.isArray(old) || !Array.isArray(current)) {
        return !Array.isArray(old) && !Array.isArray(current);
    }
    const [before, after] = [old[index], current[index]];
    if (before === undefined || after === undefined) {
        return rest.length === 0 && before === after;
    }
    if (rest.length > 0) {
        return reset(rest, before, after, secret);
    }
    current[index] = taken(before, secret);
    return true;
}

function resetKey(key: string, rest: PropertyPath, old: Value, current: Value, secret: boolean): boolean {
    const before = isPlainObject(old) ? old[key] : undefined;
    if (rest.length === 0) {
        if (!isPlainObject(current)) {
            return before === undefined;
        }
        if (before === undefined) {
            delete current[key];
        } else {
            current[key] = taken(before, secret);
        }
        return true;
    }
    if (!isPlainObject(old) || !isPlainObject(current)) {
        return !isPlainObject(old) && !isPlainObject(current);
    }
    const after = current[key];
    if (before === undefined || after === undefined) {
        return before === after;
    }
    return reset(rest, before, after, secret);
}

function resetAll(rest: PropertyPath, old: Value, current: Value, secret: boolean): boolean {
    if (isPlainObject(old) && isPlainObject(current)) {
        const keys = new Set([...Object.keys(old), ...Object.keys(current)]);
        return [...keys].every((key) => resetKey(key, rest, old, current, secret));
    }
    if (Array.isArray(old) && Array.isArray(current)) {
        const shorter = Math.min(old.length, current.length);
        const done = Array.from({ length: shorter }, (_, index) => resetIndex(index, rest, old, current, secret));
        return old.length === current.length && done.every(Boolean);
    }
    return false;
}
