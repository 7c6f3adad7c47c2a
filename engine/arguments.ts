import { EngineError, exitCode, unsupported } from "./errors";

/** A flag: its name, its short form, and whether a value follows. */
export interface Flag {
    readonly name: string;
    readonly short?: string;
    readonly takesValue: boolean;
}

/** Parsed arguments of a verb. */
export interface Arguments {
    readonly positional: readonly string[];
    flag(name: string): boolean;
    value(name: string): string | undefined;
    /** All values of a flag that may be given several times, or several separated by commas. */
    list(name: string): readonly string[];
}

const bool = (name: string, short?: string): Flag => ({ name, short, takesValue: false });
const value = (name: string, short?: string): Flag => ({ name, short, takesValue: true });

/** Flags that every verb takes. */
export const commonFlags: readonly Flag[] = [
    value("cwd", "C"),
    bool("non-interactive"),
    bool("help", "h"),
    value("color"),
    bool("emoji", "e"),
    bool("disable-integrity-checking"),
];

/** Flag that names the stack. */
export const stackFlag: Flag = value("stack", "s");

/** Flags of runs: preview, up, refresh, destroy. */
export const runFlags: readonly Flag[] = [
    stackFlag,
    value("config-file"),
    bool("diff"),
    bool("json", "j"),
    value("parallel", "p"),
    bool("expect-no-changes"),
    bool("suppress-progress"),
    bool("skip-preview", "f"),
    bool("yes", "y"),
    value("message", "m"),
    bool("refresh", "r"),
    value("policy-pack"),
    value("policy-pack-config"),
];

/** Flags of the CLI that change what a run does, and that this engine does not have. */
const refused: readonly string[] = [
    "target",
    "target-dependents",
    "target-replace",
    "exclude",
    "exclude-dependents",
    "replace",
    "import-file",
    "save-plan",
    "plan",
    "show-replacement-steps",
    "show-sames",
    "show-reads",
    "attach-debugger",
    "remote",
    "run-program",
    "continue-on-error",
    "secrets-provider",
    "config",
    "config-path",
    "clear-pending-creates",
    "import-pending-creates",
    "skip-pending-creates",
    "remove",
    "exclude-protected",
    "neo",
    "copilot",
    "tracing",
    "profiling",
    "otel-traces",
];

/**
 * Parses the arguments after a verb.
 *
 * @throws EngineError for a flag that the verb does not have, naming it
 */
export function parseArguments(argv: readonly string[], flags: readonly Flag[]): Arguments {
    const known = [...flags, ...commonFlags];
    const given = new Map<string, readonly string[]>();
    const positional: string[] = [];
    const rest = [...argv];
    while (rest.length > 0) {
        const argument = rest.shift()!;
        if (argument === "--") {
            positional.push(...rest.splice(0));
        } else if (!argument.startsWith("-") || argument === "-") {
            positional.push(argument);
        } else {
            const [flag, attached] = findFlag(argument, known);
            const text = flag.takesValue ? (attached ?? valueAfter(argument, rest)) : (attached ?? "true");
            given.set(flag.name, [...(given.get(flag.name) ?? []), text]);
        }
    }
    return {
        positional,
        flag: (name) => given.has(name) && given.get(name)?.at(-1) !== "false",
        value: (name) => given.get(name)?.at(-1),
        list: (name) => (given.get(name) ?? []).flatMap((text) => text.split(",")).filter(Boolean),
    };
}

function valueAfter(argument: string, rest: string[]): string {
    const next = rest.shift();
    if (next === undefined) {
        throw new EngineError(`flag needs an argument: ${argument}`, exitCode.configuration);
    }
    return next;
}

function findFlag(argument: string, known: readonly Flag[]): [Flag, string | undefined] {
    const match = /^(?:--([A-Za-z][\w-]*)|-(\w))(?:=?(.*))$/s.exec(argument);
    const [, long, short, attached] = match ?? [];
    const hasValue = argument.includes("=") || (short !== undefined && attached !== "");
    const flag = known.find(({ name, short: letter }) => (long === undefined ? letter === short : name === long));
    if (flag !== undefined && match !== null) {
        return [flag, hasValue ? attached : undefined];
    }
    if (long !== undefined && refused.includes(long)) {
        throw unsupported(`the flag --${long}`);
    }
    if (short === "t") {
        throw unsupported("the flag --target (-t)");
    }
    throw new EngineError(`unknown flag: ${argument}`);
}

/** The value of --parallel as a number of steps. */
export function parallelOf(args: Arguments, fallback: number): number {
    const text = args.value("parallel");
    if (text === undefined) {
        return fallback;
    }
    if (!/^\d+$/.test(text)) {
        throw new EngineError(`invalid argument "${text}" for --parallel: expected a number`, exitCode.configuration);
    }
    // The CLI reads 0 and 1 as "one at a time".
    return Math.max(1, Number(text));
}
