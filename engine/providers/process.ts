import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { EngineError } from "../errors";

/** A running plugin that has said on which port it listens. */
export interface PluginProcess {
    readonly port: number;
    /** Resolves when the process has ended, with a sentence on how. */
    readonly ended: Promise<string>;
    kill(): void;
}

/** Where a plugin's output goes after the line with its port. */
export type OutputListener = (stream: "stdout" | "stderr", line: string) => void;

const startTimeoutMs = 60_000;

/**
 * Starts a plugin. Its first line on standard output is its port; its standard input ends when this process dies, whatever
 * the reason, so that a plugin can notice.
 *
 * @throws EngineError if it ends, or says something else, before it has named a port
 */
export async function startPlugin(
    file: string,
    args: readonly string[],
    cwd: string,
    env: NodeJS.ProcessEnv,
    output: OutputListener,
): Promise<PluginProcess> {
    // In a process group of its own: an interrupt from the terminal must not end it in the middle of a step.
    const child = spawn(file, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
    // A plugin that exits first would otherwise end this process with EPIPE.
    child.stdin.on("error", () => undefined);
    const ended = new Promise<string>((resolve) => {
        child.on("error", (error) => resolve(error.message));
        child.on("exit", (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
    const errors: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => {
        errors.push(line);
        output("stderr", line);
    });
    const port = await firstLine(child, file, ended, errors, output);
    return { port, ended, kill: () => void child.kill("SIGKILL") };
}

async function firstLine(
    child: ChildProcess,
    file: string,
    ended: Promise<string>,
    errors: readonly string[],
    output: OutputListener,
): Promise<number> {
    return new Promise((resolve, reject) => {
        const fail = (why: string) => {
            child.kill("SIGKILL");
            reject(new EngineError([`could not start plugin ${file}: ${why}`, ...errors].join("\n")));
        };
        const timer = setTimeout(() => fail(`no port within ${startTimeoutMs / 1000} s`), startTimeoutMs);
        let known = false;
        createInterface({ input: child.stdout! }).on("line", (line) => {
            if (known) {
                output("stdout", line);
                return;
            }
            known = true;
            clearTimeout(timer);
            if (/^\d+$/.test(line.trim())) {
                resolve(Number(line));
            } else {
                fail(`its first line is not a port but "${line}"`);
            }
        });
        void ended.then((how) => {
            clearTimeout(timer);
            fail(`it ended (${how}) before it named a port`);
        });
    });
}
