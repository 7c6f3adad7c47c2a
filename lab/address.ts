/**
 * Addresses and prefixes as canonical text.
 *
 * Parsing is strict: an address has exactly one spelling (dotted quad without leading zeros, RFC 5952 for IPv6) and a
 * prefix has no host bits. Lenient parsers read `010.0.0.1/8` as `8.0.0.1/8`; here it is an error that names the spelling
 * that was probably meant.
 */

import type { Address, AddressRange, Family, InterfaceAddress, Prefix } from "./model";

/** Text is not an address or prefix, or not its canonical spelling. */
export class AddressError extends Error {
    /**
     * @param says why the text is refused
     * @param fix what to write instead
     * @param spelling the accepted spelling, where the text leaves no doubt about it
     */
    constructor(
        readonly says: string,
        readonly fix: string,
        readonly spelling?: string,
    ) {
        super(`${says}; ${fix}`);
    }
}

function misspelt(says: string, spelling: string): AddressError {
    return new AddressError(says, `write ${spelling}`, spelling);
}

const addressForms = "write an address such as 10.0.0.1 or fd00::1";

/** An address as a number. */
export interface ParsedAddress {
    readonly family: Family;
    readonly value: bigint;
}

/** A network, or an address with the length of its subnet, as numbers. */
export interface ParsedPrefix extends ParsedAddress {
    /** Number of leading bits that name the network. */
    readonly length: number;
}

/** Name of a family for people. */
export function familyName(family: Family): "IPv4" | "IPv6" {
    return family === "ipv4" ? "IPv4" : "IPv6";
}

/** Number of bits of an address. */
export function familyBits(family: Family): 32 | 128 {
    return family === "ipv4" ? 32 : 128;
}

/** The family of an address, prefix or interface address that is known to be well formed. */
export function familyOf(text: Address | Prefix | InterfaceAddress): Family {
    return text.includes(":") ? "ipv6" : "ipv4";
}

/**
 * Reads an address.
 *
 * @throws AddressError when the text is not the canonical spelling of an address
 */
export function parseAddress(text: string): ParsedAddress {
    const address = readAddress(text);
    const canonical = formatAddress(address.family, address.value);
    if (canonical !== text) {
        throw misspelt(`"${text}" is not in canonical form (RFC 5952)`, canonical);
    }
    return address;
}

/** Rules ask about the same few texts again and again, and a lab of 250 nodes has about 2,000 of them. */
const mostKnown = 20_000;
const knownPrefixes = new Map<string, ParsedPrefix>();
const knownNetworks = new Map<InterfaceAddress, Prefix>();

/** The value of a key, from the last time it was asked for or made now; a map that has grown too large starts again. */
function remember<Value>(known: Map<string, Value>, key: string, make: () => Value): Value {
    const value = known.get(key);
    if (value !== undefined) {
        return value;
    }
    if (known.size >= mostKnown) {
        known.clear();
    }
    const made = make();
    known.set(key, made);
    return made;
}

/**
 * Reads a network in CIDR notation.
 *
 * @throws AddressError when the text is not canonical or has bits set beyond its length
 */
export function parsePrefix(text: string): ParsedPrefix {
    const parsed = parseInterfaceAddress(text);
    const network = networkValue(parsed);
    if (network !== parsed.value) {
        const canonical = formatPrefix({ ...parsed, value: network });
        throw new AddressError(`"${text}" has host bits set`, `write the network, ${canonical}`);
    }
    return parsed;
}

/**
 * Reads an address with the length of its subnet; host bits are kept.
 *
 * @throws AddressError when the text is not canonical
 */
export function parseInterfaceAddress(text: string): ParsedPrefix {
    return remember(knownPrefixes, text, () => readInterfaceAddress(text));
}

function readInterfaceAddress(text: string): ParsedPrefix {
    const slash = text.indexOf("/");
    if (slash < 0) {
        readAddress(text);
        throw new AddressError(`"${text}" has no prefix length`, `write it as ${text}/<length>`);
    }
    const address = beforeLength(text.slice(0, slash), text.slice(slash));
    return { ...address, length: readLength(text, text.slice(slash + 1), address.family) };
}

