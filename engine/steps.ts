import { Reported } from "./errors";
import type { Observer, Step } from "./events";
import type { Manager, Result } from "./managers";
import type { SnapshotWriter } from "./snapshot";
import type { ResourceState } from "./state";
import { isProviderType } from "./urn";
import { isSecret, makeSecret } from "./values";

/** What steps act on. */
export interface StepContext {
    readonly preview: boolean;
    readonly observer: Observer;
    readonly writer: SnapshotWriter;
    /** URNs deleted by this run; a resource that is deleted with one of them needs no call of its own. */
    readonly deletes: ReadonlySet<string>;
}

/** Whether a resource can act outside the state, so that a step on it has to be noted before it begins. */
function hasEffects(state: ResourceState): boolean {
    return state.custom && !isProviderType(state.type);
}

/** Runs a step between the observer's two calls; its failure is shown with the resource, and ends the run. */
async function observed(context: StepContext, step: Step, work: () => Promise<void>): Promise<void> {
    context.observer.stepStarted(step);
    try {
        await work();
    } catch (error) {
        if (!(error instanceof Reported)) {
            const message = error instanceof Error ? error.message : String(error);
            context.observer.diagnostic({ severity: "error", urn: step.urn, message });
        }
        context.observer.stepEnded(step, true);
        throw new Reported();
    }
    context.observer.stepEnded(step, false);
}

/** Creates a resource, as a new one or in place of an old one. */
export async function create(
    context: StepContext,
    manager: Manager,
    step: Step & { new: ResourceState },
    retireOld: boolean,
): Promise<void> {
    const { writer } = context;
    const { new: next, old } = step;
    await observed(context, step, async () => {
        const begun = hasEffects(next);
        if (begun) {
            await writer.begin("creating", next);
        }
        const result = await attempt(context, next, () => manager.create(next));
        const now = new Date().toISOString();
        next.created = now;
        next.modified = now;
        adopt(next, result);
        if (old !== undefined && retireOld) {
            old.delete = true;
        }
        // A deleted resource stayed in the state as "pending replacement" until its successor exists.
        const replaced = old?.pendingReplacement ? old : undefined;
        await record(context, { ended: next, added: next, replaced, changed: retireOld ? old : undefined }, begun);
        refuse(result);
    });
}

/** Updates a resource in place. */
export async function update(
    context: StepContext,
    manager: Manager,
    step: Step & { old: ResourceState; new: ResourceState },
): Promise<void> {
    const { old, new: next } = step;
    await observed(context, step, async () => {
        next.id = old.id;
        next.created = old.created;
        next.modified = old.modified;
        const begun = hasEffects(next);
        if (begun) {
            await context.writer.begin("updating", next);
        }
        const result = await attempt(context, next, () => manager.update(old, next));
        if (next.custom) {
            next.modified = new Date().toISOString();
        }
        adopt(next, { ...result, id: old.id ?? "" });
        await record(context, { ended: next, added: next, replaced: old }, begun);
        refuse(result);
    });
}

/** Takes over a resource that has not changed. */
export async function same(
    context: StepContext,
    step: Step & { old: ResourceState; new: ResourceState },
    configure: () => Promise<void>,
): Promise<void> {
    const { old, new: next } = step;
    next.id = old.id;
    next.created = old.created;
    next.modified = old.modified;
    await observed(context, step, async () => {
        adopt(next, { id: old.id ?? "", outputs: old.outputs });
        await configure();
        await record(context, { replaced: old, added: next }, false);
    });
}

/** Deletes a resource; with `awaitsReplacement` it stays in the state until its successor exists. */
export async function remove(
    context: StepContext,
    manager: () => Promise<Manager>,
    step: Step & { old: ResourceState },
    awaitsReplacement: boolean,
): Promise<void> {
    const { old } = step;
    await observed(context, step, async () => {
        if (old.protect && step.op === "delete") {
            throw new Error(protectedMessage(old.urn));
        }
        const untouched =
            old.external || old.retainOnDelete || (old.deletedWith && context.deletes.has(old.deletedWith));
        const begun = hasEffects(old) && !untouched;
        if (begun) {
            await context.writer.begin("deleting", old);
        }
        if (!context.preview && !untouched) {
            await attempt(context, old, async () => (await manager()).remove(old));
        }
        if (awaitsReplacement) {
            old.pendingReplacement = true;
        }
        const change = awaitsReplacement ? { ended: old, changed: old } : { ended: old, replaced: old };
        await record(context, change, begun);
    });
}

/** Tells the user why a protected resource stays. */
function protectedMessage(urn: string): string {
    return (
        `resource "${urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, ` +
        "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`"
    );
}

/** A failed call ends the operation: the provider has answered, so that nothing is in doubt. */
async function attempt<T>(context: StepContext, state: ResourceState, work: () => Promise<T>): Promise<T> {
    try {
        return await work();
    } catch (error) {
        if (hasEffects(state)) {
            await context.writer.end({ ended: state });
        }
        throw error;
    }
}

/** Changes that had a pending operation are durable before they are answered; others ride on the next write. */
async function record(
    { writer, preview }: StepContext,
    change: Parameters<SnapshotWriter["note"]>[0],
    durable: boolean,
): Promise<void> {
    if (durable && !preview) {
        await writer.end(change);
    } else {
        writer.note(change);
    }
}

/** Fills in what a provider answered, and marks what has to stay secret. */
function adopt(next: ResourceState, { id, outputs, failure }: Result): void {
    next.id = id;
    next.outputs = outputs === undefined ? undefined : { ...outputs };
    next.initErrors = [...(failure?.reasons ?? [])];
    if (next.outputs === undefined) {
        return;
    }
    for (const [key, value] of Object.entries(next.outputs)) {
        const declared = next.additionalSecretOutputs?.includes(key) ?? false;
        if (declared || isSecret(next.inputs[key])) {
            next.outputs[key] = makeSecret(value);
        }
    }
}

/** A resource that exists but is broken is kept, and fails its step. */
function refuse({ failure }: Result): void {
    if (failure !== undefined) {
        throw failure;
    }
}
