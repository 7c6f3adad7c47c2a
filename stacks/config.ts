/** From a stack's configuration to its lab, or to everything that is wrong with it. */

import { z } from "zod";
import type { Lab } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import { inspect } from "../lab/rules";
import { type Finding, isError } from "../lab/rules/findings";
import { findTopology, topologyNames } from ".";
import { read } from "./issues";
import { choice, wholeNumber } from "./parameters";
import type { Limit, Topology } from "./topology";

/** Name of the project, which is the namespace of its configuration. */
const namespace = "bgp-lab";

const defaultTopology = "single-frr";

/** What a stack says beside the parameters of its topology. */
export const settingsSchema = z.strictObject({
    topology: choice(...topologyNames)
        .default(defaultTopology)
        .describe("Kind of lab; decides what `lab` takes."),
    runtime: choice("netns", "docker")
        .default("netns")
        .describe("Where the lab runs: in network namespaces, or in Docker."),
    embedded: z
        .strictObject({
            speaker: choice("gobgp", "bird")
                .default("gobgp")
                .describe(
                    "Daemon that speaks BGP for Cilium: gobgp, which Cilium embeds, or bird, smaller for large labs.",
                ),
        })
        .default({ speaker: "gobgp" })
        .describe("Settings of the netns runtime."),
    verify: z
        .strictObject({
            deadline: wholeNumber(1, 3600).default(30).describe("Seconds until a check that does not hold has failed."),
        })
        .default({ deadline: 30 })
        .describe("Settings of the verification."),
});

/** The configuration of a stack as Pulumi gives it: values of the project's namespace, objects already parsed. */
export interface StackConfig {
    /** Name of the topology. @default single-frr */
    readonly topology?: unknown;
    /** Where the lab runs. @default netns */
    readonly runtime?: unknown;
    readonly embedded?: unknown;
    readonly verify?: unknown;
    /** Parameters of the topology; each has a default. */
    readonly lab?: unknown;
}

/** How a lab is run. */
export interface Settings {
    readonly runtime: "netns";
    /** Settings of the netns runtime: the daemon that speaks BGP for Cilium. @default gobgp */
    readonly embedded: { readonly speaker: "gobgp" | "bird" };
    /** Settings of the verification: seconds until a check that does not hold has failed. @default 30 */
    readonly verify: { readonly deadline: number };
}

/** What a stack's configuration comes to. */
export interface ReadLab {
    /** The lab; nothing when a finding is an error. */
    readonly lab?: Lab;
    /** How to run it; where the configuration is wrong, the defaults. */
    readonly settings: Settings;
    /** Everything that is wrong with the configuration and the lab it describes, by configuration key. */
    readonly findings: readonly Finding[];
}

/**
 * Reads a stack's configuration: checks its form, plans the lab and asks all rules about it. Nothing stops at the first
 * error: a value that is refused is replaced by its default to ask the rules about the others.
 */
export function readLab(config: StackConfig): ReadLab {
    const { lab: parameters, ...rest } = config;
    const { chosen, findings } = readSettings(rest);
    const planned = findTopology(chosen.topology)!((topology) => planLab(topology, parameters ?? {}));
    const all = [...findings, ...planned.findings];
    const settings: Settings = { runtime: "netns", embedded: chosen.embedded, verify: chosen.verify };
    return all.some(isError) ? { settings, findings: all } : { lab: planned.lab, settings, findings: all };
}

function readSettings(input: StackConfig) {
    const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    const reading = read(settingsSchema, given, ([key, ...inner]) => [`${namespace}:${key}`, ...inner]);
    if (reading.kind === "refused") {
        const repaired = settingsSchema.parse(without(given, reading.places));
        return { chosen: repaired, findings: reading.findings };
    }
    return { chosen: reading.value, findings: reading.value.runtime === "docker" ? [dockerIsMissing] : [] };
}

const dockerIsMissing: Finding = {
    id: "CFG-004",
    severity: "error",
    at: `${namespace}:runtime`,
    says: "this version cannot run labs in Docker",
    fix: "set it to netns",
    source: "docs/configuration.md",
};

/** Name of a parameter's place for people: the key and the path inside it, as `pulumi config set --path` takes it. */
function labKey(place: Path): Path {
    return [`${namespace}:lab`, ...place];
}

function planLab<Parameters>(
    topology: Topology<Parameters>,
    input: unknown,
): { readonly lab: Lab | undefined; readonly findings: readonly Finding[] } {
    const reading = read(topology.schema, input, labKey);
    const refused = reading.kind === "refused" ? reading.findings : [];
    const wrong = reading.kind === "refused" ? reading.places : [];
    const wellFormed = without(input, wrong);
    const exceeded = topology.limits(topology.schema.parse(wellFormed));
    const replaced = [...wrong, ...exceeded.flatMap(({ at, with: others = [] }) => [at, ...others])];
    const limits = exceeded.filter((limit) => !touches(limit, wrong));
    const parameters = topology.schema.parse(without(input, replaced));
    if (topology.limits(parameters).length > 0) {
        return { lab: undefined, findings: [...refused, ...limits.map(limitFinding)] };
    }
    const lab = topology.plan(parameters);
    const findings = ruleFindings(topology, lab, parameters, replaced);
    return { lab, findings: [...refused, ...limits.map(limitFinding), ...findings] };
}

/** The input without the parameters that the places are in, so that these get their defaults. */
function without(input: unknown, places: readonly Path[]): unknown {
    if (places.some((place) => place.length === 0)) {
        return {};
    }
    const wrong = new Set(places.map(([parameter]) => parameter));
    return Object.fromEntries(Object.entries(input as object).filter(([parameter]) => !wrong.has(parameter)));
}

/** Whether a limit or finding speaks of a parameter that has been replaced by its default. */
function touches({ at, with: others = [] }: Pick<Limit, "at" | "with">, replaced: readonly Path[]): boolean {
    return [at, ...others].some(([parameter]) =>
        replaced.some((place) => place.length === 0 || place[0] === parameter),
    );
}

function limitFinding({ id, source, at, says, fix }: Limit): Finding {
    return { id, severity: "error", at: formatPath(labKey(at)), says, fix, source };
}

/** What the rules say, by parameter. What one parameter does in many places of the model is said once. */
function ruleFindings<Parameters>(
    topology: Topology<Parameters>,
    lab: Lab,
    parameters: Parameters,
    replaced: readonly Path[],
): readonly Finding[] {
    const origin = (place: Path) => topology.origin(place, parameters) ?? [];
    const groups = new Map<string, { readonly finding: Finding; readonly count: number }>();
    for (const { place, others, ...found } of inspect(lab)) {
        const located = { at: origin(place), with: others.map(origin) };
        if (touches(located, replaced)) {
            continue;
        }
        const finding = { ...found, at: formatPath(labKey(located.at)) };
        const key = JSON.stringify([finding.id, located]);
        const known = groups.get(key);
        groups.set(key, { finding: known?.finding ?? finding, count: (known?.count ?? 0) + 1 });
    }
    return [...groups.values()].map(({ finding, count }) =>
        count === 1 ? finding : { ...finding, says: `${finding.says} (and ${count - 1} more like this)` },
    );
}
