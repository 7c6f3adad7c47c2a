import { parsePath } from "./propertyPath";
import type { CustomTimeouts, ResourceState, StackFrame } from "./state";
import type { Urn } from "./urn";
import type { PropertyMap } from "./values";

/** A resource as the program wants it. */
export interface Goal {
    readonly type: string;
    readonly name: string;
    readonly custom: boolean;
    readonly properties: PropertyMap;
    /** Empty for the stack itself. */
    readonly parent: Urn;
    readonly protect?: boolean;
    readonly dependencies: readonly Urn[];
    readonly propertyDependencies: Readonly<Record<string, Urn[]>>;
    /** Reference of the provider; empty for components and providers. */
    readonly provider: string;
    /** Undefined leaves the decision to the provider. */
    readonly deleteBeforeReplace?: boolean;
    readonly ignoreChanges: readonly string[];
    readonly replaceOnChanges: readonly string[];
    readonly additionalSecretOutputs: readonly string[];
    readonly aliases: readonly Urn[];
    readonly customTimeouts: CustomTimeouts;
    readonly retainOnDelete?: boolean;
    readonly deletedWith: Urn;
    readonly hideDiff: readonly string[];
    readonly sourcePosition?: string;
    readonly stackTrace?: readonly StackFrame[];
}

/** The state that a goal leads to, before anything has been done; times of a former one are kept. */
export function newState(goal: Goal, urn: Urn, old: ResourceState | undefined): ResourceState {
    return {
        urn,
        custom: goal.custom,
        type: goal.type,
        inputs: goal.properties,
        parent: goal.parent,
        protect: goal.protect ?? false,
        dependencies: [...goal.dependencies],
        initErrors: [],
        provider: goal.provider,
        propertyDependencies: { ...goal.propertyDependencies },
        additionalSecretOutputs: [...goal.additionalSecretOutputs],
        customTimeouts: goal.customTimeouts,
        retainOnDelete: goal.retainOnDelete ?? false,
        deletedWith: goal.deletedWith,
        created: old?.created,
        modified: old?.modified,
        sourcePosition: goal.sourcePosition,
        stackTrace: goal.stackTrace && [...goal.stackTrace],
        ignoreChanges: [...goal.ignoreChanges],
        hideDiff: goal.hideDiff.map((path) => [...parsePath(path)]),
        replaceOnChanges: [...goal.replaceOnChanges],
    };
}
