/** Turns signals into an orderly end: the first lets running steps finish and saves, the second ends the process at once. */
export interface Interrupts {
    readonly signal: AbortSignal;
}

/** Starts to listen for interrupts, requests to end, and the closing of the terminal. */
export function listenForInterrupts(say: (line: string) => void): Interrupts {
    const controller = new AbortController();
    const onSignal = () => {
        if (controller.signal.aborted) {
            process.exit(130);
        }
        say(
            "interrupted: waiting for running steps to finish; interrupt again to end at once (their outcome is then unknown)",
        );
        controller.abort();
    };
    process.on("SIGINT", onSignal);
    process.on("SIGTERM", onSignal);
    process.on("SIGHUP", onSignal);
    return { signal: controller.signal };
}
