import { parseArguments, runFlags } from "../arguments";
import type { Context } from "./context";
import { run } from "./run";

/** Brings the recorded state in line with reality. */
export async function refresh(argv: readonly string[], context: Context): Promise<void> {
    await run(
        { kind: "refresh", changes: true, question: "Do you want to perform this refresh?" },
        parseArguments(argv, runFlags),
        context,
    );
}
