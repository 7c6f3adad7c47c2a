import { execFileSync } from "node:child_process";
import { resolve } from "node:path";

/** How the SDK marks secrets among the properties that it sends. */
export const signature = "4dabf18193072939515e22adb298388d";
export const secret = "1b47061264138c4ac30d75fd1eb44270";

/** What the test asks of a recorded run of the program. */
export interface Request {
    readonly stack: string;
    readonly preview: boolean;
    /** Configuration of the stack, by key without the project's name. */
    readonly config: Readonly<Record<string, unknown>>;
}

/** A resource that the program asked an engine to make. */
export interface Recorded {
    readonly urn: string;
    readonly custom: boolean;
    readonly parent: string;
    readonly dependencies: readonly string[];
    readonly deletedWith: string;
    /** URN of the provider, where the program chose one. */
    readonly provider: string;
    readonly deleteBeforeReplace: boolean;
    readonly ignoreChanges: readonly string[];
    /** Paths of inputs that are secrets. */
    readonly secretInputs: readonly string[];
    /** Outputs that are to be treated as secrets. */
    readonly secretOutputs: readonly string[];
    readonly inputs: Readonly<Record<string, unknown>>;
}

/** What the program did. */
export interface Recording {
    readonly resources: readonly Recorded[];
    /** Pulumi's packages that were loaded. */
    readonly packages: readonly string[];
}

const root = resolve(__dirname, "../..");

/** Runs the program and tells what it asked an engine to make. */
export function record(request: Request): Recording {
    const args = ["-r", "./scripts/register.cjs", "tests/components/record.ts", JSON.stringify(request)];
    const stdout = execFileSync(process.execPath, args, {
        cwd: root,
        encoding: "utf8",
        maxBuffer: 1 << 28,
        stdio: ["ignore", "pipe", "pipe"],
    });
    return JSON.parse(stdout) as Recording;
}
