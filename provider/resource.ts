import type { Drift } from "./sandbox/protocol";

/** What a resource kind needs to know about the call it serves. */
export interface Context {
    /** Name of the Pulumi stack, from the URN. */
    readonly stack: string;
    /** Name of the Pulumi project, from the URN. */
    readonly project: string;
}

/** An input that cannot be used. */
export interface Failure {
    readonly property: string;
    readonly reason: string;
}

/** JSON type of an input. */
export type InputType = "string" | "number" | "boolean" | "object" | "array";

/** Outputs of a resource, by name. */
export type Outputs = Readonly<Record<string, unknown>>;

/** What a look at the machine finds: nothing left of the resource, or what differs from its inputs. */
export type Observation = "gone" | readonly Drift[];

/**
 * One kind of resource. Creates adopt what exists, deletes accept that nothing is there, so that a run cut off at any
 * point can be repeated.
 */
export interface ResourceKind<Inputs> {
    readonly type: string;
    /** Names and JSON types of the inputs; one with a question mark may be missing. */
    readonly inputs: Readonly<Record<keyof Inputs & string, InputType | `${InputType}?`>>;
    /** Inputs whose change means another resource. */
    readonly replaceOn: readonly (keyof Inputs & string)[];
    /** Inputs that mean another resource as long as they are unknown: what they name is about to be replaced. */
    readonly replaceOnUnknown?: readonly (keyof Inputs & string)[];
    /** Reasons why this machine or these inputs cannot do, before anything is created. All inputs are known. */
    check?(inputs: Inputs, context: Context): readonly Failure[] | Promise<readonly Failure[]>;
    /** Identity, and outputs that are known before creation. */
    plan(inputs: Inputs, context: Context): { readonly id: string; readonly outputs?: Outputs };
    /** Makes the resource. @returns outputs that only the making tells; previews leave them unknown, refreshes keep them */
    create(inputs: Inputs, context: Context): Promise<void> | Promise<Outputs>;
    /** Changes the resource. @returns outputs that only the change tells, as `create` does */
    update(olds: Inputs, news: Inputs, context: Context): Promise<void> | Promise<Outputs>;
    read(inputs: Inputs): Promise<Observation>;
    delete(id: string, inputs: Inputs): Promise<void>;
}
