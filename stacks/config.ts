/** From a stack's configuration to its lab, or to everything that is wrong with it. */

import { z } from "zod";
import type { Lab } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import { inspect, type LocatedFinding } from "../lab/rules";
import { type Finding, isError } from "../lab/rules/findings";
import type { RuntimeName } from "../lab/rules/rule";
import type { VersionSet } from "../lab/versions";
import { findTopology, topologyNames } from ".";
import { type DockerSettings, dockerFindings, dockerSchema, dockerSettings } from "./docker";
import { embeddedFindings } from "./embedded";
import { read } from "./issues";
import { clusterName } from "./names";
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
    docker: dockerSchema,
    verify: z
        .strictObject({
            deadline: wholeNumber(1, 3600)
                .optional()
                .describe("Seconds until a check that does not hold has failed.")
                .meta({ fallback: "`30` in network namespaces, `180` in Docker" }),
        })
        .default({})
        .describe("Settings of the verification."),
});

type Chosen = z.output<typeof settingsSchema>;

/**
 * Seconds until a check that does not hold has failed. FRR's own tests grant BGP 130 s to converge on busy machines
 * (FRR documentation, Topotests), and a cluster is one.
 */
const deadlines: Readonly<Record<Chosen["runtime"], number>> = { netns: 30, docker: 180 };

/** The configuration of a stack as Pulumi gives it: values of the project's namespace, objects already parsed. */
export interface StackConfig {
    /** Name of the topology. @default single-frr */
    readonly topology?: unknown;
    /** Where the lab runs. @default netns */
    readonly runtime?: unknown;
    /** Settings of the netns runtime. */
    readonly embedded?: unknown;
    /** Settings of the docker runtime. */
    readonly docker?: unknown;
    /** Settings of the verification. */
    readonly verify?: unknown;
    /** Parameters of the topology; each has a default. */
    readonly lab?: unknown;
}

/** A value behind a text: Pulumi hands over objects as JSON, also where a person set them as such, and text as it is. */
export function written(text: string): unknown {
    try {
        return JSON.parse(text);
    } catch {
        return text;
    }
}

/** How a lab is run, with the settings of its runtime. */
export type Settings =
    | {
          readonly runtime: "netns";
          /** The daemon that speaks BGP for Cilium. @default gobgp */
          readonly embedded: { readonly speaker: "gobgp" | "bird" };
          readonly verify: VerifySettings;
      }
    | { readonly runtime: "docker"; readonly docker: DockerSettings; readonly verify: VerifySettings };

/** Settings of the verification. */
export interface VerifySettings {
    /** Seconds until a check that does not hold has failed. @default 30 in network namespaces, 180 in Docker */
    readonly deadline: number;
}

/** What a stack's configuration comes to. */
export type ReadLab = {
    /** Everything that is wrong with the configuration and the lab it describes, by configuration key. */
    readonly findings: readonly Finding[];
    /** Where the lab is to run. */
    readonly runtime: RuntimeName;
} & (
    | {
          readonly lab: Lab;
          /** How to run it. */
          readonly settings: Settings;
          readonly refused?: undefined;
      }
    | {
          // Nothing when a finding is an error.
          readonly lab?: undefined;
          readonly settings?: undefined;
          /** What errors forbid; absent where a value is refused for its form, so that nobody knows what lab was meant. */
          readonly refused?: Lab;
      }
);

/** Asks about a planned lab; what is found is then told by the parameters that it comes from. */
export type Ask = (lab: Lab, runtime: RuntimeName) => readonly LocatedFinding[];

/**
 * Reads a stack's configuration: checks its form, plans the lab and asks all rules about it. Nothing stops at the first
 * error: a value that is refused is replaced by its default to ask the rules about the others.
 *
 * @param stack name of the stack, which names of the docker runtime carry so that stacks live side by side; by default
 *     that of the default stack
 * @param ask what to ask about the lab; by default all rules, and nothing else
 */
export function readLab(config: StackConfig, stack = "dev", ask: Ask = inspect): ReadLab {
    const { lab: parameters, ...rest } = config;
    const { chosen, replaced, findings } = readSettings(rest);
    const planned = findTopology(chosen.topology)!((topology) =>
        planLab(topology, withClusterName(topology, parameters ?? {}, chosen.runtime, stack), chosen.runtime, ask),
    );
    const meant = replaced.includes("docker") ? [] : runtimeFindings(chosen, planned);
    const all = [...findings, ...planned.findings, ...meant];
    const { runtime } = chosen;
    if (all.some(isError) || planned.lab === undefined) {
        const isMeant = findings.length === 0 && planned.isMeant;
        return { runtime, findings: all, ...(isMeant ? { refused: planned.lab } : {}) };
    }
    return { runtime, lab: planned.lab, settings: settingsOf(chosen, planned.lab, planned.versions), findings: all };
}

