import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { sandboxName } from "../../provider/resources/claim";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { connectSandbox, destroySandbox } from "../../provider/sandbox/start";

/** Root of the project. */
export const root = resolve(__dirname, "../..");

/** What a run of the engine came to. */
export interface Run {
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** One step of a preview. */
export interface Step {
    readonly op: string;
    readonly type: string;
    readonly name: string;
    /** Changed property paths. */
    readonly paths: readonly string[];
}

/** A resource as the state has it. */
export interface StateResource {
    readonly type: string;
    readonly name: string;
    readonly inputs: Readonly<Record<string, unknown>>;
    readonly outputs: Readonly<Record<string, unknown>>;
}

interface ExportedResource {
    readonly type: string;
    readonly urn: string;
    readonly inputs?: Readonly<Record<string, unknown>>;
    readonly outputs?: Readonly<Record<string, unknown>>;
}

interface PreviewStep {
    readonly op: string;
    readonly urn: string;
    readonly detailedDiff?: Readonly<Record<string, unknown>> | null;
}

/** A stack of this project with its own state and configuration, run by the embedded engine or the published CLI. */
export interface TestLab {
    readonly stack: string;
    /** Machine-wide name of its sandbox. */
    readonly sandboxName: string;
    /** Folder of its state; every process of a run, and none else, has it in its environment. */
    readonly folder: string;
    /** Where its runs are told to put temporary files. */
    readonly temporary: string;
    configure(config: Readonly<Record<string, unknown>>): void;
    run(...args: string[]): Promise<Run>;
    /** Starts a run without waiting for it. */
    start(...args: string[]): ChildProcess;
    /** Runs and fails the test unless the exit code is 0. */
    succeed(...args: string[]): Promise<Run>;
    /** Steps of a preview, without those that change nothing. */
    plan(...args: string[]): Promise<readonly Step[]>;
    /** Runs a command of the project, such as `verify`, against the stack. */
    command(name: string, ...args: string[]): Promise<Run>;
    /** Resources in the stack's state. */
    resources(): Promise<readonly StateResource[]>;
    sandbox(): Promise<Sandbox>;
    /** Destroys the lab and removes the state. */
    dispose(): Promise<void>;
}

/** Runs a program to its end; -1 stands for the exit code of one that a signal ended. */
export function runProgram(
    program: string,
    args: readonly string[],
    options: {
        readonly cwd?: string;
        readonly env?: NodeJS.ProcessEnv;
        readonly uid?: number;
        readonly gid?: number;
    } = {},
): Promise<Run> {
    return new Promise((done) => {
        execFile(program, [...args], { ...options, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
            const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
            done({ code, stdout, stderr });
        });
    });
}

/** Name of a resource, from its URN. */
function nameOf(urn: string): string {
    return urn.split("::").slice(3).join("::");
}

/**
 * Creates a stack; its name must be unique among tests that run at once.
 *
 * @param stack its name
 * @param engine executable that runs it
 * @param shared a lab of the same name whose state and configuration are used, so that another engine takes over
 */
export function createLab(stack: string, engine = join(root, "engine/pulumi"), shared?: TestLab): TestLab {
    const folder = shared?.folder ?? mkdtempSync(join(tmpdir(), `bgp-lab-${stack}-`));
    const configFile = join(folder, `Pulumi.${stack}.yaml`);
    const temporary = join(folder, "tmp");
    mkdirSync(temporary, { recursive: true });
    const env = {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_CONFIG_PASSPHRASE: "test",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
        PULUMI_HOME: join(folder, "home"),
        TMPDIR: temporary,
    };
    const name = sandboxName("bgp-lab", stack, root);
    let created = shared !== undefined;

    function options(args: readonly string[]): string[] {
        const [verb = ""] = args;
        if (verb === "cancel") {
            return [...args, "--stack", stack, "--yes"];
        }
        const unattended = verb === "preview" ? [] : ["--yes", "--skip-preview"];
        const lifecycle = ["preview", "up", "refresh", "destroy"].includes(verb);
        return [...args, "--stack", stack, ...(lifecycle ? [...unattended, "--config-file", configFile] : [])];
    }

    const execute = (args: readonly string[], cwd: string) => runProgram(engine, args, { cwd, env });

    async function ensure(): Promise<void> {
        if (created) {
            return;
        }
        created = true;
        const scratch = join(folder, "scratch");
        mkdirSync(scratch);
        writeFileSync(join(scratch, "Pulumi.yaml"), "name: bgp-lab\nruntime: nodejs\n");
        const { code, stderr } = await execute(["stack", "init", stack, "--non-interactive"], scratch);
        if (code !== 0) {
            throw new Error(`stack init failed: ${stderr}`);
        }
    }

    const lab: TestLab = {
        stack,
        sandboxName: name,
        folder,
        temporary,
        configure(config) {
            const entries = Object.entries(config).map(([key, value]) => [`bgp-lab:${key}`, value]);
            writeFileSync(configFile, stringify({ config: Object.fromEntries(entries) }));
        },
        async run(...args) {
            await ensure();
            return execute(options(args), root);
        },
        start(...args) {
            return spawn(engine, options(args), { cwd: root, env, stdio: "ignore" });
        },
        async succeed(...args) {
            const result = await lab.run(...args);
            if (result.code !== 0) {
                throw new Error(`${args.join(" ")} exited with ${result.code}\n${result.stdout}\n${result.stderr}`);
            }
            return result;
        },
        async plan(...args) {
            const { stdout } = await lab.succeed("preview", "--json", ...args);
            const { steps } = JSON.parse(stdout) as { steps: readonly PreviewStep[] };
            return steps
                .filter(({ op }) => op !== "same" && op !== "read")
                .map(({ op, urn, detailedDiff }) => {
                    const [, , qualified = ""] = urn.split("::");
                    const type = qualified.slice(qualified.lastIndexOf("$") + 1);
                    return { op, type, name: nameOf(urn), paths: Object.keys(detailedDiff ?? {}).sort() };
                });
        },
        command(command, ...args) {
            return runProgram("node", ["scripts/run.cjs", command, "--stack", stack, ...args], {
                cwd: root,
                env: { ...env, BGP_LAB_ENGINE: "embedded" },
            });
        },
        async resources() {
            const { stdout } = await lab.succeed("stack", "export");
            const state = JSON.parse(stdout) as { deployment: { resources?: readonly ExportedResource[] } };
            return (state.deployment.resources ?? []).map(({ type, urn, inputs = {}, outputs = {} }) => ({
                type,
                name: nameOf(urn),
                inputs,
                outputs,
            }));
        },
        async sandbox() {
            const sandbox = await connectSandbox(name);
            if (!sandbox) {
                throw new Error(`sandbox ${name} is not running`);
            }
            return sandbox;
        },
        async dispose() {
            if (created) {
                await lab.run("cancel");
                await lab.run("destroy");
            }
            await destroySandbox(name);
            rmSync(folder, { recursive: true, force: true });
        },
    };
    if (shared === undefined) {
        lab.configure({});
    }
    return lab;
}
