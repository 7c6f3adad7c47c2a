import { existsSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { Document, isMap, isScalar, parseDocument } from "yaml";
import { EngineError, exitCode, unsupported } from "./errors";
import { replaceFileSync } from "./files";
import type { ConfigDeclaration, Project } from "./project";
import type { Crypter, Keyring } from "./secrets";

/** A configuration value: a scalar, a nested structure, or `{secure: <ciphertext>}` anywhere in it. */
export type ConfigValue = string | number | boolean | null | ConfigValue[] | { [key: string]: ConfigValue };

/** The configuration of a stack, ready for the program. */
export interface StackConfig {
    /** Values by full key; structures as JSON. */
    readonly values: Readonly<Record<string, string>>;
    /** Keys that hold a secret. */
    readonly secretKeys: readonly string[];
}

/** The file `Pulumi.<stack>.yaml`. Edits keep the user's comments, order and quotes. */
export interface StackFile {
    readonly path: string;
    /** Values as written, secrets encrypted. */
    readonly config: Readonly<Record<string, ConfigValue>>;
    /** Salt of the key of its secrets, if it has any. */
    readonly salt?: string;
    /** Writes one value, or removes it if undefined; intermediate maps and lists are made as needed. */
    set(path: readonly (string | number)[], value: ConfigValue | undefined): void;
    setSalt(salt: string): void;
    save(): void;
}

/** Reads the configuration file of a stack; it may not exist yet. */
export function openStackFile(project: Project, stack: string, explicit?: string): StackFile {
    const directory = resolve(project.directory, project.stackConfigDir ?? ".");
    const path = explicit === undefined ? join(directory, `Pulumi.${stack}.yaml`) : resolve(explicit);
    const document = existsSync(path) ? parseDocument(readFileSync(path, "utf8")) : new Document({});
    if (document.errors.length > 0) {
        throw new EngineError(`${path}: ${document.errors[0]!.message}`, exitCode.configuration);
    }
    const content = (document.toJS() ?? {}) as Record<string, unknown>;
    for (const key of ["secretsprovider", "encryptedkey", "environment"]) {
        const value = content[key];
        if (value !== undefined && !(key === "secretsprovider" && value === "passphrase")) {
            throw unsupported(`\`${key}\` of ${basename(path)}`);
        }
    }
    const config: Record<string, ConfigValue> = {};
    for (const [key, value] of Object.entries((content.config ?? {}) as Record<string, ConfigValue>)) {
        config[fullKey(key, project.name)] = value;
    }
    return {
        path,
        config,
        salt: typeof content.encryptionsalt === "string" ? content.encryptionsalt : undefined,
        set([key, ...rest], value) {
            const name = existingKey(document, String(key), project.name);
            if (value === undefined) {
                document.deleteIn(["config", name, ...rest]);
            } else {
                document.setIn(["config", name, ...rest], nodeOf(document, value));
            }
            const remaining = document.get("config");
            if (isMap(remaining) && remaining.items.length === 0) {
                document.delete("config");
            }
        },
        setSalt: (salt) => document.set("encryptionsalt", salt),
        save() {
            const isEmpty = !isMap(document.contents) || document.contents.items.length === 0;
            replaceFileSync(path, isEmpty ? "{}\n" : document.toString({ lineWidth: 0 }));
        },
    };
}

/** Words that other readers of YAML take for truth values are quoted. */
function nodeOf(document: Document, value: ConfigValue): unknown {
    const node = document.createNode(value);
    if (isScalar(node) && typeof value === "string" && /^(y|n|yes|no|on|off)$/i.test(value)) {
        node.type = "QUOTE_DOUBLE";
    }
    return node;
}

/** A key keeps the form that the file uses, with or without the project's name. */
function existingKey(document: Document, key: string, project: string): string {
    const short = key.startsWith(`${project}:`) ? key.slice(project.length + 1) : key;
    return document.hasIn(["config", short]) ? short : key;
}

/** Key with its namespace, by default the project's name. */
export function fullKey(key: string, project: string): string {
    return key.includes(":") ? key : `${project}:${key}`;
}

function isSecure(value: ConfigValue): value is { secure: string } {
    return typeof value === "object" && value !== null && !Array.isArray(value) && typeof value.secure === "string";
}

/** Whether a value has a secret part. */
export function hasSecure(value: ConfigValue): boolean {
    if (typeof value !== "object" || value === null) {
        return false;
    }
    return isSecure(value) || Object.values(value).some(hasSecure);
}

/** Replaces each secret part. */
export function mapSecure(value: ConfigValue, replace: (ciphertext: string) => string): ConfigValue {
    if (isSecure(value)) {
        return replace(value.secure);
    }
    if (Array.isArray(value)) {
        return value.map((element) => mapSecure(element, replace));
    }
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapSecure(inner, replace)]));
    }
    return value;
}

