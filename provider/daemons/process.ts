import { readFileSync } from "node:fs";
import type { DaemonStatus, Sandbox } from "../sandbox/protocol";

/** Milliseconds a daemon may take from its start until it answers; starting takes 30 to 100 ms when nothing else runs. */
const startDeadline = 20_000;

/**
 * Milliseconds until the second look at whether a daemon answers, and the longest pause; each pause is longer than the
 * one before, since 200 daemons that are started at once take a while, and looking costs what they need to start.
 */
const shortestPause = 3;
const longestPause = 40;

/**
 * Waits until a daemon that was just started is ready.
 *
 * @param ready throws, or gives undefined, as long as the daemon is not ready
 * @throws Error with the end of the daemon's log when it ends, or is not ready in time
 */
export async function untilReady<T>(
    sandbox: Sandbox,
    daemon: string,
    ready: () => Promise<T | undefined>,
    deadlineMilliseconds = startDeadline,
): Promise<T> {
    const deadline = Date.now() + deadlineMilliseconds;
    let reason = "";
    for (let look = 1, pause = shortestPause; Date.now() < deadline; look++) {
        const result = await ready().catch((error: Error) => {
            reason = error.message;
            return undefined;
        });
        if (result !== undefined) {
            return result;
        }
        // Asking for the daemon's state is dearer than trying again, so it is done now and then.
        const status = look % 8 === 0 ? await statusOf(sandbox, daemon) : undefined;
        if (status && !status.running) {
            throw new Error(`${daemon} ended (${status.ended ?? "no reason known"}): ${logTail(sandbox, daemon)}`);
        }
        await new Promise((next) => setTimeout(next, pause));
        pause = Math.min(longestPause, pause * 1.3);
    }
    throw new Error(`${daemon} is not ready after ${deadlineMilliseconds} ms: ${reason} ${logTail(sandbox, daemon)}`);
}

/** State of one daemon; undefined when it was never started or was stopped. */
export async function statusOf(sandbox: Sandbox, daemon: string): Promise<DaemonStatus | undefined> {
    const { daemons } = await sandbox.call("daemons", {});
    return daemons.find(({ name }) => name === daemon);
}

/** Last lines that a daemon wrote, on one line; empty when it wrote nothing. */
function logTail(sandbox: Sandbox, daemon: string): string {
    try {
        const text = readFileSync(sandbox.path(`/run/log/${daemon}.log`), "utf8");
        return text.trim().split("\n").slice(-3).join(" | ");
    } catch {
        return "";
    }
}

/** How an absent or ended daemon is called in a report of drift. */
export function absence(status: DaemonStatus | undefined): string {
    return status === undefined ? "not running" : `ended (${status.ended ?? "no reason known"})`;
}
