/** Revisions of stacks for tests, each made once. */

import { expect } from "vitest";
import type { Lab } from "../../lab/model";
import { compare } from "../../review/compare";
import type { Review } from "../../review/review";
import { type Revision, revisionFormat } from "../../review/revision";
import { revisionOf, revisionOfLab } from "../../review/revision-of";
import { readLab, type StackConfig } from "../../stacks/config";

const known = new Map<string, Revision>();

/** The revision of a stack's configuration, whether rules allow it or not. It can be predicted. */
export function revision(config: StackConfig, stack = "dev"): Revision {
    const key = JSON.stringify([config, stack]);
    const made = known.get(key) ?? newRevision(config, stack);
    known.set(key, made);
    return made;
}

function newRevision(config: StackConfig, stack: string): Revision {
    const { lab, refused, runtime, findings } = readLab(config, stack);
    const made = revisionOf({ stack, runtime, findings, lab: lab ?? refused });
    expect(made.unpredicted).toBeUndefined();
    return made;
}

/** What a change of the parameters of a topology does. */
export function reviewOf(topology: string, before: object, after: object): Review {
    return compare(revision({ topology, lab: before }), revision({ topology, lab: after }));
}

/** What a change of a model does. */
export function reviewOfLabs(before: Lab, after: Lab): Review {
    return compare(revisionOfLab("test", before, "netns"), revisionOfLab("test", after, "netns"));
}

/** A revision that knows the model and nothing that follows from it. */
export function modelOf(lab: Lab): Revision {
    return { format: revisionFormat, stack: "test", runtime: "netns", findings: [], lab, artifacts: [] };
}
