import { existsSync, readFileSync } from "node:fs";
import { type Finding, formatFindings, isError } from "../lab/rules/findings";
import { type Configuration, readConfiguration } from "../policy/configuration";
import { inspectWith } from "../policy/enforcement";
import type { Problem } from "../policy/parameters";
import { readLab } from "../stacks/config";
import { UsageError } from "./options";
import { configOf, StackFileError } from "./planned";
import { chosenStacks, stackFile, stacksOptions } from "./stacks";

/** What the rules and the organisation's policies say about a stack. */
export interface Validated {
    readonly stack: string;
    readonly findings: readonly Finding[];
}

/** Where the parameters of policies are, unless somebody names another file. */
const defaultConfiguration = "policy/config.json";

/**
 * Asks the rules and the organisation's policies about stacks, from their files alone and without an engine. Exit code 1
 * when one of them says that something is an error, 2 when the command or the configuration of the policies is wrong.
 */
export async function run(args: string[]): Promise<number> {
    const options = stacksOptions(args, {
        json: { type: "boolean", default: false },
        "policy-config": { type: "string" },
    });
    const configuration = configurationOf(options["policy-config"]);
    const validated = chosenStacks(options.stack).map((stack) =>
        validateStack(stack, readFileSync(stackFile(stack), "utf8"), configuration),
    );
    console.log(options.json ? JSON.stringify(validated, undefined, 2) : formatValidated(validated));
    return validated.some(({ findings }) => findings.some(isError)) ? 1 : 0;
}

/**
 * The configuration of the policies: that of a file, or of the project's own where it has one.
 *
 * @throws UsageError with everything that is wrong with it
 */
export function configurationOf(file?: string): Configuration {
    const path = file ?? defaultConfiguration;
    if (file === undefined && !existsSync(path)) {
        return { levelOf: () => undefined, givenTo: () => ({}) };
    }
    const reading = readConfiguration(jsonOf(path));
    if (reading.kind === "wrong") {
        throw new UsageError(reading.problems.map((problem) => complaint(path, problem)).join("\n"));
    }
    return reading.configuration;
}

function jsonOf(path: string): unknown {
    const text = textOf(path);
    try {
        // As Pulumi reads it, an empty file says nothing.
        return text.trim() === "" ? {} : JSON.parse(text);
    } catch (error) {
        const { message } = error as SyntaxError;
        throw new UsageError(
            `${path}${placeIn(text, message)}: not JSON: ${oneLine(message)}\n  fix: correct it there`,
        );
    }
}

function textOf(path: string): string {
    try {
        return readFileSync(path, "utf8");
    } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        const reason = unreadable[code] ?? `it cannot be read (${code})`;
        throw new UsageError(`${path}: ${reason}\n  fix: name the JSON file with the policies' configuration`);
    }
}

/** Why a file cannot be read, by the code of the error. */
const unreadable: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    ENOTDIR: "there is no such file",
    EISDIR: "it is a folder",
    EACCES: "it cannot be read: permission denied",
};

/** Line and column of an error, where the message of `JSON.parse` says at which character it is. */
function placeIn(text: string, message: string): string {
    const position = / at position (\d+)/.exec(message)?.[1];
    if (position === undefined) {
        return "";
    }
    const before = text.slice(0, Number(position)).split("\n");
    return `:${before.length}:${before.at(-1)!.length + 1}`;
}

/** `JSON.parse` quotes what it met with its line breaks. */
function oneLine(message: string): string {
    return message.replace(/\s+/g, " ").replace(/ at position \d+.*$/, "");
}

function complaint(path: string, { at, says, fix }: Problem): string {
    return `${path}: ${at}: ${says}\n  fix: ${fix}`;
}

/**
 * What the rules and policies say about a stack.
 *
 * @param text what the stack's file contains
 */
export function validateStack(stack: string, text: string, configuration: Configuration): Validated {
    try {
        const { findings } = readLab(configOf(text), stack, (lab, runtime) => inspectWith(configuration, lab, runtime));
        return { stack, findings };
    } catch (error) {
        return { stack, findings: [notYaml(stack, error)] };
    }
}

/** The finding about a stack file that cannot be read. @throws what was thrown for another reason */
export function notYaml(stack: string, error: unknown): Finding {
    if (!(error instanceof StackFileError)) {
        throw error;
    }
    return {
        id: "CFG-015",
        severity: "error",
        at: stackFile(stack),
        says: error.message.trim().split("\n", 1)[0] ?? "",
        fix: "correct the file there",
        source: "YAML 1.2",
    };
}

/** Findings by stack, as people read them. */
function formatValidated(validated: readonly Validated[]): string {
    const blocks = validated.map(({ stack, findings }) =>
        [`stack ${stack}: ${counted(findings)}\n`, ...(findings.length === 0 ? [] : [formatFindings(findings)])].join(
            "\n",
        ),
    );
    const all = validated.flatMap(({ findings }) => findings);
    return [...blocks, `${validated.length} ${validated.length === 1 ? "stack" : "stacks"}: ${counted(all)}`].join(
        "\n",
    );
}

function counted(findings: readonly Finding[]): string {
    const numbers = (["error", "warning", "info"] as const).flatMap((severity) => {
        const count = findings.filter((finding) => finding.severity === severity).length;
        return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
    });
    return numbers.length === 0 ? "nothing to say" : numbers.join(", ");
}
