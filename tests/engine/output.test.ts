import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { useProjects } from "./harness";

const newProject = useProjects();

/** Processor time that a process has used, in clock ticks; nothing once it has ended. */
function ticks(pid: number): number | undefined {
    try {
        const [, utime, stime] =
            /\) \w(?: -?\d+){10} (\d+) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        return Number(utime) + Number(stime);
    } catch {
        return undefined;
    }
}

/** Waits until the pipe is full and the engine has nothing left to do but to wait for its reader. */
async function idleOrEnded({ pid = 0, exitCode }: ChildProcess): Promise<void> {
    let idle = 0;
    for (let before = ticks(pid); idle < 10 && exitCode === null; before = ticks(pid)) {
        await setTimeout(50);
        idle = ticks(pid) === before && before !== 0 ? idle + 1 : 0;
    }
}

describe("output into a pipe", { timeout: 60_000 }, () => {
    it("arrives whole at a reader that starts late, however long it is", async () => {
        const project = newProject();
        const value = "0123456789".repeat(100_000);
        project.write({ resources: [{ name: "large", inputs: { value } }] });
        expect((await project.engine("up", "--yes", "--skip-preview")).code).toBe(0);

        const { child, ended } = project.start("stack", "export", "--stack", "dev");
        child.stdout?.pause();
        await idleOrEnded(child);
        child.stdout?.resume();
        const { code, stdout } = await ended;
        expect(code).toBe(0);
        expect(JSON.parse(stdout).deployment.resources.at(-1).inputs.value).toBe(value);
    });
});
