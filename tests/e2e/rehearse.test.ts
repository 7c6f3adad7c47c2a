/** Rehearsals and the comment of a pull request, with real labs in namespaces. */

import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sandboxName } from "../../provider/resources/claim";
import { destroySandbox, sandboxPid } from "../../provider/sandbox/start";
import { marker } from "../../review/comment";
import type { Rehearsal } from "../../review/rehearsal";
import type { Review } from "../../review/review";
import { type Checkout, newCheckout } from "../commands/checkout";
import { type Run, runProgram } from "./lab";
import { added, processesWith, tracesOf } from "./traces";

const yaml = (lab: object, settings: object = {}) =>
    JSON.stringify({
        config: { "bgp-lab:topology": "single-frr", "bgp-lab:lab": { workers: 1, ...lab }, ...settings },
    });

describe("rehearse", () => {
    let project: Checkout;
    let traces: ReturnType<typeof tracesOf>;
    /** What is in the names of the sandboxes of the stack's rehearsals. */
    const mark = "small-rehearsal-";

    const look = () => tracesOf({ folder: dirname(project.folder), sandboxName: mark, temporary: project.temporary });

    beforeAll(async () => {
        project = await newCheckout();
        for (const file of (await project.git("ls-files", "Pulumi.*.yaml")).split("\n")) {
            project.remove(file);
        }
        project.write("Pulumi.small.yaml", yaml({}));
        await project.commit("one small stack");
        traces = look();
    });

    afterEach(async () => {
        await project.git("checkout", "--quiet", "--force", "HEAD");
        await project.git("clean", "--quiet", "-d", "--force");
        // A provider ends when it sees that its engine has.
        await expect.poll(() => added(traces, look()), { timeout: 10_000, interval: 50 }).toEqual([]);
    });

    afterAll(async () => {
        await destroySandbox(sandboxName("bgp-lab", "small", project.folder));
        project.dispose();
    });

    const rehearse = (...args: string[]) => project.run("rehearse", "--json", ...args);
    const rehearsals = ({ stdout }: Run) => JSON.parse(stdout) as readonly Rehearsal[];

    it("brings up what its file has for Docker as well, in namespaces, and removes all of it", async () => {
        project.write("Pulumi.contained.yaml", yaml({ routerAsn: 64900 }, { "bgp-lab:runtime": "docker" }));
        const { code, stdout, stderr } = await rehearse();
        expect([code, stderr]).toEqual([0, ""]);
        const records = JSON.parse(stdout) as readonly { stack: string; passed: number; failed: unknown }[];
        expect(records.map(({ stack, failed }) => [stack, failed])).toEqual([
            ["contained", []],
            ["small", []],
        ]);
        expect(Math.min(...records.map(({ passed }) => passed))).toBeGreaterThan(10);
    });

    it("names the checks that fail, and still removes the lab", async () => {
        project.write("Pulumi.small.yaml", yaml({}, { "bgp-lab:verify": { deadline: 5 } }));
        // Somebody's change after which the prediction is wrong.
        project.edit(
            "verify/plan.ts",
            "const sessions = sessionChecks(lab, prediction);",
            "const sessions = sessionChecks(lab, prediction).map((check) => ({ ...check, remoteAsn: 64999 }));",
        );
        const run = await rehearse();
        expect(run.code).toBe(1);
        const [record] = rehearsals(run) as readonly Extract<Rehearsal, { passed: number }>[];
        expect(record!.passed).toBeGreaterThan(0);
        expect(record!.failed.map(({ expected }) => expected)).toEqual(
            Array.from({ length: 4 }, () => expect.stringContaining("AS 64999")),
        );
        const { stdout, stderr } = await project.run("rehearse");
        expect(stdout + stderr).toMatch(/small +4 of \d+ checks failed, removed\n/);
    });

    it("gives the reason when a lab cannot be built, and does not try one that the rules refuse", async () => {
        project.write("Pulumi.broken.yaml", "config: [");
        project.write("Pulumi.refused.yaml", yaml({ routerAsn: 23456 }));
        project.edit(
            "index.ts",
            "const deployed =",
            'throw new pulumi.RunError("broken on purpose");\nconst deployed =',
        );
        const run = await rehearse();
        expect(run.code).toBe(1);
        expect(rehearsals(run)).toEqual([
            { stack: "broken", notRun: "refused by CFG-015" },
            { stack: "refused", notRun: expect.stringMatching(/^refused by [A-Z-]+-\d+/) },
            { stack: "small", error: "broken on purpose" },
        ]);
    });

    it("leaves nothing when it is interrupted while the lab comes up", async () => {
        const child = spawn(process.execPath, ["scripts/run.cjs", "rehearse"], {
            cwd: project.folder,
            env: project.env,
            stdio: "ignore",
        });
        const ended = new Promise((resolve) => child.once("close", resolve));
        const sandbox = `bgp-lab-sandbox=bgp-lab-${mark}`;
        await expect.poll(() => processesWith(sandbox), { timeout: 60_000, interval: 20 }).not.toEqual([]);
        child.kill("SIGINT");
        expect(await ended).toBe(130);
        expect(processesWith(mark)).toEqual([]);
    });

    it("does not touch the lab of the stack that runs, which diff compares with the file and with a preview", async () => {
        const env = { ...project.env, BGP_LAB_ENGINE: "embedded", PULUMI_CONFIG_PASSPHRASE: "test" };
        const pulumi = async (...args: string[]) => {
            const run = await runProgram("./scripts/pulumi.sh", args, { cwd: project.folder, env });
            expect([run.code, run.code === 0 ? "" : run.stdout + run.stderr]).toEqual([0, ""]);
            return run.stdout;
        };
        const command = (...args: string[]) =>
            runProgram(process.execPath, ["scripts/run.cjs", ...args], { cwd: project.folder, env });
        await pulumi("ensure", "small");
        await pulumi("up", "--stack=small", "--yes", "--skip-preview");
        const own = sandboxName("bgp-lab", "small", project.folder);
        const pid = sandboxPid(own);
        expect(pid).toBeDefined();
        expect((await command("rehearse")).code).toBe(0);
        expect(sandboxPid(own)).toBe(pid);
        expect((await command("verify", "--stack=small")).code).toBe(0);

        expect((await command("diff")).stdout).toBe("small: nothing changes\n");
        project.write("Pulumi.small.yaml", yaml({ workers: 2 }));
        const deployed = await command("diff", "--json");
        const preview = await pulumi("preview", "--stack=small", "--json");
        writeFileSync(join(project.folder, "build/preview.json"), preview);
        const previewed = await command("diff", "--json", "--preview=build/preview.json");
        const [ofState, ofPreview] = [deployed, previewed].map(({ stdout }) => {
            const [review] = (JSON.parse(stdout) as { reviews: readonly Review[] }).reviews;
            const { sessions, routes, configurations } = review!;
            return { sessions, routes, configurations };
        });
        expect(ofState!.sessions.map(({ kind }) => kind)).toEqual(["added", "added"]);
        expect(ofPreview).toEqual(ofState);
        await pulumi("destroy", "--stack=small", "--yes", "--skip-preview");
    });

    it("is part of the comment of a pull request, with what changes in routing; a refused stack fails it", async () => {
        project.write("Pulumi.small.yaml", yaml({ workers: 2 }));
        const good = await project.run("pr-comment", "--base=HEAD", "--out=build/comment.md");
        expect([good.code, good.stdout]).toEqual([0, ""]);
        const comment = () => readFileSync(join(project.folder, "build/comment.md"), "utf8");
        expect(comment().startsWith(marker)).toBe(true);
        expect(comment()).toMatch(/\| small \|.*\| \d+ checks passed \|.*2 sessions/);

        project.write("Pulumi.small.yaml", yaml({ routerAsn: 23456 }));
        const refused = await project.run("pr-comment", "--base=HEAD", "--out=build/comment.md");
        expect(refused.code).toBe(1);
        expect(comment()).toMatch(/\| small \| 2 new errors .*not run: refused by BGP-ASN-001/);
    });
});
