/** Custom resource definitions as judges of objects. Everything is checked but their rules in CEL, which only an API server evaluates. */

import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import type { KubernetesObject } from "../../render/kubernetes";

/** An OpenAPI schema, as far as definitions use it. */
interface Schema {
    readonly type?: string;
    readonly properties?: Readonly<Record<string, Schema>>;
    readonly additionalProperties?: Schema | boolean;
    readonly items?: Schema;
    readonly required?: readonly string[];
    readonly enum?: readonly unknown[];
    readonly pattern?: string;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly minItems?: number;
    readonly maxItems?: number;
    readonly minLength?: number;
    readonly maxLength?: number;
}

/** Everything that a schema objects to in a value, with the place; fields that it does not know among it. */
function objections(schema: Schema, value: unknown, place: string): readonly string[] {
    const wrong = (problem: boolean, says: string) => (problem ? [`${place} ${says}`] : []);
    const own = [
        ...wrong(schema.enum !== undefined && !schema.enum.includes(value), "is not in the enumeration"),
        ...wrong(schema.type !== undefined && !hasType(schema.type, value), `is no ${schema.type}`),
    ];
    if (typeof value === "string") {
        return [
            ...own,
            ...wrong(schema.pattern !== undefined && !expression(schema.pattern).test(value), "has another form"),
            ...wrong(value.length < (schema.minLength ?? 0), "is too short"),
            ...wrong(value.length > (schema.maxLength ?? Number.POSITIVE_INFINITY), "is too long"),
        ];
    }
    if (typeof value === "number") {
        return [
            ...own,
            ...wrong(value < (schema.minimum ?? Number.NEGATIVE_INFINITY), "is too small"),
            ...wrong(value > (schema.maximum ?? Number.POSITIVE_INFINITY), "is too large"),
        ];
    }
    if (Array.isArray(value)) {
        return [
            ...own,
            ...wrong(value.length < (schema.minItems ?? 0), "has too few items"),
            ...wrong(value.length > (schema.maxItems ?? Number.POSITIVE_INFINITY), "has too many items"),
            ...value.flatMap((item, index) => objections(schema.items ?? {}, item, `${place}[${index}]`)),
        ];
    }
    return typeof value === "object" && value !== null ? [...own, ...inside(schema, value, place)] : own;
}

/** A regular expression of Go, which writes within it that upper and lower case are alike. */
function expression(pattern: string): RegExp {
    return new RegExp(pattern.replace("(?i)", ""), pattern.includes("(?i)") ? "i" : "");
}

function inside(schema: Schema, value: object, place: string): readonly string[] {
    const { properties = {}, additionalProperties, required = [] } = schema;
    const missing = required.filter((key) => !(key in value)).map((key) => `${place}.${key} is missing`);
    const fields = Object.entries(value).flatMap(([key, item]) => {
        const known = properties[key] ?? additionalProperties;
        if (typeof known === "object") {
            return objections(known, item, `${place}.${key}`);
        }
        return known === true ? [] : [`${place}.${key} is not known`];
    });
    return [...missing, ...fields];
}

function hasType(type: string, value: unknown): boolean {
    const types: Readonly<Record<string, boolean>> = {
        object: typeof value === "object" && value !== null && !Array.isArray(value),
        array: Array.isArray(value),
        integer: Number.isInteger(value),
        number: typeof value === "number",
        string: typeof value === "string",
        boolean: typeof value === "boolean",
    };
    return types[type] ?? false;
}

/** A custom resource definition. */
interface Definition {
    readonly spec: {
        readonly group: string;
        readonly names: { readonly kind: string };
        readonly versions: readonly {
            readonly name: string;
            readonly served: boolean;
            readonly schema: { readonly openAPIV3Schema: Schema };
        }[];
    };
}

/** The schemas of definitions, by API version and kind. */
export type Definitions = ReadonlyMap<string, Schema>;

/** The schemas that files of definitions serve. */
export function definitions(files: readonly string[]): Definitions {
    const all = files.flatMap((file) => parseAllDocuments(readFileSync(file, "utf8")));
    return new Map(
        all
            .map((document) => document.toJS() as Definition | null)
            .filter((each) => each?.spec?.versions !== undefined)
            .flatMap((each) => {
                const { spec } = each!;
                return spec.versions
                    .filter(({ served }) => served)
                    .map(({ name, schema }): [string, Schema] => [
                        `${spec.group}/${name} ${spec.names.kind}`,
                        schema.openAPIV3Schema,
                    ]);
            }),
    );
}

/** The objects of the lab that a definition does not take as they are. */
export function refused(objects: readonly KubernetesObject[], known: Definitions): readonly string[] {
    return objects.flatMap(({ metadata, ...object }) => {
        const kind = `${object.apiVersion} ${object.kind}`;
        const schema = known.get(kind);
        return schema === undefined
            ? [`${kind} is not served`]
            : objections(schema, { metadata: {}, ...object }, `${kind} ${metadata.name}`);
    });
}
