/**
 * Predictions of random labs against real FRR. `CASES` says how many, `FIRST` the first seed, `SEED` repeats one of them and
 * prints it: `SEED=17 npx vitest run tests/differential`.
 */

import { afterAll, describe, expect, it } from "vitest";
import { describe as describeSimulation } from "../../routing/describe";
import type { Prediction } from "../../routing/prediction";
import { simulate } from "../../routing/simulate";
import { UnrestError } from "../../routing/unrest";
import { available } from "../routing/live";
import { decided, differences, type Facts, predictedFacts } from "./facts";
import { buildCase, type Case, planOf } from "./generator";
import { Stage, settle } from "./live";

/** Seconds after which a lab is taken to stay as it is. */
const patience = 40;

/** Labs at a time: they wait about as long as they work. */
const places = Number(process.env.PLACES ?? 3);

const only = process.env.SEED;
const first = Number(process.env.FIRST ?? 1);
const seeds =
    only === undefined ? Array.from({ length: Number(process.env.CASES ?? 20) }, (_, n) => first + n) : [Number(only)];

function predictionOf({ lab, down }: Case): Prediction | UnrestError {
    try {
        return describeSimulation(lab, simulate(lab, { down, sessions: new Map() }));
    } catch (error) {
        if (error instanceof UnrestError) {
            return error;
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
        const prediction = predictionOf(found);
        if (prediction instanceof UnrestError) {
            return;
        }
        const compared = (facts: Facts) => decided(facts, prediction);
        const wanted = compared(predictedFacts(found.lab, prediction));
        const seen = await stage.use((sandbox) => settle(sandbox, found, { wanted, compared, patience }));
        expect(differences(wanted, seen), `SEED=${seed} npx vitest run tests/differential`).toEqual([]);
    });
});
