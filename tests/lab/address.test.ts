import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import {
    AddressError,
    compareAddresses,
    contains,
    familyBits,
    formatAddress,
    formatPrefix,
    hostPrefix,
    networkOf,
    nthAddress,
    nthInterfaceAddress,
    overlaps,
    parseAddress,
    parseInterfaceAddress,
    parsePrefix,
    rangeOf,
    sizeOf,
    subnet,
    subnetCount,
} from "../../lab/address";
import type { Family } from "../../lab/model";

const family = fc.constantFrom<Family>("ipv4", "ipv6");
/** Numbers with long runs of zeros too, which is where the text of IPv6 is difficult. */
const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
const value = (of: Family) =>
    fc
        .array(group, { minLength: familyBits(of) / 16, maxLength: familyBits(of) / 16 })
        .map((groups) => groups.reduce((sum, part) => (sum << 16n) | BigInt(part), 0n));
const address = family.chain((of) => value(of).map((number) => ({ family: of, value: number })));
const prefix = family.chain((of) =>
    fc
        .record({ value: value(of), length: fc.integer({ min: 0, max: familyBits(of) }) })
        .map(({ value: number, length }) => {
            const host = BigInt(familyBits(of) - length);
            return { family: of, value: (number >> host) << host, length };
        }),
);

function bytesOf({ family: of, value: number }: { family: Family; value: bigint }): number[] {
    const count = familyBits(of) / 8;
    return Array.from({ length: count }, (_, index) => Number((number >> BigInt(8 * (count - 1 - index))) & 0xffn));
}

function refusal(parse: () => unknown): AddressError {
    try {
        parse();
    } catch (error) {
        expect(error).toBeInstanceOf(AddressError);
        return error as AddressError;
    }
    throw new Error("nothing was refused");
}

describe("addresses", () => {
    it("are written as ipaddr.js writes them in RFC 5952 form", () => {
        fc.assert(
            fc.property(address, (random) => {
                fc.pre(!(random.family === "ipv6" && random.value >> 32n === 0xffffn)); // RFC 5952 §5, tested below
                const text = formatAddress(random.family, random.value);
                const oracle = ipaddr.fromByteArray(bytesOf(random));
                expect(text).toBe(oracle instanceof ipaddr.IPv6 ? oracle.toRFC5952String() : oracle.toString());
            }),
            { numRuns: 1000 },
        );
    });

    it("are read back to the number they were written from", () => {
        fc.assert(
            fc.property(address, (random) => {
                expect(parseAddress(formatAddress(random.family, random.value))).toEqual(random);
            }),
            { numRuns: 1000 },
        );
    });

    it("have exactly one accepted spelling: whatever ipaddr.js reads and we accept is its canonical text", () => {
        const alphabet = fc.constantFrom(..."0123456789abcdefABF:.:::..x%/ ");
        const noise = fc.array(alphabet, { maxLength: 20 }).map((characters) => characters.join(""));
        const spelt = fc.oneof(
            noise,
            address.map((random) => formatAddress(random.family, random.value).toUpperCase()),
            address.map((random) => ipaddr.fromByteArray(bytesOf(random)).toNormalizedString()),
            fc
                .tuple(fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 2, maxLength: 5 }), fc.boolean())
                .map(([octets, padded]) => octets.map((octet) => (padded ? `0${octet}` : `${octet}`)).join(".")),
        );
        fc.assert(
            fc.property(spelt, (text) => {
                let parsed: ReturnType<typeof parseAddress>;
                try {
                    parsed = parseAddress(text);
                } catch (error) {
                    expect(error).toBeInstanceOf(AddressError);
                    return;
                }
                expect(ipaddr.isValid(text)).toBe(true);
                expect(formatAddress(parsed.family, parsed.value)).toBe(text);
                expect(ipaddr.parse(text).toByteArray()).toEqual(bytesOf(parsed));
            }),
            { numRuns: 3000 },
        );
    });

    it.each([
        ["010.0.0.1", "write 10.0.0.1"],
        ["10.0.0.08", "write 10.0.0.8"],
        ["FD00::1", "write fd00::1"],
        ["fd00:0::1", "write fd00::1"],
        ["2001:db8:0:0:1:0:0:1", "write 2001:db8::1:0:0:1"],
        ["::ffff:a00:1", "write ::ffff:10.0.0.1"],
        ["::10.0.0.1", "write ::a00:1"],
    ])("%s is refused with the spelling that was meant", (text, fix) => {
        expect(refusal(() => parseAddress(text)).fix).toBe(fix);
    });

    it.each([
        "",
        "10.1",
        "10.0.0.256",
        "10.0.0.1.",
        "0x0a.0.0.1",
        "167772161",
        "1.2.3.4.5",
        " 10.0.0.1",
        "fd00",
        "fd00:::1",
        "fd00::1::2",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::8:9",
        "fd00::12345",
        "fd00::g",
        "fe80::1%eth0",
        "10.0.0.1::",
        "fd00::10.0.0.1:1",
        ":",
        "fd00:",
    ])("%j is refused", (text) => {
        refusal(() => parseAddress(text));
    });

    it("keeps a run of one zero group and shortens the first of two equal runs", () => {
        expect(formatAddress("ipv6", 0x2001_0db8_0000_0001_0001_0001_0001_0001n)).toBe("2001:db8:0:1:1:1:1:1");
        expect(formatAddress("ipv6", 0x2001_0000_0000_0001_0000_0000_0001_0001n)).toBe("2001::1:0:0:1:1");
        expect(formatAddress("ipv6", 0n)).toBe("::");
        expect(formatAddress("ipv6", 1n)).toBe("::1");
        expect(formatAddress("ipv6", 1n << 112n)).toBe("1::");
        expect(formatAddress("ipv6", (0xffffn << 32n) | 0xc0a80001n)).toBe("::ffff:192.168.0.1");
    });
});

