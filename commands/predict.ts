import type { Lab } from "../lab/model";
import { predict } from "../routing/predict";
import type { Prediction } from "../routing/prediction";
import { routeTable, sessionTable, sweepTable, type TextTable, traceTable } from "../routing/summary";
import { failureSweep } from "../routing/sweep";
import { type Trace, trace } from "../routing/trace";
import { columns } from "../verify/report";
import { options } from "./options";
import { planned } from "./planned";

/** What can be predicted, in the order in which it is shown. */
const parts = ["sessions", "routes", "traces", "failures"] as const;

type Part = (typeof parts)[number];

/**
 * Says what the control plane of a stack's lab settles on, where packets go, and what each single failure takes with it,
 * from the stack's file alone: nothing is deployed or asked. Exit code 1 when a session stays down.
 */
export async function run(args: string[]): Promise<number> {
    const values = options(args, {
        json: { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        from: { type: "string" },
        to: { type: "string" },
    });
    const wanted = wantedParts(values.only, values.from !== undefined || values.to !== undefined);
    const { lab } = planned(values.stack);
    const prediction = predict(lab);
    const traces = () => tracesOf(lab, prediction, values);
    if (values.json) {
        process.stdout.write(`${JSON.stringify(data(lab, prediction, traces, wanted), undefined, 2)}\n`);
    } else {
        // One by one: of a large lab the failures take minutes, and nobody has to wait for the rest.
        for (const part of wanted) {
            console.log(text(part, table(part, lab, prediction, traces)));
        }
    }
    return prediction.sessions.every(({ state }) => state.up) ? 0 : 1;
}

/** The parts that are asked for; who names two ends of a trace asks for that. */
function wantedParts(only: readonly string[], isTrace: boolean): readonly Part[] {
    const unknown = only.find((each) => !(parts as readonly string[]).includes(each));
    if (unknown !== undefined) {
        throw new Error(`--only takes ${parts.join(", ")}, not ${unknown}`);
    }
    if (isTrace) {
        return ["traces"];
    }
    return only.length === 0 ? parts : parts.filter((part) => only.includes(part));
}

/** The ways between two ends, or those of all traffic that the lab checks. */
function tracesOf(
    lab: Lab,
    prediction: Prediction,
    { from, to }: { readonly from?: string | undefined; readonly to?: string | undefined },
): readonly Trace[] {
    if (from === undefined && to === undefined) {
        const pairs = lab.checks.map((check) => [check.from, check.address] as const);
        const distinct = new Map(pairs.map((pair) => [pair.join(" "), pair]));
        return [...distinct.values()].map((pair) => trace(lab, prediction, ...pair));
    }
    if (from === undefined || to === undefined) {
        throw new Error("a trace has two ends: --from a device or pod, --to an address, device or pod");
    }
    return [trace(lab, prediction, from, to)];
}

function table(part: Part, lab: Lab, prediction: Prediction, traces: () => readonly Trace[]): TextTable {
    switch (part) {
        case "sessions":
            return sessionTable(prediction);
        case "routes":
            return routeTable(lab, prediction);
        case "traces":
            return traceTable(traces());
        case "failures":
            return sweepTable(failureSweep(lab));
    }
}

function text(part: Part, { header, rows }: TextTable): string {
    return `${part}\n\n${columns([header, ...rows])}\n`;
}

function data(lab: Lab, prediction: Prediction, traces: () => readonly Trace[], wanted: readonly Part[]) {
    const all: Readonly<Record<Part, () => unknown>> = {
        sessions: () => prediction.sessions,
        routes: () => prediction.devices,
        traces,
        failures: () => failureSweep(lab),
    };
    return Object.fromEntries(wanted.map((part) => [part, all[part]()]));
}
