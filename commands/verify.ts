import { writeFileSync } from "node:fs";
import { exitCode, json, junit, summary, table } from "../verify/report";
import { deployed } from "./deployed";
import { options } from "./options";
import { runtimeOf } from "./running";

/** Runs the checks of a deployed lab again. Exit codes: 0 all hold, 1 one fails, 2 nothing to check. */
export async function run(args: string[]): Promise<number> {
    const values = options(args, {
        json: { type: "boolean", default: false },
        junit: { type: "string" },
        deadline: { type: "string" },
    });
    const lab = await deployed(values.stack);
    const deadline = values.deadline === undefined ? lab.deadline : Number(values.deadline);
    if (!(deadline >= 0)) {
        throw new Error(`--deadline takes seconds, not ${values.deadline}`);
    }
    const results = await runtimeOf(lab).verify(lab, deadline);
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
