import { spawn } from "node:child_process";

/** What a program said until it ended. */
export interface Outcome {
    /** Exit code; -1 when a signal ended it. */
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** How a program is started. */
interface Start {
    /** @default the folder of this process */
    readonly cwd?: string;
    /** @default the environment of this process */
    readonly env?: NodeJS.ProcessEnv;
    /** Interrupts the program when it is aborted. */
    readonly signal?: AbortSignal;
}

/**
 * Runs a program to its end, also when it is interrupted: it may have something to clean up. It gets a process group of
 * its own, so that Ctrl-C reaches it only through the signal.
 *
 * @throws Error when there is no such program, or the signal is aborted already
 */
export function runProgram(
    program: string,
    args: readonly string[],
    { cwd, env, signal }: Start = {},
): Promise<Outcome> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
        const child = spawn(program, [...args], { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
        const said = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
        child.stdout.on("data", (data: Buffer) => said.stdout.push(data));
        child.stderr.on("data", (data: Buffer) => said.stderr.push(data));
        const interrupt = () => child.kill("SIGINT");
        signal?.addEventListener("abort", interrupt);
        child.once("error", (error: NodeJS.ErrnoException) =>
            reject(error.code === "ENOENT" ? new Error(`${program} is not installed`) : error),
        );
        child.once("close", (code) => {
            signal?.removeEventListener("abort", interrupt);
            resolve({
                code: code ?? -1,
                stdout: Buffer.concat(said.stdout).toString(),
                stderr: Buffer.concat(said.stderr).toString(),
            });
        });
    });
}
