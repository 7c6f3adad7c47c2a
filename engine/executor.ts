/** Thrown to work that was not begun because the run has failed or was interrupted. */
export class Stopped extends Error {
    constructor() {
        super("resource monitor shut down");
        this.name = "Stopped";
    }
}

/** Runs steps, a limited number at a time; after a failure no further step begins, but those under way finish. */
export interface Executor {
    /** Runs work when a slot is free. @throws Stopped if none may begin any more */
    run<T>(work: () => Promise<T>): Promise<T>;
    /** Lets no further work begin. */
    stop(): void;
    readonly stopped: boolean;
    /** Resolves when {@link stop} is called. */
    readonly whenStopped: Promise<void>;
    /** Resolves when no work is under way. */
    idle(): Promise<void>;
}

/** Opens an executor with a number of slots. */
export function newExecutor(slots: number): Executor {
    let busy = 0;
    let stopped = false;
    let announce: () => void = () => undefined;
    const whenStopped = new Promise<void>((resolve) => {
        announce = resolve;
    });
    const waiting: { start: () => void; refuse: () => void }[] = [];
    const resting: (() => void)[] = [];

    function release(): void {
        busy -= 1;
        waiting.shift()?.start();
        if (busy === 0) {
            for (const resolve of resting.splice(0)) {
                resolve();
            }
        }
    }

    async function slot(): Promise<void> {
        if (stopped) {
            throw new Stopped();
        }
        if (busy >= slots) {
            await new Promise<void>((start, reject) => {
                waiting.push({ start, refuse: () => reject(new Stopped()) });
            });
        }
        busy += 1;
    }

    return {
        async run(work) {
            await slot();
            try {
                return await work();
            } finally {
                release();
            }
        },
        stop() {
            stopped = true;
            announce();
            for (const { refuse } of waiting.splice(0)) {
                refuse();
            }
        },
        get stopped() {
            return stopped;
        },
        whenStopped,
        async idle() {
            if (busy > 0) {
                await new Promise<void>((resolve) => {
                    resting.push(resolve);
                });
            }
        },
    };
}
