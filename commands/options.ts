import { type ParseArgsConfig, parseArgs } from "node:util";

/** A command that was asked for what it does not do; ends with exit code 2. */
export class UsageError extends Error {}

/** Parses the options of a command; `--stack` is common to all. @throws TypeError that names an unknown option */
export function options<T extends NonNullable<ParseArgsConfig["options"]>>(args: string[], own: T) {
    return parseArgs({ args, options: { stack: { type: "string", default: "dev" }, ...own }, strict: true }).values;
}
