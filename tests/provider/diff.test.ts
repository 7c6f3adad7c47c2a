import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differences } from "../../provider/diff";

const record = fc.dictionary(fc.constantFrom("a", "b", "router0-net0", "10.0.0.0/8"), fc.jsonValue());

describe("differences", () => {
    it("names added, deleted and changed leaves by Pulumi's property paths", () => {
        const before = { links: { "r0-n1": { mtu: 1500 } }, names: ["a", "b"], gone: 1 };
        const after = { links: { "r0-n1": { mtu: 9000 }, new: { mtu: 1500 } }, names: ["a", "c"] };
        expect(differences(before, after)).toEqual([
            { path: 'links["r0-n1"].mtu', kind: "update" },
            { path: "links.new", kind: "add" },
            { path: "names[1]", kind: "update" },
            { path: "gone", kind: "delete" },
        ]);
    });

    it("finds none between a value and itself, and some between values that are not equal", () => {
        const withoutNulls = (value: unknown) => JSON.stringify(value, (_key, v) => (v === null ? undefined : v));
        fc.assert(
            fc.property(record, record, (before, after) => {
                expect(differences(before, structuredClone(before))).toEqual([]);
                fc.pre(!JSON.stringify([before, after]).includes("null"));
                const sorted = (v: Record<string, unknown>) =>
                    withoutNulls(Object.fromEntries(Object.entries(v).sort()));
                if (sorted(before) !== sorted(after)) {
                    expect(differences(before, after).length + differences(after, before).length).toBeGreaterThan(0);
                }
            }),
        );
    });
});
