/** What import policies let through, whatever users and administrators write into them. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { familyBits, formatPrefix, hostPrefix, overlaps } from "../../lab/address";
import { type ImportRules, importEntries, importLayers } from "../../lab/import-policy";
import type { AllowedPrefix, Family, ImportPolicy, Prefix } from "../../lab/model";
import { prefixListFilter } from "../../lab/prefix-lists";

const none: ImportPolicy = { allowed: [], forbidden: [], ownAddress: false };

function passes(rules: ImportRules, family: Family): (prefix: Prefix) => boolean {
    return prefixListFilter({ name: "of a Pod", family, entries: importEntries(rules, family) });
}

const defaults: Readonly<Record<Family, Prefix>> = { ipv4: "0.0.0.0/0", ipv6: "::/0" };

/** Prefixes of a few bits at either end of an address, so that they meet, cover and hold each other again and again. */
function prefixesOf(family: Family): fc.Arbitrary<Prefix> {
    const bits = familyBits(family);
    return fc
        .tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: bits }))
        .map(([head, tail, length]) => {
            const address = (BigInt(head) << BigInt(bits - 3)) | BigInt(tail);
            const hostBits = BigInt(bits - length);
            return formatPrefix({ family, length, value: (address >> hostBits) << hostBits });
        });
}

function someRules(family: Family): fc.Arbitrary<ImportRules> {
    const prefix = prefixesOf(family);
    const allowed: fc.Arbitrary<AllowedPrefix> = fc
        .tuple(prefix, fc.option(fc.nat(familyBits(family)), { nil: undefined }))
        .map(([inside, le]) => ({
            prefix: inside,
            ...(le === undefined ? {} : { le: Math.max(le, Number(inside.split("/")[1])) }),
        }));
    return fc
        .record({
            allowed: fc.array(allowed, { maxLength: 4 }),
            forbidden: fc.array(prefix, { maxLength: 3 }),
            used: fc.array(prefix, { maxLength: 4 }),
            ownAddress: fc.boolean(),
            host: fc.option(prefix, { nil: undefined }),
        })
        .map(({ allowed: permitted, forbidden, used, ownAddress, host }) => ({
            policy: { allowed: permitted, forbidden, ownAddress },
            used,
            ...(host === undefined ? {} : { own: host.split("/")[0]! }),
        }));
}

/** What the words of the model say, without any list. */
function isWanted({ policy, used, own }: ImportRules, prefix: Prefix): boolean {
    if (policy.forbidden.some((each) => overlaps(each, prefix))) {
        return false;
    }
    if (policy.ownAddress && own !== undefined && prefix === hostPrefix(own)) {
        return true;
    }
    const isAllowed = policy.allowed.some(
        ({ prefix: outer, le }) =>
            overlaps(outer, prefix) &&
            lengthOf(prefix) >= lengthOf(outer) &&
            lengthOf(prefix) <= (le ?? lengthOf(outer)),
    );
    return isAllowed && lengthOf(prefix) > 0 && !used.some((each) => overlaps(each, prefix));
}

function lengthOf(prefix: Prefix): number {
    return Number(prefix.split("/")[1]);
}

describe.each<Family>(["ipv4", "ipv6"])("import policy for %s", (family) => {
    const cases = someRules(family);
    const asked = fc.array(prefixesOf(family), { minLength: 1, maxLength: 30 });

    it("lets through what the model's words say, and nothing else", () => {
        fc.assert(
            fc.property(cases, asked, (rules, prefixes) => {
                const filter = passes(rules, family);
                const named = [...rules.used, ...rules.policy.forbidden, ...rules.policy.allowed.map((e) => e.prefix)];
                for (const prefix of [...prefixes, ...named, defaults[family]]) {
                    expect([prefix, filter(prefix)]).toEqual([prefix, isWanted(rules, prefix)]);
                }
            }),
            { numRuns: 500 },
        );
    });

    it("lets nothing through that meets what the cluster uses, even where everything is allowed", () => {
        const everything = [{ prefix: defaults[family], le: familyBits(family) }];
        fc.assert(
            fc.property(cases, asked, ({ used }, prefixes) => {
                const filter = passes({ policy: { ...none, allowed: everything }, used }, family);
                for (const prefix of prefixes) {
                    const meets = used.some((each) => overlaps(each, prefix)) || lengthOf(prefix) === 0;
                    expect([prefix, filter(prefix)]).toEqual([prefix, !meets]);
                }
            }),
        );
    });

    it("says the same in two layers with the own address between them", () => {
        fc.assert(
            fc.property(cases, asked, (rules, prefixes) => {
                const { administrator, others } = importLayers(rules, family);
                const own = rules.own !== undefined && rules.policy.ownAddress ? [hostPrefix(rules.own)] : [];
                const between = own.map((prefix) => ({
                    sequence: (administrator.at(-1)?.sequence ?? 0) + 1,
                    action: "permit" as const,
                    prefix,
                }));
                const entries = [...administrator, ...between, ...others];
                const filter = prefixListFilter({ name: "layers", family, entries });
                for (const prefix of [...prefixes, ...own]) {
                    expect([prefix, filter(prefix)]).toEqual([prefix, passes(rules, family)(prefix)]);
                }
            }),
        );
    });

    it("has no two entries of one sequence number, or that match the same", () => {
        fc.assert(
            fc.property(cases, (rules) => {
                const entries = importEntries(rules, family);
                expect(new Set(entries.map(({ sequence }) => sequence)).size).toBe(entries.length);
                expect(new Set(entries.map(({ prefix, le }) => `${prefix} ${le}`)).size).toBe(entries.length);
            }),
        );
    });
});

describe("the two layers", () => {
    const used = ["10.244.0.0/16", "fd00:10:244::/48"];
    const own = "10.244.2.216";

    it("let a Pod announce its own address, which is in a range of the cluster, but not its neighbor's", () => {
        const filter = passes({ policy: { ...none, ownAddress: true }, used, own }, "ipv4");
        expect(filter("10.244.2.216/32")).toBe(true);
        expect(filter("10.244.2.217/32")).toBe(false);
        expect(filter("10.244.2.0/24")).toBe(false);
    });

    it("let the administrator forbid even that", () => {
        const policy = { ...none, ownAddress: true, forbidden: ["10.244.2.0/24"] };
        expect(passes({ policy, used, own }, "ipv4")("10.244.2.216/32")).toBe(false);
    });

    it("refuse the own address where nobody knows whose it is, and in the other family", () => {
        const policy = { ...none, ownAddress: true };
        expect(passes({ policy, used }, "ipv4")("10.244.2.216/32")).toBe(false);
        expect(importEntries({ policy, used, own }, "ipv6").every(({ action }) => action === "deny")).toBe(true);
    });

    it("let the administrator win over what users may announce, inside it and around it", () => {
        const policy = {
            ...none,
            allowed: [{ prefix: "192.168.0.0/16", le: 32 }],
            forbidden: ["192.168.7.0/24"],
        };
        const filter = passes({ policy, used }, "ipv4");
        expect(filter("192.168.0.1/32")).toBe(true);
        expect(filter("192.168.7.1/32")).toBe(false);
        expect(filter("192.168.7.0/24")).toBe(false);
        expect(filter("192.168.6.0/23")).toBe(false);
        expect(filter("192.168.0.0/16")).toBe(false);
    });
});
