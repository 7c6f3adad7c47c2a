import { parseArguments, runFlags } from "../arguments";
import type { Context } from "./context";
import { run } from "./run";

/** Brings the stack in line with the program. */
export async function up(argv: readonly string[], context: Context): Promise<void> {
    await run(
        { kind: "update", changes: true, question: "Do you want to perform this update?" },
        parseArguments(argv, runFlags),
        context,
    );
}