/** Reads the address before a length; what is refused is named with its length, as it was written. */
function beforeLength(address: string, length: string): ParsedAddress {
    try {
        return parseAddress(address);
    } catch (error) {
        if (error instanceof AddressError && error.spelling !== undefined) {
            throw misspelt(error.says.replace(`"${address}"`, `"${address}${length}"`), `${error.spelling}${length}`);
        }
        throw error;
    }
}

/** Canonical text of an address: dotted quad or RFC 5952. */
export function formatAddress(family: Family, value: bigint): Address {
    return family === "ipv4" ? formatIpv4(Number(value)) : formatIpv6(value);
}

/** Canonical text of a network or interface address. */
export function formatPrefix(prefix: ParsedPrefix): Prefix {
    return `${formatAddress(prefix.family, prefix.value)}/${prefix.length}`;
}

/** The address part of an interface address or prefix. */
export function addressOf(text: InterfaceAddress | Prefix): Address {
    return text.slice(0, text.indexOf("/"));
}

/** The length part of an interface address or prefix. */
export function lengthOf(text: InterfaceAddress | Prefix): number {
    return Number(text.slice(text.indexOf("/") + 1));
}

/** The subnet that an interface address is in. */
export function networkOf(text: InterfaceAddress): Prefix {
    return remember(knownNetworks, text, () => {
        const parsed = parseInterfaceAddress(text);
        return formatPrefix({ ...parsed, value: networkValue(parsed) });
    });
}

/** The prefix that holds one address only: /32 or /128. */
export function hostPrefix(address: Address): Prefix {
    return `${address}/${familyBits(familyOf(address))}`;
}

/** Whether an address or a whole network lies inside `prefix`. Both may be ranges, too. */
export function contains(prefix: Prefix | AddressRange, inner: Address | Prefix | AddressRange): boolean {
    if (familyOf(prefix) !== familyOf(inner)) {
        return false;
    }
    if (isRange(prefix) || isRange(inner)) {
        const [a, b] = [rangeOf(prefix), rangeOf(isRange(inner) || inner.includes("/") ? inner : hostPrefix(inner))];
        return a.first <= b.first && b.last <= a.last;
    }
    const outer = parsePrefix(prefix);
    const { value, length } = inner.includes("/") ? parsePrefix(inner) : parsePrefix(hostPrefix(inner));
    return (
        length >= outer.length && networkValue({ family: outer.family, value, length: outer.length }) === outer.value
    );
}

/** Whether two networks or ranges share an address. */
export function overlaps(a: Prefix | AddressRange, b: Prefix | AddressRange): boolean {
    if (!isRange(a) && !isRange(b)) {
        return contains(a, b) || contains(b, a);
    }
    const [one, other] = [rangeOf(a), rangeOf(b)];
    return familyOf(a) === familyOf(b) && one.first <= other.last && other.first <= one.last;
}

/** Whether a text is written as a range of addresses. */
export function isRange(text: string): boolean {
    return text.includes("-");
}

/**
 * Reads a range of addresses, `first-last`.
 *
 * @throws AddressError when an end is not canonical, the ends are of two families, or the last comes before the first
 */
export function parseRange(text: AddressRange): {
    readonly family: Family;
    readonly first: bigint;
    readonly last: bigint;
} {
    const [from = "", to = "", ...rest] = text.split("-");
    if (rest.length > 0) {
        throw new AddressError(`"${text}" is not a range of addresses`, "write it as <first>-<last>");
    }
    const [first, last] = [parseAddress(from), parseAddress(to)];
    if (first.family !== last.family) {
        throw new AddressError(`"${text}" has ends of two families`, "write two ranges");
    }
    if (last.value < first.value) {
        throw new AddressError(`"${text}" ends before it begins`, `write ${to}-${from}`);
    }
    return { family: first.family, first: first.value, last: last.value };
}

/**
 * Checks the text of a network or range.
 *
 * @throws AddressError as `parsePrefix` and `parseRange`
 */
export function checkBlock(text: Prefix | AddressRange): void {
    if (isRange(text)) {
        parseRange(text);
    } else {
        parsePrefix(text);
    }
}

