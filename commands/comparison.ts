/** Comparisons of stacks as they are in this checkout with what they were, for every way to say what that is. */

import { type Finding, isError } from "../lab/rules/findings";
import { compare } from "../review/compare";
import { inOrderOf } from "../review/order";
import type { Review } from "../review/review";
import type { Revision } from "../review/revision";
import { revisionOf } from "../review/revision-of";
import { type Base, baseRevisions, revisionsOf, withBase } from "./base";
import { type Deployed, deployed, NoLabError } from "./deployed";
import { UsageError } from "./options";
import type { Previewed, PreviewedLab } from "./preview";
import { askingPolicies, readStack } from "./revision";
import { chosenStacks, stacksIn } from "./stacks";

/** Reviews of stacks, all compared with the same. */
export interface Comparison {
    /** What the stacks were compared with, for people. */
    readonly base: string;
    /** What somebody who reads the reviews should know, as sentences. */
    readonly notes: readonly string[];
    readonly reviews: readonly Review[];
    /** Whether errors forbid one of the labs as they are now. */
    readonly refused: boolean;
}

/** Revisions of one stack. */
interface Pair {
    readonly before: Revision | undefined;
    readonly after: Revision | undefined;
}

function comparison(base: string, notes: readonly string[], pairs: readonly Pair[]): Comparison {
    return {
        base,
        notes,
        reviews: pairs.map(({ before, after }) => compare(before, after)),
        refused: pairs.some(({ after }) => after?.findings.some(isError) ?? false),
    };
}

/**
 * Compares the stack files and the code of this checkout, with what is not committed, with those of a commit.
 *
 * @param ref a git revision
 * @param named stacks; all that either side has when none is named
 * @throws UsageError when there is no such commit, or neither side has a stack of that name
 */
export function compareWithCommit(ref: string, named: readonly string[], signal: AbortSignal): Promise<Comparison> {
    return withBase(ref, signal, async (base) => {
        const stacks = stacksOf(base, named);
        const here = stacks.filter((stack) => stacksIn().includes(stack));
        const there = stacks.filter((stack) => base.stacks.includes(stack));
        const [before, after] = await Promise.all([
            baseRevisions(base, there, signal),
            here.length === 0 ? new Map<string, Revision>() : revisionsOf(".", here, signal),
        ]);
        const pairs = stacks.map((stack) => ({ before: before.revisions.get(stack), after: after.get(stack) }));
        return comparison(ref, [...base.notes, ...before.notes], pairs);
    });
}

function stacksOf({ ref, stacks }: Base, named: readonly string[]): readonly string[] {
    const all = [...new Set([...stacksIn(), ...stacks])].sort();
    const unknown = named.find((stack) => !all.includes(stack));
    if (unknown !== undefined) {
        throw new UsageError(`neither this checkout nor ${ref} has a Pulumi.${unknown}.yaml`);
    }
    return named.length === 0 ? all : [...new Set(named)];
}

/** Compares the stack files of this checkout with what is deployed; of a stack with nothing deployed a note says so. */
export async function compareWithDeployed(named: readonly string[]): Promise<Comparison> {
    const stacks = chosenStacks(named);
    const found = await Promise.all(stacks.map(findDeployed));
    const notes = stacks.filter((_stack, index) => found[index] === undefined).map(nothingDeployed);
    return comparison(
        "what is deployed",
        notes,
        found.flatMap((lab) => (lab === undefined ? [] : [pairOf(lab)])),
    );
}

async function findDeployed(stack: string): Promise<Deployed | undefined> {
    try {
        return await deployed(stack);
    } catch (error) {
        if (error instanceof NoLabError) {
            return undefined;
        }
        throw error;
    }
}

function nothingDeployed(stack: string): string {
    return `Nothing is deployed of ${stack}; make up STACK=${stack} would build all of it.`;
}

/** Compares the file of a stack with a state of it. */
export function compareWithState(lab: Deployed): Comparison {
    chosenStacks([lab.stack]);
    return comparison("the state", [], [pairOf(lab)]);
}

/** The engine writes the names of a model in the order of their code points, and files are rendered in their order. */
function pairOf({ stack, model, runtime }: Deployed): Pair {
    const after = fileRevision(stack);
    return { before: modelRevision(stack, { model: inOrderOf(model, after.lab), runtime }), after };
}

/**
 * The revision of a lab without a stack file: its findings name places of the model.
 *
 * @param others what was found before there was a model
 */
function modelRevision(stack: string, { model, runtime }: PreviewedLab, others: readonly Finding[] = []): Revision {
    const found = askingPolicies()(model, runtime).map(({ place: _, others: __, ...finding }) => finding);
    return revisionOf({ stack, runtime, findings: [...others, ...found], lab: model });
}

/** The revision of a stack's file as it compares with that of a lab without one. */
function fileRevision(stack: string): Revision {
    const { runtime, findings, lab: model } = readStack(stack, () => []);
    return model === undefined
        ? revisionOf({ stack, runtime, findings })
        : modelRevision(stack, { model, runtime }, findings);
}

/** Compares the two sides of a preview. */
export function comparePreviewed({ stack, before, after }: Previewed): Comparison {
    const notes =
        before === undefined && after === undefined ? [`The preview leaves the lab of ${stack} as it is.`] : [];
    const is = after && { ...after, model: inOrderOf(after.model) };
    const was = before && { ...before, model: inOrderOf(before.model, is?.model) };
    const revision = (side: PreviewedLab | undefined) => side && modelRevision(stack, side);
    const pairs = notes.length === 0 ? [{ before: revision(was), after: revision(is) }] : [];
    return comparison("the state that the preview started from", notes, pairs);
}
