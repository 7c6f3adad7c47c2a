import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished } from "vitest";
import { connectTo } from "../../provider/sandbox/client";
import { bundlePath, connectSandbox, destroySandbox, sandboxPid, startSandbox } from "../../provider/sandbox/start";
import { device, run, smallFabric, uniqueName, until } from "./lab";

const names: string[] = [];

function newName(): string {
    const name = uniqueName("life");
    names.push(name);
    return name;
}

afterEach(async () => {
    await Promise.all(names.splice(0).map(destroySandbox));
});

/** Mounts, network namespaces of processes, and files where runtimes leave them, as the host sees them. */
function hostState(): unknown {
    const files = ["/run", "/run/netns", "/run/frr", "/var/tmp/frr", "/tmp", "/etc/frr"].map((directory) =>
        existsSync(directory) ? readdirSync(directory).filter((name) => !isOthers(name)) : [],
    );
    return { files, mounts: readFileSync("/proc/self/mountinfo", "utf8"), group: readFileSync("/etc/group", "utf8") };
}

/** Files of other programs that come and go while the tests run. */
function isOthers(name: string): boolean {
    return !/bgp-lab|netns|frr|zebra|sandbox/.test(name);
}

/** Milliseconds of the fastest of three runs, which other work on the machine disturbed least. */
function fastest(work: () => void): number {
    const runs = [1, 2, 3].map(() => {
        const started = performance.now();
        work();
        return performance.now() - started;
    });
    return Math.min(...runs);
}

/** The least that looking at every process takes. */
function readAllArguments(): void {
    for (const pid of readdirSync("/proc").filter((entry) => /^[0-9]+$/.test(entry))) {
        try {
            readFileSync(`/proc/${pid}/cmdline`);
        } catch {
            // It has ended meanwhile.
        }
    }
}

function processesOf(namespace: string): readonly string[] {
    return readdirSync("/proc").filter((pid) => {
        try {
            return /^[0-9]+$/.test(pid) && readlinkSync(`/proc/${pid}/ns/pid`) === namespace;
        } catch {
            return false;
        }
    });
}

/** Whether processes that carry a name exist, in whatever state of their start. */
function marked(name: string): readonly string[] {
    return readdirSync("/proc").filter((pid) => {
        try {
            return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`bgp-lab-sandbox=${name}\0`);
        } catch {
            return false;
        }
    });
}

function startDetached(...argv: string[]): ChildProcess {
    const child = spawn(argv[0]!, argv.slice(1), { stdio: "ignore" });
    onTestFinished(() => {
        child.kill("SIGKILL");
    });
    return child;
}

