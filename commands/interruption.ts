/** Signals that ask a command to end; Ctrl-C, a cancelled job, a closed terminal. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Exit code of a command that was asked to end, by the shells' convention for SIGINT. */
const interrupted = 130;

/**
 * Does work that has something to clean up. When the process is asked to end, the work's signal is aborted; what it does
 * then is awaited, and the exit code is 130.
 */
export async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
    const controller = new AbortController();
    const stop = () => {
        if (!controller.signal.aborted) {
            console.error("interrupted: cleaning up");
        }
        controller.abort(new Error("interrupted"));
    };
    for (const signal of signals) {
        process.on(signal, stop);
    }
    try {
        const code = await work(controller.signal);
        return controller.signal.aborted ? interrupted : code;
    } catch (error) {
        if (controller.signal.aborted) {
            return interrupted;
        }
        throw error;
    } finally {
        for (const signal of signals) {
            process.off(signal, stop);
        }
    }
}
