import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { EngineError, exitCode, messageOf, unsupported } from "./errors";
import { replaceFileSync } from "./files";

/** The CLI has no organizations in file backends, and calls the one there is by this name. */
export const organization = "organization";

/** Directory and files of Pulumi's local file backend, project-scoped layout (`.pulumi/meta.yaml` version 1). */
export interface Backend {
    /** URL as the user gave it, for messages. */
    readonly url: string;
    /** The `.pulumi` directory. */
    readonly directory: string;
    stackFile(project: string, stack: string): string;
    lockDirectory(project: string, stack: string): string;
}

/** A checkpoint file's JSON. */
export interface CheckpointFile {
    readonly version: number;
    readonly features?: readonly string[];
    readonly checkpoint: { readonly stack: string; readonly latest?: Deployment };
}

/** The deployment inside a checkpoint or an export (apitype.DeploymentV3), as JSON. */
export interface Deployment {
    readonly manifest: { readonly time: string; readonly magic: string; readonly version: string };
    readonly secrets_providers?: { readonly type: string; readonly state?: { readonly salt?: string } };
    readonly resources?: readonly Record<string, unknown>[];
    readonly pending_operations?: readonly { readonly resource: Record<string, unknown>; readonly type: string }[];
    readonly metadata?: Record<string, unknown>;
}

/**
 * Opens the backend that PULUMI_BACKEND_URL names, or else Pulumi.yaml, or else `file://~`.
 *
 * @param declared `backend.url` of Pulumi.yaml
 * @throws EngineError for anything but a file backend, and for the layout of before 2023
 */
export function openBackend(env: NodeJS.ProcessEnv, declared: string | undefined, cwd: string): Backend {
    const url = env.PULUMI_BACKEND_URL || declared || "file://~";
    if (!url.startsWith("file://")) {
        throw unsupported(`the state backend ${url} (only file:// is)`);
    }
    const path = url.slice("file://".length).replace(/\?.*$/, "");
    const root = path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : resolve(cwd, path);
    const directory = join(root, ".pulumi");
    const meta = join(directory, "meta.yaml");
    if (existsSync(meta) && !/^version: 1\s*$/m.test(readFileSync(meta, "utf8"))) {
        throw unsupported(`the state layout that ${meta} names (only version 1 is)`);
    }
    return {
        url,
        directory,
        stackFile: (project, stack) => join(directory, "stacks", project, `${stack}.json`),
        lockDirectory: (project, stack) => join(directory, "locks", organization, project, stack),
    };
}

/** Names of the project's stacks. */
export function listStacks(backend: Backend, project: string): string[] {
    const directory = join(backend.directory, "stacks", project);
    if (!existsSync(directory)) {
        return [];
    }
    return readdirSync(directory)
        .filter((file) => file.endsWith(".json") && !file.endsWith(".tmp"))
        .map((file) => file.slice(0, -".json".length))
        .sort();
}

/** Creates an empty stack. @throws EngineError if it exists or its name is not allowed */
export function createStack(backend: Backend, project: string, stack: string): void {
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/.test(stack)) {
        throw new EngineError(
            `invalid stack name "${stack}": a stack name may only contain alphanumeric characters, hyphens, underscores and periods`,
            exitCode.configuration,
        );
    }
    const file = backend.stackFile(project, stack);
    if (existsSync(file)) {
        throw new EngineError(`stack '${organization}/${project}/${stack}' already exists`);
    }
    const meta = join(backend.directory, "meta.yaml");
    mkdirSync(backend.directory, { recursive: true });
    if (!existsSync(meta)) {
        writeFileSync(meta, "version: 1\n");
    }
    const checkpoint = { version: 3, checkpoint: { stack: `${organization}/${project}/${stack}`, latest: undefined } };
    replaceFileSync(file, `${JSON.stringify(checkpoint, null, 4)}\n`, 0o600);
}

/** @throws EngineError if there is no such stack */
export function requireStack(backend: Backend, project: string, stack: string): void {
    if (!existsSync(backend.stackFile(project, stack))) {
        throw new EngineError(`no stack named '${stack}' found`, exitCode.stackNotFound);
    }
}

/**
 * Reads a stack's checkpoint.
 *
 * @throws EngineError if there is no such stack, or it is in a form that this engine does not know
 */
export function readCheckpoint(backend: Backend, project: string, stack: string): CheckpointFile {
    requireStack(backend, project, stack);
    const file = backend.stackFile(project, stack);
    const checkpoint = parseCheckpoint(file);
    const features = checkpoint.features ?? [];
    if (checkpoint.version !== 3 || features.length > 0) {
        throw unsupported(
            `checkpoint version ${checkpoint.version} (features: ${features.join(", ") || "none"}) of ${file}`,
        );
    }
    return checkpoint;
}

function parseCheckpoint(file: string): CheckpointFile {
    try {
        return JSON.parse(readFileSync(file, "utf8")) as CheckpointFile;
    } catch (error) {
        throw new EngineError(
            `the state ${file} cannot be read: ${messageOf(error)}; put a good copy in its place, such as ${file}.bak where there is one`,
        );
    }
}

/** Removes a stack's state; its configuration file stays unless the caller removes it. */
export function removeStack(backend: Backend, project: string, stack: string): void {
    const file = backend.stackFile(project, stack);
    rmSync(file);
    rmSync(`${file}.bak`, { force: true });
    rmSync(backend.lockDirectory(project, stack), { recursive: true, force: true });
}
