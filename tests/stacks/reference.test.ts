import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { withTopologies } from "../../stacks";
import { configurationReference } from "../../stacks/reference";
import { expectGolden } from "../golden";

describe("docs/configuration.md", () => {
    it("is what the schemas say now", () => {
        expectGolden(join(__dirname, "..", "..", "docs", "configuration.md"), configurationReference());
    });

    it("describes every parameter of every topology", () => {
        const text = configurationReference();
        const chapters = new Map(text.split("\n## ").map((chapter) => [chapter.split("\n")[0], chapter]));
        const parameters = withTopologies(({ name, schema }) => ({
            chapter: chapters.get(`Parameters of \`${name}\`: \`bgp-lab:lab\``),
            keys: Object.keys((schema as unknown as z.ZodObject).shape),
        }));
        for (const { chapter, keys } of parameters) {
            expect(keys.filter((key) => !chapter!.includes(`| \`${key}\` |`))).toEqual([]);
        }
        expect(text).toContain('| `services[].externalTrafficPolicy` | `"Cluster"` |');
        expect(text).toContain("| `services[].name` | required |");
        expect(text).toContain('| `bgp-lab:embedded.speaker` | `"gobgp"` |');
    });
});
