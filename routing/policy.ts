/** Prefix lists, and what an eBGP session without policy exchanges. */

import { familyBits, parsePrefix } from "../lab/address";
import type { Family, Prefix, PrefixList, PrefixListEntry } from "../lab/model";

/** Decides on a prefix. */
export type Filter = (prefix: Prefix) => boolean;

/** The policy of a session that has none. */
export const permitAll: Filter = () => true;
/** The policy of a session that must have one and has none (RFC 8212), and of a list that does not exist. */
export const denyAll: Filter = () => false;

/** Gives the filter of a list by name, out of those that a router has; FRR denies everything to a list that does not exist. */
export type FilterFactory = (lists: readonly PrefixList[] | undefined, family: Family, name: string) => Filter;

/** Makes filters such that lists that say the same are one filter, on whatever router, and share its answers. */
export function newFilterFactory(): FilterFactory {
    const byList = new WeakMap<PrefixList, Filter>();
    const byText = new Map<string, Filter>();
    return (lists, family, name) => {
        const list = lists?.find((each) => each.name === name && each.family === family);
        if (list === undefined) {
            return denyAll;
        }
        const known = byList.get(list);
        if (known !== undefined) {
            return known;
        }
        const text = JSON.stringify([family, list.entries]);
        const filter = byText.get(text) ?? prefixListFilter(list);
        byText.set(text, filter);
        byList.set(list, filter);
        return filter;
    };
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

/** Without `ge` and `le` an entry matches its very prefix; with `ge` alone, up to the longest length (FRR, plist.c). */
function matcher(entry: PrefixListEntry): { readonly matches: Filter; readonly permits: boolean } {
    const outer = parsePrefix(entry.prefix);
    const bits = familyBits(outer.family);
    const exact = entry.ge === undefined && entry.le === undefined;
    const shortest = entry.ge ?? outer.length;
    const longest = exact ? outer.length : (entry.le ?? bits);
    const hostBits = BigInt(bits - outer.length);
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
