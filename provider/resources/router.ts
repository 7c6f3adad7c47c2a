import { findSandbox, runningSandbox } from "../connections";
import { applyFrr, inspectFrr, stopFrr } from "../daemons/frr";
import type { ResourceKind } from "../resource";
import { type RouterInputs, types } from "../schema";

async function apply(inputs: RouterInputs): Promise<void> {
    await applyFrr(await runningSandbox(inputs.sandbox), inputs);
}

/** A router: FRR's daemons in a namespace of the fabric. */
export const router: ResourceKind<RouterInputs> = {
    type: types.router,
    inputs: { sandbox: "string", namespace: "string", config: "string", vrfs: "array?" },
    replaceOn: ["sandbox", "namespace"],
    plan({ sandbox, namespace }) {
        return { id: `${sandbox}/${namespace}` };
    },
    create: apply,
    update: (_olds, news) => apply(news),
    async read(inputs) {
        const sandbox = await findSandbox(inputs.sandbox);
        return sandbox ? inspectFrr(sandbox, inputs) : "gone";
    },
    async delete(_id, { sandbox, namespace }) {
        const running = await findSandbox(sandbox);
        if (running) {
            await stopFrr(running, { namespace });
        }
    },
};
