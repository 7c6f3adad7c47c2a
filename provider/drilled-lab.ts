/** A running lab as drills have it. */

import type { Lab } from "../lab/model";
import type { Context } from "./resource";
import type { Sandbox } from "./sandbox/protocol";

/** A lab that runs in a sandbox. */
export interface DrilledLab {
    readonly model: Lab;
    readonly sandbox: Sandbox;
    readonly context: Context;
    /** Resources of the stack's state. */
    readonly resources: readonly { readonly type: string; readonly inputs: object }[];
}

/** Inputs of the lab's resources of a type. */
export function inputsOf<Inputs>({ resources }: DrilledLab, type: string): readonly Inputs[] {
    return resources.filter((each) => each.type === type).map(({ inputs }) => inputs as Inputs);
}
