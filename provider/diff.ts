/** How one property changes, in the words of Pulumi's detailed diff. */
export interface PropertyChange {
    /** Pulumi property path, e.g. `links["router0-worker4"].mtu`. */
    readonly path: string;
    readonly kind: "add" | "delete" | "update";
}

type Json = unknown;

function isObject(value: Json): value is Record<string, Json> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(path: string, key: string): string {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
        return `${path}[${JSON.stringify(key)}]`;
    }
    return path === "" ? key : `${path}.${key}`;
}

function compare(path: string, before: Json, after: Json, changes: PropertyChange[]): void {
    if (before === after) {
        return;
    }
    if (before === undefined || before === null) {
        changes.push({ path, kind: "add" });
        return;
    }
    if (after === undefined || after === null) {
        changes.push({ path, kind: "delete" });
        return;
    }
    if (isObject(before) && isObject(after)) {
        for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
            compare(join(path, key), before[key], after[key], changes);
        }
        return;
    }
    if (Array.isArray(before) && Array.isArray(after)) {
        for (let i = 0; i < Math.max(before.length, after.length); i++) {
            compare(`${path}[${i}]`, before[i], after[i], changes);
        }
        return;
    }
    changes.push({ path, kind: "update" });
}

/**
 * Differences between two plain values, down to the leaves. A property that is null counts as absent, because the
 * protocol cannot tell the two apart.
 *
 * @returns one change per added, deleted or changed leaf or subtree, in the order of the keys
 */
export function differences(
    before: Readonly<Record<string, Json>>,
    after: Readonly<Record<string, Json>>,
): PropertyChange[] {
    const changes: PropertyChange[] = [];
    compare("", before, after, changes);
    return changes;
}
