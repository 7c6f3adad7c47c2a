import { type ChildProcess, spawn } from "node:child_process";
import {
    appendFileSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { transformSync } from "esbuild";
import { afterEach } from "vitest";

/** A resource that the test program makes. `"$name.property"` refers to an output, `{secret: …}` marks a secret. */
export interface ResourceSpec {
    name: string;
    kind?: "thing" | "component" | "provider";
    inputs?: Record<string, unknown>;
    /** Outputs that a component registers. */
    outputs?: Record<string, unknown>;
    options?: {
        parent?: string;
        provider?: string;
        dependsOn?: string[];
        deletedWith?: string;
        /** Former names. */
        aliases?: string[];
        protect?: boolean;
        retainOnDelete?: boolean;
        ignoreChanges?: string[];
        replaceOnChanges?: string[];
        deleteBeforeReplace?: boolean;
        additionalSecretOutputs?: string[];
        customTimeouts?: { create?: string; update?: string; delete?: string };
    };
}

/** What the test program does. */
export interface Spec {
    resources: ResourceSpec[];
    outputs?: Record<string, unknown>;
    print?: string;
    /** Fails at the end; `run` as an error for users, without a stack. */
    throws?: { message: string; run?: boolean };
}

/** How a command ended. */
export interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
    /** Both, for messages of failed expectations. */
    readonly all: string;
}

/** A resource as a checkpoint file has it. */
export type Recorded = Record<string, unknown> & { urn: string; type: string };

/** A project in a directory of its own, with a world that its provider acts on. */
export interface TestProject {
    readonly directory: string;
    readonly world: string;
    readonly stateFile: string;
    /** Sets what the program makes. */
    write(spec: Spec): void;
    /** Replaces the program by another, in JavaScript. */
    writeProgram(text: string): void;
    /** Environment variables for all further commands. */
    readonly env: NodeJS.ProcessEnv;
    /** Runs a command of the embedded engine. */
    engine(...args: string[]): Promise<Ended>;
    /** Runs a command of the published CLI. */
    cli(...args: string[]): Promise<Ended>;
    /** Starts a command of the embedded engine, for tests that end it. */
    start(...args: string[]): { child: ChildProcess; ended: Promise<Ended> };
    /** Names of things in the provider's world. */
    things(): string[];
    /** Calls that the provider got, in order. */
    calls(): string[];
    clearCalls(): void;
    resources(): Recorded[];
    remove(): void;
}

const here = resolve(__dirname);
const root = resolve(here, "../..");
/** The embedded engine's executable. */
export const enginePath = join(root, "engine/pulumi");
const passphrase = "correct horse";

/** Directory of the published CLI, if there is one on PATH. The embedded engine is not it. */
export function publishedCli(): string | undefined {
    const directories = (process.env.PATH ?? "").split(delimiter);
    return directories.find(
        (directory) => existsSync(join(directory, "pulumi")) && existsSync(join(directory, "pulumi-language-nodejs")),
    );
}

/** Makes test projects that are removed after the test that asked for them. Call it once, at the top of a test file. */
export function useProjects(): () => TestProject {
    const projects: TestProject[] = [];
    afterEach(() => {
        for (const project of projects.splice(0)) {
            project.remove();
        }
    });
    return () => {
        const made = makeProject();
        projects.push(made);
        return made;
    };
}

