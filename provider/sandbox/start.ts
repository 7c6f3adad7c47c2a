/** Starting, finding and ending sandboxes. Nothing is written outside of them: a sandbox is found by its processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { connectTo } from "./client";
import { marker } from "./marker";
import type { Sandbox } from "./protocol";

/** Memory and threads of PID 1: it is small and mostly idle. */
const nodeFlags = [
    "--max-old-space-size=512",
    "--max-semi-space-size=1",
    "--single-threaded-gc",
    "--v8-pool-size=1",
    "--expose-gc",
];

/** A process that belongs to a sandbox. */
interface Candidate {
    readonly pid: number;
    /** Whether it is the PID 1 of the sandbox, rather than its starter. */
    readonly isInit: boolean;
    /** Tells the process from a later one with the same PID. */
    readonly startTime: string;
}

const commandLine = Buffer.alloc(4096);

/** Arguments of a process; none when it has gone, is a kernel thread, or has more than ours ever have. */
function argumentsOf(pid: string): readonly string[] {
    try {
        const fd = openSync(`/proc/${pid}/cmdline`, "r");
        const length = readSync(fd, commandLine, 0, commandLine.length, 0);
        closeSync(fd);
        const isWhole = length > 0 && length < commandLine.length;
        return isWhole ? commandLine.toString("utf8", 0, length - 1).split("\0") : [];
    } catch {
        return [];
    }
}

/** Processes of this user that carry the marker where `startSandbox` puts it. */
function candidates(name: string): readonly Candidate[] {
    const mark = Buffer.from(`\0${marker(name)}\0`);
    return readdirSync("/proc")
        .filter((entry) => entry.charCodeAt(0) <= 57)
        .filter((pid) => isMarked(argumentsOf(pid), mark) && isOwn(pid))
        .flatMap((pid) => readCandidate(Number(pid)));
}

/** A marked process; none when it has ended meanwhile. */
function readCandidate(pid: number): readonly Candidate[] {
    try {
        return [{ pid, isInit: isNamespaceInit(pid), startTime: readStat(pid).startTime }];
    } catch {
        return [];
    }
}

function isMarked(args: readonly string[], mark: Buffer): boolean {
    const [program = ""] = args;
    const isProgram = ["unshare", basename(process.execPath)].includes(basename(program));
    const script = args[args.length - 2] ?? "";
    return isProgram && basename(script) === "sandbox.cjs" && `\0${args[args.length - 1]}\0` === mark.toString();
}

function isOwn(pid: string): boolean {
    return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === process.getuid?.();
}

/** Whether a process is PID 1 of a PID namespace below ours. @throws Error when there is no such process */
function isNamespaceInit(pid: number): boolean {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const pids = /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
    return pids.length > 1 && pids[pids.length - 1] === "1";
}

const startMilliseconds = 20_000;
const pollMilliseconds = 5;

/** PID 1 of the running sandbox of that name, or undefined. */
export function sandboxPid(name: string): number | undefined {
    return candidates(name).find(({ isInit }) => isInit)?.pid;
}

/**
 * Connects to the running sandbox of that name; undefined when there is none. One that is just starting is waited for.
 *
 * @throws Error when there is one that does not answer
 */
export async function connectSandbox(name: string): Promise<Sandbox | undefined> {
    const deadline = Date.now() + startMilliseconds;
    for (;;) {
        const pid = sandboxPid(name);
        if (pid === undefined) {
            return undefined;
        }
        try {
            return await connectTo(name, pid, startMilliseconds);
        } catch (error) {
            if (!isNotYet(error) || Date.now() > deadline) {
                throw error;
            }
            await pause();
        }
    }
}

/** Whether an error may mean that the sandbox is not listening yet. */
function isNotYet(error: unknown): boolean {
    return ["ENOENT", "ECONNREFUSED", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "");
}

function pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, pollMilliseconds));
}

/**
 * Starts a sandbox, or finds the running one of that name.
 *
 * @throws Error that says why the kernel or the system did not allow it
 */
export async function startSandbox(name: string): Promise<Sandbox> {
    const known = await connectSandbox(name);
    if (known !== undefined) {
        return known;
    }
    // What is left of a start that was cut off before there was a PID 1 to talk to.
    await destroySandbox(name);
    await launch(name);
    const started = await connectSandbox(name);
    if (started === undefined) {
        throw new Error(`the sandbox ${name} ended as soon as it had started`);
    }
    return started;
}

