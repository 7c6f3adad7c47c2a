/** Parameters of policies: how people write them in the pack's configuration, and what is said about wrong ones. */

import type { PolicyConfigJSONSchema } from "@pulumi/policy/schema";
import { AddressError, parsePrefix } from "../lab/address";
import { AsnError, parseAsn } from "../lab/asn";
import type { Asn, Prefix } from "../lab/model";
import { formatPath, type Path } from "../lab/path";

/** One thing that is wrong with the configuration of a policy. */
export interface Problem {
    /** Where it stands in the configuration, e.g. `allowed-asns.ranges[0]`. */
    readonly at: string;
    readonly says: string;
    readonly fix: string;
}

/** Takes note of a problem. */
type Tell = (at: Path, says: string, fix: string) => void;

/** A parameter of a policy. */
export interface Parameter<Value> {
    /** What it means, in one sentence. */
    readonly description: string;
    /** Its form, for Pulumi; what a form cannot say is said by `read`. */
    readonly schema: PolicyConfigJSONSchema;
    /** Its value, or nothing when it cannot be read and the reason has been told. */
    readonly read: (given: unknown, at: Path, tell: Tell) => Value | undefined;
}

/** Parameters by name. */
export type Declared = Readonly<Record<string, Parameter<unknown>>>;

/** Values of parameters; what nobody configured is absent. */
export type Values<Parameters extends Declared> = {
    readonly [Name in keyof Parameters]?: Parameters[Name] extends Parameter<infer Value> ? Value : never;
};

/** Configured values by name of the parameter, as they were written. */
export type Given = Readonly<Record<string, unknown>>;

/** Values that were read, or what is wrong with them. */
export type Reading<Parameters extends Declared> =
    | { readonly kind: "read"; readonly values: Values<Parameters> }
    | { readonly kind: "wrong"; readonly problems: readonly Problem[] };

/** What is wrong with values that are right each by itself; `at` is the place in the policy's parameters. */
export type Contradiction = Omit<Problem, "at"> & { readonly at: Path };

/**
 * Reads the parameters of a policy: each is right, absent, or has one problem per cause.
 *
 * @param contradictions what values that are right each by itself say against each other; nothing by default
 */
export function readParameters<Parameters extends Declared>(
    policy: string,
    declared: Parameters,
    given: Given,
    contradictions: (values: Values<Parameters>) => Iterable<Contradiction> = () => [],
): Reading<Parameters> {
    const problems: Problem[] = [];
    const tell: Tell = (at, says, fix) => problems.push({ at: formatPath(at), says, fix });
    const values: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given)) {
        const parameter = Object.hasOwn(declared, name) ? declared[name] : undefined;
        if (parameter === undefined) {
            tell([policy, name], `the policy has no parameter ${name}`, choices(Object.keys(declared)));
        } else {
            values[name] = parameter.read(value, [policy, name], tell);
        }
    }
    if (problems.length === 0) {
        for (const { at, says, fix } of contradictions(values as Values<Parameters>)) {
            tell([policy, ...at], says, fix);
        }
    }
    return problems.length > 0 ? { kind: "wrong", problems } : { kind: "read", values: values as Values<Parameters> };
}

/** What can be written instead of something that is not known. */
export function choices(known: readonly string[]): string {
    return known.length === 0 ? "remove it: there are none" : `use ${known.join(", ")}, or remove it`;
}

