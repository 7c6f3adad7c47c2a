import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { FailureEffect } from "../../routing/sweep";
import type { Trace } from "../../routing/trace";
import { type Run, root, runProgram } from "../e2e/lab";

function predict(stack: string, ...args: string[]): Promise<Run> {
    // No Pulumi, no state and no Docker: there is nothing but the stack's file to read.
    const env = { PATH: process.env.PATH, HOME: "/nonexistent", DOCKER_HOST: "unix:///nonexistent.sock" };
    return runProgram(process.execPath, ["scripts/run.cjs", "predict", `--stack=${stack}`, ...args], {
        cwd: root,
        env,
    });
}

describe("predict", () => {
    it("shows sessions, routes, traces and failures of a stack that was never built", async () => {
        const { code, stdout, stderr } = await predict("leaf-spine");
        expect(`${code}${stderr}`).toBe("0");
        const titles = stdout.split("\n").filter((line) => /^[a-z]+$/.test(line));
        expect(titles).toEqual(["sessions", "routes", "traces", "failures"]);
        expect(stdout).toMatch(/^leaf0 +10\.1\.8\.0\/24 +10\.1\.10\.2, 10\.1\.12\.2 +500 65008 /m);
        expect(stdout).toMatch(/^session:spine0-leaf0 +leaf0 2 → 1 \(3 networks\)/m);
    });

    it("gives the same as JSON", async () => {
        const { stdout } = await predict("leaf-spine", "--json", "--only", "failures", "--only", "traces");
        const { failures, traces, ...rest } = JSON.parse(stdout) as {
            readonly failures: readonly FailureEffect[];
            readonly traces: readonly Trace[];
        };
        expect(rest).toEqual({});
        expect(traces.every(({ ways }) => ways.every(({ disposition }) => disposition === "delivered"))).toBe(true);
        const cut = failures.find(({ name }) => name === "link:leaf0-br-leaf0");
        expect(cut?.unreachable.map(({ to }) => to)).toContain("10.98.0.10");
    });

    it("follows packets between two ends over all ways", async () => {
        const { stdout } = await predict("leaf-spine", "--from", "cni-0", "--to", "cni-3");
        expect(stdout).toMatch(/leaf0 \(eth1\) → spine0 .* delivered +pod cni-3/);
        expect(stdout).toMatch(/leaf0 \(eth2\) → spine1 .* delivered +pod cni-3/);
        const half = await predict("leaf-spine", "--from", "cni-0");
        expect(half.stderr).toMatch(/two ends/);
        expect(half.code).not.toBe(0);
    });

    it("refuses what cannot become a lab, with the findings", async () => {
        const folder = mkdtempSync(join(tmpdir(), "bgp-lab-predict-"));
        const config = { "bgp-lab:topology": "calico-metallb-vrf", "bgp-lab:lab": { vrfs: false } };
        writeFileSync(join(folder, "Pulumi.shared.yaml"), JSON.stringify({ config }));
        const run = runProgram(process.execPath, [join(root, "scripts/run.cjs"), "predict", "--stack=shared"], {
            cwd: folder,
        });
        const { code, stderr } = await run.finally(() => rmSync(folder, { recursive: true }));
        expect(code).not.toBe(0);
        expect(stderr).toMatch(/Pulumi\.shared\.yaml: the configuration cannot become a lab/);
        expect(stderr).toContain("BGP-SES-009");
        expect((await predict("nobody")).stderr).toMatch(/there is no Pulumi\.nobody\.yaml/);
    });
});