/** First and last address of a network or range, as numbers. */
export function rangeOf(block: Prefix | AddressRange): { readonly first: bigint; readonly last: bigint } {
    if (isRange(block)) {
        const { first, last } = parseRange(block);
        return { first, last };
    }
    const { family, value, length } = parsePrefix(block);
    return { first: value, last: value + blockSize(family, length) - 1n };
}

/** The fewest networks that together are exactly a network or range, in ascending order. */
export function prefixesOf(block: Prefix | AddressRange): readonly Prefix[] {
    const family = familyOf(block);
    const { first, last } = rangeOf(block);
    const prefixes: Prefix[] = [];
    for (let value = first; value <= last; ) {
        const length = longestFrom(family, value, last);
        prefixes.push(formatPrefix({ family, value, length }));
        value += blockSize(family, length);
    }
    return prefixes;
}

/** Length of the largest network that starts at a value and does not go beyond the last one. */
function longestFrom(family: Family, value: bigint, last: bigint): number {
    let length: number = familyBits(family);
    while (
        length > 0 &&
        value % blockSize(family, length - 1) === 0n &&
        value + blockSize(family, length - 1) - 1n <= last
    ) {
        length -= 1;
    }
    return length;
}

/** Number of addresses in a network or range, the network and broadcast address included. */
export function sizeOf(block: Prefix | AddressRange): bigint {
    const { first, last } = rangeOf(block);
    return last - first + 1n;
}

/**
 * The n-th address of a network; 0 is the network address.
 *
 * @throws RangeError when the network has no such address
 */
export function nthAddress(prefix: Prefix, n: number): Address {
    const { family, value, length } = parsePrefix(prefix);
    if (n < 0 || BigInt(n) >= blockSize(family, length)) {
        throw new RangeError(`${prefix} has no address number ${n}`);
    }
    return formatAddress(family, value + BigInt(n));
}

/** The first address of a network that a host may have; both of a subnet of two may (RFC 3021, RFC 6164). */
export function firstHost(prefix: Prefix): Address {
    const { family } = parsePrefix(prefix);
    const { first } = rangeOf(prefix);
    return formatAddress(family, sizeOf(prefix) > 2n ? first + 1n : first);
}

/** The last address of a network that a host may have: in IPv4 the one before the broadcast address. */
export function lastHost(prefix: Prefix): Address {
    const { family } = parsePrefix(prefix);
    const { last } = rangeOf(prefix);
    return formatAddress(family, family === "ipv4" && sizeOf(prefix) > 2n ? last - 1n : last);
}

/** The n-th address of a network with the network's length, as an interface carries it. */
export function nthInterfaceAddress(prefix: Prefix, n: number): InterfaceAddress {
    return `${nthAddress(prefix, n)}/${lengthOf(prefix)}`;
}

/**
 * The n-th subnet of `length` bits; 0 is the first.
 *
 * @throws RangeError when the network has no such subnet
 */
export function subnet(prefix: Prefix, length: number, n: number): Prefix {
    const parsed = parsePrefix(prefix);
    if (n < 0 || BigInt(n) >= subnetCount(prefix, length)) {
        throw new RangeError(`${prefix} has no /${length} number ${n}`);
    }
    return formatPrefix({ ...parsed, value: parsed.value + BigInt(n) * blockSize(parsed.family, length), length });
}

/** How many subnets of `length` bits fit into a network; 0 when it is smaller than one of them. */
export function subnetCount(prefix: Prefix, length: number): bigint {
    const parsed = parsePrefix(prefix);
    if (length < parsed.length || length > familyBits(parsed.family)) {
        return 0n;
    }
    return 1n << BigInt(length - parsed.length);
}

/** Orders addresses and prefixes: IPv4 first, then by value, then by length. */
export function compareAddresses(a: Address | Prefix, b: Address | Prefix): number {
    const [left, right] = [parseAny(a), parseAny(b)];
    if (left.family !== right.family) {
        return left.family === "ipv4" ? -1 : 1;
    }
    if (left.value !== right.value) {
        return left.value < right.value ? -1 : 1;
    }
    return left.length - right.length;
}

function parseAny(text: Address | Prefix): ParsedPrefix {
    return parseInterfaceAddress(text.includes("/") ? text : hostPrefix(text));
}

function blockSize(family: Family, length: number): bigint {
    return 1n << BigInt(familyBits(family) - length);
}

