import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitted } from "../../review/budget";
import { commentOf, marker } from "../../review/comment";
import { pieces } from "../../review/markdown";
import type { Rehearsal } from "../../review/rehearsal";
import type { Review } from "../../review/review";
import { formatReview } from "../../review/text";
import { hostileText } from "./hostile";
import { pullRequests, reviewsOf } from "./pull-requests";
import { references, rendered } from "./rendered";

/** What GitHub takes at most (its API refuses a longer body). */
const limit = 65_536;

/** Reviews of all pull requests, without stacks that stay as they are. */
const reviews: readonly Review[] = Object.values(pullRequests).map(
    (request) => reviewsOf(request).find(({ stack }) => stack === request.stack)!,
);

/** Values that are one of a few words, and mean something. */
const words = new Set(["kind", "effect", "severity", "role", "family", "protocol", "applied", "diagram"]);

/** The same data with something behind every text in it. */
function withText<T>(value: T, more: () => string, key = ""): T {
    if (typeof value === "string") {
        return (words.has(key) ? value : `${value}${more()}`) as T;
    }
    if (Array.isArray(value)) {
        return value.map((item: unknown) => withText(item, more, key)) as T;
    }
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(
            Object.entries(value).map(([name, inner]) => [name, withText(inner, more, name)]),
        ) as T;
    }
    return value;
}

/** The same data with every list as long as it may get. */
function longer<T>(value: T, times: number): T {
    if (Array.isArray(value)) {
        const items = value.map((item: unknown) => longer(item, 1));
        return Array.from({ length: times }, (_, time) =>
            items.map((item) => withText(item, () => String(time))),
        ).flat() as T;
    }
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, longer(inner, times)])) as T;
    }
    return value;
}

function units(text: string): number {
    return Math.max(text.length, [...text].length);
}

const expectedElements = new Set(
    "p strong ul li table thead tbody tr th td details summary pre code h3 span".split(" "),
);

describe("a comment", () => {
    it("consists of what it is meant to, calls nobody and links nowhere, whatever names and messages say", () => {
        fc.assert(
            fc.property(fc.array(hostileText, { minLength: 1, maxLength: 8 }), fc.nat(), (texts, seed) => {
                let next = seed;
                const more = () => texts[next++ % texts.length]!;
                const given = withText([reviews[seed % reviews.length]!], more);
                const rehearsals: Rehearsal[] = [
                    {
                        stack: given[0]!.stack,
                        passed: 1,
                        failed: [{ subject: more(), expected: more(), observed: more() }],
                    },
                    { stack: "other", error: more() },
                ];
                const body = commentOf({ reviews: given, rehearsals, base: `main${more()}`, notes: [more()] });
                const { elements, text, html } = rendered(body);
                expect(body.startsWith(`${marker}\n`)).toBe(true);
                expect(elements.filter((name) => !expectedElements.has(name))).toEqual([]);
                expect(html.match(/<details>/g) ?? []).toHaveLength((html.match(/<\/details>/g) ?? []).length);
                expect(references(text)).toEqual([]);
                expect(units(body)).toBeLessThan(limit);
            }),
            { numRuns: 60 },
        );
    });

    it.each([30, 100])(
        "fits GitHub with everything %i times, says the worst of every stack and what is left out",
        (times) => {
            const given = reviews.map((review, number) => ({ ...longer(review, times), stack: `stack${number}` }));
            const body = commentOf({ reviews: given, rehearsals: [], base: "main" });
            expect(units(body)).toBeLessThan(limit);
            for (const { stack, kind } of given.filter((review) => review.kind !== "unchanged")) {
                expect(body).toContain(`- **${stack}**: `);
                expect(body).toContain(`### ${stack}\n`);
                expect(kind === "refused" ? body : "error").toContain("error");
            }
            const { html } = rendered(body);
            expect(html.match(/<details>/g) ?? []).toHaveLength((html.match(/<\/details>/g) ?? []).length);
            expect(body).toContain("… ");
            expect(body).toContain("make diff BASE=main STACK=stack1");
        },
    );

    it("fits GitHub for more stacks than it has room for, and says how many there are", () => {
        const given = Array.from({ length: 2_000 }, (_, number) => ({ ...reviews[1]!, stack: `stack${number}` }));
        const rehearsals = given.map(({ stack }) => ({ stack, error: "nothing comes up ".repeat(50) }));
        const body = commentOf({ reviews: given, rehearsals, base: "main" });
        expect(units(body)).toBeLessThan(limit);
        expect(body).toContain("more stacks");
    });

    it("is the same for the same input", () => {
        const input = { reviews, rehearsals: [], base: "main" };
        expect(commentOf(input)).toBe(commentOf(structuredClone(input)));
    });

    it("gives up configurations before routes, and routes before what is lost", () => {
        const [, review] = reviews;
        const sizes = [60_000, 6_000, 3_000, 1_500].map((budget) =>
            fitted([pieces(review!, "make diff")], budget).join(""),
        );
        expect(sizes.map((text, place) => text.length <= [60_000, 6_000, 3_000, 1_500][place]!)).toEqual(
            sizes.map(() => true),
        );
        const shown = (text: string) =>
            ["took nothing before", "| leaf0 |", "router bgp"].map((part) => text.includes(part));
        expect(shown(sizes[0]!)).toEqual([true, true, true]);
        expect(sizes.map((text) => text.includes("took nothing before"))).toEqual(sizes.map(() => true));
        expect(shown(sizes.at(-1)!)).toEqual([true, false, false]);
    });

    it("tells a check that failed, a lab that did not come up, and one that was not tried", () => {
        const [one, two, three] = ["a", "b", "c"].map((stack) => ({ ...reviews.at(-1)!, stack }));
        const body = commentOf({
            reviews: [one!, two!, three!],
            rehearsals: [
                {
                    stack: "a",
                    passed: 3,
                    failed: [{ subject: "client0 asks 10.0.0.1", expected: "200", observed: "silence" }],
                },
                { stack: "b", error: "router0 does not start" },
                { stack: "c", notRun: "rules refuse it" },
            ],
            base: "main",
        });
        expect(body).toContain("| a | nothing new | fails 1 of 4 checks | unchanged |");
        expect(body).toContain("- **a**: the lab fails 1 of 4 checks.\n- **b**: the lab does not come up.\n");
        expect(body).toContain("- a: client0 asks `10.0.0.1`: expected 200, observed silence");
        expect(body).toContain("- b: the lab does not come up: router0 does not start");
        expect(body).toContain("| c | nothing new | not run: rules refuse it | unchanged |");
    });
});

describe("a review in a terminal", () => {
    it("has no characters that steer it, whatever names and messages say", () => {
        fc.assert(
            fc.property(hostileText, fc.nat({ max: reviews.length - 1 }), (text, place) => {
                const shown = formatReview(
                    withText(reviews[place]!, () => text),
                    { verbose: true },
                );
                expect(shown.replace(/[\n\t]/g, "")).not.toMatch(/\p{C}/u);
            }),
            { numRuns: 60 },
        );
    });
});
