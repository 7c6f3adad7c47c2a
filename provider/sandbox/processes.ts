/** Daemons and short-lived processes of the sandbox, and what a PID 1 owes to processes that nobody waits for. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, copyFileSync, fstatSync, ftruncateSync, mkdirSync, openSync } from "node:fs";
import { inNamespaceWithHostname } from "./namespaces";
import { peekEndedChild, reap } from "./native";
import type { DaemonStatus, ExecResult, Operations, ProcessSpec } from "./protocol";

/** Folder of the daemons' output. */
export const logDirectory = "/run/log";

/** A daemon's process, and whether another one follows it. */
type DaemonSpec = ProcessSpec & { readonly restart?: boolean };

interface Daemon {
    readonly spec: DaemonSpec;
    readonly child: ChildProcess;
    readonly log: number;
    readonly startedAt: number;
    readonly past: Past;
    readonly ended: Promise<void>;
    end?: string;
}

/** What came before a daemon's process: how often it was started again, and after how long the last time. */
interface Past {
    readonly restarts: number;
    readonly pause: number;
}

/** Milliseconds until a daemon is started again: the first pause, and the longest, after which it counts as new. */
const shortestPause = 100;
const longestPause = 10_000;

const noPast: Past = { restarts: 0, pause: 0 };

const daemons = new Map<string, Daemon>();

/** Children that Node itself waits for. */
const ownChildren = new Set<number>();

/** Where programs are looked up: FRR's daemons are outside of everyone's PATH. */
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/frr";

function start(spec: ProcessSpec, stdio: ["ignore" | "pipe", "pipe" | number, "pipe" | number]): ChildProcess {
    const [program, ...args] = spec.argv;
    if (program === undefined) {
        throw new Error("argv is empty: there is no program to start");
    }
    const env = { PATH: searchPath, LANG: "C.UTF-8", HOME: "/root", ...spec.env };
    const run = () => spawn(program, args, { stdio, env, cwd: "/" });
    const child = spec.namespace === undefined ? run() : inNamespaceWithHostname(spec.namespace, run);
    const { pid } = child;
    if (pid !== undefined) {
        ownChildren.add(pid);
        child.once("exit", () => ownChildren.delete(pid));
    }
    return child;
}

/** Starts a daemon, or finds the running one of the same name and arguments. @throws Error when it cannot be started */
export async function startDaemon(request: Operations["startDaemon"][0]): Promise<DaemonStatus> {
    const { name, ...spec } = request;
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(name)) {
        throw new Error(`"${name}" is no daemon name: letters, digits, ".", "_" and "-" only`);
    }
    const known = daemons.get(name);
    if (known !== undefined && known.end === undefined) {
        if (identity(known.spec) === identity(spec)) {
            return status(name, known);
        }
        throw new Error(`daemon ${name} runs already, with other arguments; stop it first`);
    }
    const daemon = await launch(name, spec, noPast);
    return status(name, daemon);
}

function identity({ namespace, argv, env }: ProcessSpec): string {
    return JSON.stringify([namespace, argv, env ?? {}]);
}

async function launch(name: string, spec: DaemonSpec, past: Past): Promise<Daemon> {
    mkdirSync(logDirectory, { recursive: true });
    const log = openSync(`${logDirectory}/${name}.log`, "a", 0o644);
    const child = start(spec, ["ignore", log, log]);
    const ended = new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        child.once("error", () => resolve());
    });
    const daemon: Daemon = { spec, child, log, startedAt: Date.now(), past, ended };
    child.once("exit", (code, signal) => finish(name, daemon, signal ?? String(code)));
    if (child.pid === undefined) {
        closeSync(log);
        throw await failure(child, spec);
    }
    child.on("error", () => {});
    daemons.set(name, daemon);
    return daemon;
}

function finish(name: string, daemon: Daemon, end: string): void {
    daemon.end = end;
    closeSync(daemon.log);
    if (daemon.spec.restart) {
        restartLater(name, daemon, nextPause(daemon));
    }
}

/** One that ran for a while gets the shortest pause again. */
function nextPause({ startedAt, past }: Daemon): number {
    const isNew = Date.now() - startedAt >= longestPause;
    return isNew ? shortestPause : Math.min(longestPause, Math.max(shortestPause, 2 * past.pause));
}

/** Starts a daemon that ended by itself again, unless somebody has stopped or started it in the meantime. */
function restartLater(name: string, daemon: Daemon, pause: number): void {
    setTimeout(() => {
        if (daemons.get(name) === daemon) {
            const past = { restarts: daemon.past.restarts + 1, pause };
            launch(name, daemon.spec, past).catch(() => {
                restartLater(name, daemon, Math.min(longestPause, 2 * pause));
            });
        }
    }, pause);
}

