/** Finds again what two revisions have in common, and brings what differs into order. */

/** What is on either side, or only on one. */
export interface Paired<T> {
    readonly before?: T;
    readonly after?: T;
}

/**
 * Pairs the items of two sides. Those that agree in the first key are taken first, then those that agree in the next one
 * among the rest, and so on; several of one key are taken in their order.
 *
 * @param keys each gives the key of an item; one without a key is left to the keys that follow
 * @returns pairs and items that are alone: those of `after` in their order, then those that only `before` has
 */
export function pairUp<T extends object>(
    before: readonly T[],
    after: readonly T[],
    ...keys: readonly ((item: T) => string | undefined)[]
): readonly Paired<T>[] {
    const partners = new Map<T, T>();
    const taken = new Set<T>();
    for (const keyOf of keys) {
        const waiting = grouped(
            before.filter((item) => !taken.has(item)),
            keyOf,
        );
        for (const item of after.filter((each) => !partners.has(each))) {
            const partner = waiting.get(keyOf(item))?.shift();
            if (partner !== undefined) {
                partners.set(item, partner);
                taken.add(partner);
            }
        }
    }
    return [
        ...after.map((item): Paired<T> => {
            const partner = partners.get(item);
            return partner === undefined ? { after: item } : { before: partner, after: item };
        }),
        ...before.filter((item) => !taken.has(item)).map((item) => ({ before: item })),
    ];
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string | undefined): Map<string | undefined, T[]> {
    const groups = new Map<string | undefined, T[]>();
    for (const item of items) {
        const key = keyOf(item);
        const group = groups.get(key);
        if (group !== undefined) {
            group.push(item);
        } else if (key !== undefined) {
            groups.set(key, [item]);
        }
    }
    return groups;
}

/** What two records have by the same name: those of `after` in their order, then those that only `before` has. */
export function pairByName<T>(
    before: Readonly<Record<string, T>>,
    after: Readonly<Record<string, T>>,
): readonly (readonly [name: string, pair: Paired<T>])[] {
    const [was, is] = [new Map(Object.entries(before)), new Map(Object.entries(after))];
    const names = new Set([...is.keys(), ...was.keys()]);
    return [...names].map((name) => [name, pairOf(was.get(name), is.get(name))]);
}

/** A pair without what is not there. */
export function pairOf<T>(before: T | undefined, after: T | undefined): Paired<T> {
    return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}

/** The kind of change that a pair is, should its two differ. */
export function kindOf({ before, after }: Paired<unknown>): "added" | "removed" | "changed" {
    return before === undefined ? "added" : after === undefined ? "removed" : "changed";
}

/** Items by rank, the lowest first; those of one rank stay in their order. */
export function byRank<T>(items: readonly T[], rankOf: (item: T) => number): readonly T[] {
    return [...items].sort((a, b) => rankOf(a) - rankOf(b));
}
