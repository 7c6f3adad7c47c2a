import { parseArguments, runFlags } from "../arguments";
import type { Context } from "./context";
import { run } from "./run";

/** Deletes all resources of the stack. */
export async function destroy(argv: readonly string[], context: Context): Promise<void> {
    await run(
        { kind: "destroy", changes: true, question: "Do you want to perform this destroy?" },
        parseArguments(argv, runFlags),
        context,
    );
}
