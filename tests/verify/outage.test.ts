import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Driver } from "../../verify/driver";
import { type Attempt, answeredAgain, outageOf, watch } from "../../verify/outage";

/** A request every 10 ms: a dot was answered, an x was not. */
function series(text: string): readonly Attempt[] {
    return [...text].map((mark, index) => ({ sent: index * 10, answered: mark === "." }));
}

describe("an outage", () => {
    it.each([
        ["......", { requests: 6, failed: 0, milliseconds: 0, lasting: false }],
        [`..xx${".".repeat(60)}`, { requests: 64, failed: 2, milliseconds: 20, lasting: false }],
        // One of two paths is dead: what fails is every other request, and the client is hit from first to last.
        [".x.x.x.", { requests: 7, failed: 3, milliseconds: 50, lasting: true }],
        ["...x", { requests: 4, failed: 1, milliseconds: 10, lasting: true }],
    ])("of the series %s lasts from its first failure to the next answer after its last", (text, outage) => {
        expect(outageOf(series(text))).toEqual(outage);
    });

    it.each([
        ["......", 0],
        ["..xx..", 40],
        ["x.x...", 10],
        ["..xxxx", undefined],
        ["", 0],
    ])("of the series %s is over for the first time at the first answer after a failure", (text, moment) => {
        expect(answeredAgain(series(text), 0)).toBe(moment);
    });

    it("is never shorter than its failures, and not longer than the series", () => {
        fc.assert(
            fc.property(fc.array(fc.boolean()), (answers) => {
                const attempts = answers.map((answered, index) => ({ sent: index * 10, answered }));
                const { failed, milliseconds } = outageOf(attempts);
                expect(milliseconds).toBeGreaterThanOrEqual(failed * 10);
                expect(milliseconds).toBeLessThanOrEqual(answers.length * 10);
            }),
        );
    });

    it("is seen by a watch: only an HTTP 200 in time is an answer", async () => {
        const answers = [
            { kind: "answer", status: 200, body: "" },
            { kind: "answer", status: 503, body: "" },
            { kind: "timeout", detail: "" },
        ] as const;
        let asked = 0;
        const driver = { http: async () => [answers[asked++ % 3]] } as unknown as Driver;
        const series = watch(driver, { from: "client0", address: "10.0.0.1", port: 80 });
        await expect.poll(() => asked, { interval: 5 }).toBeGreaterThanOrEqual(6);
        const attempts = await series.stop();
        expect(attempts.slice(0, 6).map(({ answered }) => answered)).toEqual([true, false, false, true, false, false]);
        const sent = attempts.map((attempt) => attempt.sent);
        expect(sent).toEqual([...sent].sort((a, b) => a - b));
    });
});
