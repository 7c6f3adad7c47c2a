import { spawn } from "node:child_process";
import { accessSync, constants, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where and how a measured program runs. */
export interface RunOptions {
    readonly cwd?: string;
    readonly env?: NodeJS.ProcessEnv;
}

/** What a measured program came to. */
export interface Measured {
    /** From its start to its end. */
    readonly milliseconds: number;
    readonly stdout: string;
}

/**
 * Runs a program to its end.
 *
 * @throws Error with all that it said unless it exits with 0
 */
export function measure(program: string, args: readonly string[], options: RunOptions = {}): Promise<Measured> {
    return new Promise((done, fail) => {
        const start = performance.now();
        const child = spawn(program, [...args], { ...options, stdio: ["ignore", "pipe", "pipe"] });
        const said = { stdout: "", stderr: "" };
        child.stdout.on("data", (chunk: Buffer) => {
            said.stdout += chunk;
        });
        child.stderr.on("data", (chunk: Buffer) => {
            said.stderr += chunk;
        });
        child.on("error", fail);
        child.on("close", (code) => {
            if (code === 0) {
                done({ milliseconds: performance.now() - start, stdout: said.stdout });
            } else {
                const output = `${said.stdout}\n${said.stderr}`;
                fail(new Error(`${program} ${args.join(" ")} exited with ${code}\n${output}`));
            }
        });
    });
}

/** What a program took. */
export interface Cost {
    readonly milliseconds: number;
    /** Milliseconds of processor time of all its processes, which grows less with what else the machine does. */
    readonly processor: number;
}

/**
 * Runs a program under a shell that tells the processor time of all that it waited for.
 *
 * @throws Error with all that it said unless it exits with 0
 */
export async function costOf(program: string, args: readonly string[], options: RunOptions = {}): Promise<Cost> {
    const script = 'TIMEFORMAT="%U %S"; { time "$0" "$@" > /dev/null 2>&3; } 3>&2 2>&1';
    const { milliseconds, stdout } = await measure("bash", ["-c", script, program, ...args], options);
    const [user = Number.NaN, system = Number.NaN] = stdout.trim().split(" ").map(Number);
    return { milliseconds, processor: (user + system) * 1_000 };
}

/** The medians of several costs. */
export function middle(costs: readonly Cost[]): Cost {
    return {
        milliseconds: median(costs.map(({ milliseconds }) => milliseconds)),
        processor: median(costs.map(({ processor }) => processor)),
    };
}

/** Milliseconds of some work. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
    const start = performance.now();
    await work();
    return performance.now() - start;
}

/** Whether a program is on PATH. */
export function onPath(program: string): boolean {
    return (process.env.PATH ?? "").split(delimiter).some((folder) => {
        try {
            accessSync(join(folder, program), constants.X_OK);
            return true;
        } catch {
            return false;
        }
    });
}

/** The middle one of several measurements; the lower of two. */
export function median(values: readonly number[]): number {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** How busy the machine is: processes that want to run, averaged over a minute. */
export function loadAverage(): string {
    return readFileSync("/proc/loadavg", "utf8").split(" ")[0] ?? "";
}

/** Prints a line of a table. */
export function row(label: string, ...cells: readonly string[]): void {
    console.log([label.padEnd(44), ...cells.map((cell) => cell.padStart(12))].join(""));
}

/** Milliseconds as a person reads them. */
export function seconds(milliseconds: number): string {
    return `${(milliseconds / 1_000).toFixed(2)} s`;
}

/** Runs a measurement, and removes the folder that it worked in; when it fails, the folder stays to be looked at. */
export function runMain(main: () => Promise<void>, work: string): void {
    main().then(
        () => rmSync(work, { recursive: true, force: true }),
        (error: unknown) => {
            console.error(error instanceof Error ? error.message : error);
            console.error(`the state is in ${work}`);
            process.exitCode = 1;
        },
    );
}
