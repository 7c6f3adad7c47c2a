import { containsPath, formatPath, type PropertyPath, parsePath } from "./propertyPath";
import { equal, isPlainObject, type PropertyMap, type Value } from "./values";

/** How a property differs, as `PropertyDiff.Kind` names it. */
export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

/** The difference of one property. */
export interface PropertyDiff {
    readonly kind: DiffKind;
    /** Whether old and new inputs differ, rather than old state and new inputs. */
    readonly inputDiff: boolean;
}

/** Answer of a provider to Diff; `unknown` if it left the comparison to the engine. */
export interface DiffResult {
    readonly changes: "unknown" | "none" | "some";
    readonly replaceKeys: readonly string[];
    readonly stableKeys: readonly string[];
    readonly changedKeys: readonly string[];
    readonly deleteBeforeReplace: boolean;
    readonly detailedDiff?: ReadonlyMap<string, PropertyDiff>;
}

/** A result that says only whether there are changes, and which properties demand a replacement. */
export function simpleDiff(changes: "none" | "some", replaceKeys: readonly string[] = []): DiffResult {
    return { changes, replaceKeys, stableKeys: [], changedKeys: [], deleteBeforeReplace: false };
}

/** Whether a difference can only be made good by a replacement. */
export function isReplace(diff: DiffResult): boolean {
    const detailed = [...(diff.detailedDiff?.values() ?? [])].some(({ kind }) => kind.endsWith("-replace"));
    return detailed || diff.replaceKeys.length > 0;
}

const inverse: Readonly<Record<DiffKind, DiffKind>> = {
    add: "delete",
    "add-replace": "delete-replace",
    delete: "add",
    "delete-replace": "add-replace",
    update: "update",
    "update-replace": "update-replace",
};

/** The difference seen from the other side; a refresh shows what reality changed, not what an update would undo. */
export function invert(diff: DiffResult): DiffResult {
    if (diff.detailedDiff === undefined) {
        return diff;
    }
    const entries = [...diff.detailedDiff].map(([path, { kind, inputDiff }]): [string, PropertyDiff] => [
        path,
        { kind: inverse[kind], inputDiff },
    ]);
    return { ...diff, detailedDiff: new Map(entries) };
}

/** Compares two bags property by property; arrays are compared by index. Internal keys (`__…`) do not count. */
export function compare(before: PropertyMap, after: PropertyMap, inputDiff: boolean): Map<string, PropertyDiff> {
    const found = new Map<string, PropertyDiff>();
    const note = (path: PropertyPath, kind: DiffKind) => found.set(formatPath(path), { kind, inputDiff });
    const walk = (path: PropertyPath, old: Value | undefined, current: Value | undefined): void => {
        if (equal(old, current)) {
            return;
        }
        if (isPlainObject(old) && isPlainObject(current)) {
            for (const key of keysOf(old, current)) {
                walk([...path, key], old[key], current[key]);
            }
        } else if (Array.isArray(old) && Array.isArray(current)) {
            for (let index = 0; index < Math.max(old.length, current.length); index++) {
                walk([...path, index], old[index], current[index]);
            }
        } else if (old === undefined) {
            note(path, "add");
        } else {
            note(path, current === undefined ? "delete" : "update");
        }
    };
    for (const key of keysOf(before, after).filter((name) => !name.startsWith("__"))) {
        walk([key], before[key], after[key]);
    }
    return found;
}

function keysOf(a: PropertyMap, b: PropertyMap): string[] {
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
}

/** Top-level property of a path. */
export function topLevel(path: string): string {
    return String(parsePath(path)[0] ?? path);
}

/** Special path of replaceOnChanges for a resource that failed to initialise. */
const initErrorKey = "#initerror";

/** Turns differences under the paths of replaceOnChanges into replacements. */
export function applyReplaceOnChanges(diff: DiffResult, replaceOn: readonly string[], initErrors: boolean): DiffResult {
    if (replaceOn.length === 0 || (diff.changes !== "some" && !initErrors)) {
        return diff;
    }
    const paths = replaceOn.map(parsePath);
    const forces = (path: string) => paths.some((outer) => containsPath(outer, parsePath(path)));
    const replaceKeys = new Set([...diff.replaceKeys, ...diff.changedKeys.filter(forces)]);
    const detailedDiff = new Map(diff.detailedDiff ?? []);
    for (const [path, { kind, inputDiff }] of detailedDiff) {
        if (forces(path) && !kind.endsWith("-replace")) {
            detailedDiff.set(path, { kind: `${kind}-replace` as DiffKind, inputDiff });
        }
    }
    const broken = initErrors && forces(initErrorKey);
    if (broken) {
        replaceKeys.add(initErrorKey);
    }
    return {
        ...diff,
        changes: broken ? "some" : diff.changes,
        replaceKeys: [...replaceKeys],
        ...(diff.detailedDiff === undefined ? {} : { detailedDiff }),
    };
}