describe("prefixes", () => {
    it.each([
        ["10.1.2.3/16", "write the network, 10.1.0.0/16"],
        ["fd00::1/64", "write the network, fd00::/64"],
        ["0.0.0.1/0", "write the network, 0.0.0.0/0"],
        ["10.0.0.0", "write it as 10.0.0.0/<length>"],
        ["010.0.0.0/8", "write 10.0.0.0/8"],
        ["10.0.0.0/33", "write a whole number from 0 to 32"],
        ["fd00::/129", "write a whole number from 0 to 128"],
        ["10.0.0.0/08", "write a whole number from 0 to 32"],
        ["10.0.0.0/", "write a whole number from 0 to 32"],
        ["10.0.0.0/-1", "write a whole number from 0 to 32"],
        ["10.0.0.0/8/8", "write a whole number from 0 to 32"],
        ["10.1/16", "write an address such as 10.0.0.1 or fd00::1"],
    ])("%s is refused with what to write", (text, fix) => {
        expect(refusal(() => parsePrefix(text)).fix).toBe(fix);
    });

    it("are read back as they were written", () => {
        fc.assert(
            fc.property(prefix, (random) => {
                expect(parsePrefix(formatPrefix(random))).toEqual(random);
            }),
        );
    });

    it("match addresses and networks as ipaddr.js matches them", () => {
        const near = prefix.chain((outer) =>
            fc.record({
                outer: fc.constant(outer),
                // Keep some leading bits and change the others, so that both answers are common.
                inner: fc.record({
                    keep: fc.integer({ min: 0, max: familyBits(outer.family) }),
                    noise: value(outer.family),
                }),
            }),
        );
        fc.assert(
            fc.property(near, ({ outer, inner: { keep, noise } }) => {
                const bits = familyBits(outer.family);
                const mask = (1n << BigInt(bits - keep)) - 1n;
                const text = formatAddress(outer.family, (outer.value & ~mask) | (noise & mask));
                const expected = ipaddr.parse(text).match(ipaddr.parseCIDR(formatPrefix(outer)) as [never, never]);
                expect(contains(formatPrefix(outer), text)).toBe(expected);
                expect(contains(formatPrefix(outer), hostPrefix(text))).toBe(expected);
                expect(overlaps(formatPrefix(outer), hostPrefix(text))).toBe(expected);
            }),
            { numRuns: 1000 },
        );
    });

    it("overlap exactly when their ranges share an address", () => {
        fc.assert(
            fc.property(prefix, prefix, (a, b) => {
                const [left, right] = [rangeOf(formatPrefix(a)), rangeOf(formatPrefix(b))];
                const shared = a.family === b.family && left.first <= right.last && right.first <= left.last;
                expect(overlaps(formatPrefix(a), formatPrefix(b))).toBe(shared);
            }),
            { numRuns: 500 },
        );
    });

    it("of one family never contain those of the other", () => {
        expect(contains("0.0.0.0/0", "::1")).toBe(false);
        expect(contains("::/0", "10.0.0.0/8")).toBe(false);
    });

    it("contain a longer prefix, but not a shorter one", () => {
        expect(contains("10.0.0.0/8", "10.100.0.0/16")).toBe(true);
        expect(contains("10.100.0.0/16", "10.0.0.0/8")).toBe(false);
    });

    it("split into subnets that cover them without overlap", () => {
        const split = prefix.chain((outer) => {
            const most = Math.min(familyBits(outer.family), outer.length + 5);
            return fc.record({ outer: fc.constant(outer), length: fc.integer({ min: outer.length, max: most }) });
        });
        fc.assert(
            fc.property(split, ({ outer, length }) => {
                const text = formatPrefix(outer);
                const count = Number(subnetCount(text, length));
                const parts = Array.from({ length: count }, (_, index) => subnet(text, length, index));
                expect(parts.every((part) => contains(text, part))).toBe(true);
                expect(parts.reduce((sum, part) => sum + sizeOf(part), 0n)).toBe(sizeOf(text));
                expect(new Set(parts).size).toBe(count);
                expect(() => subnet(text, length, count)).toThrow(RangeError);
            }),
        );
    });

    it("count their addresses from the network address", () => {
        expect(nthAddress("169.254.3.0/24", 2)).toBe("169.254.3.2");
        expect(nthInterfaceAddress("fd00:169:254:3::/64", 2)).toBe("fd00:169:254:3::2/64");
        expect(() => nthAddress("10.0.0.0/30", 4)).toThrow(RangeError);
        expect(() => nthAddress("10.0.0.0/30", -1)).toThrow(RangeError);
        expect(subnetCount("10.0.0.0/8", 4)).toBe(0n);
        expect(subnetCount("10.0.0.0/8", 33)).toBe(0n);
    });

    it("are ordered by family, then address, then length", () => {
        const sorted = ["::/0", "10.0.0.0/16", "10.0.0.0/8", "9.0.0.0/8", "10.0.0.1"].sort(compareAddresses);
        expect(sorted).toEqual(["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.1", "::/0"]);
    });
});

describe("interface addresses", () => {
    it("keep their host bits and know their network", () => {
        expect(parseInterfaceAddress("169.254.1.1/24")).toEqual({ family: "ipv4", value: 0xa9fe0101n, length: 24 });
        expect(networkOf("169.254.1.1/24")).toBe("169.254.1.0/24");
        expect(networkOf("fd00:1::5/127")).toBe("fd00:1::4/127");
    });

    it("stay readable when more texts are asked for than are remembered", () => {
        for (let index = 0; index < 25_000; index++) {
            const text = `${nthAddress("10.0.0.0/8", index)}/8`;
            expect(parseInterfaceAddress(text).value).toBe(0x0a000000n + BigInt(index));
        }
    });
});
