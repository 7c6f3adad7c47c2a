import type { z } from "zod";
import type { Lab } from "../lab/model";
import type { Path } from "../lab/path";
import type { Violation } from "../lab/rules/rule";
import type { VersionSet } from "../lab/versions";

/** A kind of lab that a stack can choose. */
export interface Topology<Parameters> {
    readonly name: string;
    /** Name that the parameter `cluster` has by default. */
    readonly cluster: string;
    /** What the topology takes under `bgp-lab:lab`, with defaults and descriptions. */
    readonly schema: z.ZodType<Parameters>;
    /** What keeps well-formed parameters from being planned: networks too small for what they must hold. */
    readonly limits: (parameters: Parameters) => readonly Limit[];
    /** The versions and images that the parameters choose by name. */
    readonly versions: (parameters: Parameters) => VersionSet;
    /**
     * Plans the lab.
     *
     * @throws RangeError for parameters that `limits` objects to
     */
    readonly plan: (parameters: Parameters) => Lab;
    /** The parameter that a place in the planned model comes from. */
    readonly origin: (place: Path, parameters: Parameters) => Path | undefined;
}

/** A parameter that leaves too little room; its paths are those of parameters. */
export interface Limit extends Violation {
    readonly id: string;
    readonly source: string;
}
