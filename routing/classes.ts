/** Prefixes that fare alike: the same speakers bring them up with the same paths, and the same filters let them through. */

import { familyOf } from "../lab/address";
import type { Family, Prefix } from "../lab/model";
import type { Filter } from "../lab/prefix-lists";
import type { Attributes } from "./attributes";
import type { OwnPaths } from "./origination";
import type { PrefixIndex } from "./prefixes";
import type { Speaker } from "./speakers";

/** A set of prefixes of which one stands for all. */
export interface PrefixClass {
    readonly family: Family;
    /** The prefix that stands for all. */
    readonly prefix: Prefix;
    /** Numbers of the prefixes. */
    readonly members: readonly number[];
    /** Own paths by the number of their speaker. */
    readonly own: ReadonlyMap<number, readonly Attributes[]>;
}

/**
 * Sorts all prefixes that anybody originates into classes.
 *
 * @param own own paths of every speaker, by its number
 */
export function prefixClasses(
    index: PrefixIndex,
    speakers: readonly Speaker[],
    own: readonly OwnPaths[],
): readonly PrefixClass[] {
    const filters = filtersOf(speakers);
    const classes = new Map<string, PrefixClass & { readonly members: number[] }>();
    for (const [number, origins] of originsByPrefix(own)) {
        const prefix = index.prefixes[number]!;
        const family = familyOf(prefix);
        const passes = filters.map((filter) => (filter(prefix) ? "1" : "0")).join("");
        const key = `${family} ${passes} ${textOf(origins)}`;
        const known = classes.get(key);
        if (known === undefined) {
            classes.set(key, { family, prefix, members: [number], own: origins });
        } else {
            known.members.push(number);
        }
    }
    return [...classes.values()];
}

/** The filters in use; lists that say the same are one filter. */
function filtersOf(speakers: readonly Speaker[]): readonly Filter[] {
    const filters = speakers.flatMap(({ peers }) =>
        peers.flatMap(({ policy: { ipv4, ipv6 } }) => [ipv4, ipv6].flatMap((each) => [each.incoming, each.outgoing])),
    );
    return [...new Set(filters)];
}

function originsByPrefix(own: readonly OwnPaths[]): ReadonlyMap<number, Map<number, readonly Attributes[]>> {
    const origins = new Map<number, Map<number, readonly Attributes[]>>();
    own.forEach((paths, speaker) => {
        for (const [number, each] of paths) {
            const known = origins.get(number) ?? new Map<number, readonly Attributes[]>();
            known.set(speaker, each);
            origins.set(number, known);
        }
    });
    return origins;
}

/** Own paths of different prefixes are made one by one, but differ in a few attributes only. */
function textOf(origins: ReadonlyMap<number, readonly Attributes[]>): string {
    return [...origins]
        .map(([speaker, paths]) => {
            const texts = paths.map(({ nextHop, origin, usable }) => `${nextHop} ${origin} ${usable}`);
            return `${speaker}: ${texts.join(", ")}`;
        })
        .join("; ");
}
