import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { type Run, root, runProgram } from "../e2e/lab";

const model = planSingleFrr(schema.parse({ workers: 1 }));

function state(runtime: "netns" | "docker"): string {
    const urn = "urn:pulumi:mine::bgp-lab";
    const verify = { deadline: 1 };
    const device = { container: "nobody-router0", agent: "nobody-router0" };
    const resources = [
        { type: "bgplab:index:Lab", urn: `${urn}::bgplab:index:Lab::lab`, inputs: { model, runtime, verify } },
        runtime === "docker"
            ? { type: "bgplab:docker:Wiring", urn: `${urn}::bgplab:docker:Wiring::router0`, inputs: device }
            : {
                  type: "bgplab:netns:Sandbox",
                  urn: `${urn}::bgplab:netns:Sandbox::lab`,
                  inputs: { name: "nobody-mine" },
              },
    ];
    return JSON.stringify({ version: 3, deployment: { resources } });
}

describe("commands on a lab that is in the state, but runs nowhere", () => {
    let folder = "";

    beforeAll(() => {
        folder = mkdtempSync(join(tmpdir(), "bgp-lab-commands-"));
        // A CLI that has nothing but the states of two stacks.
        writeFileSync(join(folder, "pulumi"), `#!/bin/sh\ncat "${folder}/\${3#--stack=}.json"\n`);
        chmodSync(join(folder, "pulumi"), 0o755);
        for (const runtime of ["netns", "docker"] as const) {
            writeFileSync(join(folder, `${runtime}.json`), state(runtime));
        }
    });

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function run(command: string, stack: string, ...more: readonly string[]): Promise<Run> {
        return runProgram("node", ["scripts/run.cjs", command, `--stack=${stack}`, ...more], {
            cwd: root,
            env: {
                ...process.env,
                PATH: [folder, process.env.PATH].join(delimiter),
                BGP_LAB_ENGINE: "published",
                PULUMI_CONFIG_PASSPHRASE: "test",
                DOCKER_HOST: `unix://${folder}/nobody.sock`,
            },
        });
    }

    it.each(["netns", "docker"])("diagram draws a lab of %s, without looking for it", async (stack) => {
        const { code, stdout, stderr } = await run("diagram", stack, "--deployed");
        expect(`${code}${stderr}`).toBe("0");
        expect(stdout).toMatch(/^flowchart LR$/m);
    });

    it("status and verify of a lab in namespaces name the sandbox and the way to bring it back", async () => {
        const status = await run("status", "netns");
        expect([status.code, status.stdout]).toEqual([1, expect.stringContaining("nobody-mine is not running")]);
        const { code, stderr } = await run("verify", "netns");
        expect([code, stderr]).toEqual([255, expect.stringContaining("make up STACK=netns")]);
    });

    it.each(["status", "verify"])("%s of a lab in Docker names the engine that does not answer", async (command) => {
        const { code, stderr } = await run(command, "docker");
        expect(code).toBe(255);
        expect(stderr).toContain(`no Docker engine answers at unix://${folder}/nobody.sock`);
    });
});
