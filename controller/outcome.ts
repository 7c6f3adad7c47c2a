/** Doing many things of which some may fail. */

/** Things that are done at once; more would only wait for each other. */
const parallel = 16;

/**
 * Does something for all items, a few at a time, whatever becomes of the others.
 *
 * @throws Error with the different reasons of those that failed
 */
export async function doAll<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
    const reasons = new Set<string>();
    const waiting = items.values();
    const worker = async () => {
        for (const item of waiting) {
            await act(item).catch((error: Error) => reasons.add(error.message));
        }
    };
    await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
    if (reasons.size > 0) {
        throw new Error([...reasons].join("; "));
    }
}
