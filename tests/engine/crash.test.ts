import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { processesWith } from "../e2e/traces";
import { type ResourceSpec, type Spec, type TestProject, useProjects } from "./harness";

const project = useProjects();

const up = ["up", "--yes", "--skip-preview"] as const;
const destroy = ["destroy", "--yes", "--skip-preview"] as const;

/** Polls until a condition holds. */
async function until(what: string, condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!condition()) {
        if (Date.now() > deadline) {
            throw new Error(`timed out waiting until ${what}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 2));
    }
}

/** Three chains of three resources, each of which takes a while. */
function chains(delay: number): Spec {
    const resources: ResourceSpec[] = ["a", "b", "c"].flatMap((chain) =>
        [1, 2, 3].map((step) => ({
            name: `${chain}${step}`,
            inputs: { value: `${chain}${step}`, delay, secretValue: { secret: "s" } },
            options: step === 1 ? {} : { dependsOn: [`${chain}${step - 1}`] },
        })),
    );
    return { resources };
}

const all = ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"].map((name) => `${name}-0`);

function latest({ stateFile }: TestProject): { pending_operations?: { type: string; resource: { urn: string } }[] } {
    return (JSON.parse(readFileSync(stateFile, "utf8")) as { checkpoint: { latest?: object } }).checkpoint.latest ?? {};
}

function pendingOf(target: TestProject): string[] {
    return (latest(target).pending_operations ?? []).map(
        ({ type, resource }) => `${type} ${resource.urn.split("::").pop()}`,
    );
}

/** Kills a run once the provider has had a number of calls, and a little later. */
async function killDuring(
    target: TestProject,
    command: readonly string[],
    calls: number,
    extra: number,
): Promise<void> {
    target.clearCalls();
    const { child, ended } = target.start(...command);
    await Promise.race([until(`${calls} calls`, () => target.calls().length >= calls), ended]);
    await new Promise((resolve) => setTimeout(resolve, extra));
    child.kill("SIGKILL");
    await ended;
}

// Spread over the run: how many calls the provider had had, and milliseconds after that.
const moments = [
    [1, 0],
    [2, 7],
    [3, 13],
    [5, 31],
    [7, 3],
    [9, 19],
] as const;

describe("a SIGKILL of the engine", { timeout: 240_000 }, () => {
    it("during up, at many moments, is made good by the next up", async () => {
        const target = project();
        target.write(chains(20));
        for (const [calls, extra] of moments) {
            await killDuring(target, up, calls, extra);
            const next = await target.engine(...up);
            expect(next.code, next.all).toBe(0);
            expect(target.things()).toEqual(all);
            expect(pendingOf(target)).toEqual([]);
            const clean = await target.engine(...destroy);
            expect(clean.code, clean.all).toBe(0);
            expect(target.things()).toEqual([]);
        }
    });

    it("during destroy, at many moments, is made good by the next destroy", async () => {
        const target = project();
        target.write(chains(20));
        for (const [calls, extra] of moments) {
            const made = await target.engine(...up);
            expect(made.code, made.all).toBe(0);
            await killDuring(target, destroy, calls, extra);
            const next = await target.engine(...destroy);
            expect(next.code, next.all).toBe(0);
            expect(target.things()).toEqual([]);
            expect(target.resources()).toEqual([]);
        }
    });

    it("leaves a durable note of every step that the provider was asked for", async () => {
        const target = project();
        target.write({ resources: [{ name: "slow", inputs: { delay: 2000 } }] });
        await killDuring(target, up, 1, 0);
        expect(target.calls()).toEqual(["create slow"]);
        expect(pendingOf(target)).toEqual(["creating slow"]);
    });

    it("ends the program, which nobody hears any more", async () => {
        const target = project();
        target.write({ resources: [{ name: "slow", inputs: { delay: 60_000 } }] });
        await killDuring(target, up, 1, 0);
        const programs = () => processesWith(target.directory).filter((each) => each.includes("pulumi/cmd/run"));
        await until("the program has ended", () => programs().length === 0);
    });

    it("during a create is told about, and the pending create is cleared by the next up", async () => {
        const target = project();
        target.write({ resources: [{ name: "slow", inputs: { delay: 300 } }] });
        await killDuring(target, up, 1, 0);
        const next = await target.engine(...up);
        expect(next.code, next.all).toBe(0);
        expect(next.stdout).toContain("the previous run was cut off during 1 operation(s)");
        expect(next.stdout).toContain("slow, interrupted while creating");
        expect(pendingOf(target)).toEqual([]);
    });

    it("during a create whose resource has left the program since keeps the pending create until destroy", async () => {
        const target = project();
        target.write({
            resources: [
                { name: "first", inputs: {} },
                { name: "slow", inputs: { delay: 300 } },
            ],
        });
        await killDuring(target, up, 2, 0);
        target.write({ resources: [{ name: "first", inputs: {} }] });
        expect((await target.engine(...up)).code).toBe(0);
        expect(pendingOf(target)).toEqual(["creating slow"]);
        const gone = await target.engine(...destroy);
        expect(gone.code, gone.all).toBe(0);
        expect(gone.stdout).toContain("slow, interrupted while creating");
        expect(pendingOf(target)).toEqual([]);
    });

    it("during an update makes the next up update again, although the record and the program agree", async () => {
        const target = project();
        target.write({ resources: [{ name: "a", inputs: { value: "1" } }] });
        expect((await target.engine(...up)).code).toBe(0);
        target.write({ resources: [{ name: "a", inputs: { value: "2", delay: 2000 } }] });
        await killDuring(target, up, 1, 0);
        target.write({ resources: [{ name: "a", inputs: { value: "1" } }] });
        target.clearCalls();
        expect((await target.engine(...up)).code).toBe(0);
        expect(target.calls()).toEqual(["update a"]);
    });

    it("leaves no lock that stands in the way of the next run, which says whose it took over", async () => {
        const target = project();
        target.write({ resources: [{ name: "slow", inputs: { delay: 500 } }] });
        await killDuring(target, up, 1, 0);
        const next = await target.engine(...up);
        expect(next.code, next.all).toBe(0);
        expect(next.stderr).toMatch(/took over the lock of a process that is gone: created by \S+@\S+ \(pid \d+\)/);
    });
});

describe("an interrupt", { timeout: 120_000 }, () => {
    it("lets the running step finish, begins no other, saves, and fails", async () => {
        const target = project();
        target.write({
            resources: [
                { name: "first", inputs: { delay: 1000 } },
                { name: "second", inputs: {}, options: { dependsOn: ["first"] } },
            ],
        });
        const { child, ended } = target.start(...up);
        await until("the first create", () => target.calls().length === 1);
        child.kill("SIGINT");
        const result = await ended;
        expect(result.code, result.all).toBe(1);
        expect(target.calls()).toEqual(["create first"]);
        expect(target.things()).toEqual(["first-0"]);
        expect(target.resources().map(({ urn }) => urn.split("::").pop())).toContain("first");
        expect(pendingOf(target)).toEqual([]);
        expect(readdirSync(lockDirectory(target))).toEqual([]);
    });

    it("a second time ends the process at once", async () => {
        const target = project();
        target.write({ resources: [{ name: "slow", inputs: { delay: 20_000 } }] });
        const { child, ended } = target.start(...up);
        await until("the create", () => target.calls().length === 1);
        const began = Date.now();
        let said = "";
        child.stderr!.on("data", (text: string) => {
            said += text;
        });
        child.kill("SIGINT");
        await until("it is heard", () => said.includes("interrupt again"));
        child.kill("SIGINT");
        expect((await ended).code).toBe(130);
        expect(Date.now() - began).toBeLessThan(10_000);
        expect(pendingOf(target)).toEqual(["creating slow"]);
    });
});

function lockDirectory({ directory }: TestProject): string {
    return join(directory, "state/.pulumi/locks/organization/proj/dev");
}

function writeLock(target: TestProject, content: object): string {
    mkdirSync(lockDirectory(target), { recursive: true });
    const file = join(lockDirectory(target), "00000000-0000-4000-8000-000000000000.json");
    writeFileSync(file, JSON.stringify({ username: "somebody", timestamp: new Date().toISOString(), ...content }));
    return file;
}

describe("the lock", { timeout: 60_000 }, () => {
    it("of a living process keeps a second run out, and is named with its holder", async () => {
        const target = project();
        target.write({ resources: [] });
        const file = writeLock(target, { pid: process.pid, hostname: hostname() });
        const refused = await target.engine(...up);
        expect(refused.code).toBe(1);
        expect(refused.stderr).toContain("the stack is currently locked by 1 lock(s)");
        expect(refused.stderr).toContain(`created by somebody@${hostname()} (pid ${process.pid})`);
        expect(existsSync(file)).toBe(true);
    });

    it("of another host is never taken over, but `cancel` removes it", async () => {
        const target = project();
        target.write({ resources: [] });
        const file = writeLock(target, { pid: 1, hostname: "elsewhere.example" });
        expect((await target.engine(...destroy)).code).toBe(1);
        const cancelled = await target.engine("cancel", "--yes");
        expect(cancelled.code, cancelled.all).toBe(0);
        expect(existsSync(file)).toBe(false);
        expect((await target.engine(...destroy)).code).toBe(0);
    });

    it("whose pid was given to another process is taken over", async () => {
        const target = project();
        target.write({ resources: [] });
        writeLock(target, { pid: process.pid, hostname: hostname(), started: "an-earlier-boot 4711" });
        const next = await target.engine(...destroy);
        expect(next.code, next.all).toBe(0);
        expect(next.stderr).toContain("took over the lock");
    });

    it("of a living process is kept however the machine's clock was set since", async () => {
        const target = project();
        target.write({ resources: [{ name: "slow", inputs: { delay: 3000 } }] });
        const { ended } = target.start(...up);
        await until("the create", () => target.calls().length === 1);
        const [name = ""] = readdirSync(lockDirectory(target));
        const file = join(lockDirectory(target), name);
        const lock = JSON.parse(readFileSync(file, "utf8")) as object;
        writeFileSync(file, JSON.stringify({ ...lock, timestamp: "2020-01-01T00:00:00.000Z" }));
        const refused = await target.engine(...up);
        expect(refused.code, refused.all).toBe(1);
        expect(refused.stderr).toContain("the stack is currently locked by 1 lock(s)");
        expect((await ended).code).toBe(0);
    });

    it("is not taken by a preview", async () => {
        const target = project();
        target.write({ resources: [] });
        writeLock(target, { pid: process.pid, hostname: hostname() });
        const looked = await target.engine("preview");
        expect(looked.code, looked.all).toBe(0);
    });
});
