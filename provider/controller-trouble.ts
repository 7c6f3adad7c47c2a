/** Drills on what follows the Pods: a controller or an API that is not there, and what the controller says. */

import { existsSync, readFileSync, renameSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Milliseconds } from "../lab/model";
import { controllerProcess } from "./daemons/controller";
import type { DrilledLab } from "./drilled-lab";
import { signal } from "./faults";
import { socketPath } from "./sandbox/protocol";

/** What keeps the controller from following the Pods: it is killed, frozen for a while, or finds no API of Pods. */
export type Trouble = (typeof troubles)[number];

/** All troubles, by the texts that name them. */
export const troubles = ["controller:killed", "controller:frozen", "api:unavailable"] as const;

/** Where the socket of the API is while it is unavailable. */
const hiddenSocket = `${socketPath}.hidden`;

/**
 * Brings trouble about while something happens, and lets it last for some time. Through an API that is not there nobody
 * changes Pods either: the controller stands still while they change. It would keep the connection that it has, so that it is
 * killed afterwards, and the one that the sandbox starts in its place finds no API.
 *
 * @param milliseconds for which trouble lasts after what happens
 */
export async function during(
    { sandbox }: DrilledLab,
    kind: Trouble,
    happens: () => Promise<void>,
    milliseconds: Milliseconds,
): Promise<void> {
    const send = (name: "KILL" | "STOP" | "CONT") => signal(sandbox, [controllerProcess], name);
    const hides = kind === "api:unavailable";
    await send(kind === "controller:killed" ? "KILL" : "STOP");
    try {
        await happens();
        if (hides) {
            renameSync(sandbox.path(socketPath), sandbox.path(hiddenSocket));
            await send("KILL");
        }
        await pause(milliseconds);
    } finally {
        if (existsSync(sandbox.path(hiddenSocket))) {
            renameSync(sandbox.path(hiddenSocket), sandbox.path(socketPath));
        }
        await send("CONT");
    }
}

/** A line of the controller's log, which is JSON (controller/loop.ts, LogLine). */
interface LogLine {
    readonly time?: string;
    readonly at?: string;
    readonly says?: string;
    readonly why?: string;
}

/** What the controller has said since it was started first, a line for each thing that it did or saw. */
export function controllerLog({ sandbox }: DrilledLab): readonly string[] {
    const file = sandbox.path(`/run/log/${controllerProcess}.log`);
    return existsSync(file) ? readFileSync(file, "utf8").split("\n").flatMap(described) : [];
}

function described(text: string): readonly string[] {
    if (text === "") {
        return [];
    }
    try {
        const { time = "", at = "", says = "", why } = JSON.parse(text) as LogLine;
        return [`${time.slice(11, 23)} ${at}: ${says}${why === undefined ? "" : ` (${why})`}`];
    } catch {
        return [text];
    }
}
