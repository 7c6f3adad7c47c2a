/** Sessions that accept only so many prefixes, on real FRR: what closes, what stays up, and what opens again. */

import { describe, expect, it } from "vitest";
import type { Lab, SessionFamily } from "../../lab/model";
import { predict } from "../../routing/predict";
import { planChecks } from "../../verify/plan";
import { failures } from "../../verify/report";
import { verify } from "../../verify/run";
import { withBgp } from "../routing/labs";
import { filteredSender, limitedRing, senderAndLimit } from "../routing/limit-labs";
import { runningRouters } from "./routers";

const routers = runningRouters("limits");

/** Holds a running lab against its prediction. @returns whether the sessions of a router are up, by the prediction */
async function expectPredicted(lab: Lab, router: string): Promise<readonly boolean[]> {
    const prediction = predict(lab);
    const results = await verify(planChecks(lab, prediction), routers.driver, { deadlineSeconds: 20 });
    expect(failures(results)).toBe("");
    return prediction.sessions.flatMap(({ local, remote, state }) =>
        local === router || remote === router ? [state.up] : [],
    );
}

/** Neighbors of a router whose session has been up since before a moment. */
async function upSinceBefore(router: string, moment: number): Promise<readonly string[]> {
    const sessions = await routers.driver.sessions(router);
    const seconds = (Date.now() - moment) / 1000;
    return sessions.filter(({ uptime }) => uptime > seconds).map(({ neighbor }) => neighbor);
}

describe("limits on real FRR", () => {
    it("close one session and, with what that brings, the next; raised, they open both", async () => {
        await routers.apply(limitedRing());
        expect(await expectPredicted(limitedRing(), "r0")).toEqual([false, false]);
        await routers.apply(limitedRing(9));
        expect(await expectPredicted(limitedRing(9), "r0")).toEqual([true, true]);
    });

    it("change in place without a reset as long as nothing exceeds them, and close at once what does", async () => {
        const received = { ipv4: 5, ipv6: 2 };
        const limited = (maximumPrefixes?: number) =>
            senderAndLimit(received, maximumPrefixes === undefined ? {} : { maximumPrefixes });
        await routers.apply(limited(20));
        expect(await expectPredicted(limited(20), "r0")).toEqual([true]);
        // FRR counts how long a session is up in whole seconds.
        await new Promise((resolve) => setTimeout(resolve, 1100));
        const moment = Date.now();
        for (const limit of [30, 5, undefined, 6]) {
            await routers.apply(limited(limit));
            expect(await expectPredicted(limited(limit), "r0")).toEqual([true]);
            expect(await upSinceBefore("r0", moment)).toEqual(["10.1.0.2"]);
        }
        await routers.apply(limited(4));
        expect(await expectPredicted(limited(4), "r0")).toEqual([false]);
        await routers.apply(limited());
        expect(await expectPredicted(limited(), "r0")).toEqual([true]);
    });

    it("count nothing where policy is required and there is none, and everything once a route map sets something", async () => {
        const strict = (limited: Partial<SessionFamily>) =>
            withBgp(senderAndLimit({ ipv4: 9, ipv6: 0 }, { maximumPrefixes: 2, ...limited }), "r0", {
                ebgpRequiresPolicy: true,
            });
        await routers.apply(strict({}));
        expect(await expectPredicted(strict({}), "r0")).toEqual([true]);
        await routers.apply(strict({ localPreference: 200 }));
        expect(await expectPredicted(strict({ localPreference: 200 }), "r0")).toEqual([false]);
    });

    it("count what the filter lets in, also where both come at once", async () => {
        const before = senderAndLimit({ ipv4: 9, ipv6: 0 }, {});
        await routers.apply(before);
        expect(await expectPredicted(before, "r0")).toEqual([true]);
        for (const limit of [4, 20, 4]) {
            await routers.apply(filteredSender(9, limit));
            expect(await expectPredicted(filteredSender(9, limit), "r0")).toEqual([true]);
        }
    });
});
