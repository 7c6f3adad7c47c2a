import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, runProgram } from "../e2e/lab";

function draw(...args: readonly string[]) {
    return runProgram("node", ["scripts/run.cjs", "diagram", ...args], { cwd: root });
}

const drawing = join(root, "docs", "images", "leaf-spine-bgp.svg");

describe("make diagram", () => {
    it("prints the whole lab of a stack file as Mermaid, with nothing deployed", async () => {
        const { code, stdout, stderr } = await draw("--stack=leaf-spine", "--view=", "--format=", "--out=");
        expect(`${code}${stderr}`).toBe("0");
        expect(stdout).toMatch(/^flowchart LR\n {4}accTitle: leaf-spine: devices, sessions and services$/m);
    });

    it("writes a view as a drawing into a file, whose folder need not exist, and names it", async () => {
        const folder = mkdtempSync(join(tmpdir(), "bgp-lab-diagram-"));
        try {
            const out = join(folder, "new", "lab.svg");
            const { code, stdout } = await draw("--stack=leaf-spine", "--view=bgp", "--format=svg", `--out=${out}`);
            expect([code, stdout]).toEqual([0, `${out}\n`]);
            expect(readFileSync(out, "utf8")).toBe(readFileSync(drawing, "utf8"));
        } finally {
            rmSync(folder, { recursive: true, force: true });
        }
    });

    it.each([
        ["--view=routes", 'there is no view "routes": set VIEW to one of overview, physical, bgp, vrf'],
        ["--format=png", 'there is no format "png": set FORMAT to one of mermaid, svg, dot'],
    ])("refuses %s, and tells what there is", async (option, says) => {
        const { code, stdout, stderr } = await draw("--stack=dev", option);
        expect([code, stdout, stderr.trim()]).toEqual([2, "", says]);
    });

    it("refuses a stack without a file", async () => {
        const { code, stderr } = await draw("--stack=nowhere");
        expect(code).not.toBe(0);
        expect(stderr).toContain("there is no Pulumi.nowhere.yaml");
    });
});
