import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AsnError, asnUse, parseAsn } from "../../lab/asn";

describe("AS numbers", () => {
    it("are read alike as number, asplain, AS-prefixed text and asdot", () => {
        fc.assert(
            fc.property(fc.integer({ min: 0, max: 0xffffffff }), (asn) => {
                const asdot = `${Math.floor(asn / 65536)}.${asn % 65536}`;
                for (const spelling of [asn, `${asn}`, `AS${asn}`, `as${asn}`, asdot, `AS${asdot}`]) {
                    expect(parseAsn(spelling)).toBe(asn);
                }
            }),
        );
    });

    it("reads asdot 1.10 as 65546 (RFC 5396)", () => {
        expect(parseAsn("1.10")).toBe(65546);
    });

    it("refuses the number that YAML makes of an unquoted 1.10, and says why", () => {
        expect(() => parseAsn(1.1)).toThrow(/YAML reads an unquoted asdot number such as 1\.10 as 1\.1; quote it/);
    });

    it.each([
        -1,
        4294967296,
        1e300,
        Number.NaN,
        "4294967296",
        "65536.1",
        "1.65536",
        "",
        "AS",
        "AS 65000",
        "065000",
        "1.2.3",
        "6e4",
        "-1",
        null,
        true,
        [65000],
        undefined,
        {},
    ])("refuses %j", (input) => {
        expect(() => parseAsn(input)).toThrow(AsnError);
    });

    it.each([
        [0, "zero"],
        [1, "public"],
        [23455, "public"],
        [23456, "as-trans"],
        [23457, "public"],
        [64495, "public"],
        [64496, "documentation"],
        [64511, "documentation"],
        [64512, "private"],
        [65534, "private"],
        [65535, "last"],
        [65536, "documentation"],
        [65551, "documentation"],
        [65552, "reserved"],
        [131071, "reserved"],
        [131072, "public"],
        [4199999999, "public"],
        [4200000000, "private"],
        [4294967294, "private"],
        [4294967295, "last"],
    ])("AS %i is %s by the IANA registry", (asn, use) => {
        expect(asnUse(asn)).toBe(use);
    });
});
