/**
 * Where the values of a model come from in a stack's configuration. Rules name places in the model; people change the
 * configuration. Each topology has a table that leads from one to the other.
 */

import type { Path } from "../lab/path";

/**
 * One line of the table: places under `model` come from the parameter `config`. Paths are dotted; in `model`, `*` stands
 * for any one step, and in `config`, `$1` for the step that the first `*` met. `rest` appends the steps that `model` does
 * not mention, for values that are taken over as they are. Where a pattern cannot tell, a function decides by the steps
 * that the `*`s met and the parameters.
 */
export interface Origin<Parameters> {
    readonly model: string;
    readonly config: string | ((steps: Path, parameters: Parameters) => Path);
    readonly rest?: true;
}

/** Lines that hold for every topology: pools and services are taken over as they are, and what is checked follows from them. */
export const serviceOrigins: readonly Origin<unknown>[] = [
    { model: "cluster.loadBalancerPools", config: "pools", rest: true },
    { model: "cluster.services.*.loadBalancerAddresses", config: "services.$1.addresses", rest: true },
    { model: "cluster.services.*.namespace", config: "namespace" },
    { model: "cluster.services.*.selector", config: "services.$1" },
    { model: "cluster.services.*.targetPort", config: "services.$1" },
    { model: "cluster.services", config: "services", rest: true },
    { model: "cluster.workloads.*.namespace", config: "namespace" },
    { model: "checks", config: "services" },
];

/** Leads from a place in a model to the place in the parameters that it comes from; nothing when no line of the table fits. */
export type FindOrigin<Parameters> = (place: Path, parameters: Parameters) => Path | undefined;

/** Prepares a table of origins, whose first line that fits decides, for many questions. */
export function findOrigin<Parameters>(origins: readonly Origin<Parameters>[]): FindOrigin<Parameters> {
    const lines = origins.map((origin) => ({ ...origin, pattern: origin.model.split(".") }));
    return (place, parameters) => {
        const line = lines.find(({ pattern }) => matches(pattern, place));
        if (line === undefined) {
            return undefined;
        }
        const { pattern, config, rest } = line;
        const captured = place.filter((_, index) => pattern[index] === "*");
        const found = typeof config === "string" ? fill(config, captured) : config(captured, parameters);
        return rest ? [...found, ...place.slice(pattern.length)] : found;
    };
}

function matches(pattern: readonly string[], place: Path): boolean {
    return (
        place.length >= pattern.length && pattern.every((step, index) => step === "*" || step === String(place[index]))
    );
}

function fill(config: string, captured: Path): Path {
    return config.split(".").map((step) => (step.startsWith("$") ? captured[Number(step.slice(1)) - 1]! : step));
}
