import type { Lab } from "../../lab/model";
import type { Configurable } from "../described";
import type { Json } from "../inputs";
import { type Declared, type Given, type Problem, type Reading, readParameters, type Values } from "../parameters";

/** A resource that an engine is about to make or change. */
export interface Resource {
    /** Its type, e.g. `docker:index/container:Container`. */
    readonly type: string;
    /** Its name in the program. */
    readonly name: string;
    readonly inputs: Json;
}

/** What is known of the run beside the resource. */
export interface Surroundings {
    /** The labs that the program has described so far: a lab's component comes before all that it is made of. */
    readonly labs: readonly Lab[];
    /** Texts that were secrets in the inputs of this or another resource so far. */
    readonly secrets: ReadonlySet<string>;
}

/** One place where a resource breaks a policy. */
export interface ResourceViolation {
    /** Place in the inputs. */
    readonly at: string;
    readonly says: string;
    readonly fix: string;
}

/** A policy on resources. It reads only what is known in a preview, and says nothing of what is not. */
interface Definition<Parameters extends Declared> extends Configurable<Parameters> {
    /** Whether it is about resources of a type at all. */
    readonly concerns: (type: string) => boolean;
    readonly check: (
        resource: Resource,
        parameters: Values<Parameters>,
        surroundings: Surroundings,
    ) => Iterable<ResourceViolation>;
}

/** What asking a policy came to. */
export type Asked =
    | { readonly kind: "wrong"; readonly problems: readonly Problem[] }
    | { readonly kind: "asked"; readonly violations: readonly ResourceViolation[] };

/** A policy on resources. */
export interface ResourcePolicy extends Configurable<Declared> {
    readonly concerns: (type: string) => boolean;
    /** Reads what it was given. */
    readonly read: (given: Given) => Reading<Declared>;
    /** Asks about a resource that it concerns. */
    readonly ask: (resource: Resource, given: Given, surroundings: Surroundings) => Asked;
}

/** Declares a policy on resources. */
export function resourcePolicy<Parameters extends Declared>({
    check,
    ...described
}: Definition<Parameters>): ResourcePolicy {
    const { name, parameters } = described;
    const read = (given: Given) => readParameters(name, parameters, given);
    return {
        ...described,
        read,
        ask: (resource, given, surroundings) => {
            const reading = read(given);
            return reading.kind === "wrong"
                ? reading
                : { kind: "asked", violations: [...check(resource, reading.values, surroundings)] };
        },
    };
}
