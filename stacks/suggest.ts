/** The candidate that a misspelt word most likely means; nothing when none is close. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
    const ranked = candidates
        .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
        .sort((a, b) => a.distance - b.distance);
    const best = ranked[0];
    return best !== undefined && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined;
}

/** Number of characters to insert, remove or replace to turn one word into the other (Levenshtein). */
function editDistance(a: string, b: string): number {
    let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (let row = 1; row <= a.length; row++) {
        const current = [row];
        for (let column = 1; column <= b.length; column++) {
            const replaced = previous[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
            current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
        }
        previous = current;
    }
    return previous[b.length]!;
}
