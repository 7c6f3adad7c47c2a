import { Reported } from "./errors";
import type { Step } from "./events";
import type { Executor } from "./executor";
import { Stopped } from "./executor";
import { deletionOrder } from "./graph";
import type { Manager } from "./managers";
import type { ResourceState } from "./state";
import * as steps from "./steps";

/**
 * Deletes resources in parallel, each as soon as all that need it are gone. What a failed one needs is left alone.
 *
 * @throws Reported if one or more could not be deleted; Stopped if the run was stopped first
 */
export async function deleteResources(
    context: steps.StepContext,
    executor: Executor,
    planned: readonly (Step & { old: ResourceState })[],
    managerOf: (state: ResourceState) => Promise<Manager>,
): Promise<void> {
    const waits = deletionOrder(planned.map(({ old }) => old));
    const done = new Map<ResourceState, Promise<boolean>>();
    const failures: unknown[] = [];

    async function run(step: Step & { old: ResourceState }): Promise<boolean> {
        const gone = await Promise.all(waits.get(step.old)!.map((state) => done.get(state)));
        if (!gone.every(Boolean)) {
            return false;
        }
        try {
            await executor.run(() => removeOne(step));
            return true;
        } catch (error) {
            // Nothing was done to a protected resource, so that others can still go, and all of them be reported.
            if (error instanceof Reported && !step.old.protect) {
                executor.stop();
            }
            failures.push(error);
            return false;
        }
    }

    async function removeOne(step: Step & { old: ResourceState }): Promise<void> {
        if (step.op === "remove-pending-replace") {
            context.writer.note({ replaced: step.old });
            return;
        }
        await steps.remove(context, () => managerOf(step.old), step, false);
    }

    // What needs others stands behind them, so that its promise must exist first.
    for (const step of [...planned].reverse()) {
        done.set(step.old, run(step));
    }
    await Promise.all(done.values());
    if (failures.length > 0) {
        throw failures.find((error) => error instanceof Reported) ?? new Stopped();
    }
}
