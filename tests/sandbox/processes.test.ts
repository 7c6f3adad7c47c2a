import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { connectSandbox } from "../../provider/sandbox/start";
import { device, run, until, useSandbox } from "./lab";

let sandbox: Sandbox;
const runningSandbox = useSandbox("processes");

beforeAll(async () => {
    sandbox = runningSandbox();
    const fabric = { sandbox: "", namespaces: { router0: device(), router1: device() }, links: {}, bridges: {} };
    await sandbox.call("applyFabric", { fabric });
});

async function daemon(name: string) {
    return (await sandbox.call("daemons", {})).daemons.find((each) => each.name === name);
}

async function processTable(): Promise<string> {
    return run(sandbox, undefined, "ps", "-eo", "pid,ppid,stat,args");
}

describe("daemons", () => {
    it("run in their namespace, under its name as host name, and outlive who started them", async () => {
        const argv = ["sh", "-c", "echo $(hostname); ip netns identify $$; exec sleep 1000"];
        const started = await sandbox.call("startDaemon", { name: "one", namespace: "router0", argv });
        expect(started).toEqual({ name: "one", namespace: "router0", pid: expect.any(Number), running: true });
        await until("it has written to its log", async () => {
            return (await run(sandbox, undefined, "cat", "/run/log/one.log")) === "router0\nrouter0\n";
        });
        const other = await connectSandbox(sandbox.name);
        expect((await other!.call("daemons", {})).daemons).toContainEqual(started);
        other!.close();
    });

    it("are found, not started again, when their arguments are the same", async () => {
        const spec = { name: "same", namespace: "router0", argv: ["sleep", "1000"], env: { A: "1" } };
        const first = await sandbox.call("startDaemon", spec);
        expect(await sandbox.call("startDaemon", spec)).toEqual(first);
        await expect(sandbox.call("startDaemon", { ...spec, argv: ["sleep", "1001"] })).rejects.toThrow(
            "daemon same runs already, with other arguments; stop it first",
        );
    });

    it("show how they ended, and start again under the same name", async () => {
        await sandbox.call("startDaemon", { name: "short", argv: ["sh", "-c", "exit 3"] });
        await until("it has ended", async () => (await daemon("short"))?.running === false);
        expect((await daemon("short"))?.ended).toBe("3");
        await sandbox.call("startDaemon", { name: "killed", argv: ["sh", "-c", "kill -9 $$"] });
        await until("it has ended", async () => (await daemon("killed"))?.ended === "SIGKILL");
        expect((await sandbox.call("startDaemon", { name: "short", argv: ["sleep", "1000"] })).running).toBe(true);
    });

    it("end by SIGTERM when they listen to it, by SIGKILL after the grace time when they do not", async () => {
        await sandbox.call("startDaemon", { name: "polite", argv: ["sleep", "1000"] });
        await sandbox.call("stopDaemon", { name: "polite", graceMilliseconds: 60_000 });
        expect(await daemon("polite")).toBeUndefined();
        const argv = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.05; done"];
        await sandbox.call("startDaemon", { name: "deaf", argv });
        await until("it is deaf", async () => (await run(sandbox, undefined, "cat", "/run/log/deaf.log")) !== "");
        await sandbox.call("stopDaemon", { name: "deaf", graceMilliseconds: 50 });
        expect(await daemon("deaf")).toBeUndefined();
        expect(await processTable()).not.toContain("deaf");
    });

    it("can be stopped when there are none", async () => {
        expect(await sandbox.call("stopDaemon", { name: "nobody", graceMilliseconds: 1 })).toEqual({});
    });

    it("are started again where that was asked for, under the same name and arguments", async () => {
        const script = "echo start; [ $(wc -l < /run/log/again.log) -ge 3 ] || exit 1; exec sleep 1000";
        const spec = { name: "again", namespace: "router0", argv: ["sh", "-c", script], restart: true };
        expect(await sandbox.call("startDaemon", spec)).toMatchObject({ restarts: 0 });
        await until("it runs for good", async () => (await daemon("again"))?.restarts === 2);
        expect(await daemon("again")).toMatchObject({ running: true, namespace: "router0" });
        expect(await sandbox.call("startDaemon", spec)).toEqual(await daemon("again"));
    });

    it("are not started again once they were stopped, be it while they run or between two runs", async () => {
        const failing = (name: string) => ({ name, argv: ["sh", "-c", "echo start; exit 1"], restart: true });
        const ends = (name: string) => run(sandbox, undefined, "cat", `/run/log/${name}.log`);
        await sandbox.call("startDaemon", { name: "runs", argv: ["sleep", "1000"], restart: true });
        await sandbox.call("startDaemon", failing("pauses"));
        await until("it pauses", async () => (await daemon("pauses"))?.running === false);
        await sandbox.call("stopDaemon", { name: "runs", graceMilliseconds: 1000 });
        await sandbox.call("stopDaemon", { name: "pauses", graceMilliseconds: 1000 });
        const before = await ends("pauses");
        await sandbox.call("startDaemon", failing("measure"));
        await until("their pauses would be over", async () => ((await daemon("measure"))?.restarts ?? 0) >= 2);
        expect(await daemon("runs")).toBeUndefined();
        expect(await daemon("pauses")).toBeUndefined();
        expect(await ends("pauses")).toBe(before);
        await sandbox.call("stopDaemon", { name: "measure", graceMilliseconds: 1000 });
    });

    it("say which program or namespace is missing", async () => {
        const start = (namespace: string, program: string) =>
            sandbox.call("startDaemon", { name: "x", namespace, argv: [program] });
        await expect(start("router0", "no-such-daemon")).rejects.toThrow(
            "cannot start no-such-daemon: there is no such program; install its package",
        );
        await expect(start("nowhere", "true")).rejects.toThrow('there is no network namespace "nowhere"');
        expect(await daemon("x")).toBeUndefined();
    });
});

