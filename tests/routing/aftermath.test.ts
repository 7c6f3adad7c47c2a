/** What a sweep works out from the sound lab is what a simulation of the broken lab finds. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { type Aftermath, aftermathOf } from "../../routing/aftermath";
import { conditionsAfter, type Fault, formatFault } from "../../routing/failures";
import { singleFaults } from "../../routing/faults";
import { ask, reachOf } from "../../routing/reach";
import { type Simulation, simulate } from "../../routing/simulate";
import { failureSweep, type LostWidth } from "../../routing/sweep";
import { routeOf } from "../../routing/tables";
import { UnrestError } from "../../routing/unrest";
import { schema as calicoSchema, planCalicoMetalLbVrf } from "../../stacks/calico-metallb-vrf";
import { schema as ibgpSchema, planIbgpFrr } from "../../stacks/ibgp-frr";
import { schema as leafSpineSchema, planLeafSpine } from "../../stacks/leaf-spine";
import { planSingleFrr, schema as singleSchema } from "../../stacks/single-frr";
import { buildCase, casePlans } from "../differential/generator";
import { buildLab, plans } from "./labs";
import { vrfLab } from "./vrf-lab";

/** All routes of all tables, as text. */
function routes({ index, tables }: Aftermath): readonly string[] {
    return [...tables].flatMap(([key, table]) =>
        index.prefixes.flatMap((prefix, number) => {
            const route = routeOf(table, number);
            return route === undefined ? [] : [`${key} ${prefix} ${JSON.stringify(route)}`];
        }),
    );
}

/** The value, or the message of the unrest that there is instead. */
function orUnrest<T>(work: () => T): T | string {
    try {
        return work();
    } catch (error) {
        if (error instanceof UnrestError) {
            return error.message;
        }
        throw error;
    }
}

/** Checks every single fault; how many of them were worked out from the sound lab, and how many there are. */
function compareAll(lab: Lab, before: Simulation): { readonly worked: number; readonly faults: number } {
    const afterwards = aftermathOf(lab, before);
    const faults = singleFaults(lab);
    const worked = faults.filter((fault) => isWorkedOut(lab, before, fault, afterwards));
    return { worked: worked.length, faults: faults.length };
}

function isWorkedOut(lab: Lab, before: Simulation, fault: Fault, afterwards: ReturnType<typeof aftermathOf>): boolean {
    const conditions = conditionsAfter(lab, fault, before);
    const after = orUnrest(() => afterwards(conditions));
    const full = orUnrest(() => simulate(lab, conditions));
    const name = formatFault(lab, fault);
    if (typeof after === "string" || typeof full === "string") {
        expect(after, name).toEqual(full);
        return false;
    }
    expect(routes(after), name).toEqual(routes(full));
    // Only a simulation says what BGP settled on.
    return !("settled" in after);
}

const shipped: Readonly<Record<string, Lab>> = {
    "single-frr": planSingleFrr(singleSchema.parse({})),
    "single-frr with pods announced": planSingleFrr(singleSchema.parse({ workers: 5, exportPodCidr: true })),
    "leaf-spine": planLeafSpine(leafSpineSchema.parse({})),
    "a larger leaf-spine": planLeafSpine(leafSpineSchema.parse({ spines: 3, racks: 4, nodesPerRack: 2 })),
    "ibgp-frr": planIbgpFrr(ibgpSchema.parse({})),
    "calico-metallb-vrf": planCalicoMetalLbVrf(calicoSchema.parse({})),
    "the lab with VRFs": vrfLab,
};

describe("what a fault leaves of a lab", { timeout: 120_000 }, () => {
    it.each(Object.entries(shipped))("is what a simulation without the broken part finds: %s", (_, lab) => {
        const before = simulate(lab);
        const { faults } = compareAll(lab, before);
        expect(faults).toBeGreaterThan(0);
    });

    it.each(["single-frr", "a larger leaf-spine", "ibgp-frr"])("is worked out without one: %s", (name) => {
        const lab = shipped[name]!;
        const { worked, faults } = compareAll(lab, simulate(lab));
        expect(worked).toBe(faults);
    });

    it("is what a simulation finds in random labs of routers", () => {
        const count = { worked: 0, faults: 0 };
        fc.assert(
            fc.property(plans, (plan) => {
                const lab = buildLab(plan);
                const before = orUnrest(() => simulate(lab));
                fc.pre(typeof before !== "string");
                const { worked, faults } = compareAll(lab, before);
                count.worked += worked;
                count.faults += faults;
            }),
            { numRuns: 80 },
        );
        expect(count.worked).toBeGreaterThan(count.faults / 4);
    });

    it("is what a simulation finds in the labs that FRR is compared with, VRFs, filters and limits included", () => {
        fc.assert(
            fc.property(casePlans, (plan) => {
                const { lab } = buildCase(plan);
                const before = orUnrest(() => simulate(lab));
                fc.pre(typeof before !== "string");
                compareAll(lab, before);
            }),
            { numRuns: 25 },
        );
    });
});

/** Learned routes with fewer next hops after a fault, by the definition. */
function narrower(before: Simulation, after: Simulation, gone: string | undefined): readonly LostWidth[] {
    return [...before.tables.values()].flatMap((table) => {
        const { device, vrf } = table.place;
        return before.index.inOrder().flatMap((number) => {
            const route = routeOf(table, number);
            const left = routeOf(after.tables.get(table.place.key)!, number)?.nextHops.length ?? 0;
            const isLess = route?.protocol === "bgp" && left < route.nextHops.length && device !== gone;
            const prefix = before.index.prefixes[number]!;
            const where = { device, ...(vrf === undefined ? {} : { vrf }), prefix };
            return isLess ? [{ ...where, before: route.nextHops.length, after: left }] : [];
        });
    });
}

describe("a failure sweep", { timeout: 120_000 }, () => {
    it.each(Object.entries(shipped))("finds what a simulation of every fault finds: %s", (_, lab) => {
        const before = simulate(lab);
        const reached = reachOf(lab, before).filter(({ reason }) => reason === undefined);
        const nodes = new Map(lab.cluster.workloads.flatMap(({ pods }) => pods).map(({ name, node }) => [name, node]));
        const effects = failureSweep(lab, before);
        singleFaults(lab).forEach((fault, place) => {
            const { name, routes: lost, unreachable, unrest } = effects[place]!;
            const after = orUnrest(() => simulate(lab, conditionsAfter(lab, fault, before)));
            if (typeof after === "string") {
                expect(unrest, name).toBe(after);
                return;
            }
            const gone = fault.kind === "node" ? fault.device : undefined;
            const asked = reached.filter(({ from }) => (nodes.get(from) ?? from) !== gone);
            const answers = asked.map((each) => ask(lab, after, each));
            expect(unreachable, name).toEqual(answers.filter(({ reason }) => reason !== undefined));
            expect(lost, name).toEqual(narrower(before, after, gone));
        });
    });
});
