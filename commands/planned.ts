import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import type { Lab } from "../lab/model";
import { type Finding, formatFindings, isError } from "../lab/rules/findings";
import { readLab, type Settings, type StackConfig, written } from "../stacks/config";
import { stackFile } from "./stacks";

/** What a stack's file asks for. */
export interface Planned {
    readonly stack: string;
    readonly lab: Lab;
    readonly settings: Settings;
    /** What the rules say beside errors. */
    readonly findings: readonly Finding[];
}

/** Keys of the project in a stack file (Pulumi documentation, stack settings file). */
const prefix = "bgp-lab:";

/**
 * Plans the lab that a stack file describes; nothing needs to be deployed.
 *
 * @throws Error when there is no such file, or the configuration cannot become a lab; with every finding
 */
export function planned(stack: string): Planned {
    const file = stackFile(stack);
    if (!existsSync(file)) {
        throw new Error(`there is no ${file}: set STACK to the <name> of a Pulumi.<name>.yaml`);
    }
    const { lab, settings, findings } = readLab(configIn(file), stack);
    if (lab === undefined) {
        throw new Error(`${file}: the configuration cannot become a lab\n\n${formatFindings(findings)}`);
    }
    return { stack, lab, settings, findings: findings.filter((finding) => !isError(finding)) };
}

/** The project's part of a stack file on disk. @throws Error that names the file when it is not YAML */
function configIn(file: string): StackConfig {
    try {
        return configOf(readFileSync(file, "utf8"));
    } catch (error) {
        throw new Error(`${file}: ${error instanceof Error ? error.message : error}`);
    }
}

/** A stack file that cannot be read: it is not YAML, or not what a stack file is. */
export class StackFileError extends Error {}

/** The project's part of a stack file's text. @throws StackFileError when the text is not that of a stack file */
export function configOf(text: string): StackConfig {
    const config = mapping(mapping(yaml(text), "the file").config, "config");
    const own = Object.entries(config).filter(([key]) => key.startsWith(prefix));
    // `pulumi config set bgp-lab:lab '{"workers": 2}'` stores a text, which the program is given as an object.
    return Object.fromEntries(
        own.map(([key, value]) => [key.slice(prefix.length), typeof value === "string" ? written(value) : value]),
    );
}

/** The parser has classes for some errors only: one for syntax, none for anchors that do not exist or grow without end. */
function yaml(text: string): unknown {
    try {
        return parse(text);
    } catch (error) {
        throw new StackFileError(error instanceof Error ? error.message : String(error));
    }
}

/** A mapping; nothing at all is an empty one. */
function mapping(value: unknown, what: string): Readonly<Record<string, unknown>> {
    const present = value ?? {};
    if (typeof present !== "object" || Array.isArray(present)) {
        throw new StackFileError(`${what} is not a mapping`);
    }
    return present as Readonly<Record<string, unknown>>;
}
