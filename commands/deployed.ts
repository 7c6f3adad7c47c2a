import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Lab } from "../lab/model";
import { types, type VerificationInputs } from "../provider/schema";

interface Resource {
    readonly type: string;
    readonly inputs?: Readonly<Record<string, unknown>>;
}

/** What a stack's state says of the lab that it deployed. */
export interface Deployed {
    readonly model: Lab;
    readonly verification?: VerificationInputs;
    /** Machine-wide name of the sandbox. */
    readonly sandbox: string;
}

async function exported(stack: string): Promise<readonly Resource[]> {
    const { stdout } = await promisify(execFile)("./scripts/pulumi.sh", ["stack", "export", `--stack=${stack}`], {
        maxBuffer: 1 << 30,
    }).catch((error: Error & { readonly stderr?: string }) => {
        throw new Error(`${error.stderr?.trim() || error.message}\nbuild the lab first: make up STACK=${stack}`);
    });
    const state = JSON.parse(stdout) as { deployment?: { resources?: readonly Resource[] } };
    return state.deployment?.resources ?? [];
}

/**
 * Reads what is deployed from the stack's state.
 *
 * @throws Error when the stack has no lab, with the way to get one
 */
export async function deployed(stack: string): Promise<Deployed> {
    const resources = await exported(stack);
    const find = (type: string) => resources.find((resource) => resource.type === type)?.inputs;
    const model = find("bgplab:index:Lab")?.model as Lab | undefined;
    const sandbox = find(types.sandbox)?.name as string | undefined;
    if (!model || !sandbox) {
        throw new Error(`stack ${stack} has no running lab; build it with: make up STACK=${stack}`);
    }
    return { model, sandbox, verification: find(types.verification) as unknown as VerificationInputs | undefined };
}