function launch(name: string): Promise<void> {
    const isRoot = process.getuid?.() === 0;
    const namespaces = [...(isRoot ? [] : ["-U", "-r"]), "-m", "-u", "-p", "-n", "-f", "--mount-proc", "--kill-child"];
    const args = [...namespaces, process.execPath, ...nodeFlags, bundlePath(), marker(name)];
    const child = spawn("unshare", args, {
        detached: true,
        stdio: ["ignore", "ignore", "pipe", "pipe"],
        cwd: "/",
        env: environment(),
    });
    return awaitReady(child, name).finally(() => {
        child.stderr?.destroy();
        child.stdio[3]?.destroy();
        child.unref();
    });
}

/** PID 1 outlives the run: passphrases and tokens of the shell that it was started from are not for it to keep. */
function environment(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return { PATH, HOME, LANG: "C.UTF-8" };
}

/** Settles when PID 1 says it is ready, or when it is clear that it never will. */
function awaitReady(child: ChildProcess, name: string): Promise<void> {
    return new Promise((resolve, reject) => {
        let errors = "";
        const fail = (why: string) => {
            clearTimeout(timer);
            reject(new Error(`the sandbox ${name} cannot be started: ${why}`));
        };
        const timer = setTimeout(() => {
            child.kill("SIGKILL");
            fail(`it was not ready after ${startMilliseconds / 1000} s. ${errors}`);
        }, startMilliseconds);
        child.stderr?.on("data", (data: Buffer) => {
            errors += data.toString();
        });
        child.stdio[3]?.on("data", () => {
            clearTimeout(timer);
            resolve();
        });
        child.once("error", (error: NodeJS.ErrnoException) =>
            fail(error.code === "ENOENT" ? "there is no program unshare; install util-linux" : error.message),
        );
        child.once("close", () => fail(explainFailure(errors)));
    });
}

/** Adds the way out to what `unshare` says when the system forbids user namespaces. */
function explainFailure(errors: string): string {
    const isForbidden = /unshare failed|write failed \/proc\/self\/(uid|gid)_map|Operation not permitted/.test(errors);
    if (isForbidden && process.getuid?.() !== 0) {
        return [
            errors.trim(),
            "This system does not let ordinary users make namespaces. Run the lab as root, or allow it:",
            "  sysctl kernel.unprivileged_userns_clone=1 (Debian), kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)",
        ].join("\n");
    }
    return errors.trim() === "" ? "it ended without a message" : errors.trim();
}

/** Programs that run inside of sandboxes. */
type Program = "sandbox" | "controller";

/** Path of the bundle of PID 1, or of another program, which is made from its sources when it is not fresh. */
export function bundlePath(program: Program = "sandbox"): string {
    const root = projectRoot(__dirname);
    const { bundle } = createRequire(join(root, "package.json"))("./scripts/bundle.cjs") as {
        bundle: (name: Program) => string;
    };
    return bundle(program);
}

function projectRoot(directory: string): string {
    return existsSync(join(directory, "scripts", "bundle.cjs")) ? directory : projectRoot(dirname(directory));
}

/**
 * Ends a sandbox with all that is in it, also one whose start was cut off at any point. No error when there is none.
 *
 * @throws Error when a process of it is still there after some time
 */
export async function destroySandbox(name: string): Promise<void> {
    const deadline = Date.now() + startMilliseconds;
    for (let found = candidates(name); found.length > 0; found = candidates(name)) {
        // Its starter, when it lives, takes the ended PID 1 off the process table and ends by itself.
        const inits = found.filter(({ isInit }) => isInit);
        const targets = inits.length > 0 ? inits : found;
        for (const { pid } of targets) {
            kill(pid);
        }
        const zombiesCountUntil = Date.now() + reapMilliseconds;
        while (!targets.every((target) => isGone(target, Date.now() > zombiesCountUntil))) {
            if (Date.now() > deadline) {
                const pids = targets.map(({ pid }) => pid).join(", ");
                throw new Error(`the sandbox ${name} does not end: processes ${pids} are still there`);
            }
            await pause();
        }
    }
}

/** Time that the parent of an ended process has to take it off the process table; some never do. */
const reapMilliseconds = 250;

/**
 * Whether a process has ended with all its threads. Of a PID 1, the last thread ends after everything in its namespace.
 *
 * @param ignoreZombie whether an entry that its parent has not taken off the process table counts as gone
 */
function isGone({ pid, startTime }: Candidate, ignoreZombie: boolean): boolean {
    try {
        const { state, startTime: found } = readStat(pid);
        return found !== startTime || (ignoreZombie && state === "Z" && readdirSync(`/proc/${pid}/task`).length <= 1);
    } catch {
        return true;
    }
}

/** State letter and start time (clock ticks since boot) of a process. @throws Error when there is no such process */
function readStat(pid: number): { readonly state: string; readonly startTime: string } {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The program's name comes first, in parentheses, and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, startTime: fields[19]! };
}

function kill(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}
