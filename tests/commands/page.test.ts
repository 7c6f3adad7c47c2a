import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fillPage } from "../../commands/page";
import type { Lab } from "../../lab/model";
import { readLab } from "../../stacks/config";
import { expectGolden } from "../golden";
import { stackConfig } from "../stacks/configs";

const root = join(__dirname, "..", "..");
const pages = readdirSync(join(root, "docs")).filter((file) => file.endsWith(".md"));

function labOf(stack: string, parameters: object): Lab {
    const config = stackConfig(join(root, `Pulumi.${stack}.yaml`));
    return readLab({ ...config, lab: { ...(config.lab as object | undefined), ...parameters } }, stack).lab!;
}

describe("pages with parts from the model", () => {
    it.each(pages)("docs/%s shows the labs as they are planned and predicted now", (page) => {
        const path = join(root, "docs", page);
        expectGolden(path, fillPage(readFileSync(path, "utf8"), labOf));
    });

    it("change only between the markers", () => {
        const page = [
            "before",
            '<!-- begin sessions: Pulumi.dev.yaml with {"workers":1} -->',
            "old",
            "<!-- end -->",
            "between",
            "<!-- begin addresses: Pulumi.dev.yaml -->",
            "<!-- end -->",
            "after",
        ].join("\n");
        const filled = fillPage(page, labOf);
        expect(filled).not.toContain("old");
        expect(filled).toContain("| router0 ↔ cilium-bgp-cp-worker cilium |");
        expect(filled).not.toContain("cilium-bgp-cp-worker2 cilium");
        expect(filled).toContain("| bridge `kind` | 172.18.0.0/16");
        expect(filled.match(/^(before|between|after)$/gm)).toEqual(["before", "between", "after"]);
        expect(fillPage(filled, labOf)).toBe(filled);
    });

    it("are refused when a marker names no part", () => {
        expect(() => fillPage("<!-- begin weather: Pulumi.dev.yaml -->\n<!-- end -->", labOf)).toThrow(
            "there is no part weather: use one of addresses, sessions, routes, nodes, refusals, ways, failures",
        );
    });
});
