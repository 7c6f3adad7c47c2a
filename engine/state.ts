import { type Crypter, nopCrypter } from "./secrets";
import { rootStackType, type Urn } from "./urn";
import { isSecret, makeSecret, type PropertyMap, plain, secretSignature, signatureKey, type Value } from "./values";

/** Time limits of a resource in seconds; 0 is the provider's own. */
export interface CustomTimeouts {
    create?: number;
    update?: number;
    delete?: number;
    read?: number;
}

/** Where in the program a call was made. */
export interface StackFrame {
    readonly sourcePosition?: string;
}

/** A resource as the checkpoint keeps it (apitype.ResourceV3). */
export interface ResourceState {
    urn: Urn;
    /** Managed by a provider; components are not. */
    custom: boolean;
    /** Replaced already, and to be deleted. */
    delete?: boolean;
    id?: string;
    type: string;
    inputs: PropertyMap;
    outputs?: PropertyMap;
    parent?: Urn;
    protect?: boolean;
    /** Read by the program, not managed. */
    external?: boolean;
    dependencies: Urn[];
    /** Why an existing resource failed to initialise; empty if it did not. */
    initErrors: string[];
    provider?: string;
    propertyDependencies: Record<string, Urn[]>;
    /** Deleted to be replaced, and not yet created again. */
    pendingReplacement?: boolean;
    additionalSecretOutputs?: string[];
    aliases?: Urn[];
    customTimeouts?: CustomTimeouts;
    importID?: string;
    retainOnDelete?: boolean;
    deletedWith?: Urn;
    created?: string;
    modified?: string;
    sourcePosition?: string;
    stackTrace?: StackFrame[];
    ignoreChanges?: string[];
    hideDiff?: (string | number)[][];
    replaceOnChanges?: string[];
}

/** Outputs of the stack's own resource, if there is one. */
export function stackOutputs(resources: readonly ResourceState[]): PropertyMap | undefined {
    return resources.find(({ type }) => type === rootStackType)?.outputs;
}

/** What an interrupted step was doing. */
export type OperationType = "creating" | "updating" | "deleting" | "reading" | "importing";

/** A step that may have had effects that the checkpoint does not show yet. */
export interface Operation {
    readonly resource: ResourceState;
    readonly type: OperationType;
}

/** A resource in the file's JSON. */
export type SerializedResource = Record<string, unknown>;

const magic = { float: "8ad145fe-0d11-4827-bfd7-1abcbf086f5c" };

/** Deep serialization of a property: secrets are encrypted, infinite numbers are written as their bits. */
export function serializeValue(value: Value, crypter: Crypter | "show"): unknown {
    if (isSecret(value)) {
        const inner = plain(value);
        const plaintext = JSON.stringify(serializeValue(inner, crypter === "show" ? "show" : nopCrypter));
        return crypter === "show"
            ? { [signatureKey]: secretSignature, plaintext }
            : { [signatureKey]: secretSignature, ciphertext: crypter.encryptValue(value, plaintext) };
    }
    if (Array.isArray(value)) {
        return value.map((element) => serializeValue(element, crypter));
    }
    if (typeof value === "object" && value !== null) {
        return serializeMap(value, crypter);
    }
    return typeof value === "number" && !Number.isFinite(value) ? floatBits(value) : value;
}

function serializeMap(map: PropertyMap, crypter: Crypter | "show"): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const key of Object.keys(map).sort()) {
        result[key] = serializeValue(map[key] ?? null, crypter);
    }
    return result;
}

function floatBits(value: number): unknown {
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(value);
    return { [signatureKey]: magic.float, value: bits.toString("hex") };
}

/** Reverses {@link serializeValue}. */
export function deserializeValue(value: unknown, crypter: Crypter): Value {
    if (Array.isArray(value)) {
        return value.map((element) => deserializeValue(element, crypter));
    }
    if (typeof value !== "object" || value === null) {
        return value as Value;
    }
    const map = value as Record<string, unknown>;
    if (map[signatureKey] === secretSignature) {
        return deserializeSecret(map, crypter);
    }
    if (map[signatureKey] === magic.float) {
        return Buffer.from(String(map.value), "hex").readDoubleBE();
    }
    return deserializeMap(map, crypter);
}

