import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configurationReference } from "../../stacks/reference";
import { schema } from "../../stacks/single-frr";
import { expectGolden } from "../golden";

describe("docs/configuration.md", () => {
    it("is what the schemas say now", () => {
        expectGolden(join(__dirname, "..", "..", "docs", "configuration.md"), configurationReference());
    });

    it("describes every parameter", () => {
        const text = configurationReference();
        for (const parameter of Object.keys(schema.shape)) {
            expect(text).toContain(`| \`${parameter}\` |`);
        }
        expect(text).toContain('| `services[].externalTrafficPolicy` | `"Cluster"` |');
        expect(text).toContain("| `services[].name` | required |");
        expect(text).toContain('| `bgp-lab:embedded.speaker` | `"gobgp"` |');
    });
});
