import type { Lab } from "../../lab/model";
import type { Violation } from "../../lab/rules/rule";
import type { Configurable } from "../described";
import {
    type Contradiction,
    type Declared,
    type Given,
    type Problem,
    type Reading,
    readParameters,
    type Values,
} from "../parameters";

/** A policy on labs that says nothing until an organisation gives it parameters. */
interface Definition<Parameters extends Declared> extends Configurable<Parameters> {
    /** Yields what parameters say against each other. @default nothing */
    readonly contradictions?: (parameters: Values<Parameters>) => Iterable<Contradiction>;
    /** Yields every place of a well-formed lab that breaks it. */
    readonly check: (lab: Lab, parameters: Values<Parameters>) => Iterable<Violation>;
}

/** What asking a policy came to. */
export type Asked =
    /** Nobody gave it a parameter. */
    | { readonly kind: "not-applicable" }
    /** Its parameters are wrong; nothing was asked. */
    | { readonly kind: "wrong"; readonly problems: readonly Problem[] }
    | { readonly kind: "asked"; readonly violations: readonly Violation[] };

/** A policy of an organisation. */
export interface OrganisationPolicy extends Configurable<Declared> {
    /** Reads what it was given. */
    readonly read: (given: Given) => Reading<Declared>;
    /** Asks about a well-formed lab. */
    readonly ask: (lab: Lab, given: Given) => Asked;
}

/** Declares a policy of an organisation. */
export function organisationPolicy<Parameters extends Declared>({
    check,
    contradictions,
    ...described
}: Definition<Parameters>): OrganisationPolicy {
    const { name, parameters } = described;
    const read = (given: Given) => readParameters(name, parameters, given, contradictions);
    return {
        ...described,
        read,
        ask: (lab, given) => {
            if (Object.keys(given).length === 0) {
                return { kind: "not-applicable" };
            }
            const reading = read(given);
            return reading.kind === "wrong" ? reading : { kind: "asked", violations: [...check(lab, reading.values)] };
        },
    };
}
