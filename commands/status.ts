import { deployed } from "./deployed";
import { options } from "./options";
import { runtimeOf } from "./running";

/** Shows the running lab: what it consists of, its sessions and how to get a shell. Exit code 1 when it does not run. */
export async function run(args: string[]): Promise<number> {
    const values = options(args, { json: { type: "boolean", default: false } });
    const lab = await deployed(values.stack);
    const report = await runtimeOf(lab).status(lab);
    console.log(report.running && values.json ? JSON.stringify(report.data, undefined, 2) : report.text);
    return report.running ? 0 : 1;
}
