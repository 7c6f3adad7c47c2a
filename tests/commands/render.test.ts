import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { planned } from "../../commands/planned";
import { podRouters } from "../../lab/pods";
import { root, runProgram } from "../e2e/lab";

function render(...args: readonly string[]) {
    return runProgram("node", ["scripts/run.cjs", "render", ...args], { cwd: root });
}

function filesBelow(folder: string): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .sort();
}

/** Stacks of this project whose lab the rules allow. */
const stacks = ["dev", "leaf-spine", "calico-metallb-vrf", "ibgp-frr", "pod-gateway"];

describe("make render", () => {
    it.each(stacks)("writes every text of %s into a folder, and names what it wrote", async (stack) => {
        const out = mkdtempSync(join(tmpdir(), "bgp-lab-render-"));
        try {
            const { code, stdout, stderr } = await render(`--stack=${stack}`, `--out=${out}`);
            expect(`${code}${stderr}`).toBe("0");
            const told = stdout.trim().split("\n");
            const written = told.filter((line) => !line.startsWith("left out: "));
            expect(written.map((line) => relative(out, line)).sort()).toEqual(filesBelow(out));
            const { lab } = planned(stack);
            for (const [router, { pod, bgp }] of Object.entries(lab.routers)) {
                const isFrrOnly = pod !== undefined || bgp.podNeighbors !== undefined;
                for (const name of isFrrOnly ? ["frr.conf"] : ["frr.conf", "config.boot", "vyos.set"]) {
                    expect(filesBelow(out)).toContain(`${router}/${name}`);
                }
            }
            expect(filesBelow(out).includes("cluster/gateway-pods.yaml")).toBe(podRouters(lab).length > 0);
            const texts = filesBelow(out).map((name) => readFileSync(join(out, name), "utf8"));
            expect(texts.filter((text) => text.trim() === "")).toEqual([]);
        } finally {
            rmSync(out, { recursive: true, force: true });
        }
    });

    it("has the router of calico-metallb-vrf for IOS-XE, and says why that of dev is left out", async () => {
        const { stdout } = await render("--stack=calico-metallb-vrf");
        expect(stdout).toMatch(/^==> csr1000v\/ios-xe\.txt <==\nhostname csr1000v\n!\nip vrf k8s-calico\n/m);
        expect((await render("--stack=dev")).stdout).toContain(
            "==> router0/ios-xe.txt is left out: routers.router0: the text for IOS-XE cannot have IPv6 <==",
        );
    });

    it("locks the account where only a deployed lab has a password", async () => {
        const { stdout } = await render("--stack=leaf-spine");
        const passwords = [...stdout.matchAll(/^.*encrypted-password.*$/gm)].map(([line]) => line.trim());
        expect(passwords).toHaveLength(8);
        expect(new Set(passwords)).toEqual(
            new Set(['encrypted-password "!"', "set system login user vyos authentication encrypted-password '!'"]),
        );
    });

    it("refuses a stack without a file", async () => {
        const { code, stderr } = await render("--stack=nobody");
        expect(code).toBe(255);
        expect(stderr).toBe("there is no Pulumi.nobody.yaml: set STACK to the <name> of a Pulumi.<name>.yaml\n");
    });
});
