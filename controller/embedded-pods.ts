/** The Pods of a lab of namespaces, as its PID 1 tells of them. */

import type { Sandbox } from "../provider/sandbox/protocol";
import type { PodSource } from "./loop";

/** Milliseconds after which PID 1 answers though nothing has changed, and until such an answer is overdue. */
const longPoll = 20_000;
const overdue = longPoll + 10_000;

/**
 * Asks PID 1 for Pods, again and again: each answer waits for the next change.
 *
 * @param connect opens a connection of its own
 */
export function embeddedPods(connect: () => Promise<Sandbox>): PodSource {
    return {
        async watch(onPods, signal) {
            const sandbox = await connect();
            const close = () => sandbox.close();
            signal.addEventListener("abort", close, { once: true });
            try {
                for (let after: number | undefined; !signal.aborted; ) {
                    const wait = after === undefined ? {} : { after, waitMilliseconds: longPoll };
                    const { revision, pods } = await inTime(sandbox.call("pods", wait), close);
                    if (revision !== after) {
                        onPods(pods);
                    }
                    after = revision;
                }
            } finally {
                signal.removeEventListener("abort", close);
                close();
            }
        },
    };
}

/** Closes what does not answer in time, which fails the question. */
async function inTime<T>(answer: Promise<T>, close: () => void): Promise<T> {
    const timer = setTimeout(close, overdue);
    try {
        return await answer;
    } finally {
        clearTimeout(timer);
    }
}
