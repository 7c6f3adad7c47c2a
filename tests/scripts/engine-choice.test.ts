import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, runProgram } from "../e2e/lab";

/** What the script itself uses; a PATH with these and no `pulumi`. */
const tools = ["sh", "dirname", "node"];

describe("scripts/pulumi.sh on a machine without the published CLI", () => {
    let folder = "";

    beforeAll(async () => {
        folder = mkdtempSync(join(tmpdir(), "bgp-lab-engine-"));
        for (const tool of tools) {
            const { stdout } = await runProgram("sh", ["-c", `command -v ${tool}`]);
            symlinkSync(stdout.trim(), join(folder, tool));
        }
    });

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function describeWith(BGP_LAB_ENGINE: string) {
        return runProgram(join(root, "scripts/pulumi.sh"), ["describe"], {
            env: { PATH: folder, BGP_LAB_ENGINE, PULUMI_CONFIG_PASSPHRASE: "test" },
        });
    }

    it("uses the embedded engine", async () => {
        const { code, stdout } = await describeWith("");
        expect(code).toBe(0);
        expect(stdout).toContain("embedded");
    });

    it("says how to get the CLI to a user who insists on it", async () => {
        const { code, stderr } = await describeWith("published");
        expect(code).toBe(2);
        expect(stderr).toBe(
            "BGP_LAB_ENGINE is published, but no pulumi is on PATH; " +
                "install it (https://www.pulumi.com/docs/install/), or unset it\n",
        );
    });
});
