import type { Check, CheckResult } from "../../verify/check";
import { inReadingOrder } from "../../verify/describe";
import { verify } from "../../verify/run";
import { findSandbox, runningSandbox } from "../connections";
import { netnsDriver } from "../driver";
import type { ResourceKind } from "../resource";
import { driftOf, requirePassed } from "../results";
import type { Sandbox } from "../sandbox/protocol";
import { types, type VerificationInputs } from "../schema";

function checksOf(inputs: VerificationInputs): readonly Check[] {
    return inReadingOrder(Object.values(inputs.checks) as readonly Check[]);
}

async function look(sandbox: Sandbox, checks: readonly Check[], deadlineSeconds: number): Promise<CheckResult[]> {
    const driver = netnsDriver(sandbox);
    try {
        return await verify(checks, driver, { deadlineSeconds });
    } finally {
        driver.close();
    }
}

async function run(inputs: VerificationInputs): Promise<void> {
    const sandbox = await runningSandbox(inputs.sandbox);
    requirePassed(await look(sandbox, checksOf(inputs), inputs.deadline));
}

/**
 * The checks of the lab, run as its last resource. It fails without leaving anything behind, so that the next run
 * verifies again.
 */
export const verification: ResourceKind<VerificationInputs> = {
    type: types.verification,
    inputs: { sandbox: "string", checks: "object", deadline: "number", subject: "string", revision: "number" },
    replaceOn: [],
    plan({ sandbox, checks }) {
        return { id: `${sandbox}/verification`, outputs: { passed: Object.keys(checks).length } };
    },
    create: run,
    update: (_olds, news) => run(news),
    /** One look without patience at what routing daemons say; traffic is left to the next verification. */
    async read(inputs) {
        const sandbox = await findSandbox(inputs.sandbox);
        if (!sandbox) {
            return "gone";
        }
        const routing = checksOf(inputs).filter(({ kind }) => kind !== "service" && kind !== "silence");
        return driftOf(await look(sandbox, routing, 0));
    },
    async delete() {},
};