/** A value as it was written, short enough for a message. */
function quoted(given: unknown): string {
    const text = JSON.stringify(given) ?? String(given);
    return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** A list whose entries are read one by one. */
function list<Item>(
    item: Pick<Parameter<Item>, "schema" | "read">,
    example: string,
    description: string,
): Parameter<readonly Item[]> {
    return {
        description,
        schema: { type: "array", description, items: item.schema },
        read: (given, at, tell) => {
            if (!Array.isArray(given)) {
                tell(at, `${quoted(given)} is not a list`, `write ${example}`);
                return undefined;
            }
            return given.flatMap((each, index) => {
                const value = item.read(each, [...at, index], tell);
                return value === undefined ? [] : [value];
            });
        },
    };
}

/** AS numbers from the first to the last, both included. */
export interface AsnRange {
    readonly first: Asn;
    readonly last: Asn;
}

/** A list of what is allowed. One that is empty allows nothing, and no lab keeps that: it is a mistake. */
function allowed<Item>(
    item: Pick<Parameter<Item>, "schema" | "read">,
    items: string,
    example: string,
    description: string,
): Parameter<readonly Item[]> {
    const { schema, read } = list(item, example, description);
    return {
        description,
        schema: { ...schema, minItems: 1 },
        read: (given, at, tell) => {
            if (Array.isArray(given) && given.length === 0) {
                tell(at, "the list is empty, which allows nothing", `list ${items}, or remove the parameter`);
                return undefined;
            }
            return read(given, at, tell);
        },
    };
}

/** Ranges of AS numbers, at least one: `"64512-65534"`, or single ones; asdot and `AS…` as everywhere. */
export function asnRanges(description: string): Parameter<readonly AsnRange[]> {
    const item = { schema: { type: ["string", "integer"] } satisfies PolicyConfigJSONSchema, read: readAsnRange };
    return allowed(item, "ranges", '["64512-65534"]', description);
}

function readAsnRange(given: unknown, at: Path, tell: Tell): AsnRange | undefined {
    try {
        const [from, to = from, ...rest] =
            typeof given === "string" ? given.split("-").map((end) => end.trim()) : [given];
        if (rest.length > 0) {
            tell(at, `${quoted(given)} is not a range of AS numbers`, 'write it as "<first>-<last>"');
            return undefined;
        }
        const [first, last] = [parseAsn(from), parseAsn(to)];
        if (last < first) {
            tell(at, `${quoted(given)} ends before it begins`, `write "${to}-${from}"`);
            return undefined;
        }
        return { first, last };
    } catch (error) {
        if (error instanceof AsnError) {
            tell(at, error.says, error.fix);
            return undefined;
        }
        throw error;
    }
}

/** Networks in canonical text, at least one. */
export function prefixes(description: string): Parameter<readonly Prefix[]> {
    return allowed({ schema: { type: "string" }, read: readPrefix }, "networks", '["10.0.0.0/8"]', description);
}

function readPrefix(given: unknown, at: Path, tell: Tell): Prefix | undefined {
    if (typeof given !== "string") {
        tell(at, `${quoted(given)} is not a network`, 'write one such as "10.0.0.0/8"');
        return undefined;
    }
    try {
        parsePrefix(given);
        return given;
    } catch (error) {
        if (error instanceof AddressError) {
            tell(at, error.says, error.fix);
            return undefined;
        }
        throw error;
    }
}

/** Networks, each with what it is: `{"172.17.0.0/16": "Docker's default bridge"}`. */
export function namedPrefixes(description: string): Parameter<ReadonlyMap<Prefix, string>> {
    return {
        description,
        schema: { type: "object", description, additionalProperties: { type: "string" } },
        read: (given, at, tell) => {
            if (typeof given !== "object" || given === null || Array.isArray(given)) {
                tell(at, `${quoted(given)} names no networks`, 'write {"<network>": "<what it is>"}');
                return undefined;
            }
            const named = Object.entries(given).flatMap(([prefix, what]): [Prefix, string][] => {
                if (readPrefix(prefix, [...at, prefix], tell) === undefined) {
                    return [];
                }
                if (typeof what !== "string" || what === "") {
                    tell([...at, prefix], `${quoted(what)} does not say what ${prefix} is`, "write a few words");
                    return [];
                }
                return [[prefix, what]];
            });
            return new Map(named);
        },
    };
}

/** A whole number. */
export function wholeNumber(least: number, most: number, description: string): Parameter<number> {
    return {
        description,
        schema: { type: "integer", description, minimum: least, maximum: most },
        read: (given, at, tell) => {
            if (typeof given !== "number" || !Number.isInteger(given) || given < least || given > most) {
                tell(
                    at,
                    `${quoted(given)} is not a whole number from ${least} to ${most}`,
                    `write one, such as ${least}`,
                );
                return undefined;
            }
            return given;
        },
    };
}

/** Yes or no. */
export function flag(description: string, fallback: boolean): Parameter<boolean> {
    return {
        description,
        schema: { type: "boolean", description, default: fallback },
        read: (given, at, tell) => {
            if (typeof given !== "boolean") {
                tell(at, `${quoted(given)} is neither true nor false`, "write true or false, without quotes");
                return undefined;
            }
            return given;
        },
    };
}

/** Some of a few words. */
export function words<Word extends string>(known: readonly Word[], description: string): Parameter<readonly Word[]> {
    return list(
        {
            schema: { type: "string", enum: [...known] },
            read: (given, at, tell) => {
                const word = known.find((each) => each === given);
                if (word === undefined) {
                    tell(at, `${quoted(given)} is none of ${known.join(", ")}`, `use one of them, or remove it`);
                }
                return word;
            },
        },
        JSON.stringify(known),
        description,
    );
}

/** Any texts. */
export function texts(description: string, fallback?: readonly string[]): Parameter<readonly string[]> {
    const read = (given: unknown, at: Path, tell: Tell) => {
        if (typeof given !== "string" || given === "") {
            tell(at, `${quoted(given)} is not a text`, "write a text in quotes");
            return undefined;
        }
        return given;
    };
    const made = list({ schema: { type: "string" }, read }, '["…"]', description);
    return fallback === undefined ? made : { ...made, schema: { ...made.schema, default: [...fallback] } };
}
