/**
 * Predictions of random labs against real FRR. `CASES` says how many, `FIRST` the first seed, `SEED` repeats one of them and
 * prints it: `SEED=17 npx vitest run tests/differential`.
 */

import { afterAll, describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { describe as describeSimulation } from "../../routing/describe";
import { type Conditions, type Simulation, simulate, withEnds } from "../../routing/simulate";
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

/** What a lab comes to with interfaces down; nothing where routing does not come to rest. */
function atRest(lab: Lab, conditions: Conditions): Simulation | undefined {
    try {
        return simulate(lab, conditions);
    } catch (error) {
        if (error instanceof UnrestError) {
            return undefined;
        }
        throw error;
    }
}

/** What is to be seen. */
function goalOf(lab: Lab, simulation: Simulation | undefined): Goal | undefined {
    if (simulation === undefined) {
        return undefined;
    }
    const prediction = describeSimulation(lab, simulation);
    const compared = (facts: Facts) => decided(facts, prediction);
    return { wanted: compared(predictedFacts(lab, prediction)), compared, patience };
}

/** What is to be seen before more links go down, and after that: what a limit has closed stays closed. */
function goalsOf({ lab, down, cut }: Case): readonly (Goal | undefined)[] {
    const before = atRest(lab, { down, sessions: new Map() });
    const closed = before?.pairs.filter((pair) => pair.closed !== undefined) ?? [];
    const after = atRest(lab, { down: [...down, ...cut], sessions: withEnds(new Map(), closed) });
    return [goalOf(lab, before), before && goalOf(lab, after)];
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
        const [whole, broken] = goalsOf(found);
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
