import { readFileSync } from "node:fs";
import type { ErrorObject } from "ajv";
import { EngineError, messageOf } from "./errors";

/**
 * Configuration of policy packs: what `--policy-pack-config` names, completed and checked as the CLI does it
 * (github.com/pulumi/pulumi, pkg/resource/analyzer/config.go), in the CLI's words.
 */

const levels = ["advisory", "mandatory", "remediate", "disabled"] as const;

/** What a violation of a policy leads to. */
export type EnforcementLevel = (typeof levels)[number];

/** What is said about one policy. */
export interface PolicyConfig {
    /** Absent: the level is left as it is. */
    readonly level?: EnforcementLevel;
    readonly parameters: Readonly<Record<string, unknown>>;
}

/** What is said about the policies of a pack, by name; `all` is every policy that is not named itself. */
export type PackConfig = ReadonlyMap<string, PolicyConfig>;

/** What a pack tells of one of its policies. */
export interface PolicyInfo {
    readonly name: string;
    readonly level: EnforcementLevel;
    /** JSON schemas of its parameters by name; a parameter without one is let through. */
    readonly parameters: Readonly<Record<string, unknown>>;
    readonly required: readonly string[];
}

/** What a pack tells of itself. */
export interface PackInfo {
    readonly name: string;
    readonly version: string;
    readonly policies: readonly PolicyInfo[];
    /** Configuration that the pack brings along. */
    readonly initial: PackConfig;
}

/** Reads a configuration file. @throws EngineError that names the file and what is wrong in it */
export function readPackConfig(file: string): PackConfig {
    try {
        return parsePackConfig(readFileSync(file, "utf8"));
    } catch (error) {
        throw new EngineError(`configuration of the policy pack, ${file}: ${messageOf(error)}`);
    }
}

/**
 * Parses the text of a configuration file; an empty one says nothing.
 *
 * @throws Error that names the policy and what is wrong
 */
function parsePackConfig(text: string): PackConfig {
    if (text.trim() === "") {
        return new Map();
    }
    const parsed: unknown = JSON.parse(text);
    if (!isObject(parsed)) {
        throw new Error("must be an object with a level or an object for each policy");
    }
    if ("environments" in parsed) {
        throw new Error('"environments" needs a backend that has environments; the local one has none');
    }
    const entries = Object.entries(parsed).map(([name, value]) => [name, policyConfig(name, value)] as const);
    return new Map(
        entries.filter(([, { level, parameters }]) => level !== undefined || Object.keys(parameters).length > 0),
    );
}

function policyConfig(name: string, value: unknown): PolicyConfig {
    if (typeof value === "string") {
        return { level: levelOf(name, value), parameters: {} };
    }
    if (!isObject(value)) {
        const shown = JSON.stringify(value);
        throw new Error(`parsing "${name}": ${shown} is not a valid value; must be a string or object`);
    }
    const { enforcementLevel, ...parameters } = value;
    return { ...("enforcementLevel" in value ? { level: levelOf(name, enforcementLevel) } : {}), parameters };
}

