import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Backend, CheckpointFile } from "./backend";
import { organization } from "./backend";
import { removePartialFiles, replaceFile } from "./files";
import type { Crypter, Keyring } from "./secrets";
import {
    deserializeResource,
    type Operation,
    type OperationType,
    type ResourceState,
    serializeResource,
} from "./state";
import { nameOf, parseReference, qualifiedType, rootStackType, typeOf, type Urn } from "./urn";
import { containsSecrets } from "./values";
import { version } from "./version";

/** A stack's state as the last run left it. */
export interface Snapshot {
    /** Dependencies stand before what needs them. */
    readonly resources: ResourceState[];
    /** Steps whose outcome is not known, because the engine died while they ran. */
    readonly operations: Operation[];
    /** Salt of the key that the file's secrets are encrypted with; undefined for a new stack. */
    readonly salt?: string;
}

/** Reads the resources of a checkpoint; secrets are decrypted only if there are any. */
export async function loadSnapshot(file: CheckpointFile, keyring: Keyring): Promise<Snapshot> {
    const { latest } = file.checkpoint;
    const salt = latest?.secrets_providers?.state?.salt;
    const type = latest?.secrets_providers?.type;
    if (type !== undefined && type !== "" && type !== "passphrase") {
        throw new Error(
            `the state's secrets are encrypted by ${type}; the embedded engine only knows the passphrase provider`,
        );
    }
    const hasSecrets = JSON.stringify(latest ?? {}).includes('"ciphertext"');
    const crypter = hasSecrets && salt !== undefined ? await keyring.open(salt) : noCrypter;
    return {
        resources: (latest?.resources ?? []).map((json) => deserializeResource(json, crypter)),
        operations: (latest?.pending_operations ?? []).map(({ resource, type: kind }) => ({
            resource: deserializeResource(resource, crypter),
            type: kind as OperationType,
        })),
        ...(salt === undefined ? {} : { salt }),
    };
}

function noKey(): never {
    throw new Error("the state has secrets but names no salt for their key");
}

/** Stands in where there are no secrets, so that no key has to be derived. */
const noCrypter: Crypter = { salt: "", encrypt: noKey, decrypt: noKey, encryptValue: noKey, remember: () => {} };

/**
 * The state while a run changes it. Every change is durable before the promise of its method resolves; changes that come
 * while a write is under way share the next one (group commit), so that the number of writes does not follow the number
 * of resources.
 */
export interface SnapshotWriter {
    /** Notes that a step is about to act on a resource. */
    begin(type: OperationType, state: ResourceState): Promise<void>;
    /** Notes a step's outcome: the operation ended, `replaced` is gone from the state, and `added` is in it. */
    end(change: Change): Promise<void>;
    /** Notes a change that needs no write of its own; it becomes durable with the next write, or with {@link close}. */
    note(change: Change): void;
    /** Says that references to an old URN now mean a new one. */
    alias(old: Urn, current: Urn): void;
    /** Forgets the operations of earlier runs that are still open. */
    settleAll(): void;
    /** All resources, new ones first, then those of earlier runs that no step has dealt with. */
    resources(): ResourceState[];
    /** Writes what is still unwritten. */
    close(): Promise<void>;
    /** Number of writes so far. */
    writes(): number;
}

/** What a step did to the state. */
export interface Change {
    readonly ended?: ResourceState;
    readonly replaced?: ResourceState;
    readonly added?: ResourceState;
    /** A state that stays, and was modified. */
    readonly changed?: ResourceState;
}

/** Where and how a writer writes. */
export interface WriterOptions {
    readonly backend: Backend;
    readonly project: string;
    readonly stack: string;
    /** Key for secrets; derived while the program starts. */
    readonly crypter: () => Promise<Crypter>;
    /** Salt to record; waits for {@link crypter} if it has to be made. */
    readonly salt: () => Promise<string>;
    /** False for previews, which keep all changes in memory. */
    readonly persist: boolean;
    /** Writes one file; tests replace it to watch the order of writes. */
    readonly write?: (path: string, parts: readonly Uint8Array[]) => Promise<void>;
}

