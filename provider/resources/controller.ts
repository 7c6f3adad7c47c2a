import { findSandbox, runningSandbox } from "../connections";
import { applyController, inspectController, stopController } from "../daemons/controller";
import type { ResourceKind } from "../resource";
import { type ControllerInputs, types } from "../schema";

async function apply(olds: ControllerInputs | undefined, news: ControllerInputs): Promise<void> {
    await applyController(await runningSandbox(news.sandbox), olds, news);
}

/** The peering controller: it keeps the neighbors of speakers, and routes, equal to the Pods that selectors match. */
export const controller: ResourceKind<ControllerInputs> = {
    type: types.controller,
    inputs: { sandbox: "string", speakers: "object", routers: "object?" },
    replaceOn: ["sandbox"],
    plan({ sandbox }) {
        return { id: `${sandbox}/peering-controller` };
    },
    create: (inputs) => apply(undefined, inputs),
    update: apply,
    async read(inputs) {
        const sandbox = await findSandbox(inputs.sandbox);
        return sandbox ? inspectController(sandbox, inputs) : "gone";
    },
    async delete(_id, inputs) {
        const running = await findSandbox(inputs.sandbox);
        if (running) {
            await stopController(running, inputs);
        }
    },
};