function levelOf(name: string, value: unknown): EnforcementLevel {
    const level = levels.find((each) => each === value);
    if (level === undefined) {
        const hint = typeof value === "string" ? "" : "; must be a string";
        throw new Error(
            `parsing enforcement level for "${name}": ${JSON.stringify(value)} is not a valid enforcement level${hint}`,
        );
    }
    return level;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A policy's configuration as the pack gets it: nothing is left open. */
export interface CompleteConfig {
    readonly level: EnforcementLevel;
    readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * Completes a configuration: defaults of the policies, then what the pack brings along, then what is given.
 *
 * @param file that `given` comes from; messages name it
 * @throws EngineError for parameters that their schemas refuse, or that are given to a policy that the pack does not have
 */
export async function completeConfig(
    { name, version, policies, initial }: PackInfo,
    given: PackConfig | undefined,
    file: string | undefined,
): Promise<ReadonlyMap<string, CompleteConfig>> {
    const defaults = new Map<string, PolicyConfig>(
        policies.map((policy) => [policy.name, { level: policy.level, parameters: defaultsOf(policy.parameters) }]),
    );
    const merged = applied(applied(defaults, initial), given ?? new Map());
    const violations = (await Promise.all(policies.map((policy) => check(policy, merged.get(policy.name))))).flat();
    const where = file === undefined ? "" : ` (${file})`;
    if (violations.length > 0) {
        const lines = violations
            .sort()
            .map((violation) => `validating policy config: ${name} ${version}  ${violation}${where}`);
        throw new EngineError(lines.join("\n"));
    }
    return new Map([...merged].map(([policy, config]) => [policy, complete(policy, config, name, where)]));
}

function complete(policy: string, { level, parameters }: PolicyConfig, pack: string, where: string): CompleteConfig {
    if (level === undefined) {
        const names = Object.keys(parameters).join(", ");
        throw new EngineError(
            `validating policy config: policy pack "${pack}" has no policy "${policy}" to give ${names} to${where}`,
        );
    }
    return { level, parameters };
}

function defaultsOf(schemas: PolicyInfo["parameters"]): Record<string, unknown> {
    const withDefault = Object.entries(schemas).filter(([, schema]) => isObject(schema) && "default" in schema);
    return Object.fromEntries(withDefault.map(([name, schema]) => [name, (schema as { default: unknown }).default]));
}

function applied(base: PackConfig, changes: PackConfig): PackConfig {
    const all = changes.get("all")?.level;
    const result = new Map(
        [...base].map(([name, config]) => [name, all === undefined ? config : { ...config, level: all }]),
    );
    for (const [name, { level, parameters }] of changes) {
        const before = result.get(name);
        result.set(name, {
            level: level ?? before?.level,
            parameters: { ...before?.parameters, ...parameters },
        });
    }
    return result;
}

async function check({ name, parameters, required }: PolicyInfo, config: PolicyConfig | undefined): Promise<string[]> {
    if (Object.keys(parameters).length === 0 && required.length === 0) {
        return [];
    }
    // Loaded for packs with parameters only.
    const { Ajv } = await import("ajv");
    // Lenient as the CLI is: keywords and formats that it does not know are no reason to refuse a pack.
    const ajv = new Ajv({ strict: false, allErrors: true, verbose: true, validateFormats: false });
    const validate = ajv.compile({ type: "object", properties: parameters, required });
    validate(config?.parameters ?? {});
    return (validate.errors ?? []).map((error) => `${name}: ${describe(error)}`);
}

/** In the words of gojsonschema, which the CLI checks with; other keywords in those of ajv. */
function describe(error: ErrorObject): string {
    const path = error.instancePath
        .slice(1)
        .split("/")
        .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
        .join(".");
    const text = wording[error.keyword]?.(error, path) ?? error.message ?? error.keyword;
    return path === "" ? text : `${path}: ${text}`;
}

const wording: Readonly<Record<string, (error: ErrorObject, path: string) => string>> = {
    type: ({ params, data }) => `Invalid type. Expected: ${[params.type].flat().join(",")}, given: ${typeName(data)}`,
    required: ({ params }) => `${params.missingProperty} is required`,
    additionalProperties: ({ params }) => `Additional property ${params.additionalProperty} is not allowed`,
    enum: ({ params }, path) =>
        `${path} must be one of the following: ${params.allowedValues.map((value: unknown) => JSON.stringify(value)).join(", ")}`,
    pattern: ({ params }) => `Does not match pattern '${params.pattern}'`,
    minimum: ({ params }) => `Must be greater than or equal to ${params.limit}`,
    maximum: ({ params }) => `Must be less than or equal to ${params.limit}`,
    minItems: ({ params }) => `Array must have at least ${params.limit} items`,
    maxItems: ({ params }) => `Array must have at most ${params.limit} items`,
    minLength: ({ params }) => `String length must be greater than or equal to ${params.limit}`,
    maxLength: ({ params }) => `String length must be less than or equal to ${params.limit}`,
};

function typeName(value: unknown): string {
    if (value === null) {
        return "null";
    }
    if (typeof value === "number") {
        return Number.isInteger(value) ? "integer" : "number";
    }
    return Array.isArray(value) ? "array" : typeof value;
}
