import { describe, expect, it } from "vitest";
import { appliedTo } from "../../review/applied";

const router = { device: "leaf0" };
const peer = { device: "spine0" };
const cilium = { device: "worker", program: "cilium" } as const;
const calico = { device: "worker", program: "calico" } as const;
const metallb = { device: "worker", program: "metallb" } as const;

function applied(field: string, ...ends: Parameters<typeof appliedTo>[1]) {
    return appliedTo([{ field, before: "1", after: "2" }], ends);
}

describe("a changed setting of a session that is up", () => {
    it.each([
        "AS of spine0",
        "AS that leaf0 expects",
        "BGP identifier of leaf0",
        "address of spine0",
        "type",
        "families",
        "eBGP multihop",
        "update source of leaf0",
        "route reflector client (IPv4) of leaf0",
    ])("resets a session of routers: %s", (field) => {
        expect(applied(field, router, peer)).toBe("reset");
    });

    it.each(["hold time", "keepalive of leaf0"])("is agreed on in the next session of routers: %s", (field) => {
        expect(applied(field, router, peer)).toBe("next session");
    });

    it.each([
        "connect retry",
        "prefix list in (IPv4)",
        "next hop self (IPv4)",
        "local preference (IPv4)",
        "BFD detect multiplier",
        "maximum prefixes (IPv4)",
    ])("is used at once by routers: %s", (field) => {
        expect(applied(field, router, peer)).toBeUndefined();
    });

    it("resets for timers where Cilium or BIRD have them, and not where only the router does", () => {
        expect(applied("hold time of worker", router, cilium)).toBe("reset");
        expect(applied("hold time", router, cilium)).toBe("reset");
        expect(applied("keepalive of worker", router, calico)).toBe("reset");
        expect(applied("hold time of leaf0", router, cilium)).toBe("next session");
        expect(applied("hold time of worker", router, metallb)).toBe("next session");
    });

    it("resets when one of several does", () => {
        const fields = [{ field: "hold time" }, { field: "connect retry" }, { field: "AS of leaf0" }];
        expect(appliedTo(fields, [router, peer])).toBe("reset");
        expect(appliedTo(fields.slice(0, 2), [router, peer])).toBe("next session");
    });
});
