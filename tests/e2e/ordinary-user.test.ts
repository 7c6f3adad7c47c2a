import { spawnSync } from "node:child_process";
import { chownSync, cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sandboxName } from "../../provider/resources/claim";
import { destroySandbox } from "../../provider/sandbox/start";
import { type Run, root, runProgram } from "./lab";
import { processesWith } from "./traces";

/** The user `nobody`: ordinary to the kernel, and on every machine, so that none has to be made. */
const nobody = 65534;
const isRoot = process.getuid?.() === 0;

function mayMakeNamespaces(): boolean {
    const ids = isRoot ? { uid: nobody, gid: nobody } : {};
    return spawnSync("unshare", ["-U", "-r", "-m", "-p", "-n", "-f", "--mount-proc", "true"], ids).status === 0;
}

const skipped = mayMakeNamespaces() ? undefined : "this machine does not let ordinary users make namespaces";
if (skipped !== undefined) {
    console.warn(`the lab of an ordinary user is NOT tested: ${skipped}`);
}

/** Folders that a checkout does not have. */
const notCopied = new Set(["node_modules", ".git", "build", ".bgp-lab", ".pulumi", "tests"]);

/** A copy of the project that the user owns, as after a checkout and `npm ci`. */
function checkout(): string {
    const folder = mkdtempSync(join(tmpdir(), "bgp-lab-user-"));
    cpSync(root, folder, {
        recursive: true,
        preserveTimestamps: true,
        filter: (source) => !notCopied.has(relative(root, source)),
    });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    // Older than what is installed, so that the setup never runs npm on the folder that the link leads to.
    utimesSync(join(folder, "package-lock.json"), 0, 0);
    writeFileSync(join(folder, "Pulumi.user.yaml"), "config:\n  bgp-lab:lab:\n    workers: 1\n");
    if (isRoot) {
        give(folder);
    }
    return folder;
}

function give(folder: string): void {
    chownSync(folder, nobody, nobody);
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isSymbolicLink()) {
            chownSync(join(entry.parentPath, entry.name), nobody, nobody);
        }
    }
}

describe.skipIf(skipped !== undefined)("an ordinary user with the packages installed", () => {
    let folder = "";
    let name = "";

    function make(verb: string, args = ""): Promise<Run> {
        const { PATH } = process.env;
        return runProgram("make", ["--no-print-directory", verb, "STACK=user", `ARGS=${args}`], {
            cwd: folder,
            env: { PATH, HOME: folder, TMPDIR: folder, BGP_LAB_ENGINE: "embedded" },
            ...(isRoot ? { uid: nobody, gid: nobody } : {}),
        });
    }

    beforeAll(() => {
        folder = checkout();
        name = sandboxName("bgp-lab", "user", folder);
    });

    afterAll(async () => {
        await destroySandbox(name);
        rmSync(folder, { recursive: true, force: true });
    });

    it("builds a verified lab with make up, and changes nothing with a second one", async () => {
        const up = await make("up");
        expect(up.code, up.stdout + up.stderr).toBe(0);
        expect(up.stdout).toContain("make verify");
        const again = await make("up", "--expect-no-changes");
        expect(again.code, again.stdout + again.stderr).toBe(0);
    });

    it("verifies it again with make verify", async () => {
        const { code, stdout, stderr } = await make("verify");
        expect(code, stderr).toBe(0);
        expect(stdout).toMatch(/\d+ checks passed/);
    });

    it("removes it with make down", async () => {
        const { code, stdout, stderr } = await make("down");
        expect(code, stdout + stderr).toBe(0);
        expect(processesWith(folder, name)).toEqual([]);
    });
});
