import { predict } from "../routing/predict";
import type { Prediction } from "../routing/prediction";
import { routeTable, sessionTable, type TextTable } from "../routing/summary";
import { columns } from "../verify/report";
import { options } from "./options";
import { planned } from "./planned";

/**
 * Says what the control plane of a stack's lab settles on, from its file alone: nothing is deployed or asked. Exit code 1
 * when a session stays down.
 */
export async function run(args: string[]): Promise<number> {
    const values = options(args, { json: { type: "boolean", default: false } });
    const { lab } = planned(values.stack);
    const prediction = predict(lab);
    if (values.json) {
        process.stdout.write(`${JSON.stringify(prediction, undefined, 2)}\n`);
    } else {
        console.log(
            text([
                ["sessions", sessionTable(prediction)],
                ["routes", routeTable(lab, prediction)],
            ]),
        );
    }
    return allUp(prediction) ? 0 : 1;
}

function text(tables: readonly (readonly [string, TextTable])[]): string {
    return tables.map(([title, { header, rows }]) => `${title}\n\n${columns([header, ...rows])}`).join("\n\n");
}

function allUp({ sessions }: Prediction): boolean {
    return sessions.every(({ state }) => state.up);
}