/** A value as programs receive it. */
export function asText(value: ConfigValue): string {
    if (typeof value === "object" && value !== null) {
        return JSON.stringify(sorted(value));
    }
    return value === null ? "" : String(value);
}

/** The CLI hands structures on with their keys sorted. */
function sorted(value: ConfigValue): ConfigValue {
    if (Array.isArray(value)) {
        return value.map(sorted);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    return Object.fromEntries(
        Object.keys(value)
            .sort()
            .map((key) => [key, sorted(value[key]!)]),
    );
}

/**
 * Resolves the configuration of a stack: its file over the values and defaults of Pulumi.yaml, types checked.
 *
 * @throws EngineError naming every key that is missing or of the wrong type
 */
export async function resolveConfig(
    project: Project,
    stack: string,
    file: StackFile,
    keyring: Keyring,
): Promise<StackConfig> {
    const raw: Record<string, ConfigValue> = { ...projectValues(project), ...file.config };
    const problems = [...project.config].flatMap(([key, declaration]) => problemsOf(key, declaration, raw[key], stack));
    if (problems.length > 0) {
        throw new EngineError(problems.join("\n"), exitCode.configuration);
    }
    const secretKeys = Object.keys(raw).filter((key) => hasSecure(raw[key]!));
    const crypter = secretKeys.length > 0 ? await crypterOf(file, keyring) : undefined;
    const values: Record<string, string> = {};
    for (const [key, value] of Object.entries(raw)) {
        values[key] = asText(mapSecure(value, (ciphertext) => crypter!.decrypt(ciphertext)));
    }
    return { values, secretKeys };
}

/** The key of a stack file's secrets. */
export async function crypterOf(file: StackFile, keyring: Keyring): Promise<Crypter> {
    if (file.salt === undefined) {
        throw new EngineError(
            `${file.path} has secrets, but no encryptionsalt to decrypt them with`,
            exitCode.configuration,
        );
    }
    return keyring.open(file.salt);
}

function projectValues(project: Project): Record<string, ConfigValue> {
    const values: Record<string, ConfigValue> = {};
    for (const [key, declaration] of project.config) {
        const value = declaration.value ?? declaration.default;
        if (value !== undefined) {
            values[key] = value as ConfigValue;
        }
    }
    return values;
}

const typeChecks: Readonly<Record<string, (value: ConfigValue, declaration: ConfigDeclaration) => boolean>> = {
    string: (value) => typeof value !== "object",
    boolean: (value) => typeof value === "boolean" || value === "true" || value === "false",
    integer: (value) => /^[+-]?\d+$/.test(String(value)),
    object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    array: (value, { items }) => Array.isArray(value) && value.every((item) => hasType(item, items ?? {})),
};

function hasType(value: ConfigValue, declaration: ConfigDeclaration): boolean {
    const check = declaration.type === undefined ? undefined : typeChecks[declaration.type];
    return check === undefined || hasSecure(value) || check(value, declaration);
}

function problemsOf(
    key: string,
    declaration: ConfigDeclaration,
    value: ConfigValue | undefined,
    stack: string,
): string[] {
    const name = key.slice(key.indexOf(":") + 1);
    if (value === undefined) {
        return declaration.type === undefined ? [] : [`Stack '${stack}' is missing configuration value '${name}'`];
    }
    if (!hasType(value, declaration)) {
        const items = declaration.items?.type === undefined ? "" : `<${declaration.items.type}>`;
        return [`Stack '${stack}' with configuration key '${name}' must be of type '${declaration.type}${items}'`];
    }
    return [];
}
