import { describe, expect, it } from "vitest";
import { permits } from "../../controller/permits";
import type { PrefixListEntry } from "../../lab/model";

const list = (...entries: readonly Omit<PrefixListEntry, "sequence">[]): readonly PrefixListEntry[] =>
    entries.map((entry, index) => ({ sequence: 5 * (index + 1), ...entry }));

describe("what a selector lets a Pod have", () => {
    const administrator = list(
        { action: "deny", prefix: "172.16.0.0/12", le: 32 },
        { action: "deny", prefix: "192.168.0.128/25", le: 32 },
    );
    const users = list({ action: "permit", prefix: "192.168.0.0/24", le: 32 });

    it("is decided by whole lists in their order, whatever numbers their entries have", () => {
        const takes = permits("ipv4", administrator, users);
        expect(takes("192.168.0.1/32")).toBe(true);
        expect(takes("192.168.0.200/32")).toBe(false);
        expect(takes("192.168.1.0/24")).toBe(false);
    });
});
