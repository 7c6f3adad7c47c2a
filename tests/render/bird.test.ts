import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { GobgpConfig } from "../../provider/schema";
import { birdConf } from "../../render/bird";
import { nodeSpec } from "../../render/embedded";
import { expectGolden } from "../golden";
import { lab } from "./labs";

const run = promisify(execFile);
const bird = ["/usr/sbin/bird", "/usr/local/sbin/bird"].find((path) => existsSync(path));

if (bird === undefined) {
    console.warn("SKIPPED: tests with the real BIRD need bird2");
}

function config(parameters: Record<string, unknown>): GobgpConfig {
    const { cilium } = nodeSpec(lab(parameters), "cilium-bgp-cp-worker").speakers;
    if (cilium?.kind !== "gobgp") {
        throw new Error("the default speaker is GoBGP");
    }
    return cilium.config;
}

/** What `bird -p` says of a configuration; empty when it accepts it. */
async function parse(text: string): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "bird-"));
    try {
        writeFileSync(join(folder, "bird.conf"), text);
        const { stdout, stderr } = await run(bird!, ["-p", "-c", join(folder, "bird.conf")]).catch(
            (error: { readonly stdout: string; readonly stderr: string }) => error,
        );
        return stdout + stderr;
    } finally {
        rmSync(folder, { recursive: true });
    }
}

describe("bird.conf", () => {
    it("of a worker is the golden one", () => {
        expectGolden(join(__dirname, "golden", "bird.conf"), birdConf(config({ exportPodCidr: true })));
    });

    it("has no static protocol for a family in which nothing is originated", () => {
        const text = birdConf({ ...config({}), originated: ["10.254.0.10/32"] });
        expect(text).toContain("protocol static originated_ipv4");
        expect(text).not.toContain("protocol static originated_ipv6");
    });

    it("turns graceful restart off when it is not asked for", () => {
        const text = birdConf(config({ gracefulRestartTime: 0 }));
        expect(text).toContain("graceful restart off;");
        expect(text).not.toContain("graceful restart time");
    });

    it("sends keepalives at a third of the hold time at the latest", () => {
        expect(birdConf(config({}))).toContain("hold time 30;\n    keepalive time 10;");
        const never = config({}).neighbors.map((neighbor) => ({ ...neighbor, holdTime: 0, keepalive: 0 }));
        expect(birdConf({ ...config({}), neighbors: never })).not.toContain("keepalive");
    });

    it("imports nothing on any session", () => {
        const text = birdConf(config({}));
        expect(text.match(/ import /g)).toEqual(text.match(/ import none;/g)?.map(() => " import "));
    });

    it.skipIf(bird === undefined).each([
        ["of a worker", {}],
        ["with pod CIDRs and without graceful restart", { exportPodCidr: true, gracefulRestartTime: 0 }],
        ["with both families on each session", { ciliumVersion: "1.14.1" }],
    ])("is accepted by the real BIRD: %s", async (_, parameters) => {
        expect(await parse(birdConf(config(parameters)))).toBe("");
    });

    it.skipIf(bird === undefined)("that BIRD does not understand is not accepted", async () => {
        expect(await parse(`${birdConf(config({}))}protocol brp;\n`)).toContain("syntax error");
    });
});
