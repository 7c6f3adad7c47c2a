import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { familyBits, formatPrefix } from "../../lab/address";
import type { Family } from "../../lab/model";
import { validate } from "../../lab/rules";
import { lab } from "./labs";

const bgpd = "/usr/lib/frr/bgpd";
/** bgpd drops privileges before it reads a file, which only root can do. */
const canAsk = existsSync(bgpd) && process.getuid?.() === 0;

if (!canAsk) {
    console.warn("SKIPPED: rules are not compared with the real bgpd: that needs frr, and root");
}

/** Lines of a configuration that bgpd refuses, counted from 1. */
function refusedLines(config: string): ReadonlySet<number> {
    const folder = mkdtempSync(join(tmpdir(), "bgp-lab-frr-"));
    try {
        const file = join(folder, "bgpd.conf");
        writeFileSync(file, config);
        chmodSync(folder, 0o755);
        chmodSync(file, 0o644);
        const { stdout, stderr, error } = spawnSync(bgpd, ["-C", "-f", file, "--log", "stdout"], {
            encoding: "utf8",
            timeout: 20_000,
        });
        expect(error).toBeUndefined();
        const lines = `${stdout}${stderr}`.matchAll(/on config line (\d+):/g);
        return new Set([...lines].map(([, line]) => Number(line)));
    } finally {
        rmSync(folder, { recursive: true });
    }
}

const entry = fc.constantFrom<Family>("ipv4", "ipv6").chain((family) => {
    const bits = familyBits(family);
    // Beyond the bits of the family too, and close to each other, so that every order of the three lengths is common.
    const length = fc.integer({ min: 0, max: bits });
    return length.chain((base) => {
        const near = fc.option(fc.integer({ min: Math.max(0, base - 2), max: base + 3 }), { nil: undefined });
        return fc.record({ family: fc.constant(family), base: fc.constant(base), ge: near, le: near });
    });
});

describe.skipIf(!canAsk)("FRR's bgpd", () => {
    it("refuses exactly the prefix list entries that rule BGP-POL-003 refuses", () => {
        const random = fc.sample(entry, { numRuns: 600, seed: 8 });
        const config = random.map(({ family, base, ge, le }, index) => {
            const range = `${ge === undefined ? "" : ` ge ${ge}`}${le === undefined ? "" : ` le ${le}`}`;
            const prefix = formatPrefix({ family, value: 0n, length: base });
            return `${family === "ipv4" ? "ip" : "ipv6"} prefix-list L${index} seq 5 permit ${prefix}${range}\n`;
        });
        const refused = refusedLines(config.join(""));
        expect(refused.size).toBeGreaterThan(100);
        const broken = lab({}, ({ routers }) => {
            routers.router0!.prefixLists = random.map(({ family, base, ge, le }, index) => {
                const prefix = formatPrefix({ family, value: 0n, length: base });
                return { name: `L${index}`, family, entries: [{ sequence: 5, action: "permit", prefix, ge, le }] };
            });
        });
        const objected = new Set(
            validate(broken)
                .filter(({ id }) => id === "BGP-POL-003")
                .map(({ at }) => Number(/prefixLists\[(\d+)\]/.exec(at)?.[1])),
        );
        const ruled = config.filter((_, index) => objected.has(index));
        expect(ruled).toEqual(config.filter((_, index) => refused.has(index + 1)));
    });

    it("takes as many paths as the schema allows, and hold times that rule BGP-TMR-001 allows", () => {
        const config = [
            "router bgp 65000",
            " neighbor 10.0.0.1 remote-as 65001",
            " neighbor 10.0.0.1 timers 1 0",
            " neighbor 10.0.0.1 timers 1 1",
            " neighbor 10.0.0.1 timers 1 2",
            " neighbor 10.0.0.1 timers 1 3",
            " neighbor 10.0.0.1 timers connect 0",
            " neighbor 10.0.0.1 timers connect 1",
            " address-family ipv4 unicast",
            "  maximum-paths 256",
            "  maximum-paths 257",
        ];
        const refused = refusedLines(`${config.join("\n")}\n`);
        expect(config.filter((_, index) => refused.has(index + 1))).toEqual([
            " neighbor 10.0.0.1 timers 1 1",
            " neighbor 10.0.0.1 timers 1 2",
            " neighbor 10.0.0.1 timers connect 0",
            "  maximum-paths 257",
        ]);
    });
});
