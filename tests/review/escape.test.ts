import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clipped, code, fenced, html, oneLine, prose } from "../../review/escape";
import { references, rendered } from "./rendered";

/** What people have used to break out of comments, and what GitHub reads beyond Markdown. */
const hostile = [
    "```",
    "~~~",
    "`",
    "``",
    "\n",
    "\r",
    "\r\n```\r\n",
    "\n\n# heading\n\n",
    "|",
    "\\|",
    "\\",
    "-->",
    "<!--",
    "<!-- bgp-lab review -->",
    "</details>",
    "<details>",
    "<summary>",
    "</code>",
    "<img src=x onerror=alert(1)>",
    "&lt;",
    "&commat;team",
    "&#64;team",
    "@octocat",
    "@org/team",
    "@\u200boctocat",
    "#1",
    "owner/repo#1",
    "GH-12",
    "https://example.org/?x=1",
    "www.example.org",
    "mailto:a@example.org",
    "a@example.org",
    "[text](https://example.org)",
    "![image](//example.org/x.png)",
    "[x]: https://example.org",
    "[^1]",
    "$x$",
    "$`x`$",
    ":tada:",
    "**bold**",
    "__bold__",
    "*",
    "_",
    "~~",
    "> quote",
    "- item",
    "1. item",
    "+ item",
    "===",
    "---",
    "    indented",
    "\u202e",
    "\u001b[31m",
    "\u0000",
    "\ud800",
    "0123456789abcdef0123456789abcdef01234567",
    "leaf0",
    "10.1.5.0/24",
    "fd00:100::1/64",
    "2001:db8::",
    " ",
    ":",
    "@",
    "#",
];

const text = fc
    .array(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: "grapheme", maxLength: 6 })), { maxLength: 6 })
    .map((parts) => parts.join(""));

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
            { numRuns: 2_000 },
        );
    });

    it("starts no list, heading, quotation or code block as an item of a list", () => {
        fc.assert(
            fc.property(text, (given) => {
                const { elements } = rendered(`- ${prose(given)}\n- last`);
                expect(elements.filter((name) => !["code", "span"].includes(name))).toEqual(["ul", "li", "li"]);
            }),
            { numRuns: 2_000 },
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
            { numRuns: 2_000 },
        );
    });

    it("is written as it is in a code span", () => {
        fc.assert(
            fc.property(text, (given) => {
                const { code: spans } = rendered(`a ${code(given)} b`);
                expect(spans.map(visible)).toEqual(oneLine(given) === "" ? [] : [visible(given)]);
            }),
            { numRuns: 2_000 },
        );
    });

    it("does not end its code block", () => {
        fc.assert(
            fc.property(fc.array(text, { maxLength: 4 }), (lines) => {
                const { elements, code: blocks } = rendered(`${fenced("diff", lines.join("\n"))}\n\nend`);
                expect(elements).toEqual(["pre", "code", "p"]);
                expect(blocks).toHaveLength(1);
            }),
            { numRuns: 2_000 },
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
            { numRuns: 2_000 },
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
