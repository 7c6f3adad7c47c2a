import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab } from "./lab";
import { expectUntouched, expectVerified, neighborsOf, sessionsOf } from "./observe";
import { added, tracesOf } from "./traces";

describe("two labs with the same addresses on one machine", () => {
    const first = createLab("e2e-first");
    const second = createLab("e2e-second");
    const before = tracesOf(first);

    beforeAll(async () => {
        for (const lab of [first, second]) {
            lab.configure({ lab: { workers: 1 } });
        }
        await Promise.all([first.succeed("up"), second.succeed("up")]);
    });

    afterAll(async () => {
        await Promise.all([first.dispose(), second.dispose()]);
    });

    it("are both verified", async () => {
        await Promise.all([expectVerified(first), expectVerified(second)]);
    });

    it("do not notice each other's end", async () => {
        const sessions = await sessionsOf(second);
        const { processes } = tracesOf(second);
        expect(processes).not.toEqual([]);
        await first.succeed("destroy");
        expect(added(before, tracesOf(first))).toEqual([]);
        expect(tracesOf(second).processes).toEqual(processes);
        expectUntouched(sessions, await sessionsOf(second), neighborsOf(1, 2));
        await second.succeed("up", "--refresh", "--expect-no-changes");
        await expectVerified(second);
    });
});
