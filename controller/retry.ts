/** Keeping at something that goes away now and then: longer and longer pauses, and no two that wait in step. */

/** Time, so that tests need not wait for it. */
export interface Clock {
    /** Milliseconds since 1970. */
    now(): number;
    /** Settles after some time, or as soon as nobody wants to wait any more. */
    sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
    /** At least 0, less than 1. */
    random(): number;
}

/** Milliseconds between attempts: each pause is up to twice the one before. */
export interface Backoff {
    readonly first: number;
    readonly most: number;
}

/** What is heard of attempts. */
export interface Listener {
    /** It went away, or still is, for another reason than the last. */
    onAway(reason: string, pause: number): void;
    /** It is back after that many attempts that failed. */
    onBack(failures: number): void;
}

/** The clock on the wall. */
export const wallClock: Clock = {
    now: Date.now,
    random: Math.random,
    sleep: (milliseconds, signal) =>
        new Promise((resolve) => {
            const timer = setTimeout(done, milliseconds);
            function done() {
                clearTimeout(timer);
                signal.removeEventListener("abort", done);
                resolve();
            }
            signal.addEventListener("abort", done);
            if (signal.aborted) {
                done();
            }
        }),
};

/** Pause after so many failures in a row: half of it is certain, the rest is chance ("equal jitter"). */
export function pauseAfter(failures: number, { first, most }: Backoff, random: number): number {
    const longest = Math.min(most, first * 2 ** Math.min(failures - 1, 30));
    return Math.round(longest / 2 + (longest / 2) * random);
}

/**
 * Does something that is never done, such as watching, until the signal aborts it. Whenever it fails or ends, it is begun
 * again after a pause.
 *
 * @param work calls `isUp` when what it needs is there; its failures count from one again after it was up for a while
 */
export async function keepAt(
    work: (isUp: () => void) => Promise<void>,
    {
        clock,
        backoff,
        signal,
        ...listener
    }: Listener & Readonly<{ clock: Clock; backoff: Backoff; signal: AbortSignal }>,
): Promise<void> {
    let failures = 0;
    let lastReason: string | undefined;
    while (!signal.aborted) {
        let upSince: number | undefined;
        const isUp = () => {
            if (upSince === undefined && lastReason !== undefined) {
                listener.onBack(failures);
            }
            upSince ??= clock.now();
            lastReason = undefined;
        };
        const reason = await work(isUp).then(
            () => "it ended",
            (error: Error) => error.message,
        );
        if (signal.aborted) {
            return;
        }
        // What is up for a moment and fails again is not begun at the shortest pace for ever.
        const wasSteady = upSince !== undefined && clock.now() - upSince >= backoff.most;
        failures = wasSteady ? 1 : failures + 1;
        const pause = pauseAfter(failures, backoff, clock.random());
        if (reason !== lastReason) {
            lastReason = reason;
            listener.onAway(reason, pause);
        }
        await clock.sleep(pause, signal);
    }
}
