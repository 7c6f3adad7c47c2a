import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { root, runProgram } from "./lab";

describe("the setup in a checkout whose node_modules is a link", () => {
    let folder = "";

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "bgp-lab-setup-"));
        mkdirSync(join(folder, "scripts"));
        for (const file of ["package.json", "package-lock.json", "scripts/setup.sh"]) {
            copyFileSync(join(root, file), join(folder, file));
        }
        mkdirSync(join(folder, "elsewhere"));
        writeFileSync(join(folder, "elsewhere/package.json"), "{}");
        symlinkSync("elsewhere", join(folder, "node_modules"));
    });

    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    it("stops rather than have npm empty the folder that the link leads to", async () => {
        const { code, stderr } = await runProgram(join(folder, "scripts/setup.sh"), [], { cwd: folder });
        expect(code).toBe(1);
        expect(stderr).toContain("node_modules leads to a folder without packages");
        expect(readdirSync(join(folder, "elsewhere"))).toEqual(["package.json"]);
    });
});
