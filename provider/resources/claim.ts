import { createHash } from "node:crypto";
import type { Context, ResourceKind } from "../resource";
import { destroySandbox } from "../sandbox/start";
import { type ClaimInputs, types } from "../schema";

/**
 * Machine-wide name of a stack's lab: the same for every run of the stack from the same folder, different for two
 * checkouts that use the same stack name.
 */
export function sandboxName(project: string, stack: string, folder: string): string {
    const digest = createHash("sha256").update(`${project}\0${stack}\0${folder}`).digest("hex").slice(0, 8);
    return `${project}-${stack}-${digest}`;
}

/** The name that a claim has. */
export function claimName({ project, stack }: Context): string {
    return sandboxName(project, stack, process.cwd());
}

/** What the claims of all runtimes are: a name, without an effect until they are deleted. */
export const nameOnly = {
    replaceOn: [],
    plan(_inputs: unknown, context: Context) {
        const name = claimName(context);
        return { id: name, outputs: { name } };
    },
    async create() {},
    async update() {},
    async read() {
        return [];
    },
};

/**
 * First resource of a lab. It has no effect on the machine, so a run that is cut off before or after it leaves nothing
 * unrecorded; and its delete, which comes last, removes whatever runs under the name, recorded or not.
 */
export const claim: ResourceKind<ClaimInputs> = {
    type: types.claim,
    inputs: {},
    ...nameOnly,
    async delete(id) {
        await destroySandbox(id);
    },
};
