import { findSandbox, forgetSandbox } from "../connections";
import { missing } from "../daemons/needs";
import type { ResourceKind } from "../resource";
import { destroySandbox, startSandbox } from "../sandbox/start";
import { type SandboxInputs, types } from "../schema";

/** The sandbox in which everything of a lab runs; it outlives the run that started it. */
export const sandbox: ResourceKind<SandboxInputs> = {
    type: types.sandbox,
    inputs: { name: "string" },
    replaceOn: ["name"],
    check() {
        return missing().map((reason) => ({ property: "name", reason }));
    },
    plan({ name }) {
        return { id: name };
    },
    async create({ name }) {
        await startSandbox(name);
    },
    async update({ name }) {
        await startSandbox(name);
    },
    async read({ name }) {
        return (await findSandbox(name)) ? [] : "gone";
    },
    async delete(id) {
        await forgetSandbox(id);
        await destroySandbox(id);
    },
};
