import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { EngineError } from "./errors";
import type { Project } from "./project";

/** How a program ended. */
export type ProgramEnd =
    | { readonly how: "success" }
    /** It failed, and has told the user why through its log. */
    | { readonly how: "reported" }
    | { readonly how: "failure"; readonly message: string };

/** A running program. */
export interface Program {
    readonly ended: Promise<ProgramEnd>;
    kill(): void;
}

/** What the program is told. */
export interface ProgramOptions {
    readonly project: Project;
    readonly stack: string;
    /** Address of monitor and engine services. */
    readonly address: string;
    readonly preview: boolean;
    readonly parallel: number;
    /** Configuration by full key; objects as JSON. */
    readonly config: Readonly<Record<string, string>>;
    readonly secretKeys: readonly string[];
    readonly env: NodeJS.ProcessEnv;
    readonly output: (stream: "stdout" | "stderr", line: string) => void;
}

/** Works around what would make a program hang; beside this file, or beside the folder of the bundle. */
const preload = join(dirname(__dirname), "engine", "preload.cjs");

/** Exit code of the SDK for "failed, and the user has been told why". */
const reportedExit = 32;

/** Starts the program as the nodejs language host does. */
export function startProgram(options: ProgramOptions): Program {
    const { project, stack, address, preview, parallel, output } = options;
    const entry = project.main === undefined ? project.directory : resolve(project.directory, project.main);
    const isFile = /\.[cm]?[jt]s$/.test(entry);
    const pwd = isFile ? dirname(entry) : entry;
    const args = [
        ...["--require", preload],
        ...splitArguments(project.nodeargs),
        runner(pwd),
        ...["--monitor", address, "--engine", address, "--organization", "organization"],
        ...["--project", project.name, "--root-directory", project.directory, "--stack", stack, "--pwd", pwd],
        ...(preview ? ["--dry-run"] : []),
        ...["--parallel", String(parallel)],
        isFile ? entry : ".",
    ];
    const child = spawn(process.execPath, args, {
        cwd: pwd,
        env: {
            ...options.env,
            // For programs that say themselves what they cannot do on this engine.
            PULUMI_EMBEDDED_ENGINE: "true",
            PULUMI_CONFIG: JSON.stringify(options.config),
            PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(options.secretKeys),
            ...(project.typescript ? { PULUMI_NODEJS_TYPESCRIPT: "true" } : {}),
        },
        // The last one ends with this process, however it ends: that is how the program notices.
        stdio: ["ignore", "pipe", "pipe", "pipe"],
        // An interrupt from the terminal is for this process to handle; a program that died of it could not be waited for.
        detached: true,
    });
    for (const stream of ["stdout", "stderr"] as const) {
        createInterface({ input: child[stream]! }).on("line", (line) => output(stream, line));
    }
    // What a program leaves running inherits its end; it is not waited for.
    child.on("exit", () => child.stdio[3]?.destroy());
    const ended = new Promise<ProgramEnd>((resolve_) => {
        child.on("error", (error) => resolve_({ how: "failure", message: error.message }));
        child.on("close", (code, signal) => resolve_(endOf(code, signal)));
    });
    return { ended, kill: () => void child.kill("SIGKILL") };
}

function endOf(code: number | null, signal: NodeJS.Signals | null): ProgramEnd {
    if (code === 0) {
        return { how: "success" };
    }
    if (code === reportedExit) {
        return { how: "reported" };
    }
    const how = signal === null ? `exited with non-zero exit code: ${code}` : `was ended by ${signal}`;
    return { how: "failure", message: `Program ${how}` };
}

/** The SDK's own runner, from the program's node_modules. */
function runner(directory: string): string {
    try {
        return createRequire(join(directory, "package.json")).resolve("@pulumi/pulumi/cmd/run");
    } catch {
        const hint = existsSync(join(directory, "node_modules")) ? "add it to package.json" : "run `npm ci` first";
        throw new EngineError(`the Pulumi SDK for Node.js could not be found from ${directory}: ${hint}`);
    }
}

/** Splits `nodeargs` at blanks outside of quotes. */
export function splitArguments(text: string): string[] {
    const words = text.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
    return words.map((word) => word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