/** Makes a project with an empty stack `dev`. */
export function makeProject(name = "proj"): TestProject {
    const directory = mkdtempSync(join(tmpdir(), "engine-test-"));
    const world = join(directory, "world");
    const state = join(directory, "state");
    mkdirSync(world);
    mkdirSync(join(directory, "home"));
    mkdirSync(state);
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
    writeFileSync(join(directory, "index.js"), programText());
    writeFileSync(join(directory, "package.json"), JSON.stringify({ name, main: "index.js" }));
    writeFileSync(join(directory, "Pulumi.yaml"), projectYaml(name));
    const stateFile = join(state, ".pulumi/stacks", name, "dev.json");
    mkdirSync(join(state, ".pulumi/stacks", name), { recursive: true });
    writeFileSync(join(state, ".pulumi/meta.yaml"), "version: 1\n");
    writeFileSync(stateFile, JSON.stringify({ version: 3, checkpoint: { stack: `organization/${name}/dev` } }));
    const env: NodeJS.ProcessEnv = {
        ...process.env,
        TESTBED_WORLD: world,
        PULUMI_HOME: join(directory, "home"),
        PULUMI_BACKEND_URL: `file://${state}`,
        PULUMI_CONFIG_PASSPHRASE: passphrase,
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
        PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
        PULUMI_STACK: "dev",
        NO_COLOR: "1",
    };
    const children: ChildProcess[] = [];
    const start = (file: string, args: readonly string[]) => {
        const child = spawn(file, args, { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] });
        children.push(child);
        return { child, ended: collect(child) };
    };
    const log = join(world, "calls.log");
    return {
        directory,
        world,
        stateFile,
        write: (spec) => writeFileSync(join(directory, "spec.json"), JSON.stringify(spec)),
        writeProgram: (text) => writeFileSync(join(directory, "index.js"), text),
        env,
        start: (...args) => start(enginePath, args),
        engine: (...args) => start(enginePath, args).ended,
        cli: (...args) => start(join(publishedCli() ?? "", "pulumi"), ["--non-interactive", ...args]).ended,
        things: () =>
            readdirSync(world)
                .filter((file) => file.endsWith(".json"))
                .map((file) => file.slice(0, -".json".length))
                .sort(),
        calls: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").filter(Boolean) : []),
        clearCalls: () => rmSync(log, { force: true }),
        resources: () => {
            const { checkpoint } = JSON.parse(readFileSync(stateFile, "utf8")) as {
                checkpoint: { latest?: { resources?: Recorded[] } };
            };
            return checkpoint.latest?.resources ?? [];
        },
        remove: () => {
            // A test that timed out must not leave its run behind.
            for (const child of children.filter(
                ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
            )) {
                child.kill("SIGKILL");
            }
            rmSync(directory, { recursive: true, force: true });
        },
    };
}

let compiled: string | undefined;

/** The test program as JavaScript, which starts in half the time. */
function programText(): string {
    compiled ??= transformSync(readFileSync(join(here, "fixtures/program/index.ts"), "utf8"), {
        loader: "ts",
        format: "cjs",
        target: "es2020",
    }).code;
    return compiled;
}

function projectYaml(name: string): string {
    return [
        `name: ${name}`,
        "runtime:",
        "  name: nodejs",
        "  options:",
        "    typescript: false",
        "plugins:",
        "  providers:",
        "    - name: testbed",
        `      path: ${join(here, "fixtures/provider")}`,
        "",
    ].join("\n");
}

/** Appends to a project's Pulumi.yaml. */
export function extendProject(project: TestProject, yaml: string): void {
    appendFileSync(join(project.directory, "Pulumi.yaml"), yaml);
}

function collect(child: ChildProcess): Promise<Ended> {
    let [stdout, stderr, all] = ["", "", ""];
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
        all += text;
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
        all += text;
    });
    return new Promise((resolve_, reject) => {
        child.on("error", reject);
        child.on("close", (code) => resolve_({ code, stdout, stderr, all }));
    });
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;

/**
 * A checkpoint without what differs between any two runs: times, positions in the program, salts, ciphertexts and random
 * ids. Resources are sorted, because independent ones may finish in any order.
 */
export function normalizedCheckpoint(file: string): unknown {
    const { version, checkpoint } = JSON.parse(readFileSync(file, "utf8")) as {
        version: number;
        checkpoint: { stack: string; latest?: Record<string, unknown> };
    };
    const { manifest: _, secrets_providers, ...latest } = checkpoint.latest ?? {};
    const provider = (secrets_providers as { type?: string } | undefined)?.type;
    const rest = withoutChance(latest) as { resources?: Recorded[] };
    const key = (state: Recorded) => `${state.urn} ${state.delete ?? false} ${state.id ?? ""}`;
    rest.resources?.sort((a, b) => (key(a) < key(b) ? -1 : 1));
    return { version, stack: checkpoint.stack, provider, ...rest };
}

/** States without times, positions, ciphertexts and random ids. */
export function withoutChance(states: unknown): unknown {
    return JSON.parse(JSON.stringify(strip(states)).replace(uuid, "<uuid>"));
}

const volatile = new Set(["created", "modified", "sourcePosition", "stackTrace"]);

function strip(value: unknown): unknown {
    if (Array.isArray(value)) {
        const elements = value.map(strip);
        return elements.every((element) => typeof element === "string" && element.startsWith("urn:"))
            ? elements.sort()
            : elements;
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const map = value as Record<string, unknown>;
    if (typeof map.ciphertext === "string") {
        return { secret: true };
    }
    return Object.fromEntries(
        Object.keys(map)
            .filter((key) => !volatile.has(key))
            .sort()
            .map((key) => [key, strip(map[key])]),
    );
}