/** What a stack says beside the parameters, with defaults for what is refused. */
interface ReadSettings {
    readonly chosen: Chosen;
    /** Keys that are refused, and so have their defaults. */
    readonly replaced: readonly Path[number][];
    readonly findings: readonly Finding[];
}

function readSettings(input: StackConfig): ReadSettings {
    const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    const reading = read(settingsSchema, given, ([key, ...inner]) => [`${namespace}:${key}`, ...inner]);
    if (reading.kind === "read") {
        return { chosen: reading.value, replaced: [], findings: [] };
    }
    const { findings, places } = reading;
    const replaced = places.flatMap((place) => place.slice(0, 1));
    return { chosen: settingsSchema.parse(without(given, places)), replaced, findings };
}

/** A lab that was planned from parameters, as far as they can be planned. */
interface Planned {
    readonly lab: Lab | undefined;
    /** Whether it is planned from what was asked for alone, with no default for a value that is refused. */
    readonly isMeant: boolean;
    readonly versions: VersionSet;
    readonly findings: readonly Finding[];
}

function settingsOf(chosen: Chosen, lab: Lab, versions: VersionSet): Settings {
    const verify = { deadline: chosen.verify.deadline ?? deadlines[chosen.runtime] };
    return chosen.runtime === "netns"
        ? { runtime: "netns", embedded: chosen.embedded, verify }
        : { runtime: "docker", docker: dockerSettings(chosen.docker, lab, versions), verify };
}

function runtimeFindings({ runtime, docker, embedded }: Chosen, { lab }: Planned): readonly Finding[] {
    if (lab === undefined) {
        return [];
    }
    return runtime === "docker"
        ? dockerFindings(docker, lab, { docker: [`${namespace}:docker`], lab: labKey([]) })
        : embeddedFindings(embedded, lab, [`${namespace}:embedded`]);
}

/** The parameters with the name of the cluster, where the name that a topology gives by itself could meet another stack's. */
function withClusterName<Parameters>(
    topology: Topology<Parameters>,
    parameters: unknown,
    runtime: Chosen["runtime"],
    stack: string,
): unknown {
    const isMapping = typeof parameters === "object" && parameters !== null && !Array.isArray(parameters);
    return runtime === "docker" && stack !== topology.name && isMapping
        ? { cluster: clusterName(topology.cluster, stack), ...parameters }
        : parameters;
}

/** Name of a parameter's place for people: the key and the path inside it, as `pulumi config set --path` takes it. */
function labKey(place: Path): Path {
    return [`${namespace}:lab`, ...place];
}

function planLab<Parameters>(
    topology: Topology<Parameters>,
    input: unknown,
    runtime: Chosen["runtime"],
    ask: Ask,
): Planned {
    const reading = read(topology.schema, input, labKey);
    const refused = reading.kind === "refused" ? reading.findings : [];
    const wrong = reading.kind === "refused" ? reading.places : [];
    const wellFormed = without(input, wrong);
    const exceeded = topology.limits(topology.schema.parse(wellFormed));
    const replaced = [...wrong, ...exceeded.flatMap(({ at, with: others = [] }) => [at, ...others])];
    const limits = exceeded.filter((limit) => !touches(limit, wrong)).map(limitFinding);
    const parameters = topology.schema.parse(without(input, replaced));
    const versions = topology.versions(parameters);
    const isMeant = replaced.length === 0;
    if (topology.limits(parameters).length > 0) {
        return { lab: undefined, isMeant, versions, findings: [...refused, ...limits] };
    }
    const lab = topology.plan(parameters);
    const findings = ruleFindings(topology, ask(lab, runtime), parameters, replaced);
    return { lab, isMeant, versions, findings: [...refused, ...limits, ...findings] };
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
    located: readonly LocatedFinding[],
    parameters: Parameters,
    replaced: readonly Path[],
): readonly Finding[] {
    const origin = (place: Path) => topology.origin(place, parameters) ?? [];
    const groups = new Map<string, { readonly finding: Finding; readonly count: number }>();
    for (const { place, others, ...found } of located) {
        const origins = { at: origin(place), with: others.map(origin) };
        if (touches(origins, replaced)) {
            continue;
        }
        const finding = { ...found, at: formatPath(labKey(origins.at)) };
        const key = JSON.stringify([finding.id, origins]);
        const known = groups.get(key);
        groups.set(key, { finding: known?.finding ?? finding, count: (known?.count ?? 0) + 1 });
    }
    return [...groups.values()].map(({ finding, count }) =>
        count === 1 ? finding : { ...finding, says: `${finding.says} (and ${count - 1} more like this)` },
    );
}
