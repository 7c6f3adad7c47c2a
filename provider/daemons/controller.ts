/** The peering controller: a process in the sandbox, beside the daemons that it tells of Pods. */

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { controllerFiles } from "../sandbox/controller-files";
import type { DaemonStatus, Drift, Sandbox } from "../sandbox/protocol";
import { bundlePath } from "../sandbox/start";
import type { ControllerInputs, ControllerStatus } from "../schema";
import { absence, statusOf, untilReady } from "./process";

/** Name of its process; its log is `/run/log/<name>.log`, a JSON object per line. */
export const controllerProcess = "peering-controller";

type ControllerSpec = Omit<ControllerInputs, "sandbox">;

/** It is mostly idle, and there is one for the whole lab. */
const nodeFlags = ["--max-old-space-size=256", "--max-semi-space-size=2", "--single-threaded-gc", "--v8-pool-size=1"];

/** Milliseconds between SIGTERM and SIGKILL. */
const grace = 1_000;

/**
 * Starts the controller, or starts it anew when it is to do something else. PID 1 starts it again when it ends by itself.
 * What it has made of speakers and routers that it is no longer to follow is taken away.
 *
 * @param before what it was given the last time; absent for a new one
 * @throws Error that it does not start, with the end of its log, or that a speaker refuses to give something up
 */
export async function applyController(
    sandbox: Sandbox,
    before: ControllerSpec | undefined,
    spec: ControllerSpec,
): Promise<void> {
    const program = bundlePath("controller");
    const surplus = surplusOf(before, spec);
    const isSame = isDeepStrictEqual(readConfiguration(sandbox), configurationOf(sandbox, spec));
    if (surplus === undefined && isSame && hasProgram(sandbox, program) && (await works(sandbox))) {
        return;
    }
    await sandbox.call("stopDaemon", { name: controllerProcess, graceMilliseconds: grace });
    mkdirSync(sandbox.path(controllerFiles.directory), { recursive: true });
    copyFileSync(program, sandbox.path(controllerFiles.program));
    if (surplus !== undefined) {
        await sweep(sandbox, surplus);
    }
    const configuration = configurationOf(sandbox, spec);
    write(sandbox, controllerFiles.configuration, configuration);
    rmSync(sandbox.path(controllerFiles.status), { force: true });
    const argv = command(controllerFiles.configuration, "run");
    await sandbox.call("startDaemon", { name: controllerProcess, argv, restart: true });
    const hasStarted = async () => readControllerStatus(sandbox)?.configuration === configuration.configuration;
    await untilReady(sandbox, controllerProcess, async () => (await hasStarted()) || undefined);
}

/** Differences between what the controller is given and what runs; empty when there are none. */
export async function inspectController(sandbox: Sandbox, spec: ControllerSpec): Promise<readonly Drift[]> {
    const status = await statusOf(sandbox, controllerProcess);
    if (!status?.running) {
        return [{ path: "", found: `the peering controller ${absence(status)}` }];
    }
    if (isStopped(sandbox, status)) {
        return [{ path: "", found: "the peering controller was stopped by a signal" }];
    }
    const isSame = isDeepStrictEqual(readConfiguration(sandbox), configurationOf(sandbox, spec));
    return isSame ? [] : [{ path: "", found: "the peering controller has another configuration" }];
}

/** Ends the controller and takes away all neighbors, policies and routes that it has made, where they still are. */
export async function stopController(sandbox: Sandbox, spec: ControllerSpec): Promise<void> {
    await sandbox.call("stopDaemon", { name: controllerProcess, graceMilliseconds: grace });
    mkdirSync(sandbox.path(controllerFiles.directory), { recursive: true });
    copyFileSync(bundlePath("controller"), sandbox.path(controllerFiles.program));
    await sweep(sandbox, spec);
    rmSync(sandbox.path(controllerFiles.directory), { recursive: true, force: true });
}

/** What the controller says of itself; undefined when there is none, or it has only just been started. */
export function readControllerStatus(sandbox: Sandbox): ControllerStatus | undefined {
    return readJson(sandbox, controllerFiles.status) as ControllerStatus | undefined;
}

interface Configuration extends ControllerInputs {
    readonly configuration: string;
}

function configurationOf({ name }: Sandbox, { speakers, routers = {} }: ControllerSpec): Configuration {
    const inputs = { sandbox: name, speakers, routers };
    const configuration = createHash("sha256").update(JSON.stringify(inputs, inOrder)).digest("hex").slice(0, 16);
    return { configuration, ...inputs };
}

/** Sorts the keys of a record: those of inputs that a state gives back are in another order. */
function inOrder(_: string, value: unknown): unknown {
    return typeof value !== "object" || value === null || Array.isArray(value)
        ? value
        : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readConfiguration(sandbox: Sandbox): unknown {
    return readJson(sandbox, controllerFiles.configuration);
}

function readJson(sandbox: Sandbox, file: string): unknown {
    try {
        return JSON.parse(readFileSync(sandbox.path(file), "utf8"));
    } catch {
        return undefined;
    }
}

function write(sandbox: Sandbox, file: string, content: unknown): void {
    writeFileSync(sandbox.path(file), JSON.stringify(content), { mode: 0o644 });
}

function hasProgram(sandbox: Sandbox, program: string): boolean {
    try {
        return readFileSync(sandbox.path(controllerFiles.program)).equals(readFileSync(program));
    } catch {
        return false;
    }
}

async function works(sandbox: Sandbox): Promise<boolean> {
    const status = await statusOf(sandbox, controllerProcess);
    return status?.running === true && !isStopped(sandbox, status);
}

/** Whether a signal or a debugger holds the process: it is there, but follows no Pod (proc_pid_stat(5), states T and t). */
function isStopped(sandbox: Sandbox, { pid }: DaemonStatus): boolean {
    try {
        const stat = readFileSync(sandbox.path(`/proc/${pid}/stat`), "utf8");
        // Its name, in parentheses before the state, may have parentheses, too.
        return /^ t /i.test(stat.slice(stat.lastIndexOf(")") + 1));
    } catch {
        return false;
    }
}

function command(configuration: string, mode: "run" | "sweep"): readonly string[] {
    return [process.execPath, ...nodeFlags, controllerFiles.program, configuration, mode];
}

/** Speakers and routers that the controller has followed and is to follow no longer; undefined when there are none. */
function surplusOf(before: ControllerSpec | undefined, spec: ControllerSpec): ControllerSpec | undefined {
    const speakers = without(before?.speakers ?? {}, spec.speakers);
    const routers = without(before?.routers ?? {}, spec.routers ?? {});
    return Object.keys({ ...speakers, ...routers }).length === 0 ? undefined : { speakers, routers };
}

function without<T>(record: Readonly<Record<string, T>>, others: object): Readonly<Record<string, T>> {
    return Object.fromEntries(Object.entries(record).filter(([name]) => !Object.hasOwn(others, name)));
}

async function sweep(sandbox: Sandbox, spec: ControllerSpec): Promise<void> {
    write(sandbox, controllerFiles.surplus, configurationOf(sandbox, spec));
    const argv = command(controllerFiles.surplus, "sweep");
    const { results } = await sandbox.call("exec", { processes: [{ argv }] });
    const [result] = results;
    if (result?.code !== 0) {
        throw new Error(`the peering controller cannot take its neighbors and routes away: ${result?.stderr.trim()}`);
    }
}
