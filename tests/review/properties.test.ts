/** What holds for the review of any two labs. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { compare } from "../../review/compare";
import { inOrderOf } from "../../review/order";
import type { FieldChange, Review } from "../../review/review";
import type { Revision } from "../../review/revision";
import * as revisions from "../../review/revision-of";
import { planCalicoMetalLbVrf, schema as vrfSchema } from "../../stacks/calico-metallb-vrf";
import { schema as ibgpSchema, planIbgpFrr } from "../../stacks/ibgp-frr";
import { schema as leafSpineSchema, planLeafSpine } from "../../stacks/leaf-spine";
import { planSingleFrr, schema as singleSchema } from "../../stacks/single-frr";
import { buildLab, plans } from "../routing/labs";
import { modelOf } from "./revisions";

const shipped: readonly Lab[] = [
    planSingleFrr(singleSchema.parse({ workers: 2, replicas: 2 })),
    planLeafSpine(leafSpineSchema.parse({})),
    planIbgpFrr(ibgpSchema.parse({ workers: 2 })),
    planCalicoMetalLbVrf(vrfSchema.parse({ workers: 2 })),
];

const labs: fc.Arbitrary<Lab> = fc.oneof(plans.map(buildLab), fc.constantFrom(...shipped));

const known = new WeakMap<Lab, Revision>();

/** Without what the rules say: most labs here are beyond them. */
function revisionOf(lab: Lab): Revision {
    const made = known.get(lab) ?? revisions.revisionOf({ stack: "test", runtime: "netns", findings: [], lab });
    known.set(lab, made);
    return made;
}

/** All lists of a review in which a change shows. */
function lists({
    findings,
    services,
    failures,
    sessions,
    routes,
    devices,
    networks,
    programs,
    configurations,
}: Review) {
    return [
        findings.fresh,
        findings.gone,
        services,
        failures,
        sessions,
        routes,
        devices,
        networks,
        programs,
        configurations,
    ];
}

/** A value with the properties of all objects in the order of their code points, as Go writes maps. */
function forgetful(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(forgetful);
    }
    return typeof value === "object" && value !== null
        ? Object.fromEntries(
              Object.entries(value)
                  .sort(([a], [b]) => (a < b ? -1 : 1))
                  .map(([key, inner]) => [key, forgetful(inner)]),
          )
        : value;
}

type Path = readonly (string | number)[];

/** Values that decide which other values there are. */
const forms: ReadonlySet<unknown> = new Set(["kind", "family", "operator"]);

/** The paths of all values that have no parts. */
function leaves(value: unknown, path: Path = []): readonly Path[] {
    if (Array.isArray(value)) {
        return value.flatMap((item, index) => leaves(item, [...path, index]));
    }
    return typeof value === "object" && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
        : forms.has(path.at(-1))
          ? []
          : [path];
}

/** A copy with another value in one place. */
function changed(value: unknown, [first, ...rest]: Path, change: (leaf: unknown) => unknown): unknown {
    if (first === undefined) {
        return change(value);
    }
    if (Array.isArray(value)) {
        return value.map((item: unknown, index) => (index === first ? changed(item, rest, change) : item));
    }
    const parts = value as Record<string, unknown>;
    return { ...parts, [first]: changed(parts[first], rest, change) };
}

/** A value of the same form that is not the same. Whether it makes sense is not asked. */
function other(leaf: unknown): unknown {
    switch (typeof leaf) {
        case "boolean":
            return !leaf;
        case "number":
            return leaf + 1;
        default:
            return otherText(String(leaf));
    }
}

/** Addresses and networks stay what they are, in another place. */
function otherText(text: string): string {
    if (text === "0.0.0.0/0") {
        return "11.0.0.0/8";
    }
    const [first] = /^(\d+(?=\.\d)|[0-9a-f]+(?=:))/.exec(text) ?? [];
    if (first !== undefined) {
        return text.replace(first, first === "11" ? "12" : "11");
    }
    return text === "" ? "other" : `${text.slice(0, -1)}${text.endsWith("1") ? "2" : "1"}`;
}

const models = labs.chain((lab) =>
    fc.constantFrom(...leaves(lab)).map((path) => ({
        path,
        before: lab,
        after: changed(lab, path, other) as Lab,
        // A failing example is told by its place.
        [fc.toStringMethod]: () => `${lab.topology} ${path.join(".")}`,
    })),
);

const opposites: Readonly<Record<string, string>> = {
    added: "removed",
    lost: "gained",
    gone: "new",
    narrower: "wider",
    worse: "better",
    ...{ removed: "added", gained: "lost", new: "gone", wider: "narrower", better: "worse" },
};