function networkValue({ family, value, length }: ParsedPrefix): bigint {
    const hostBits = BigInt(familyBits(family) - length);
    return (value >> hostBits) << hostBits;
}

function readAddress(text: string): ParsedAddress {
    if (text.includes("%")) {
        throw new AddressError(`"${text}" has a zone`, "write the address without its interface");
    }
    return text.includes(":")
        ? { family: "ipv6", value: readIpv6(text) }
        : { family: "ipv4", value: BigInt(readIpv4(text, text)) };
}

function readIpv4(text: string, whole: string): number {
    const octets = text.split(".");
    if (octets.length !== 4 || !octets.every((octet) => /^\d+$/.test(octet))) {
        throw new AddressError(`"${whole}" is not an IP address`, addressForms);
    }
    const leadingZero = octets.find((octet) => octet.length > 1 && octet.startsWith("0"));
    if (leadingZero !== undefined) {
        throw misspelt(
            `"${whole}" has a leading zero in "${leadingZero}", which some programs read as octal (RFC 6943 §3.1.1)`,
            octets.map(Number).join("."),
        );
    }
    if (octets.some((octet) => Number(octet) > 255)) {
        throw new AddressError(`"${whole}" has an octet above 255`, addressForms);
    }
    return octets.reduce((value, octet) => value * 256 + Number(octet), 0);
}

function readIpv6(text: string): bigint {
    const halves = text.split("::");
    if (halves.length > 2) {
        throw new AddressError(`"${text}" has more than one "::"`, addressForms);
    }
    const head = readGroups(halves[0] ?? "", text, halves.length === 1);
    const tail = halves.length === 2 ? readGroups(halves[1] ?? "", text, true) : [];
    const missing = 8 - head.length - tail.length;
    if (halves.length === 1 ? missing !== 0 : missing < 1) {
        throw new AddressError(
            `"${text}" is not an IPv6 address: it has ${head.length + tail.length} groups`,
            addressForms,
        );
    }
    const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
    return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** Reads groups between colons; the last one may be a dotted quad when the text ends with it. */
function readGroups(text: string, whole: string, atEnd: boolean): number[] {
    if (text === "") {
        return [];
    }
    const parts = text.split(":");
    return parts.flatMap((part, index) => {
        if (part.includes(".") && atEnd && index === parts.length - 1) {
            const quad = readIpv4(part, whole);
            return [Math.floor(quad / 65536), quad % 65536];
        }
        if (!/^[0-9a-fA-F]{1,4}$/.test(part)) {
            throw new AddressError(
                `"${whole}" is not an IPv6 address: "${part}" is not a group of hexadecimal digits`,
                addressForms,
            );
        }
        return [Number.parseInt(part, 16)];
    });
}

function readLength(whole: string, text: string, family: Family): number {
    if (!/^(0|[1-9]\d*)$/.test(text)) {
        throw new AddressError(
            `"${whole}" has no valid prefix length`,
            `write a whole number from 0 to ${familyBits(family)}`,
        );
    }
    const length = Number(text);
    const bits = familyBits(family);
    if (length > bits) {
        throw new AddressError(
            `"${whole}" has a prefix length above ${bits}`,
            `write a whole number from 0 to ${bits}`,
        );
    }
    return length;
}

function formatIpv4(value: number): Address {
    return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
}

function formatIpv6(value: bigint): Address {
    if (value >> 32n === 0xffffn) {
        return `::ffff:${formatIpv4(Number(value & 0xffffffffn))}`; // RFC 5952 §5
    }
    const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - 16 * index)) & 0xffffn));
    const zeros = longestZeroRun(groups);
    const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
    if (zeros.length < 2) {
        return text(groups); // RFC 5952 §4.2.2: one group of zeros is not shortened
    }
    return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.start + zeros.length))}`;
}

/** The longest run of zero groups, the first of equal ones (RFC 5952 §4.2.3). */
function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
    let best = { start: 0, length: 0 };
    let start = 0;
    groups.forEach((group, index) => {
        if (group !== 0) {
            start = index + 1;
        } else if (index + 1 - start > best.length) {
            best = { start, length: index + 1 - start };
        }
    });
    return best;
}
