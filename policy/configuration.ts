/** The configuration of the pack, in the form in which Pulumi reads it (`--policy-pack-config`). */

import type { Level } from "./described";
import { groupPolicies } from "./groups";
import { organisationPolicies } from "./organisation";
import { choices, type Given, type Problem, readParameters } from "./parameters";
import { resourcePolicies } from "./resources";

/** How policies are enforced, and with which parameters. */
export interface Configuration {
    /** How strictly a policy is enforced; nothing where nobody says other than the policy itself. */
    readonly levelOf: (policy: string) => Level | undefined;
    /** What a policy was given, as it was written. */
    readonly givenTo: (policy: string) => Given;
}

/** A configuration, or what is wrong with it. */
export type ReadConfiguration =
    | { readonly kind: "read"; readonly configuration: Configuration }
    | { readonly kind: "wrong"; readonly problems: readonly Problem[] };

const levels: readonly Level[] = ["advisory", "mandatory", "remediate", "disabled"];

/** Sets the level of every policy that has none of its own. */
const every = "all";

const configurable = [...organisationPolicies, ...resourcePolicies];

/** Names of all policies. */
const known = [...groupPolicies, ...configurable].map(({ name }) => name);

/** One policy's part of the configuration. */
interface Part {
    readonly level?: Level;
    readonly given: Given;
}

/** Reads the configuration that a JSON file has; nothing configured is a configuration, too. */
export function readConfiguration(json: unknown): ReadConfiguration {
    if (!isMap(json)) {
        const problem = { at: "the configuration", says: "is no mapping of policies", fix: 'write {"<policy>": {…}}' };
        return { kind: "wrong", problems: [problem] };
    }
    const problems: Problem[] = [];
    const parts = new Map<string, Part>();
    for (const [name, value] of Object.entries(json)) {
        if (name !== every && !known.includes(name)) {
            problems.push({ at: name, says: "there is no policy of this name", fix: namesInstead(name) });
            continue;
        }
        const part = readPart(name, value);
        problems.push(...("problem" in part ? [part.problem] : parameterProblems(name, part.given)));
        if (!("problem" in part)) {
            parts.set(name, part);
        }
    }
    if (problems.length > 0) {
        return { kind: "wrong", problems };
    }
    const levelOf = (policy: string) => parts.get(policy)?.level ?? parts.get(every)?.level;
    const givenTo = (policy: string) => parts.get(policy)?.given ?? {};
    return { kind: "read", configuration: { levelOf, givenTo } };
}

/** Pulumi takes a level alone, or a mapping with the level and parameters. */
function readPart(name: string, value: unknown): Part | { readonly problem: Problem } {
    const { enforcementLevel: level, ...given } = isMap(value) ? value : { enforcementLevel: value };
    if (level === undefined) {
        return { given };
    }
    const found = levels.find((each) => each === level);
    return found === undefined
        ? {
              problem: {
                  at: isMap(value) ? `${name}.enforcementLevel` : name,
                  says: `${JSON.stringify(level)} is no enforcement level`,
                  fix: `use ${levels.join(", ")}`,
              },
          }
        : { level: found, given };
}

function parameterProblems(name: string, given: Given): readonly Problem[] {
    const policy = configurable.find((each) => each.name === name);
    const reading = policy === undefined ? readParameters(name, {}, given) : policy.read(given);
    return reading.kind === "wrong" ? reading.problems : [];
}

/** What can be written for a name that does not exist: those that share a word with it, or where all of them are. */
function namesInstead(name: string): string {
    const wordsOf = (each: string) => each.split(/[^a-z0-9]+/i).filter((word) => word.length > 2);
    const found = known.filter((each) => wordsOf(each).some((word) => wordsOf(name).includes(word)));
    return found.length === 0 ? "use one of docs/policy.md, which lists them all, or remove it" : choices(found);
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
