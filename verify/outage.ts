/** What a client sees of a fault: requests at a steady rate, and how long some of them stayed without an answer. */

import type { Address, Milliseconds } from "../lab/model";
import type { Driver } from "./driver";

/** One request of a series. */
export interface Attempt {
    /** When it was sent, since the start of the series. */
    readonly sent: Milliseconds;
    readonly answered: boolean;
}

/** What a series of requests comes to. */
export interface Outage {
    readonly requests: number;
    readonly failed: number;
    /** From the first request that failed to the first one after the last that failed; 0 when none did. */
    readonly milliseconds: Milliseconds;
    /** Whether requests still failed in the last stretch of the series. */
    readonly lasting: boolean;
}

/** Who asks what. */
export interface Target {
    readonly from: string;
    readonly address: Address;
    readonly port: number;
}

/** Time between two requests: a hundred a second, which one small server answers without noticing. */
const interval: Milliseconds = 10;

/** Last stretch of a series, in which everything must be answered again. */
const stretch: Milliseconds = 300;

/** Time that a request may take. Labs live on one machine, where an answer takes about a millisecond. */
const patience: Milliseconds = 200;

/**
 * The outage that a series shows.
 *
 * @param attempts in the order in which they were sent
 */
export function outageOf(attempts: readonly Attempt[]): Outage {
    const failed = attempts.filter(({ answered }) => !answered);
    const [first, last] = [failed[0], failed.at(-1)];
    if (first === undefined || last === undefined) {
        return { requests: attempts.length, failed: 0, milliseconds: 0, lasting: false };
    }
    const next = attempts[attempts.indexOf(last) + 1];
    return {
        requests: attempts.length,
        failed: failed.length,
        milliseconds: Math.round((next?.sent ?? last.sent + interval) - first.sent),
        lasting: last.sent > attempts.at(-1)!.sent - stretch,
    };
}

/**
 * From a moment of a series until a request was sent that was answered, after one that was not.
 *
 * @param attempts those after the moment, in the order in which they were sent
 * @returns 0 when all were answered, nothing when none was after the first that failed
 */
export function answeredAgain(attempts: readonly Attempt[], moment: Milliseconds): Milliseconds | undefined {
    const lost = attempts.findIndex(({ answered }) => !answered);
    const next = attempts.slice(Math.max(0, lost)).find(({ answered }) => answered);
    if (lost < 0) {
        return 0;
    }
    return next && Math.round(next.sent - moment);
}

/** A series of requests under way. */
export interface Watch {
    /** Ends the series. @returns its requests in order, once all of them are answered or given up */
    stop(): Promise<readonly Attempt[]>;
}

/** Starts to ask a service, each time over a new connection. */
export function watch(driver: Driver, { from, address, port }: Target): Watch {
    const start = performance.now();
    const attempts: Promise<Attempt>[] = [];
    const ask = async (): Promise<Attempt> => {
        const sent = performance.now() - start;
        const [answer] = await driver.http(from, address, port, 1, patience);
        return { sent, answered: answer?.kind === "answer" && answer.status === 200 };
    };
    const timer = setInterval(() => attempts.push(ask()), interval);
    return {
        stop() {
            clearInterval(timer);
            return Promise.all(attempts);
        },
    };
}
