import { isObject, isResourceReference, isSecret, isUnknown, type Value } from "../values";

/** A value as people read it: secrets and unknown parts by name only, structures on one line up to a width. */
export function formatValue(value: Value | undefined, width = 80): string {
    const text = JSON.stringify(blind(value ?? null));
    return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

/** Replaces what must not or can not be shown by its name. */
export function blind(value: Value): Value {
    if (isSecret(value)) {
        return "[secret]";
    }
    if (isUnknown(value)) {
        return "[unknown]";
    }
    if (isResourceReference(value)) {
        return String(value.urn);
    }
    if (Array.isArray(value)) {
        return value.map(blind);
    }
    if (isObject(value)) {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, blind(inner)]));
    }
    return value;
}

/** The same with secrets in the clear. */
export function reveal(value: Value): Value {
    if (isSecret(value)) {
        return reveal(value.value);
    }
    if (Array.isArray(value)) {
        return value.map(reveal);
    }
    if (isObject(value) && !isResourceReference(value)) {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
    }
    return value;
}