/** Opens the state of a stack for changes. */
export function openWriter(base: Snapshot, options: WriterOptions): SnapshotWriter {
    const file = options.backend.stackFile(options.project, options.stack);
    const write = options.write ?? replaceFile;
    const added = new Set<ResourceState>();
    const known = new Set<ResourceState>(base.resources);
    const gone = new Set<ResourceState>();
    const running = new Map<ResourceState, OperationType>();
    const aliases = new Map<Urn, Urn>();
    const fragments = new Map<ResourceState, Buffer>();
    let earlier = base.operations.filter(({ type }) => type === "creating");
    let interrupted = base.operations.filter(({ type }) => type !== "creating");
    // Like the CLI, a run writes at least once, at its end.
    let dirty = true;
    let writes = 0;

    if (options.persist) {
        mkdirSync(dirname(file), { recursive: true });
        removePartialFiles(file);
    }

    const present = () => [...added, ...base.resources].filter((state) => !gone.has(state));

    async function fragment(state: ResourceState): Promise<Buffer> {
        const cached = fragments.get(state);
        if (cached !== undefined) {
            return cached;
        }
        const crypter = hasSecret(state) ? await options.crypter() : noCrypter;
        const text = indent(JSON.stringify(serializeResource(renamed(state, aliases), crypter), null, 4), 16);
        const bytes = Buffer.from(text);
        fragments.set(state, bytes);
        return bytes;
    }

    async function save(): Promise<void> {
        dirty = false;
        const operations = [
            ...[...running].map(([resource, type]) => ({ resource, type })),
            ...earlier,
            ...interrupted,
        ];
        const resources = present();
        const salt = await options.salt();
        // Serialized before anything is awaited again, so that a file shows one moment.
        const bodies = await Promise.all(resources.map(fragment));
        const pending = await Promise.all(operations.map(({ resource }) => operationFragment(resource)));
        const parts = checkpointParts(
            `${organization}/${options.project}/${options.stack}`,
            salt,
            bodies,
            pending.map((body, index) => ({ body, type: operations[index]!.type })),
        );
        writes += 1;
        await write(file, parts);
    }

    /** An operation's state is still being filled in by its step, so it is not cached. */
    async function operationFragment(state: ResourceState): Promise<Buffer> {
        const crypter = hasSecret(state) ? await options.crypter() : noCrypter;
        const text = JSON.stringify(serializeResource(renamed(state, aliases), crypter), null, 4);
        return Buffer.from(indent(text, 20).trimStart());
    }

    const commit = options.persist ? groupCommit(save) : async () => undefined;
    /** A step that ended well answers the question that an interrupted one on the same resource left open. */
    const settleUrn = (urn: Urn) => {
        if (earlier.length > 0 || interrupted.length > 0) {
            earlier = earlier.filter(({ resource }) => resource.urn !== urn);
            interrupted = interrupted.filter(({ resource }) => resource.urn !== urn);
        }
    };
    const change = ({ ended, replaced, added: state, changed }: Change) => {
        dirty = true;
        if (state !== undefined || replaced !== undefined) {
            settleUrn((state ?? replaced)!.urn);
        }
        if (changed !== undefined) {
            fragments.delete(changed);
        }
        if (ended !== undefined) {
            running.delete(ended);
        }
        if (replaced !== undefined) {
            gone.add(replaced);
        }
        if (state !== undefined) {
            fragments.delete(state);
            gone.delete(state);
            if (!known.has(state)) {
                added.add(state);
            }
        }
    };

    return {
        begin(type, state) {
            dirty = true;
            running.set(state, type);
            return commit();
        },
        end(outcome) {
            change(outcome);
            return commit();
        },
        note: change,
        alias(old, current) {
            aliases.set(old, current);
            for (const state of base.resources) {
                fragments.delete(state);
            }
        },
        settleAll() {
            dirty ||= earlier.length > 0 || interrupted.length > 0;
            [earlier, interrupted] = [[], []];
        },
        resources: present,
        close: async () => (dirty ? commit() : undefined),
        writes: () => writes,
    };
}

/**
 * Shares writes: a call made while one is under way waits for the next, together with all others made meanwhile. A write
 * begins one turn of the event loop after its first call, so that steps which start together are written together.
 *
 * @returns a function whose promise resolves once everything noted before the call is durable
 */
