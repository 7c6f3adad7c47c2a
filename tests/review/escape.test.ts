import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipped, code, fenced, html, oneLine, prose } from "../../review/escape";
import { hostileText as text } from "./hostile";
import { references, rendered } from "./rendered";

/** The same text to the eye: what is not seen taken away. */
function visible(seen: string): string {
    return oneLine(seen.replaceAll("\u200b", ""));
}

describe("text from a lab in Markdown", () => {
    it("says the same as prose, makes nothing but code spans of it, and refers to nobody", () => {
        fc.assert(
            fc.property(text, (given) => {
                const { seen, text: outside, elements } = rendered(`before ${prose(given)} after`);
                expect(elements.filter((name) => !["p", "code", "span"].includes(name))).toEqual([]);
                expect(visible(seen)).toBe(visible(`before ${oneLine(given)} after`));
                expect(references(outside)).toEqual([]);
            }),
            { numRuns: 500 },
        );
    });

    it("starts no list, heading, quotation or code block as an item of a list", () => {
        fc.assert(
            fc.property(text, (given) => {
                const { elements } = rendered(`- ${prose(given)}\n- last`);
                expect(elements.filter((name) => !["code", "span"].includes(name))).toEqual(["ul", "li", "li"]);
            }),
            { numRuns: 500 },
        );
    });

    it("stays in its cell of a table, as prose and as code", () => {
        fc.assert(
            fc.property(text, text, (one, other) => {
                const page = `| a | b |\n| --- | --- |\n| ${prose(one)} | ${code(other)} |\n\nend`;
                const { elements, text: outside } = rendered(page);
                expect(elements.filter((name) => !["code", "span"].includes(name))).toEqual([
                    "table",
                    "thead",
                    "tr",
                    "th",
                    "th",
                    "tbody",
                    "tr",
                    "td",
                    "td",
                    "p",
                ]);
                expect(references(outside)).toEqual([]);
            }),
            { numRuns: 500 },
        );
    });

    it("is written as it is in a code span", () => {
        fc.assert(
            fc.property(text, (given) => {
                const { code: spans } = rendered(`a ${code(given)} b`);
                expect(spans.map(visible)).toEqual(oneLine(given) === "" ? [] : [visible(given)]);
            }),
            { numRuns: 500 },
        );
    });

    it("does not end its code block", () => {
        fc.assert(
            fc.property(fc.array(text, { maxLength: 4 }), (lines) => {
                const { elements, code: blocks } = rendered(`${fenced("diff", lines.join("\n"))}\n\nend`);
                expect(elements).toEqual(["pre", "code", "p"]);
                expect(blocks).toHaveLength(1);
            }),
            { numRuns: 500 },
        );
    });

    it("does not end the summary of a fold", () => {
        fc.assert(
            fc.property(text, (given) => {
                const page = `<details><summary>${html(given)}</summary>\n\ninside\n\n</details>\n\nend`;
                const { elements, text: outside } = rendered(page);
                expect(elements.filter((name) => name !== "span")).toEqual(["details", "summary", "p", "p"]);
                expect(references(outside)).toEqual([]);
            }),
            { numRuns: 500 },
        );
    });

    it("shows addresses, networks and faults as code, so that none of them is an emoji", () => {
        expect(prose("leaf0 loses 10.98.0.0/24 and fd00:100::1/64 with link:spine0-leaf0.")).toBe(
            "leaf0 loses `10.98.0.0/24` and `fd00:100::1/64` with `link:spine0-leaf0`.",
        );
    });

    it("is cut to a number of characters, whatever they consist of", () => {
        expect(clipped("abc", 3)).toBe("abc");
        expect(clipped("abcd", 3)).toBe("ab…");
        expect(clipped("🦊🦊🦊🦊", 3)).toBe("🦊🦊…");
    });
});
