import type { Lab } from "../lab/model";
import { labType } from "./deployed";

/** What a preview says of a stack's lab. */
export interface Previewed {
    readonly stack: string;
    /** The lab that is recorded, unless it is new. */
    readonly before?: PreviewedLab;
    /** The lab that was asked for, unless it goes. */
    readonly after?: PreviewedLab;
}

/** A lab with the runtime that it is for. */
export interface PreviewedLab {
    readonly model: Lab;
    readonly runtime: "netns" | "docker";
}

interface PreviewedState {
    readonly inputs?: PreviewedLab;
}

/** A step of `pulumi preview --json`, as far as it is read. */
interface PreviewedStep {
    readonly urn: string;
    readonly oldState?: PreviewedState;
    readonly newState?: PreviewedState;
}

interface Digest {
    readonly steps?: readonly PreviewedStep[];
    readonly diagnostics?: readonly { readonly severity?: string }[];
}

/**
 * Reads the lab's step from a preview. A lab that does not change has none: then neither side is there.
 *
 * @param json as `pulumi preview --json` prints it
 * @throws Error when it is no preview, or one that failed before it knew the lab
 */
export function readPreview(json: string): Previewed {
    const { steps, diagnostics = [] } = parsed(json);
    if (steps === undefined) {
        throw new Error("this is not what pulumi preview --json prints: it has no steps");
    }
    const step = steps.find(({ urn }) => typeOf(urn) === labType);
    if (step === undefined && diagnostics.some(({ severity }) => severity === "error")) {
        throw new Error("the preview failed before it knew the lab; run it without --json to see why");
    }
    const [before, after] = [step?.oldState, step?.newState].map(labOf);
    return { stack: stackOf(steps), ...(before && { before }), ...(after && { after }) };
}

function parsed(json: string): Digest {
    try {
        return JSON.parse(json) as Digest;
    } catch {
        // What is in it may be secret.
        throw new Error("this is not what pulumi preview --json prints: it is not JSON");
    }
}

function labOf(state: PreviewedState | undefined): PreviewedLab | undefined {
    // The CLI's rest of a step has more inputs, which nobody here is to see.
    return state?.inputs && { model: state.inputs.model, runtime: state.inputs.runtime };
}

/** URNs are `urn:pulumi:STACK::PROJECT::TYPES::NAME` (Pulumi documentation, URNs). */
function typeOf(urn: string): string {
    const types = urn.split("::")[2] ?? "";
    return types.slice(types.lastIndexOf("$") + 1);
}

function stackOf(steps: readonly PreviewedStep[]): string {
    const [scope = ""] = (steps[0]?.urn ?? "").split("::");
    const stack = scope.replace(/^urn:pulumi:/, "");
    if (stack === "") {
        throw new Error("the preview has no steps, and so does not say which stack it is of");
    }
    return stack;
}
