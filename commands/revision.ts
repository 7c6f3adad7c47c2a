import { inspectWith } from "../policy/enforcement";
import type { Revision } from "../review/revision";
import { revisionOf } from "../review/revision-of";
import { type Ask, readLab } from "../stacks/config";
import { configIn } from "./planned";
import { chosenStacks, stackFile, stacksOptions } from "./stacks";
import { configurationOf } from "./validate";

/**
 * Prints what this code makes of stacks, as a JSON list of revisions: what a comparison needs of either side. A lab that
 * the rules forbid is described as well.
 */
export async function run(args: string[]): Promise<number> {
    const { stack, folder } = stacksOptions(args, {
        // Where the stack files are, e.g. those of a checkout that has no such command.
        folder: { type: "string", default: "." },
    });
    const revisions = chosenStacks(stack, folder).map((name) => revisionIn(name, folder));
    process.stdout.write(`${JSON.stringify(revisions)}\n`);
    return 0;
}

/** The revision of a stack's file. @throws Error that names the file when it is not YAML */
export function revisionIn(stack: string, folder = "."): Revision {
    const config = configIn(stackFile(stack, folder));
    const { runtime, findings, lab, refused } = readLab(config, stack, askingPolicies());
    return revisionOf({ stack, runtime, findings, lab: lab ?? refused });
}

/** Asks the rules and the organisation's policies about a lab. */
export function askingPolicies(): Ask {
    const configuration = configurationOf();
    return (lab, runtime) => inspectWith(configuration, lab, runtime);
}
