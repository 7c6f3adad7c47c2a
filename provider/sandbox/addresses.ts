/** Addresses as text and as the bytes the kernel wants. Text is canonical on the way out (RFC 5952). */
import { isIPv4, isIPv6 } from "node:net";

/** Address families of the kernel (sys/socket.h). */
export const families = { ipv4: 2, ipv6: 10 } as const;

/** An address in network byte order: 4 or 16 bytes. */
export type AddressBytes = Buffer;

/** A prefix or interface address: bytes and length. */
export interface Subnet {
    readonly bytes: AddressBytes;
    readonly length: number;
}

/** Kernel family of an address. */
export function familyOf(bytes: AddressBytes): number {
    return bytes.length === 4 ? families.ipv4 : families.ipv6;
}

/**
 * Reads an address.
 *
 * @throws Error when the text is no IPv4 or IPv6 address
 */
export function parseAddress(text: string): AddressBytes {
    if (isIPv4(text)) {
        return Buffer.from(text.split(".").map(Number));
    }
    if (isIPv6(text) && !text.includes("%")) {
        return parseIpv6(text);
    }
    throw new Error(`"${text}" is not an IPv4 or IPv6 address`);
}

function parseIpv6(text: string): Buffer {
    const withoutQuad = text.replace(/[0-9.]+\.[0-9]+$/, (quad) => {
        const [a, b, c, d] = quad.split(".").map(Number);
        return `${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`;
    });
    const [head = "", tail] = withoutQuad.split("::");
    const left = head === "" ? [] : head.split(":");
    const right = tail === undefined || tail === "" ? [] : tail.split(":");
    const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
    const bytes = Buffer.alloc(16);
    groups.forEach((group, index) => {
        bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
    });
    return bytes;
}

/** Canonical text of an address. */
export function formatAddress(bytes: AddressBytes): string {
    return bytes.length === 4 ? bytes.join(".") : formatIpv6(bytes);
}

function formatIpv6(bytes: Buffer): string {
    const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2));
    const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
    if (isMapped) {
        return `::ffff:${bytes.subarray(12).join(".")}`;
    }
    const gap = longestZeroRun(groups);
    const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
    return gap.length < 2
        ? hex(groups)
        : `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.start + gap.length))}`;
}

function longestZeroRun(groups: readonly number[]): { readonly start: number; readonly length: number } {
    let best = { start: 0, length: 0 };
    for (let start = 0; start < groups.length; start++) {
        let length = 0;
        while (groups[start + length] === 0) {
            length++;
        }
        if (length > best.length) {
            best = { start, length };
        }
    }
    return best;
}

/**
 * Reads `address/length`; host bits are kept.
 *
 * @throws Error when the text is not that
 */
export function parseSubnet(text: string): Subnet {
    const [address = "", length = "", ...rest] = text.split("/");
    const bytes = parseAddress(address);
    if (rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(length) || Number(length) > bytes.length * 8) {
        throw new Error(`"${text}" is not an address with a prefix length`);
    }
    return { bytes, length: Number(length) };
}

/** Canonical text of a subnet. */
export function formatSubnet(bytes: AddressBytes, length: number): string {
    return `${formatAddress(bytes)}/${length}`;
}

/** Whether an IPv6 address is link-local (fe80::/10). */
export function isLinkLocal6(bytes: AddressBytes): boolean {
    return bytes.length === 16 && bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80;
}
