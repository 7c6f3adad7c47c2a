import { readFileSync } from "node:fs";
import { inspectWith } from "../policy/enforcement";
import type { Revision } from "../review/revision";
import { type PlannedStack, revisionOf } from "../review/revision-of";
import { type Ask, readLab } from "../stacks/config";
import { configOf } from "./planned";
import { chosenStacks, stackFile, stacksOptions } from "./stacks";
import { configurationOf, notYaml } from "./validate";

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

/** The revision of a stack's file. @throws Error that names the file when the code fails on it */
export function revisionIn(stack: string, folder = "."): Revision {
    const ask = askingPolicies();
    try {
        return revisionOf({ stack, ...readStack(stack, ask, folder) });
    } catch (error) {
        throw new Error(`the code fails on ${stackFile(stack)}: ${String(error)}`, { cause: error });
    }
}

/** What a stack's file comes to, with the lab also where errors forbid it; of a file that is not YAML, that it is not. */
export function readStack(stack: string, ask: Ask, folder = "."): Omit<PlannedStack, "stack"> {
    const text = readFileSync(stackFile(stack, folder), "utf8");
    try {
        const { runtime, findings, lab, refused } = readLab(configOf(text), stack, ask);
        return { runtime, findings, lab: lab ?? refused };
    } catch (error) {
        return { runtime: "netns", findings: [notYaml(stack, error)] };
    }
}

/** Asks the rules and the organisation's policies about a lab. */
export function askingPolicies(): Ask {
    const configuration = configurationOf();
    return (lab, runtime) => inspectWith(configuration, lab, runtime);
}
