/** Filters of sessions, and what an eBGP session without policy exchanges. */

import type { Family, PrefixList } from "../lab/model";
import { type Filter, prefixListFilter } from "../lab/prefix-lists";

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
