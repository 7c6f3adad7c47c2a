import Docker from "dockerode";

/** Pause between two looks at something that is awaited, in milliseconds. */
export const pollInterval = 50;

/** The engine that DOCKER_HOST names, else the local one. */
export const engine = new Docker();

let known: Promise<string | undefined> | undefined;

/** Why no Docker engine can be used here; undefined where one answers. Asked once per process. */
export function engineMissing(): Promise<string | undefined> {
    known ??= engine.ping().then(
        () => undefined,
        (error: Error) => `no Docker engine answers (${error.message})`,
    );
    return known;
}

/**
 * Whether the tests of a file can run; says loudly when they cannot, because a skipped test proves nothing.
 *
 * @param what the tests that would be skipped
 * @param obstacles what is missing, each undefined where nothing is
 */
export async function canRun(what: string, ...obstacles: readonly Promise<string | undefined>[]): Promise<boolean> {
    const missing = (await Promise.all(obstacles)).filter((obstacle) => obstacle !== undefined);
    if (missing.length > 0) {
        // Not console.warn, which a test reporter may hold back.
        process.stderr.write(`\nSKIPPED  ${what}: ${missing.join("; ")}\n\n`);
    }
    return missing.length === 0;
}

/** Whether a Docker engine answers; says loudly which tests are skipped when none does. */
export function engineAvailable(what: string): Promise<boolean> {
    return canRun(what, engineMissing());
}
