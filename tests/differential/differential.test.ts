/**
 * Predictions of random labs against real FRR. `CASES` says how many, `FIRST` the first seed, `SEED` repeats one of them and
 * prints it: `SEED=17 npx vitest run tests/differential`.
 */

import { afterAll, describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { describe as describeSimulation } from "../../routing/describe";
import { simulate } from "../../routing/simulate";
import { UnrestError } from "../../routing/unrest";
import { available } from "../routing/live";
import { decided, differences, type Facts, predictedFacts } from "./facts";
import { buildCase, type Case, planOf } from "./generator";
import { type Goal, Stage, withLab } from "./live";

/** Seconds after which a lab is taken to stay as it is. */
const patience = 40;

/** Labs at a time: they wait about as long as they work. */
const places = Number(process.env.PLACES ?? 3);

const only = process.env.SEED;
const first = Number(process.env.FIRST ?? 1);
const seeds =
    only === undefined ? Array.from({ length: Number(process.env.CASES ?? 20) }, (_, n) => first + n) : [Number(only)];

/** What is to be seen with interfaces down; nothing where routing does not come to rest. */
function goalOf(lab: Lab, down: Case["down"]): Goal | undefined {
    try {
        const prediction = describeSimulation(lab, simulate(lab, { down, sessions: new Map() }));
        const compared = (facts: Facts) => decided(facts, prediction);
        return { wanted: compared(predictedFacts(lab, prediction)), compared, patience };
    } catch (error) {
        if (error instanceof UnrestError) {
            return undefined;
        }
        throw error;
    }
}

describe.skipIf(!available).concurrent("prediction and real FRR", () => {
    const stage = new Stage("test-differential", Math.min(places, seeds.length));
    afterAll(() => stage.end());

    it.each(seeds)("settle on the same in random lab %i", { timeout: 240_000 }, async (seed) => {
        const plan = planOf(seed);
        const found = buildCase(plan);
        if (only !== undefined) {
            console.log(JSON.stringify(plan, undefined, 1));
        }
        const whole = goalOf(found.lab, found.down);
        const broken = goalOf(found.lab, [...found.down, ...found.cut]);
        const hint = `SEED=${seed} npx vitest run tests/differential`;
        await stage.use((sandbox) =>
            withLab(sandbox, found, async ({ cut, settled }) => {
                if (whole !== undefined) {
                    expect(differences(whole.wanted, await settled(whole)), hint).toEqual([]);
                }
                if (broken !== undefined && found.cut.length > 0) {
                    await cut(found.cut);
                    expect(differences(broken.wanted, await settled(broken)), `${hint}, links cut`).toEqual([]);
                }
            }),
        );
    });
});