describe("processes", () => {
    it("give their output, codes and signals in the order of the requests", async () => {
        const { results } = await sandbox.call("exec", {
            processes: [
                { argv: ["sh", "-c", "sleep 0.1; echo slow"] },
                { argv: ["cat"], stdin: "from stdin" },
                { argv: ["sh", "-c", "echo wrong >&2; exit 4"] },
                { argv: ["sh", "-c", "kill -TERM $$"] },
                { argv: ["hostname"], namespace: "router1", env: { LANG: "C" } },
                { argv: ["no-such-program"] },
                { argv: ["true"], stdin: "x".repeat(1024 * 1024) },
            ],
        });
        expect(results).toEqual([
            { code: 0, stdout: "slow\n", stderr: "" },
            { code: 0, stdout: "from stdin", stderr: "" },
            { code: 4, stdout: "", stderr: "wrong\n" },
            { code: -1, stdout: "", stderr: "ended by SIGTERM\n" },
            { code: 0, stdout: "router1\n", stderr: "" },
            {
                code: 127,
                stdout: "",
                stderr: "cannot start no-such-program: there is no such program; install its package\n",
            },
            { code: 0, stdout: "", stderr: "" },
        ]);
    });

    it("run side by side", async () => {
        // Each ends only when all of them are there.
        const meeting = "touch /run/meeting/$0; until [ $(ls /run/meeting | wc -l) = 8 ]; do sleep 0.01; done";
        await run(sandbox, undefined, "mkdir", "/run/meeting");
        const processes = Array.from({ length: 8 }, (_, n) => ({ argv: ["sh", "-c", meeting, String(n)] }));
        const { results } = await sandbox.call("exec", { processes });
        expect(results.map(({ code }) => code)).toEqual(Array(8).fill(0));
    });

    it("end with the connection that asked for them", async () => {
        const other = await connectSandbox(sandbox.name);
        const asked = other!.call("exec", { processes: [{ argv: ["sleep", "987"] }] });
        await until("it runs", async () => (await processTable()).includes("sleep 987"));
        other!.close();
        await expect(asked).rejects.toThrow("closed");
        await until("it is gone", async () => !(await processTable()).includes("sleep 987"));
    });

    it("leave no zombies when their parents do not wait, and lose no exit codes of others meanwhile", async () => {
        const orphans = "for i in $(seq 30); do (sleep 0.0$i &) ; done; exit 7";
        const { results } = await sandbox.call("exec", {
            processes: Array.from({ length: 20 }, () => ({ argv: ["sh", "-c", orphans] })),
        });
        expect(results.map(({ code }) => code)).toEqual(Array(20).fill(7));
        await until("no orphan is left", async () => !/ sleep 0\.| Z/.test(await processTable()));
    });
});

describe("PID 1", () => {
    it("is not ended by signals", async () => {
        for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT", "SIGPIPE"] as const) {
            process.kill(sandbox.pid, signal);
        }
        expect((await sandbox.call("hello", {})).name).toBe(sandbox.name);
        expect(readFileSync(sandbox.path("/run/log/init.log"), "utf8")).toBe("");
    });

    it("refuses an operation it does not know, and goes on", async () => {
        const unknown = "fly" as "hello";
        await expect(sandbox.call(unknown, {})).rejects.toThrow('the sandbox does not know the operation "fly"');
        expect((await sandbox.call("hello", {})).name).toBe(sandbox.name);
    });

    it("answers many questions of one connection in any order", async () => {
        const slow = sandbox.call("exec", { processes: [{ argv: ["sleep", "0.3"] }] });
        const first = await Promise.race([slow.then(() => "slow"), sandbox.call("hello", {}).then(() => "hello")]);
        expect(first).toBe("hello");
        await slow;
    });
});
