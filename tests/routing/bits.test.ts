import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareAddresses, formatAddress, formatPrefix, networkOf } from "../../lab/address";
import type { Family } from "../../lab/model";
import { hexOf, networkKey, sortedByAddress } from "../../routing/bits";

const bits = { ipv4: 32, ipv6: 128 } as const;
const families = fc.constantFrom<Family>("ipv4", "ipv6");

/** Addresses of both families; many with runs of zeros, some with an IPv4 address inside. */
const addresses = families.chain((family) => {
    const last = (1n << BigInt(bits[family])) - 1n;
    const sparse = fc.tuple(fc.bigInt({ min: 0n, max: 0xffffn }), fc.nat({ max: bits[family] - 16 }));
    const value = fc.oneof(
        fc.bigInt({ min: 0n, max: last }),
        sparse.map(([part, shift]) => part << BigInt(shift)),
        fc.bigInt({ min: 0n, max: 0xffffffffn }).map((low) => (family === "ipv6" ? (0xffffn << 32n) | low : low)),
    );
    return value.map((each) => ({ family, value: each, text: formatAddress(family, each) }));
});

const prefixes = addresses.chain(({ family, text }) =>
    fc.nat({ max: bits[family] }).map((length) => networkOf(`${text}/${length}`)),
);

describe("hexOf", () => {
    it("gives the value of an address in its full width", () => {
        fc.assert(
            fc.property(addresses, ({ family, value, text }) => {
                expect(hexOf(text)).toBe(value.toString(16).padStart(bits[family] / 4, "0"));
            }),
        );
    });
});

describe("networkKey", () => {
    it("is equal for two addresses exactly when they are in one network of that length", () => {
        const near = addresses.chain((a) =>
            fc.nat({ max: bits[a.family] - 1 }).map((bit) => {
                const value = a.value ^ (1n << BigInt(bit));
                return [a, { ...a, value, text: formatAddress(a.family, value) }] as const;
            }),
        );
        fc.assert(
            fc.property(fc.oneof(near, fc.tuple(addresses, addresses)), fc.nat({ max: 128 }), ([a, b], length) => {
                const key = (text: string) => networkKey(hexOf(text), length);
                fc.pre(length <= bits[a.family] && length <= bits[b.family]);
                const network = ({ family, value }: typeof a) => networkOf(formatPrefix({ family, value, length }));
                expect(key(a.text) === key(b.text)).toBe(network(a) === network(b));
            }),
        );
    });
});

describe("sortedByAddress", () => {
    it("gives the order of addresses and prefixes", () => {
        fc.assert(
            fc.property(
                fc.array(
                    fc.oneof(
                        addresses.map(({ text }) => text),
                        prefixes,
                    ),
                ),
                (texts) => {
                    expect(sortedByAddress(texts, (text) => text)).toEqual(texts.toSorted(compareAddresses));
                },
            ),
        );
    });
});
