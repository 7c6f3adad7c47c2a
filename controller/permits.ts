import type { Family, PrefixListEntry } from "../lab/model";
import { type Filter, prefixListFilter } from "../lab/prefix-lists";

/**
 * Entries of several lists, one after the other, as one filter of a family. Each list counts its entries for itself, so
 * their numbers say nothing about those of others.
 */
export function permits(family: Family, ...lists: readonly (readonly PrefixListEntry[])[]): Filter {
    const entries = lists.flat().map((entry, sequence) => ({ ...entry, sequence }));
    return prefixListFilter({ name: "", family, entries });
}
