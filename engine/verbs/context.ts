import type { Interrupts } from "../interrupts";

/** The world a verb runs in. */
export interface Context {
    /** Directory that the project is looked for in. */
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly stdout: NodeJS.WriteStream;
    /** Prints a line for people on standard error. */
    stderr(line: string): void;
    /** Whether questions can be asked. */
    readonly interactive: boolean;
    readonly interrupts: Interrupts;
}
