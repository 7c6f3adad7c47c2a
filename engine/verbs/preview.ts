import { parseArguments, runFlags } from "../arguments";
import type { Context } from "./context";
import { run } from "./run";

/** Shows what an update would do. */
export async function preview(argv: readonly string[], context: Context): Promise<void> {
    await run({ kind: "update", changes: false, question: "" }, parseArguments(argv, runFlags), context);
}
