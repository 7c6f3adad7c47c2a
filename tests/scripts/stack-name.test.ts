import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root, runProgram } from "../e2e/lab";

describe("make with a stack that can have no such name", { timeout: 60_000 }, () => {
    let state = "";

    beforeEach(() => {
        state = mkdtempSync(join(tmpdir(), "bgp-lab-stack-name-"));
    });

    afterEach(() => rmSync(state, { recursive: true, force: true }));

    for (const name of ["", "two words", "a;id", "a/b", "-h", "$(id)"]) {
        it(`refuses ${JSON.stringify(name)} as one word, and makes nothing`, async () => {
            const env = { ...process.env, BGP_LAB_ENGINE: "embedded", PULUMI_BACKEND_URL: `file://${state}` };
            const { code, stdout, stderr } = await runProgram("make", ["preview"], {
                cwd: root,
                env: { ...env, STACK: name },
            });
            expect(code).toBe(2);
            expect(stderr).toMatch(/the stack has no name|invalid stack name|is not of this project/);
            if (name !== "") {
                expect(stderr).toContain(name);
            }
            expect(stdout).not.toContain("Previewing");
            expect(readdirSync(state)).toEqual([]);
        });
    }
});
