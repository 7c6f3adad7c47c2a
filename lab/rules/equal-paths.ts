/** How many paths are equal. */

/** Size of the largest set of equal values, such as the ASes through which paths lead; 0 of none. */
export function largestGroup(values: readonly unknown[]): number {
    const counts = new Map<unknown, number>();
    for (const value of values) {
        counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return Math.max(0, ...counts.values());
}
