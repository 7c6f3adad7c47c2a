import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { svgOf } from "../../commands/drawing";
import { planned } from "../../commands/planned";
import { diagram, marked, type View } from "../../render/diagram";
import { readLab } from "../../stacks/config";
import { root } from "../e2e/lab";
import { expectGolden } from "../golden";

const folder = join(root, "docs", "images");
const pages = ["README.md", ...readdirSync(join(root, "docs")).map((name) => join("docs", name))]
    .filter((name) => name.endsWith(".md"))
    .map((name) => readFileSync(join(root, name), "utf8"));

/** Drawings that pages show, as `stack-view`. */
const shown = [
    ...new Set(pages.flatMap((page) => [...page.matchAll(/images\/([\w-]+)\.svg/g)].map(([, name]) => name!))),
];

function graphOf(name: string) {
    const [, stack = "", view = ""] = /^(.+)-(\w+)$/.exec(name)!;
    return diagram(planned(stack).lab, view as View);
}

describe("the drawings of the pages", () => {
    it.each(shown)("show the lab as it is planned now: %s", async (name) => {
        expectGolden(join(folder, `${name}.svg`), await svgOf(graphOf(name)));
    });

    it("are all there is in their folder", () => {
        expect(readdirSync(folder).sort()).toEqual(shown.map((name) => `${name}.svg`).sort());
    });

    it.each(shown)("stand for themselves, say what they show, and follow the color scheme: %s", (name) => {
        const drawing = readFileSync(join(folder, `${name}.svg`), "utf8");
        expect(drawing.replace('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
            /https?:|href|url\(|@import|<script/,
        );
        expect(drawing).toMatch(/^<svg [^>]*role="img" aria-labelledby="title">\n<title id="title">[^<]+<\/title>/);
        expect(drawing).toContain("@media (prefers-color-scheme: dark)");
        expect(drawing.length).toBeLessThan(20_000);
    });

    it("are lost on no page: every one has a text for who does not see it", () => {
        const images = pages.flatMap((page) => [...page.matchAll(/!\[([^\]]*)\]\([\w/]*images\//g)]);
        expect(images.length).toBeGreaterThan(0);
        expect(images.filter(([, text]) => text!.length < 20)).toEqual([]);
    });
});

describe("a drawing", () => {
    it("is the same each time", async () => {
        const graph = diagram(planned("leaf-spine").lab, "overview");
        expect(await svgOf(graph)).toBe(await svgOf(graph));
    });

    it("has a style for everything in it, on light and on dark pages", async () => {
        const [before, after] = [1, 3].map(
            (spines) => readLab({ topology: "leaf-spine", lab: { spines } }, "leaf-spine").lab!,
        );
        const drawing = await svgOf(marked(before!, after!, "bgp"));
        const used = new Set(
            [...drawing.matchAll(/<g class="(\w+) (\w+)">/g)].map(([, shape, kind]) => `.${shape}.${kind}`),
        );
        expect([...used]).toContain(".line.added");
        for (const name of used) {
            expect(drawing.split(`${name} text {`)).toHaveLength(3);
        }
        expect(drawing).not.toMatch(/ (fill|stroke|font-family)="/);
    });
});
