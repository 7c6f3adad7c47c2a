/** Findings about configuration that does not have the shape its schema asks for. */

import { z } from "zod";
import { formatPath, type Path } from "../lab/path";
import type { Finding } from "../lab/rules/findings";
import { closest } from "./suggest";

/** What reading a value gave: the value, or what is wrong with it and which parts of it are wrong. */
export type Reading<T> =
    | { readonly kind: "read"; readonly value: T }
    | { readonly kind: "refused"; readonly findings: readonly Finding[]; readonly places: readonly Path[] };

/**
 * Reads a value by its schema.
 *
 * @param at how to name a place in the value
 */
export function read<T>(schema: z.ZodType<T>, input: unknown, at: (place: Path) => Path): Reading<T> {
    const result = schema.safeParse(input);
    if (result.success) {
        return { kind: "read", value: result.data };
    }
    const flaws = withoutMisspelt(result.error.issues.flatMap((issue) => flawsOf(schema, input, issue)));
    return {
        kind: "refused",
        findings: flaws.map(({ place, id, says, fix }) => ({
            id,
            severity: "error",
            at: formatPath(at(place)),
            says,
            fix,
            source: "docs/configuration.md",
        })),
        places: flaws.map(({ place }) => place),
    };
}

interface Flaw {
    readonly place: Path;
    readonly id: "CFG-001" | "CFG-002" | "CFG-003";
    readonly says: string;
    readonly fix: string;
    /** For an unknown key, the place of the one that was probably meant. */
    readonly meant?: Path;
}

/** A key that is missing because it is misspelt is one mistake, not two. */
function withoutMisspelt(flaws: readonly Flaw[]): readonly Flaw[] {
    const meant = new Set(flaws.flatMap((flaw) => (flaw.meant === undefined ? [] : [formatPath(flaw.meant)])));
    return flaws.filter(({ id, place }) => id !== "CFG-003" || !meant.has(formatPath(place)));
}

function flawsOf(schema: z.ZodType, input: unknown, issue: z.core.$ZodIssue): Flaw[] {
    const place = issue.path.map((step) => (typeof step === "symbol" ? String(step) : step));
    if (issue.code === "unrecognized_keys") {
        return issue.keys.map((key) => unknownKey(unwrapped(schemaAt(schema, place)), place, key));
    }
    const found = valueAt(input, place);
    if (found === undefined) {
        const about = descriptionOf(schemaAt(schema, place));
        const fix = about === undefined ? "add it" : `add it: ${about.replace(/\.$/, "")}`;
        return [{ place, id: "CFG-003", says: `${place.at(-1)} is missing`, fix }];
    }
    if (issue.code === "custom") {
        return [{ place, id: "CFG-001", says: issue.message, fix: String(issue.params?.fix) }];
    }
    return [{ place, id: "CFG-001", ...wrongShape(issue, found) }];
}

function unknownKey(parent: z.core.$ZodType | undefined, place: Path, key: string): Flaw {
    const known = parent instanceof z.ZodObject ? Object.keys(parent.shape) : [];
    const meant = closest(key, known);
    const all = known.length <= 12 ? `; known here: ${known.join(", ")}` : "";
    return {
        place: [...place, key],
        id: "CFG-002",
        says: `there is no parameter "${key}"`,
        fix: meant === undefined ? `remove it${all}` : `did you mean "${meant}"?`,
        ...(meant === undefined ? {} : { meant: [...place, meant] }),
    };
}

/** What schemas of lists and mappings object to; single values bring their own messages. */
function wrongShape(issue: z.core.$ZodIssue, found: unknown): { readonly says: string; readonly fix: string } {
    const shapes: Readonly<Record<string, string>> = { array: "a list", object: "a mapping", record: "a mapping" };
    const expected = issue.code === "invalid_type" ? shapes[issue.expected] : undefined;
    return expected === undefined
        ? { says: issue.message, fix: "see the parameter's description" }
        : { says: `${JSON.stringify(found)} is not ${expected}`, fix: `write ${expected}` };
}

function valueAt(value: unknown, place: Path): unknown {
    return place.reduce<unknown>(
        (inner, step) =>
            typeof inner === "object" && inner !== null
                ? (inner as Readonly<Record<Path[number], unknown>>)[step]
                : undefined,
        value,
    );
}

/** The schema of a place inside the values of a schema, with its wrappers. */
function schemaAt(schema: z.core.$ZodType | undefined, place: Path): z.core.$ZodType | undefined {
    const [step, ...rest] = place;
    if (step === undefined) {
        return schema;
    }
    const inner = unwrapped(schema);
    if (inner instanceof z.ZodArray) {
        return schemaAt(inner.element, rest);
    }
    return inner instanceof z.ZodObject ? schemaAt(inner.shape[step], rest) : undefined;
}

/** A schema without its default and without being optional. */
function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
    return schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? unwrapped(schema.unwrap()) : schema;
}

function descriptionOf(schema: z.core.$ZodType | undefined): string | undefined {
    return schema instanceof z.ZodType ? schema.description : undefined;
}
