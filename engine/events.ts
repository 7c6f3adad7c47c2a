import type { DiffResult } from "./diff";
import type { ResourceState } from "./state";
import type { Urn } from "./urn";
import type { PropertyMap } from "./values";

/** What a step does, by the CLI's names. */
export type Op =
    | "same"
    | "create"
    | "update"
    | "delete"
    | "replace"
    | "create-replacement"
    | "delete-replaced"
    | "discard"
    | "discard-replaced"
    | "remove-pending-replace"
    | "refresh";

/** One step of a run. */
export interface Step {
    readonly op: Op;
    readonly urn: Urn;
    readonly type: string;
    /** State before; for a refresh what was recorded. */
    readonly old?: ResourceState;
    /** State after; undefined for deletes. */
    readonly new?: ResourceState;
    /** What differs, for updates, replacements and refreshes. */
    readonly diff?: DiffResult;
    /** What a refresh found: as recorded, changed or gone. */
    readonly found?: "same" | "update" | "delete";
}

export type Severity = "debug" | "info" | "warning" | "error" | "info#err";

/** A message about a resource, or about the stack if it names none. */
export interface Diagnostic {
    readonly severity: Severity;
    readonly message: string;
    readonly urn?: Urn;
    /** Shown while it is new, and not kept. */
    readonly ephemeral?: boolean;
    /** Pieces of one stream belong together. */
    readonly streamId?: number;
}

/** Watches a run. */
export interface Observer {
    stepStarted(step: Step): void;
    stepEnded(step: Step, failed: boolean): void;
    outputs(state: ResourceState, outputs: PropertyMap): void;
    diagnostic(diagnostic: Diagnostic): void;
    /** A line that the program itself printed. */
    programOutput(stream: "stdout" | "stderr", line: string): void;
}
