/**
 * Property values in the form they have on the wire: plain JSON, in which unknown values are sentinel strings, and secrets
 * and resource references are objects carrying a signature key (sdk/go/common/resource/plugin/rpc.go).
 */
export type Value = null | boolean | number | string | Value[] | PropertyMap;

/** A bag of properties. */
export interface PropertyMap {
    [key: string]: Value;
}

export const signatureKey = "4dabf18193072939515e22adb298388d";
export const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const assetSignature = "c44067f5952c0a294b673a41bacd8c17";
const archiveSignature = "0def7320c3a5731c473e5ecbe6d01bc7";
const resourceSignature = "5cf8f73096256a8f31e491e813e4eb8e";
const outputSignature = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

/** The unknown value of no particular type; the engine itself only makes this one. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const unknowns: ReadonlySet<string> = new Set([
    unknownValue,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** Whether a value will only be known after an update. */
export function isUnknown(value: Value | undefined): boolean {
    return typeof value === "string" && unknowns.has(value);
}

/** Whether a value is an object, signed ones included. */
export function isObject(value: Value | undefined): value is PropertyMap {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasSignature(value: Value | undefined, signature: string): boolean {
    return isObject(value) && value[signatureKey] === signature;
}

/** Whether a value is marked secret at its top. */
export function isSecret(value: Value | undefined): value is PropertyMap & { value: Value } {
    return hasSignature(value, secretSignature);
}

/** Marks a value secret; one that is secret stays as it is. */
export function makeSecret(value: Value): Value {
    return isSecret(value) ? value : { [signatureKey]: secretSignature, value };
}

/** The value inside a secret, or the value itself. */
export function plain(value: Value): Value {
    return isSecret(value) ? plain(value.value) : value;
}

/** Whether a value refers to a resource. */
export function isResourceReference(value: Value | undefined): value is PropertyMap & { urn: Value } {
    return hasSignature(value, resourceSignature);
}

/** An object without signature, whose keys are properties. */
export function isPlainObject(value: Value | undefined): value is PropertyMap {
    return isObject(value) && typeof value[signatureKey] !== "string";
}

/** Whether any part of a value satisfies a predicate. */
function some(value: Value, predicate: (value: Value) => boolean): boolean {
    if (predicate(value)) {
        return true;
    }
    if (Array.isArray(value)) {
        return value.some((element) => some(element, predicate));
    }
    return isObject(value) && Object.values(value).some((element) => some(element, predicate));
}

/** Whether a value has an unknown part. */
export function containsUnknowns(value: Value): boolean {
    return some(value, isUnknown);
}

/** Whether a value has a secret part. */
export function containsSecrets(value: Value): boolean {
    return some(value, isSecret);
}

/** Name of the first kind of value in a bag that this engine does not handle, if there is one. */
export function unsupportedKind(value: Value): string | undefined {
    const kinds: Record<string, string> = {
        [assetSignature]: "an asset",
        [archiveSignature]: "an archive",
        [outputSignature]: "an output value",
    };
    let found: string | undefined;
    some(value, (part) => {
        found = isObject(part) ? kinds[String(part[signatureKey])] : undefined;
        return found !== undefined;
    });
    return found;
}

/** Deep copy. */
export function copy<T extends Value>(value: T): T {
    return structuredClone(value);
}

/** Deep equality; a secret equals only a secret. */
export function equal(a: Value | undefined, b: Value | undefined): boolean {
    if (a === b) {
        return true;
    }
    if (Array.isArray(a) && Array.isArray(b)) {
        return a.length === b.length && a.every((element, index) => equal(element, b[index]));
    }
    if (!isObject(a) || !isObject(b)) {
        return false;
    }
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && equal(a[key], b[key]));
}

/** The value without any secret marks, to compare contents. */
export function withoutSecrets<T extends Value>(value: T): T {
    if (isSecret(value)) {
        return plain(value) as T;
    }
    if (Array.isArray(value)) {
        return value.map(withoutSecrets) as T;
    }
    if (isObject(value)) {
        return mapValues(value, withoutSecrets) as T;
    }
    return value;
}

/** Applies a function to each property. */
function mapValues(map: PropertyMap, transform: (value: Value) => Value): PropertyMap {
    const result: PropertyMap = {};
    for (const [key, value] of Object.entries(map)) {
        result[key] = transform(value);
    }
    return result;
}

/**
 * Copies the mark "secret" from inputs to outputs of the same name, for providers that do not accept secrets: objects are
 * walked, and an output array is secret as soon as any part of the input is.
 */
export function annotateSecrets(outputs: PropertyMap | undefined, inputs: PropertyMap | undefined): void {
    if (outputs === undefined || inputs === undefined) {
        return;
    }
    for (const [key, input] of Object.entries(inputs)) {
        const output = outputs[key];
        if (output === undefined) {
            continue;
        }
        if (isPlainObject(output) && isPlainObject(input)) {
            annotateSecrets(output, input);
        } else if (!isSecret(output) && containsSecrets(input)) {
            outputs[key] = makeSecret(output);
        }
    }
}

/** What a provider can take (its answer to Handshake or Configure), and what this call may carry. */
export interface WireOptions {
    readonly keepUnknowns: boolean;
    readonly keepSecrets: boolean;
    readonly keepResources: boolean;
}

/** Prepares properties for a provider; unknown values are dropped unless kept. */
export function toWire(map: PropertyMap, options: WireOptions): PropertyMap {
    const result: PropertyMap = {};
    for (const [key, value] of Object.entries(map)) {
        const wired = valueToWire(value, options);
        if (wired !== undefined) {
            result[key] = wired;
        }
    }
    return result;
}

function valueToWire(value: Value, options: WireOptions): Value | undefined {
    if (isUnknown(value)) {
        return options.keepUnknowns ? value : undefined;
    }
    if (Array.isArray(value)) {
        return value.map((element) => valueToWire(element, options)).filter((element) => element !== undefined);
    }
    if (!isObject(value)) {
        return value;
    }
    if (isSecret(value)) {
        const inner = valueToWire(value.value, options);
        return options.keepSecrets && inner !== undefined ? { [signatureKey]: secretSignature, value: inner } : inner;
    }
    if (isResourceReference(value) && !options.keepResources) {
        return value.id ?? value.urn;
    }
    return toWire(value, options);
}

/**
 * Takes properties over from a provider.
 *
 * @throws Error if an unknown value arrives where none may be
 */
export function fromWire(map: PropertyMap, allowUnknowns: boolean): PropertyMap {
    for (const [key, value] of Object.entries(map)) {
        if (!allowUnknowns && containsUnknowns(value)) {
            throw new Error(`unexpected unknown property value for "${key}"`);
        }
    }
    return map;
}