describe("a sandbox", () => {
    it("keeps nothing of the environment that it was started from", async () => {
        process.env.BGP_LAB_TEST_TOKEN = "not to be kept";
        onTestFinished(() => void delete process.env.BGP_LAB_TEST_TOKEN);
        const sandbox = await startSandbox(newName());
        const kept = readFileSync(`/proc/${sandbox.pid}/environ`, "utf8").split("\0").filter(Boolean);
        expect(kept.map((entry) => entry.split("=")[0]).sort()).toEqual(["HOME", "LANG", "PATH"]);
    });

    it("starts, is found by name, and ends with all its processes", async () => {
        const name = newName();
        expect(sandboxPid(name)).toBeUndefined();
        expect(await connectSandbox(name)).toBeUndefined();
        const sandbox = await startSandbox(name);
        expect(sandboxPid(name)).toBe(sandbox.pid);
        await sandbox.call("applyFabric", { fabric: smallFabric() });
        await sandbox.call("startDaemon", { name: "d", namespace: "router0", argv: ["sleep", "1000"] });
        await run(sandbox, undefined, "sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 &");
        const namespace = readlinkSync(`/proc/${sandbox.pid}/ns/pid`);
        expect(processesOf(namespace).length).toBeGreaterThanOrEqual(3);
        await destroySandbox(name);
        expect(processesOf(namespace)).toEqual([]);
        expect(marked(name)).toEqual([]);
        await expect(sandbox.call("hello", {})).rejects.toThrow(`the sandbox ${name} is gone`);
    });

    it("is adopted by a second start, with what is in it", async () => {
        const name = newName();
        const first = await startSandbox(name);
        await first.call("startDaemon", { name: "d", argv: ["sleep", "1000"] });
        const second = await startSandbox(name);
        expect(second.pid).toBe(first.pid);
        expect((await second.call("daemons", {})).daemons).toHaveLength(1);
    });

    it("lives beside another without meeting it", async () => {
        const [one, two] = await Promise.all([newName(), newName()].map(startSandbox));
        await Promise.all([one!, two!].map((each) => each.call("applyFabric", { fabric: smallFabric() })));
        await run(two!, "router0", "ip", "link", "del", "net0");
        expect((await one!.call("inspectFabric", { fabric: smallFabric() })).drift).toEqual([]);
        await destroySandbox(two!.name);
        expect((await one!.call("hello", {})).name).toBe(one!.name);
    });

    it("leaves no file, mount or name on the machine, neither while it runs nor after", async () => {
        const before = hostState();
        const name = newName();
        const sandbox = await startSandbox(name);
        await sandbox.call("applyFabric", { fabric: smallFabric() });
        await run(
            sandbox,
            undefined,
            "sh",
            "-c",
            "echo x > /run/frr/x; echo x > /run/x; touch /etc/frr/x /var/tmp/frr/x || true",
        );
        expect(hostState()).toEqual(before);
        await destroySandbox(name);
        expect(hostState()).toEqual(before);
    });

    it("outlives the process that started it, and its terminal's signals", async () => {
        const name = newName();
        const script = `require(${JSON.stringify(join(__dirname, "../../node_modules/tsx/dist/cjs/index.cjs"))});
            require(${JSON.stringify(join(__dirname, "../../provider/sandbox/start.ts"))})
                .startSandbox(${JSON.stringify(name)}).then(() => process.kill(0, "SIGINT"));`;
        const starter = spawnSync(process.execPath, ["-e", script], { stdio: "inherit", detached: true } as never);
        expect(starter.signal).toBe("SIGINT");
        const sandbox = await connectSandbox(name);
        expect((await sandbox!.call("hello", {})).name).toBe(name);
        sandbox!.close();
    });

    it("is not taken for another of a longer or shorter name", async () => {
        const name = newName();
        await startSandbox(`${name}-more`);
        names.push(`${name}-more`);
        expect(sandboxPid(name)).toBeUndefined();
        await destroySandbox(name);
        expect(sandboxPid(`${name}-more`)).toBeDefined();
    });

    it("is not mistaken for processes that merely name it", async () => {
        const name = newName();
        const mark = `bgp-lab-sandbox=${name}`;
        const lookAlikes = [
            startDetached("sh", "-c", "sleep 1000; true", "sandbox.cjs", mark),
            startDetached(process.execPath, "-e", "setInterval(() => {}, 1000)", mark),
            startDetached(process.execPath, "-e", "setInterval(() => {}, 1000)", "sandbox.cjs", mark, "more"),
        ];
        await until("they run", () => marked(name).length >= lookAlikes.length);
        expect(sandboxPid(name)).toBeUndefined();
        await destroySandbox(name);
        expect(lookAlikes.map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([null, null, null]);
    });

    it.each([0, 1, 2, 5, 10, 20, 40, 80])("is swept away when its start was cut off after %i ms", async (after) => {
        const name = newName();
        const script = bundlePath();
        const argv = ["-m", "-u", "-p", "-n", "-f", "--mount-proc", "--kill-child", process.execPath, script];
        const child = spawn("unshare", [...argv, `bgp-lab-sandbox=${name}`], { stdio: "ignore", detached: true });
        await new Promise((resolve) => setTimeout(resolve, after));
        await destroySandbox(name);
        await until("the starter has ended", () => child.exitCode !== null || child.signalCode !== null);
        expect(marked(name)).toEqual([]);
    });

    it("starts anew when a half-started one is in the way", async () => {
        const name = newName();
        const mark = `bgp-lab-sandbox=${name}`;
        // Ends before it listens, and its starter waits on: what a start looks like that was cut off in between.
        spawn("unshare", ["-p", "-f", "sh", "-c", "exec sleep 1000", "build/sandbox.cjs", mark], {
            stdio: "ignore",
            detached: true,
        }).unref();
        await until("it is there", () => marked(name).length > 0);
        const sandbox = await startSandbox(name);
        expect((await sandbox.call("hello", {})).name).toBe(name);
        expect(marked(name)).toHaveLength(2);
    });

    it("is not waited for without end when it hangs, and can be ended then", async () => {
        const name = newName();
        const { pid } = await startSandbox(name);
        process.kill(pid, "SIGSTOP");
        await expect(connectTo(name, pid, 200)).rejects.toThrow(
            `process ${pid} of the sandbox ${name} does not answer`,
        );
        await destroySandbox(name);
        expect(marked(name)).toEqual([]);
    });

    it("does not answer to another name", async () => {
        const name = newName();
        const { pid } = await startSandbox(name);
        await expect(connectTo("other", pid, 5000)).rejects.toThrow(`process ${pid} is the sandbox ${name}, not other`);
    });

    it.each(["", "a b", "../x", "-x", "x".repeat(201)])("cannot be called %j", async (name) => {
        await expect(startSandbox(name)).rejects.toThrow("is no sandbox name");
    });

    it("is found among very many processes by reading little more than their arguments", async () => {
        const name = newName();
        const child = spawn("sh", ["-c", "for i in $(seq 1500); do sleep 1000 & done; echo; wait"], { detached: true });
        onTestFinished(() => {
            process.kill(-child.pid!, "SIGKILL");
        });
        await new Promise((resolve) => child.stdout.once("data", resolve));
        await startSandbox(name);
        const reading = fastest(readAllArguments);
        expect(fastest(() => expect(sandboxPid(name)).toBeDefined())).toBeLessThan(2 * reading);
    });

    it("gives its path names from outside", async () => {
        const sandbox = await startSandbox(newName());
        await run(sandbox, undefined, "sh", "-c", "echo inside > /run/proof");
        expect(readFileSync(sandbox.path("/run/proof"), "utf8")).toBe("inside\n");
    });

    it("has its own address for each device even when names are those of the host's interfaces", async () => {
        const sandbox = await startSandbox(newName());
        const fabric = { sandbox: "", namespaces: { eth0: device() }, links: {}, bridges: {} };
        await sandbox.call("applyFabric", { fabric });
        expect(await run(sandbox, "eth0", "ip", "-o", "link")).toMatch(/^1: lo: [^\n]*\n$/);
    });
});

const nobody = 65534;
const tsx = join(__dirname, "../../node_modules/tsx/dist/cjs/index.cjs");
const asUser = join(__dirname, "as-user.ts");

/** Why an ordinary user cannot be tried on this machine; empty when it can. */
function obstacle(): string {
    if (process.getuid!() !== 0) {
        return "the tests run as an ordinary user already";
    }
    const tried = spawnSync("unshare", ["-U", "-r", "-n", "-m", "true"], {
        uid: nobody,
        gid: nobody,
        encoding: "utf8",
    });
    if (tried.status !== 0) {
        return `an ordinary user cannot make namespaces here: ${tried.stderr}`;
    }
    const readable = spawnSync("test", ["-r", bundlePath()], { uid: nobody, gid: nobody });
    return readable.status === 0 ? "" : "the project's folder cannot be read by other users";
}

describe("an ordinary user", () => {
    it("runs the whole sandbox: links, pods, services, probes, zebra and bgpd, also in Pods that pass connections on", ({
        skip,
    }) => {
        const why = obstacle();
        if (why !== "") {
            console.warn(`skipped: ${why}`);
            skip(why);
        }
        const { stdout, stderr } = spawnSync(process.execPath, ["-r", tsx, asUser, uniqueName("user")], {
            uid: nobody,
            gid: nobody,
            env: { PATH: process.env.PATH, HOME: "/nonexistent" },
            encoding: "utf8",
        });
        expect(stderr).toBe("");
        const { bgp, ...result } = JSON.parse(stdout) as { bgp: string };
        expect(result).toEqual({
            uid: nobody,
            clients: ["192.168.0.2", "fd00:c::2"],
            ping: "answer",
            drift: [],
            pod: { kind: "answer", passed: [["198.51.100.1", "10.100.1.1", "10.100.1.9"]], drift: [] },
            left: null,
        });
        expect(JSON.parse(bgp)).toEqual({});
    });

    it("is told what to do where the system forbids it", ({ skip }) => {
        const why = obstacle();
        if (why !== "") {
            skip(why);
        }
        // A user namespace whose only user is not root, and in which no further ones may be made.
        const outer = ["-U", "--map-user=65534", "--map-group=65534", "--keep-caps"];
        const command = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"';
        const { stdout, stderr } = spawnSync(
            "unshare",
            [...outer, "sh", "-c", command, "sh", process.execPath, "-r", tsx, asUser, uniqueName("forbidden")],
            { encoding: "utf8", env: { PATH: process.env.PATH, HOME: "/nonexistent" } },
        );
        expect(stdout).toBe("");
        expect(stderr).toContain("unshare failed: No space left on device");
        expect(stderr).toContain("This system does not let ordinary users make namespaces. Run the lab as root");
    });
});