export function groupCommit(save: () => Promise<void>): () => Promise<void> {
    let writing: Promise<void> = Promise.resolve();
    let queued: Promise<void> | undefined;
    const enqueue = async (): Promise<void> => {
        await writing.catch(() => undefined);
        await new Promise((resolve) => setImmediate(resolve));
        queued = undefined;
        writing = save();
        await writing;
    };
    return () => {
        queued ??= enqueue();
        return queued;
    };
}

function hasSecret(state: ResourceState): boolean {
    return containsSecrets(state.inputs) || (state.outputs !== undefined && containsSecrets(state.outputs));
}

/** Applies renamed URNs to the references of a resource that was written before the renaming. */
function renamed(state: ResourceState, aliases: ReadonlyMap<Urn, Urn>): ResourceState {
    if (aliases.size === 0) {
        return state;
    }
    const fix = (urn: Urn) => aliases.get(urn) ?? urn;
    const properties = Object.entries(state.propertyDependencies).map(([key, urns]) => [key, urns.map(fix)]);
    const provider = state.provider && parseReference(state.provider);
    return {
        ...state,
        urn: fix(renamedByParent(state, fix)),
        dependencies: state.dependencies.map(fix),
        propertyDependencies: Object.fromEntries(properties) as Record<string, Urn[]>,
        ...(state.parent === undefined ? {} : { parent: fix(state.parent) }),
        ...(state.deletedWith === undefined ? {} : { deletedWith: fix(state.deletedWith) }),
        ...(provider ? { provider: `${fix(provider.urn)}::${provider.id}` } : {}),
    };
}

/** A URN contains the types of the parents; if those changed, so does it. */
function renamedByParent(state: ResourceState, fix: (urn: Urn) => Urn): Urn {
    const parent = state.parent === undefined ? undefined : fix(state.parent);
    if (parent === undefined || parent === state.parent || qualifiedType(parent) === rootStackType) {
        return state.urn;
    }
    const [head] = state.urn.split("::", 1);
    const project = state.urn.split("::")[1]!;
    return `${head}::${project}::${qualifiedType(parent)}$${typeOf(state.urn)}::${nameOf(state.urn)}`;
}

function indent(text: string, spaces: number): string {
    const pad = " ".repeat(spaces);
    return pad + text.replaceAll("\n", `\n${pad}`);
}

/** The file in pieces: resources come as cached bytes, so that a write costs their copying and not their formatting. */
function checkpointParts(
    name: string,
    salt: string,
    resources: readonly Buffer[],
    operations: readonly { readonly body: Buffer; readonly type: OperationType }[],
): Buffer[] {
    const parts: Buffer[] = [Buffer.from(header(name, salt))];
    const list = (key: string, bodies: readonly Buffer[][]) => {
        if (bodies.length === 0) {
            return;
        }
        parts.push(Buffer.from(`            "${key}": [\n`));
        bodies.forEach((body, index) => {
            parts.push(...body, Buffer.from(index + 1 < bodies.length ? ",\n" : "\n"));
        });
        parts.push(Buffer.from("            ],\n"));
    };
    list(
        "resources",
        resources.map((body) => [body]),
    );
    list(
        "pending_operations",
        operations.map(({ body, type }) => [
            Buffer.from('                {\n                    "resource": '),
            body,
            Buffer.from(`,\n                    "type": "${type}"\n                }`),
        ]),
    );
    parts.push(Buffer.from('            "metadata": {}\n        }\n    }\n}\n'));
    return parts;
}

function header(name: string, salt: string): string {
    const pad = 12;
    const manifest = JSON.stringify(
        {
            time: new Date().toISOString(),
            magic: createHash("sha256").update(version).digest("hex"),
            version,
        },
        null,
        4,
    );
    const secrets = JSON.stringify({ type: "passphrase", state: { salt } }, null, 4);
    return [
        "{",
        '    "version": 3,',
        '    "checkpoint": {',
        `        "stack": ${JSON.stringify(name)},`,
        '        "latest": {',
        `            "manifest": ${indent(manifest, pad).trimStart()},`,
        `            "secrets_providers": ${indent(secrets, pad).trimStart()},`,
        "",
    ].join("\n");
}
