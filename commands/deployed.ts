import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Lab, Seconds } from "../lab/model";

/** A resource as a stack's state has it. */
export interface DeployedResource {
    readonly type: string;
    /** Its name in the program. */
    readonly name: string;
    readonly inputs: Readonly<Record<string, unknown>>;
}

/** What a stack's state says of the lab that it deployed. */
export interface Deployed {
    readonly stack: string;
    readonly model: Lab;
    readonly runtime: "netns" | "docker";
    /** Until a check that does not hold has failed. */
    readonly deadline: Seconds;
    readonly resources: readonly DeployedResource[];
}

/** A stack has nothing that could be looked at; says how to change that. */
export class NoLabError extends Error {
    constructor(stack: string, why = `stack ${stack} has no running lab`) {
        super(`${why}; build it with: make up STACK=${stack}`);
    }
}

interface ExportedResource {
    readonly type: string;
    readonly urn: string;
    readonly inputs?: Readonly<Record<string, unknown>>;
}

/** Inputs of the component that is the lab, as far as commands read them. */
interface LabInputs {
    readonly model: Lab;
    readonly runtime: "netns" | "docker";
    readonly verify: { readonly deadline: Seconds };
}

/** Type of the component that is the lab. */
export const labType = "bgplab:index:Lab";

/** A stack that the state knows nothing of, as both engines call it. */
const unknownStack = /no stack named/;

async function exported(stack: string): Promise<string> {
    const { stdout } = await promisify(execFile)("./scripts/pulumi.sh", ["stack", "export", `--stack=${stack}`], {
        maxBuffer: 1 << 30,
    }).catch((error: Error & { readonly stderr?: string }) => {
        const said = error.stderr?.trim() || error.message;
        if (unknownStack.test(said)) {
            throw new NoLabError(stack, said);
        }
        throw new Error(said);
    });
    return stdout;
}

/**
 * What an exported state says of its lab. The model is the one that the stack was last asked for: after an `up` that
 * failed half-way, commands look for what should be there.
 *
 * @param state as `pulumi stack export` prints it
 * @throws NoLabError when there is no lab in it
 */
export function readState(stack: string, state: string): Deployed {
    const { deployment } = JSON.parse(state) as { deployment?: { resources?: readonly ExportedResource[] } };
    const resources = (deployment?.resources ?? []).map(({ type, urn, inputs = {} }) => ({
        type,
        name: urn.slice(urn.lastIndexOf("::") + 2),
        inputs,
    }));
    const lab = resources.find(({ type }) => type === labType)?.inputs as LabInputs | undefined;
    if (!lab) {
        throw new NoLabError(stack);
    }
    const { model, runtime, verify } = lab;
    return { stack, model, runtime, deadline: verify.deadline, resources };
}

/**
 * Reads what is deployed from the stack's state.
 *
 * @throws NoLabError when there is no such stack, or it has no lab
 * @throws Error when the state cannot be read
 */
export async function deployed(stack: string): Promise<Deployed> {
    return readState(stack, await exported(stack));
}
