/** The reference of all configuration, written from the schemas so that it cannot differ from them. */

import { z } from "zod";
import { withTopologies } from ".";
import { settingsSchema } from "./config";

/** One line of a table: a parameter, what it is without it, and what it means. */
interface Row {
    readonly key: string;
    readonly fallback: string;
    readonly description: string;
}

/** Text of `docs/configuration.md`. */
export function configurationReference(): string {
    const topologies = withTopologies(({ name, schema }) => [
        `## Parameters of \`${name}\`: \`bgp-lab:lab\``,
        "",
        ...table(schema instanceof z.ZodObject ? rowsOf(schema, "") : []),
        "",
    ]);
    return [
        "# Configuration",
        "",
        "<!-- Written from the schemas in stacks/: UPDATE_GOLDEN=1 npx vitest run tests/stacks/reference.test.ts -->",
        "",
        "A stack's configuration is in `Pulumi.<stack>.yaml`, under these keys. Everything has a default, so an empty",
        "configuration is a lab. `pulumi config set --path 'bgp-lab:lab.workers' 5` changes one value; errors name values in",
        "the same way.",
        "",
        "Addresses and networks have one spelling: IPv4 without leading zeros, IPv6 as in RFC 5952, networks without host bits.",
        'AS numbers are written as `65000`, `"AS65000"` or, in quotes, as asdot (`"1.10"`). Versions need quotes.',
        "",
        "## Every stack",
        "",
        ...table(rowsOf(settingsSchema, "bgp-lab:")),
        "",
        ...topologies.flat(),
    ].join("\n");
}

function table(rows: readonly Row[]): readonly string[] {
    return [
        "| Key | Default | Meaning |",
        "|---|---|---|",
        ...rows.map(({ key, fallback, description }) => `| \`${key}\` | ${fallback} | ${description} |`),
    ];
}

/** The parameters of a mapping, each followed by the parameters inside it. */
function rowsOf(mapping: z.ZodObject, prefix: string): readonly Row[] {
    return Object.entries(mapping.shape).flatMap(([name, schema]): Row[] => {
        const key = `${prefix}${name}`;
        return [{ key, fallback: fallbackOf(schema), description: descriptionOf(schema) }, ...inside(schema, key)];
    });
}

function inside(schema: z.core.$ZodType, key: string): readonly Row[] {
    if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
        return inside(schema.unwrap(), key);
    }
    if (schema instanceof z.ZodArray) {
        return inside(schema.element, `${key}[]`);
    }
    return schema instanceof z.ZodObject ? rowsOf(schema, `${key}.`) : [];
}

/** What a parameter is when it is left out. */
function fallbackOf(schema: z.core.$ZodType): string {
    const told = schema instanceof z.ZodType ? schema.meta()?.fallback : undefined;
    if (typeof told === "string") {
        return told;
    }
    if (schema instanceof z.ZodOptional) {
        return "none";
    }
    if (!(schema instanceof z.ZodDefault)) {
        return "required";
    }
    return `\`${JSON.stringify(schema.parse(undefined)).replaceAll("|", "\\|")}\``;
}

function descriptionOf(schema: z.core.$ZodType): string {
    const description = schema instanceof z.ZodType ? schema.description : undefined;
    if (description === undefined) {
        throw new Error("a parameter has no description");
    }
    return description;
}
