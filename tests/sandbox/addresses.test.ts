import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatAddress, isLinkLocal6, parseAddress, parseSubnet } from "../../provider/sandbox/addresses";

/** The URL parser is an independent implementation of RFC 5952, but for IPv4-mapped addresses. */
function canonicalByUrl(address: string): string {
    return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

describe("addresses", () => {
    it("writes IPv6 addresses as the URL parser does", () => {
        const group = fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
        fc.assert(
            fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
                fc.pre(!(groups.slice(0, 5).every((each) => each === 0) && groups[5] === 0xffff));
                const text = groups.map((each) => each.toString(16)).join(":");
                expect(formatAddress(parseAddress(text))).toBe(canonicalByUrl(text));
            }),
        );
    });

    it("reads what it writes", () => {
        fc.assert(
            fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
                const bytes = parseAddress(text);
                expect(parseAddress(formatAddress(bytes)).equals(bytes)).toBe(true);
            }),
        );
    });

    it.each(["::ffff:10.0.0.1", "::", "::1", "fd00:10:255::", "1:0:0:2::", "10.0.0.1"])("keeps %s", (text) => {
        expect(formatAddress(parseAddress(text))).toBe(text);
    });

    it.each(["010.0.0.1", "10.0.0", "fe80::1%eth0", "1::2::3", "", "10.0.0.1/8"])("refuses the address %j", (text) => {
        expect(() => parseAddress(text)).toThrow("is not an IPv4 or IPv6 address");
    });

    it.each(["10.0.0.0/33", "10.0.0.0/08", "10.0.0.0", "::/129", "::/8/8"])("refuses the subnet %j", (text) => {
        expect(() => parseSubnet(text)).toThrow("is not an address with a prefix length");
    });

    it("tells link-local addresses by their first ten bits", () => {
        const isLinkLocal = (text: string) => isLinkLocal6(parseAddress(text));
        expect(["fe80::1", "febf::1", "fec0::1", "fd00::1", "254.128.0.1"].map(isLinkLocal)).toEqual([
            true,
            true,
            false,
            false,
            false,
        ]);
    });
});
