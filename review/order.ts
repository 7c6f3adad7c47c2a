/** The order of names in a model: that of a plan has a meaning to people, and a stack's state forgets it. */

const naturally = new Intl.Collator("en", { numeric: true });

/** Names in their order as people count: `worker2` before `worker10`. */
export function byName(names: readonly string[]): readonly string[] {
    return [...names].sort(naturally.compare);
}

/**
 * A copy of a plain value in which the properties of every object have the order that they have in another value, and
 * those that it does not have come last by name.
 *
 * @param model the value that gives the order. @default all by name
 */
export function inOrderOf<T>(value: T, model?: unknown): T {
    return ordered(value, model) as T;
}

function ordered(value: unknown, model: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map((item: unknown, index) => ordered(item, Array.isArray(model) ? model[index] : undefined));
    }
    if (!isObject(value)) {
        return value;
    }
    const example = isObject(model) ? model : {};
    const known = Object.keys(example).filter((key) => Object.hasOwn(value, key));
    const others = Object.keys(value).filter((key) => !Object.hasOwn(example, key));
    return Object.fromEntries([...known, ...byName(others)].map((key) => [key, ordered(value[key], example[key])]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
