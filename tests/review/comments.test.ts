import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isError } from "../../lab/rules/findings";
import { commentOf, marker } from "../../review/comment";
import { compare } from "../../review/compare";
import type { Rehearsal } from "../../review/rehearsal";
import type { Review } from "../../review/review";
import { formatReview } from "../../review/text";
import { verdict } from "../../review/verdict";
import { expectGolden } from "../golden";
import { pullRequests, reviewsOf, smallPullRequests } from "./pull-requests";
import { references, rendered } from "./rendered";

function golden(name: string): string {
    return join(__dirname, "golden", name);
}

/** A rehearsal in which everything went well; a lab that rules refuse is not brought up. */
function rehearsed({ stack, kind, findings }: Review): Rehearsal {
    return kind === "refused" && findings.fresh.some(isError)
        ? { stack, notRun: "rules refuse it" }
        : { stack, passed: 40, failed: [] };
}

function comment(name: string): string {
    const reviews = reviewsOf(pullRequests[name]!);
    return commentOf({ reviews, rehearsals: reviews.map(rehearsed), base: "main" });
}

it("is shown in the documentation as it is now", () => {
    const page = join(__dirname, "..", "..", "docs", "review.md");
    const example = /(<!-- begin comment: ([\w-]+) -->\n)[\s\S]*?(?=<!-- end -->)/g;
    const filled = readFileSync(page, "utf8").replace(example, (_, begin: string, name: string) => {
        return `${begin}\n${comment(name).replace(`${marker}\n`, "")}\n`;
    });
    expect(filled).toContain("<details>");
    expectGolden(page, filled);
});

it("says in one line what a pull request does", () => {
    const lines = smallPullRequests().map(({ title, stack, before, after }) => {
        return `${stack} ${title}\n    ${verdict(compare(before(stack), after(stack)))}\n`;
    });
    expectGolden(golden("verdicts.txt"), lines.join("\n"));
});

describe.each(Object.entries(pullRequests))("the pull request %s", (name, request) => {
    it("has a comment that is right and short", () => {
        expectGolden(golden(`${name}.md`), comment(name));
    });

    it("reads well in a terminal", () => {
        const review = reviewsOf(request).find(({ stack }) => stack === request.stack)!;
        expectGolden(golden(`${name}.txt`), formatReview(review));
    });

    it("has a comment that renders as it is meant: folds that close, no stray Markdown, no references", () => {
        const { html, text } = rendered(comment(name));
        expect(html.match(/<details>/g) ?? []).toHaveLength((html.match(/<\/details>/g) ?? []).length);
        expect(text).not.toMatch(/```|\*\*|\|\s*---|<\/?[a-z]+>/);
        expect(references(text)).toEqual([]);
    });
});
