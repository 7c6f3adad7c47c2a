import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { applyFrr, inspectFrr, stopFrr } from "../../provider/daemons/frr";
import { applyGobgp, inspectGobgp, stopGobgp } from "../../provider/daemons/gobgp";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { nodeConfig, routerConfig } from "./fixtures";
import { sessionsUp, useTwoDevices } from "./lab";

const theSandbox = useTwoDevices("cut-off");
let sandbox: Sandbox;

beforeAll(() => {
    sandbox = theSandbox();
});

/** Lets a process work on the sandbox's daemons and kills it after some milliseconds. */
async function cutOff(work: "frr" | "gobgp", milliseconds: number): Promise<void> {
    const script = join(__dirname, "cut-off-child.ts");
    const child = spawn(process.execPath, ["--import", "tsx", script, sandbox.name, work], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    await once(child.stdout, "data");
    await new Promise((next) => setTimeout(next, milliseconds));
    child.kill("SIGKILL");
    await ended;
}

/** Moments from the first to beyond the last that one of these takes. */
const moments = [0, 15, 30, 45, 60, 80, 110, 150];

describe("a run that is cut off", () => {
    it("while it starts or changes FRR, is made good by the next", async () => {
        for (const [i, moment] of moments.entries()) {
            if (i % 2 === 0) {
                await stopFrr(sandbox, { namespace: "router0" });
            }
            await cutOff("frr", moment);
            await applyFrr(sandbox, { namespace: "router0", config: routerConfig() });
            expect(await inspectFrr(sandbox, { namespace: "router0", config: routerConfig() }), `${moment} ms`).toEqual(
                [],
            );
        }
    }, 60_000);

    it("while it starts or changes gobgpd, is made good by the next", async () => {
        for (const [i, moment] of moments.entries()) {
            if (i % 2 === 0) {
                await stopGobgp(sandbox, { namespace: "node1" });
            }
            await cutOff("gobgp", moment);
            await applyGobgp(sandbox, { namespace: "node1", config: nodeConfig() });
            expect(await inspectGobgp(sandbox, { namespace: "node1", config: nodeConfig() }), `${moment} ms`).toEqual(
                [],
            );
        }
        await sessionsUp(sandbox);
    }, 60_000);
});
