/** Numbers for prefixes, so that tables of thousands of routes are plain arrays, and the longest match among them. */

import { addressOf, familyOf, lengthOf } from "../lab/address";
import type { Address, Family, Prefix } from "../lab/model";
import { hexOf, networkKey, sortedByAddress } from "./bits";

/** All prefixes that appear in a prediction. */
export interface PrefixIndex {
    /** The prefixes, by number. */
    readonly prefixes: readonly Prefix[];
    readonly numberOf: (prefix: Prefix) => number | undefined;
    /** All numbers in order of address: IPv4 first, then by value, then by length. */
    readonly inOrder: () => readonly number[];
    /** Numbers of the prefixes that hold an address, the longest first. */
    readonly covering: (address: Address) => readonly number[];
}

/** Numbers prefixes in the order in which they come; one that comes twice has one number. */
export function prefixIndex(all: Iterable<Prefix>): PrefixIndex {
    const numbers = new Map<Prefix, number>();
    for (const prefix of all) {
        if (!numbers.has(prefix)) {
            numbers.set(prefix, numbers.size);
        }
    }
    let sorted: readonly number[] | undefined;
    return {
        prefixes: [...numbers.keys()],
        numberOf: (prefix) => numbers.get(prefix),
        inOrder: () => {
            sorted ??= sortedByAddress([...numbers], ([prefix]) => prefix).map(([, number]) => number);
            return sorted;
        },
        covering: coveringIn(numbers),
    };
}

function coveringIn(numbers: ReadonlyMap<Prefix, number>): PrefixIndex["covering"] {
    const byNetwork = new Map<string, number>();
    const lengths: Record<Family, Set<number>> = { ipv4: new Set(), ipv6: new Set() };
    for (const [prefix, number] of numbers) {
        const length = lengthOf(prefix);
        lengths[familyOf(prefix)].add(length);
        byNetwork.set(networkKey(hexOf(addressOf(prefix)), length), number);
    }
    const longestFirst = {
        ipv4: [...lengths.ipv4].sort((a, b) => b - a),
        ipv6: [...lengths.ipv6].sort((a, b) => b - a),
    };
    const known = new Map<Address, readonly number[]>();
    return (address) => {
        const found = known.get(address) ?? search(byNetwork, longestFirst[familyOf(address)], hexOf(address));
        known.set(address, found);
        return found;
    };
}

function search(byNetwork: ReadonlyMap<string, number>, lengths: readonly number[], hex: string): readonly number[] {
    return lengths.flatMap((length) => byNetwork.get(networkKey(hex, length)) ?? []);
}
