/** Prefix lists: which routes they let through. */

import { familyBits, parsePrefix } from "./address";
import type { Prefix, PrefixList, PrefixListEntry } from "./model";

/** Decides on a prefix. */
export type Filter = (prefix: Prefix) => boolean;

/** Lengths that an entry matches: without `ge` and `le` that of its prefix; with `ge` alone, up to the longest (FRR, plist.c). */
export function lengthsOf({ prefix, ge, le }: PrefixListEntry): {
    readonly shortest: number;
    readonly longest: number;
} {
    const { family, length } = parsePrefix(prefix);
    const isExact = ge === undefined && le === undefined;
    return { shortest: ge ?? length, longest: isExact ? length : (le ?? familyBits(family)) };
}

/**
 * A prefix list as a filter. The first entry that matches decides; what none matches is denied. Answers are kept,
 * because every session that uses the list asks about the same prefixes.
 */
export function prefixListFilter(list: PrefixList): Filter {
    const entries = [...list.entries].sort((a, b) => a.sequence - b.sequence).map(matcher);
    const known = new Map<Prefix, boolean>();
    return (prefix) => {
        const answer = known.get(prefix) ?? entries.find(({ matches }) => matches(prefix))?.permits ?? false;
        known.set(prefix, answer);
        return answer;
    };
}

function matcher(entry: PrefixListEntry): { readonly matches: Filter; readonly permits: boolean } {
    const outer = parsePrefix(entry.prefix);
    const { shortest, longest } = lengthsOf(entry);
    const hostBits = BigInt(familyBits(outer.family) - outer.length);
    const matches: Filter = (prefix) => {
        const inner = parsePrefix(prefix);
        return (
            inner.family === outer.family &&
            inner.length >= shortest &&
            inner.length <= longest &&
            inner.value >> hostBits === outer.value >> hostBits
        );
    };
    return { matches, permits: entry.action === "permit" };
}
