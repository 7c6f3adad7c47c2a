import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./options";

/**
 * Parses the options of a command about several stacks: `--stack` may be given more than once.
 *
 * @throws TypeError that names an unknown option
 */
export function stacksOptions<T extends NonNullable<ParseArgsConfig["options"]>>(args: string[], own: T) {
    const stacks = { stack: { type: "string", multiple: true, default: [] as string[] } } as const;
    return parseArgs({ args, options: { ...own, ...stacks }, strict: true }).values;
}

/** Path of a stack's file. */
export function stackFile(stack: string, folder = "."): string {
    return join(folder, `Pulumi.${stack}.yaml`);
}

/** Stacks that have a file in a folder, in alphabetical order. */
export function stacksIn(folder = "."): readonly string[] {
    return readdirSync(folder)
        .flatMap((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1] ?? [])
        .sort();
}

/**
 * The named stacks; all that have a file when none is named.
 *
 * @throws UsageError when a named one has no file
 */
export function chosenStacks(named: readonly string[], folder = "."): readonly string[] {
    const unknown = named.find((stack) => !existsSync(stackFile(stack, folder)));
    if (unknown !== undefined) {
        throw new UsageError(`there is no Pulumi.${unknown}.yaml: set STACK to the <name> of a Pulumi.<name>.yaml`);
    }
    return named.length === 0 ? stacksIn(folder) : [...new Set(named)];
}
