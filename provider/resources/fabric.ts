import { findSandbox, runningSandbox } from "../connections";
import type { ResourceKind } from "../resource";
import { type FabricInputs, types } from "../schema";

async function apply(fabric: FabricInputs): Promise<void> {
    const sandbox = await runningSandbox(fabric.sandbox);
    await sandbox.call("applyFabric", { fabric });
}

/** All namespaces, links, addresses and static routes of a lab. */
export const fabric: ResourceKind<FabricInputs> = {
    type: types.fabric,
    inputs: { sandbox: "string", namespaces: "object", links: "object", bridges: "object" },
    replaceOn: ["sandbox"],
    plan({ sandbox }) {
        return { id: `${sandbox}/fabric` };
    },
    create: apply,
    update: (_olds, news) => apply(news),
    async read(inputs) {
        const sandbox = await findSandbox(inputs.sandbox);
        return sandbox ? (await sandbox.call("inspectFabric", { fabric: inputs })).drift : "gone";
    },
    async delete(_id, { sandbox }) {
        const running = await findSandbox(sandbox);
        await running?.call("applyFabric", { fabric: { sandbox, namespaces: {}, links: {}, bridges: {} } });
    },
};