function deserializeSecret(map: Record<string, unknown>, crypter: Crypter): Value {
    const { plaintext, ciphertext } = map;
    if (typeof plaintext === "string") {
        return makeSecret(deserializeValue(JSON.parse(plaintext), nopCrypter));
    }
    if (typeof ciphertext !== "string") {
        throw new Error("malformed secret value: exactly one of `ciphertext` or `plaintext` must be supplied");
    }
    const secret = makeSecret(deserializeValue(JSON.parse(crypter.decrypt(ciphertext)), nopCrypter));
    crypter.remember(secret, ciphertext);
    return secret;
}

function deserializeMap(map: Record<string, unknown>, crypter: Crypter): PropertyMap {
    const result: PropertyMap = {};
    for (const [key, value] of Object.entries(map)) {
        result[key] = deserializeValue(value, crypter);
    }
    return result;
}

/** Writes a resource in the order of fields, and with the omissions, of the CLI. */
export function serializeResource(state: ResourceState, crypter: Crypter | "show"): SerializedResource {
    const timeouts = nonEmpty(state.customTimeouts);
    return compact({
        urn: state.urn,
        custom: state.custom,
        delete: state.delete,
        id: state.id,
        type: state.type,
        inputs: nonEmpty(serializeMap(state.inputs, crypter)),
        outputs: state.outputs && nonEmpty(serializeMap(state.outputs, crypter)),
        parent: state.parent,
        protect: state.protect,
        external: state.external,
        dependencies: [...state.dependencies].sort(),
        initErrors: state.initErrors,
        provider: state.provider,
        propertyDependencies: nonEmpty(state.propertyDependencies),
        pendingReplacement: state.pendingReplacement,
        additionalSecretOutputs: state.additionalSecretOutputs,
        customTimeouts: timeouts,
        importID: state.importID,
        retainOnDelete: state.retainOnDelete,
        deletedWith: state.deletedWith,
        created: state.created,
        modified: state.modified,
        sourcePosition: state.sourcePosition,
        stackTrace: state.stackTrace,
        ignoreChanges: state.ignoreChanges,
        hideDiff: state.hideDiff,
        replaceOnChanges: state.replaceOnChanges,
    });
}

function nonEmpty<T extends object>(map: T | undefined): T | undefined {
    return map === undefined || Object.keys(map).length === 0 ? undefined : map;
}

/** Leaves out what Go's `omitempty` leaves out, except `custom`, which is always written. */
function compact(fields: Record<string, unknown>): SerializedResource {
    const result: SerializedResource = {};
    for (const [key, value] of Object.entries(fields)) {
        const empty =
            value === undefined || value === "" || value === false || (Array.isArray(value) && value.length === 0);
        if (!empty || key === "custom") {
            result[key] = value;
        }
    }
    return result;
}

/** Fields of a checkpointed resource that this engine would lose; it refuses them rather than that. */
const refused = [
    "taint",
    "replaceWith",
    "replacementTrigger",
    "refreshBeforeUpdate",
    "viewOf",
    "resourceHooks",
    "extensionRef",
    "snippetID",
];

/**
 * Reads a resource of a checkpoint.
 *
 * @throws Error if it uses a feature that this engine does not have
 */
export function deserializeResource(json: SerializedResource, crypter: Crypter): ResourceState {
    const feature = refused.find((name) => json[name] !== undefined);
    if (feature !== undefined) {
        throw new Error(`${String(json.urn)} uses \`${feature}\`, which only the Pulumi CLI supports`);
    }
    const state = json as Partial<ResourceState>;
    return {
        ...(json as unknown as ResourceState),
        inputs: deserializeMap(state.inputs ?? {}, crypter),
        outputs: deserializeMap(state.outputs ?? {}, crypter),
        dependencies: state.dependencies ?? [],
        initErrors: state.initErrors ?? [],
        propertyDependencies: state.propertyDependencies ?? {},
    };
}
