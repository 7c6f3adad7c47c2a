import { describe, expect, it } from "vitest";
import { rules } from "../../lab/rules";
import { linkOf } from "../../lab/rules/links";

describe("the link of a source", () => {
    it.each([
        ["RFC 4271 §6.2", "https://www.rfc-editor.org/rfc/rfc4271#section-6.2"],
        ["RFC 8212", "https://www.rfc-editor.org/rfc/rfc8212"],
        ["RFC 1918; RFC 4193", "https://www.rfc-editor.org/rfc/rfc1918"],
        ["FRR documentation, ip prefix-list", "https://docs.frrouting.org/en/latest/filter.html#ip-prefix-list"],
        ["docs/daemons.md; Linux, VRF", "https://docs.kernel.org/networking/vrf.html"],
    ])("%s leads to %s", (source, link) => {
        expect(linkOf(source)).toBe(link);
    });

    it("is there for every rule but those that come from this project's own pages", () => {
        const without = rules
            .filter(({ source }) => linkOf(source) === undefined)
            .map(({ id, source }) => [id, source]);
        expect(without.filter(([, source]) => !source?.startsWith("docs/"))).toEqual([]);
    });
});