/** What a review says, as texts in any order, seen from the other side if `isBack`. What has one direction only is left out. */
function claims(review: Review, isBack: boolean): readonly string[] {
    const turned = (word: string) => (isBack ? (opposites[word] ?? word) : word);
    const sides = <T>(before: T, after: T) => (isBack ? [after, before] : [before, after]);
    const told = (fields: readonly FieldChange[]) =>
        fields.map(({ field, before, after }) => JSON.stringify([field, sides(before, after)])).sort();
    const { findings, services, failures, sessions, routes, devices, networks, programs, configurations } = review;
    const all: readonly (readonly unknown[])[] = [
        ["findings", sides(findings.gone, findings.fresh), findings.kept],
        ...services.map(({ effect, name, fields }) => [turned(effect), name, told(fields)]),
        ...failures.map(({ effect, fault, pairs }) => [turned(effect), fault, pairs]),
        ...sessions.map(({ kind, local, remote, upBefore, upAfter, fields }) => [
            turned(kind),
            local.device,
            remote.device,
            sides(upBefore, upAfter),
            told(fields),
        ]),
        ...routes.map(({ effect, before, after, ...where }) => [turned(effect), where, sides(before, after)]),
        ...devices.map(({ kind, role, device, fields }) => [turned(kind), role, device, told(fields)]),
        ...networks.map(({ kind, name, before, after }) => [turned(kind), name, sides(before, after)]),
        ...told(programs).map((text) => [text]),
        ...configurations.map(({ kind, path, linesRemoved, linesAdded }) => [
            turned(kind),
            path,
            sides(linesRemoved, linesAdded),
        ]),
    ];
    return all.map((claim) => JSON.stringify(claim)).sort();
}

/** Two labs that may have much in common. */
const pairs: fc.Arbitrary<readonly [Lab, Lab]> = fc.oneof(
    fc.tuple(labs, labs).map((both): readonly [Lab, Lab] => both),
    // The same links between routers of which each may be another.
    fc.tuple(plans, plans).map(([plan, { routers }]): readonly [Lab, Lab] => {
        const others = plan.routers.map((router, index) => routers[index] ?? router);
        return [buildLab(plan), buildLab({ ...plan, routers: others })];
    }),
);

describe("the review of any two labs", () => {
    it("that are the same is that nothing changes", () => {
        fc.assert(
            fc.property(labs, (lab) => {
                const again = JSON.parse(JSON.stringify(revisionOf(lab))) as Revision;
                const review = compare(revisionOf(lab), again);
                expect(lists(review).flat()).toEqual([]);
                expect(review).toMatchObject({ kind: "unchanged", findings: { kept: 0 } });
                expect(review.diagram).toBeUndefined();
            }),
            { numRuns: 20 },
        );
    });

    it("of which one forgot the order of its names, as a stack's state does, is that nothing changes, too", () => {
        fc.assert(
            fc.property(labs, (lab) => {
                const ordered = inOrderOf(forgetful(lab) as Lab, lab);
                expect(JSON.stringify(ordered)).toBe(JSON.stringify(lab));
                expect(compare(modelOf(forgetful(lab) as Lab), modelOf(lab)).kind).toBe("unchanged");
            }),
            { numRuns: 20 },
        );
        expect(Object.keys(inOrderOf({ worker10: 1, worker2: 2 }))).toEqual(["worker2", "worker10"]);
    });

    it("says something of a change of any single value of the model, whether the lab still makes sense or not", () => {
        fc.assert(
            fc.property(models, ({ before, after }) => {
                const review = compare(modelOf(before), modelOf(after));
                expect(review.kind).toBe("changed");
                expect(lists(review).flat().length).toBeGreaterThan(0);
            }),
            { numRuns: 250 },
        );
    });

    it("says the same in both directions, with what comes and goes exchanged", () => {
        fc.assert(
            fc.property(pairs, ([one, other]) => {
                const [there, back] = [
                    compare(revisionOf(one), revisionOf(other)),
                    compare(revisionOf(other), revisionOf(one)),
                ];
                expect(claims(back, true)).toEqual(claims(there, false));
            }),
            { numRuns: 30 },
        );
    });

    it("is of plain data that comes through text as it is", () => {
        fc.assert(
            fc.property(labs, labs, (before, after) => {
                const [was, is] = [revisionOf(before), revisionOf(after)];
                const review = compare(was, is);
                expect(JSON.parse(JSON.stringify(review))).toEqual(review);
                const through = (revision: Revision) => JSON.parse(JSON.stringify(revision)) as Revision;
                expect(compare(through(was), through(is))).toEqual(review);
            }),
            { numRuns: 15 },
        );
    });
});
