import { writeFileSync } from "node:fs";
import { netnsDriver } from "../provider/driver";
import { connectSandbox } from "../provider/sandbox/start";
import type { Check } from "../verify/check";
import { inReadingOrder } from "../verify/describe";
import { exitCode, json, junit, summary, table } from "../verify/report";
import { verify } from "../verify/run";
import { deployed } from "./deployed";
import { options } from "./options";

/** Runs the checks of a deployed lab again. Exit codes: 0 all hold, 1 one fails, 2 nothing to check. */
export async function run(args: string[]): Promise<number> {
    const values = options(args, {
        json: { type: "boolean", default: false },
        junit: { type: "string" },
        deadline: { type: "string" },
    });
    const { verification, sandbox: name } = await deployed(values.stack);
    const checks = inReadingOrder(Object.values(verification?.checks ?? {}) as readonly Check[]);
    const sandbox = await connectSandbox(name);
    if (!sandbox) {
        throw new Error(`the sandbox ${name} is not running; bring the lab back with: make up STACK=${values.stack}`);
    }
    const deadlineSeconds = values.deadline === undefined ? (verification?.deadline ?? 30) : Number(values.deadline);
    if (!(deadlineSeconds >= 0)) {
        throw new Error(`--deadline takes seconds, not ${values.deadline}`);
    }
    const driver = netnsDriver(sandbox);
    const results = await verify(checks, driver, { deadlineSeconds });
    driver.close();
    sandbox.close();
    if (values.junit) {
        writeFileSync(values.junit, junit(results));
    }
    if (values.json) {
        process.stdout.write(json(results));
    } else if (values.junit) {
        console.log(`${summary(results)}; written to ${values.junit}`);
    } else {
        console.log(table(results));
    }
    return exitCode(results);
}
