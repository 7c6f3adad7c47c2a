import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Path } from "../../lab/path";
import { formatFindings, isError } from "../../lab/rules/findings";
import { frrConf } from "../../render/frr";
import { topologyNames, withTopologies } from "../../stacks";
import { readLab } from "../../stacks/config";
import { expectGolden } from "../golden";
import { stackConfig } from "./configs";

const root = join(__dirname, "..", "..");
const golden = join(__dirname, "golden", "stacks");
const stacks = readdirSync(root)
    .map((file) => /^Pulumi\.(.+)\.yaml$/.exec(file)?.[1])
    .filter((name) => name !== undefined);

describe.each(stacks)("the shipped stack %s", (name) => {
    const { lab, findings } = readLab(stackConfig(join(root, `Pulumi.${name}.yaml`)), name);

    it("has the findings that its golden file shows", () => {
        expectGolden(join(golden, `${name}.txt`), formatFindings(findings));
        expect(findings.some(isError)).toBe(lab === undefined);
    });

    it.skipIf(lab === undefined)("is planned and configured as its golden files show", () => {
        expectGolden(join(golden, name, "model.json"), `${JSON.stringify(lab, undefined, 2)}\n`);
        for (const router of Object.keys(lab!.routers)) {
            expectGolden(join(golden, name, `${router}.frr.conf`), frrConf(lab!, router));
        }
    });
});

describe("every topology", () => {
    it("has a shipped stack that plans it with its defaults, without errors", () => {
        const planned = stacks.map(
            (name) => readLab(stackConfig(join(root, `Pulumi.${name}.yaml`)), name).lab?.topology,
        );
        expect([...new Set(planned)].filter((topology) => topology !== undefined).sort()).toEqual(
            [...topologyNames].sort(),
        );
    });

    it.each(withTopologies((topology) => topology as never as Loose))(
        "leads from all places of the model to a parameter that exists: $name",
        ({ schema, plan, origin }) => {
            const values = schema.parse({});
            for (const place of leaves(plan(values))) {
                const [parameter] = origin(place, values) ?? [];
                expect(Object.keys(schema.shape), place.join(".")).toContain(parameter);
            }
        },
    );

    it.each(topologyNames)("plans without errors in the versions of its article: %s", (topology) => {
        const { findings } = readLab({ topology, lab: { versions: "article" } }, topology);
        expect(formatFindings(findings.filter(isError))).toBe("");
    });
});

/** A topology whose parameters may be anything. */
interface Loose {
    readonly name: string;
    readonly schema: { readonly shape: object; parse(input: unknown): unknown };
    plan(parameters: unknown): unknown;
    origin(place: Path, parameters: unknown): Path | undefined;
}

/** Every leaf of a JSON value. */
function* leaves(value: unknown, place: Path = []): Iterable<Path> {
    if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
        yield place;
        return;
    }
    for (const [key, inner] of Object.entries(value)) {
        yield* leaves(inner, [...place, Array.isArray(value) ? Number(key) : key]);
    }
}
