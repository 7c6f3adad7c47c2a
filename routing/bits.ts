/**
 * Addresses as text of fixed width, which compares and cuts as their bits do. Everything here takes canonical addresses,
 * as a model has them; on the way to a prediction they are looked at far too often to be parsed and checked each time.
 */

import type { Address, Prefix } from "../lab/model";

/** The bits of an address as hexadecimal digits: 8 of them, or 32. */
export function hexOf(address: Address): string {
    return address.includes(":") ? ipv6Hex(address) : ipv4Hex(address);
}

/** The first bits of an address, as a key that is equal for all addresses of a network and for no other network. */
export function networkKey(hex: string, length: number): string {
    const whole = length >> 2;
    const rest = length & 3;
    const bits = hex.slice(0, whole);
    if (rest === 0) {
        return `${hex.length}/${length}/${bits}`;
    }
    const digit = Number.parseInt(hex.charAt(whole), 16) >> (4 - rest);
    return `${hex.length}/${length}/${bits}+${digit}`;
}

/** Items in order of an address or prefix of theirs: IPv4 first, then by value, then by length. */
export function sortedByAddress<T>(items: readonly T[], addressOf: (item: T) => Address | Prefix): T[] {
    return items
        .map((item) => ({ item, rank: rankOf(addressOf(item)) }))
        .sort((a, b) => (a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0))
        .map(({ item }) => item);
}

function rankOf(text: Address | Prefix): string {
    const slash = text.indexOf("/");
    const [address, length] = slash < 0 ? [text, "128"] : [text.slice(0, slash), text.slice(slash + 1)];
    const hex = hexOf(address);
    return `${hex.length === 8 ? "4" : "6"}${hex}${length.padStart(3, "0")}`;
}

function ipv4Hex(address: Address): string {
    return address
        .split(".")
        .map((octet) => Number(octet).toString(16).padStart(2, "0"))
        .join("");
}

function ipv6Hex(address: Address): string {
    const [head = "", tail] = address.split("::");
    const first = groupsHex(head);
    if (tail === undefined) {
        return first;
    }
    const last = groupsHex(tail);
    return first.padEnd(32 - last.length, "0") + last;
}

/** Groups between colons; the last may be a dotted quad (RFC 5952 §5). */
function groupsHex(groups: string): string {
    if (groups === "") {
        return "";
    }
    return groups
        .split(":")
        .map((group) => (group.includes(".") ? ipv4Hex(group) : group.padStart(4, "0")))
        .join("");
}