function failure(child: ChildProcess, { argv }: ProcessSpec): Promise<Error> {
    return new Promise((resolve) => {
        child.once("error", (error: NodeJS.ErrnoException) => {
            const reason = error.code === "ENOENT" ? "there is no such program; install its package" : error.message;
            resolve(new Error(`cannot start ${argv[0]}: ${reason}`));
        });
    });
}

function status(name: string, { spec, child, end, past }: Daemon): DaemonStatus {
    return {
        name,
        pid: child.pid!,
        running: end === undefined,
        ...(spec.namespace === undefined ? {} : { namespace: spec.namespace }),
        ...(end === undefined ? {} : { ended: end }),
        ...(spec.restart ? { restarts: past.restarts } : {}),
    };
}

/** State of all daemons that were started and not stopped. */
export function daemonStates(): readonly DaemonStatus[] {
    return [...daemons].map(([name, daemon]) => status(name, daemon));
}

/** Ends a daemon and forgets it. */
export async function stopDaemon({ name, graceMilliseconds }: Operations["stopDaemon"][0]): Promise<void> {
    const daemon = daemons.get(name);
    if (daemon === undefined) {
        return;
    }
    if (daemon.end === undefined) {
        daemon.child.kill("SIGTERM");
        const timer = setTimeout(() => daemon.child.kill("SIGKILL"), graceMilliseconds);
        await daemon.ended;
        clearTimeout(timer);
    }
    if (daemons.get(name) === daemon) {
        daemons.delete(name);
    }
}

/** Ends all daemons of a namespace and forgets them. */
export async function stopDaemonsIn(namespace: string, graceMilliseconds: number): Promise<void> {
    const names = [...daemons].filter(([, { spec }]) => spec.namespace === namespace).map(([name]) => name);
    await Promise.all(names.map((name) => stopDaemon({ name, graceMilliseconds })));
}

const largestLog = 1024 * 1024;

/** Keeps logs from filling the sandbox's memory: one that is full becomes `<name>.log.1`, and starts again. */
export function trimLogs(): void {
    for (const [name, { log, end }] of daemons) {
        if (end === undefined && fstatSync(log).size > largestLog) {
            // Copied and cut rather than renamed, because the daemon keeps writing to the open file.
            copyFileSync(`${logDirectory}/${name}.log`, `${logDirectory}/${name}.log.1`);
            ftruncateSync(log);
        }
    }
}

/** Processes at once; more would only wait for each other. */
const parallel = 8;

/** Runs processes and waits for them; the results are in the order of the requests. */
export async function exec({ processes }: Operations["exec"][0], abort: AbortSignal): Promise<readonly ExecResult[]> {
    const results: ExecResult[] = [];
    const waiting = processes.entries();
    const worker = async () => {
        for (const [index, spec] of waiting) {
            results[index] = await runOne(spec, abort);
        }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, processes.length) }, worker));
    return results;
}

const largestOutput = 16 * 1024 * 1024;

function runOne(spec: ProcessSpec & { readonly stdin?: string }, abort: AbortSignal): Promise<ExecResult> {
    abort.throwIfAborted();
    const child = start(spec, [spec.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"]);
    const kill = () => child.kill("SIGKILL");
    abort.addEventListener("abort", kill, { once: true });
    const [stdout, stderr] = [collect(child.stdout!, kill), collect(child.stderr!, kill)];
    // A program that does not read its input closes the pipe; how it ended tells more than that.
    child.stdin?.on("error", () => {});
    child.stdin?.end(spec.stdin);
    return new Promise((resolve) => {
        const done = (code: number, extra = "") => {
            abort.removeEventListener("abort", kill);
            resolve({ code, stdout: stdout(), stderr: stderr() + extra });
        };
        child.once("error", (error: NodeJS.ErrnoException) => {
            const reason = error.code === "ENOENT" ? "there is no such program; install its package" : error.message;
            done(127, `cannot start ${spec.argv[0]}: ${reason}\n`);
        });
        child.once("close", (code, signal) => done(code ?? -1, signal === null ? "" : `ended by ${signal}\n`));
    });
}

/** Collects a stream; a program without measure is ended. */
function collect(stream: NodeJS.ReadableStream, kill: () => void): () => string {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > largestOutput) {
            kill();
        }
    });
    return () => Buffer.concat(chunks).toString("utf8");
}

/**
 * Takes orphans off the process table. The kernel gives PID 1 every process whose parent ended; Node waits only for the
 * children it started. Which ended child is whose is looked at before anything is taken, so that Node never misses one.
 */
export function reapOrphans(): void {
    let isScheduled = false;
    const sweep = () => {
        isScheduled = false;
        for (let pid = peekEndedChild(); pid !== 0; pid = peekEndedChild()) {
            if (ownChildren.has(pid)) {
                // Node takes it in this turn of the event loop; what is behind it in the queue is looked at after.
                schedule();
                return;
            }
            reap(pid);
        }
    };
    const schedule = () => {
        if (!isScheduled) {
            isScheduled = true;
            setImmediate(sweep);
        }
    };
    process.on("SIGCHLD", schedule);
}
