import { describeAction, type LogLine, type Target } from "./loop";
import { plan } from "./reconcile";

/**
 * Takes away all that the controller has made of targets, wherever they can be reached: nobody is left to be told by one
 * that cannot.
 *
 * @throws Error when a target that is there refuses
 */
export async function sweep(targets: readonly Target[], log: (line: LogLine) => void): Promise<void> {
    await Promise.all(targets.map((target) => sweepTarget(target, log)));
}

async function sweepTarget(target: Target, log: (line: LogLine) => void): Promise<void> {
    const open = await target.open(() => {}).catch(() => undefined);
    if (open === undefined) {
        return;
    }
    open.gone.catch(() => {});
    try {
        const state = await open.observe();
        await open.apply(plan([], state, target), (action) =>
            log({ level: "info", at: target.name, says: describeAction(action), why: "the controller goes" }),
        );
    } finally {
        open.close();
    }
}
