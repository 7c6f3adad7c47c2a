/** Inputs of a resource as an engine sends them to policies: secrets and what is not known yet are marked in them. */

import type { Path } from "../lab/path";

/** Plain values, as JSON has them. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Key and value that mark a secret (Pulumi SDK, runtime/rpc.ts). */
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** What stands for a value that is known only after the update, one for each kind of value (SDK for policies, proxy.js). */
const unknowns: ReadonlySet<unknown> = new Set([
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** A single value. */
export type Single = null | boolean | number | string;

/** Looks at a value. The place is that of the walk, which goes on: who keeps it, copies it. */
export type Visitor = (value: Single, isSecret: boolean, place: Path) => void;

/** Shows every single value that is known, in the order of the inputs. A lab of 200 nodes has more than 100,000. */
export function visit(inputs: Json, visitor: Visitor): void {
    walk(inputs, visitor, [], false);
}

function walk(value: Json, visitor: Visitor, place: (string | number)[], isSecret: boolean): void {
    if (typeof value !== "object" || value === null) {
        if (!unknowns.has(value)) {
            visitor(value, isSecret, place);
        }
        return;
    }
    if (isList(value)) {
        for (const [index, each] of value.entries()) {
            place.push(index);
            walk(each, visitor, place, isSecret);
            place.pop();
        }
        return;
    }
    if (value[signature] === secretSignature) {
        walk(value.value ?? null, visitor, place, true);
        return;
    }
    for (const key of Object.keys(value)) {
        place.push(key);
        walk(value[key]!, visitor, place, isSecret);
        place.pop();
    }
}

/** A single value with its place. */
export interface Leaf {
    readonly place: Path;
    readonly value: Single;
}

/** Every single value that is known, for inputs that are not large. */
export function leaves(inputs: Json): readonly Leaf[] {
    const found: Leaf[] = [];
    visit(inputs, (value, _, place) => found.push({ place: [...place], value }));
    return found;
}

/** Whether a value is known in all its parts. */
export function isKnown(value: Json | undefined): value is Json {
    if (value === undefined || unknowns.has(value)) {
        return false;
    }
    return typeof value !== "object" || value === null || Object.values(value).every(isKnown);
}

/** The value at a place with all that is below it, in which secrets look like other values. Nothing where it is not known. */
export function valueAt(inputs: Json | undefined, ...place: Path): Json | undefined {
    if (inputs === undefined || unknowns.has(inputs)) {
        return undefined;
    }
    if (isMap(inputs) && inputs[signature] === secretSignature) {
        return valueAt(inputs.value, ...place);
    }
    const [step, ...rest] = place;
    if (step === undefined) {
        return inputs;
    }
    if (isList(inputs)) {
        return valueAt(inputs[Number(step)], ...rest);
    }
    return isMap(inputs) ? valueAt(inputs[String(step)], ...rest) : undefined;
}

/** The text at a place; nothing where there is another kind of value, or none that is known. */
export function textAt(inputs: Json | undefined, ...place: Path): string | undefined {
    const value = valueAt(inputs, ...place);
    return typeof value === "string" ? value : undefined;
}

/** The entries of the list at a place, with their places; none where there is no list that is known. */
export function listAt(
    inputs: Json | undefined,
    ...place: Path
): readonly { readonly place: Path; readonly value: Json }[] {
    const list = valueAt(inputs, ...place);
    return list !== undefined && isList(list) ? list.map((value, index) => ({ place: [...place, index], value })) : [];
}

/** Whether a value is a list. */
export function isList(value: Json): value is readonly Json[] {
    return Array.isArray(value);
}

/** Whether a value has values by name. */
export function isMap(value: Json): value is { readonly [key: string]: Json } {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
