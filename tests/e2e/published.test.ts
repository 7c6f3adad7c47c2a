import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { types } from "../../provider/schema";
import { normalizedCheckpoint, publishedCli } from "../engine/harness";
import { createLab, root, runProgram, type TestLab } from "./lab";
import { killDaemon, shell } from "./observe";
import { processesWith } from "./traces";

const cli = publishedCli();
if (cli === undefined) {
    console.warn("the lab on the published Pulumi CLI is NOT tested: no pulumi and pulumi-language-nodejs on PATH");
}

type Engine = "embedded" | "published";
const executables: Readonly<Record<Engine, string>> = {
    embedded: join(root, "engine/pulumi"),
    published: join(cli ?? "", "pulumi"),
};
const stack = "published";

const opened: TestLab[] = [];

/** A new stack, and a way to have it run by either engine. The first one to run it creates it. */
function newStack(first: Engine): (engine: Engine) => TestLab {
    const lab = createLab(stack, executables[first]);
    opened.push(lab);
    return (engine) => (engine === first ? lab : createLab(stack, executables[engine], lab));
}

interface Recorded {
    readonly type: string;
}

interface Deployment {
    readonly resources?: readonly Recorded[];
    readonly pending_operations?: readonly { readonly resource: Recorded; readonly type: string }[];
}

function stateFile(lab: TestLab): string {
    return join(lab.folder, ".pulumi/stacks/bgp-lab", `${stack}.json`);
}

/** The state as both engines must write it: without times, source positions, salts and random ids. */
function checkpoint(lab: TestLab): unknown {
    return normalizedCheckpoint(stateFile(lab));
}

function deployment(lab: TestLab): Deployment {
    const { checkpoint: recorded } = JSON.parse(readFileSync(stateFile(lab), "utf8")) as {
        readonly checkpoint: { readonly latest?: Deployment };
    };
    return recorded.latest ?? {};
}

/** Starts a run and kills its engine while a resource of the type is being made or removed. */
async function cutOff(lab: TestLab, verb: "up" | "destroy", type: string): Promise<void> {
    await lab.run("stack", "output");
    const engine = lab.start(verb);
    const ended = once(engine, "exit");
    const underWay = () => deployment(lab).pending_operations?.some(({ resource }) => resource.type === type);
    while (!underWay()) {
        expect(engine.exitCode, `${verb} ended before ${type} was under way`).toBeNull();
        await pause(1);
    }
    engine.kill("SIGKILL");
    expect(await ended).toEqual([null, "SIGKILL"]);
    // The CLI's language host does not notice that it is alone.
    for (const line of processesWith(lab.folder).filter((process) => process.includes("pulumi-language-nodejs"))) {
        process.kill(Number.parseInt(line, 10));
    }
}

/** Waits until no process of the stack runs any more. */
async function expectNothingLeft(lab: TestLab): Promise<void> {
    await expect.poll(() => processesWith(lab.folder, lab.sandboxName), { timeout: 10_000 }).toEqual([]);
}

/** Keeps client0 from speaking HTTP, so that verification fails. */
function blockHttp(lab: TestLab): Promise<unknown> {
    return shell(
        lab,
        "client0",
        "nft add table inet fault && nft add chain inet fault out '{ type filter hook output priority 0; }' && " +
            "nft add rule inet fault out tcp dport 80 drop",
    );
}

/** One phase of a lab's life: what happens, and how both engines must end and what they must record. */
interface Phase {
    readonly name: string;
    /** What changes in the world or in the configuration first. */
    readonly given?: (lab: TestLab) => Promise<unknown>;
    readonly run: readonly string[];
    readonly fails?: boolean;
    /** What both must show. */
    readonly shows?: RegExp;
}

const base = { lab: { workers: 2 } };

const life: readonly Phase[] = [
    { name: "up from nothing", given: async (lab) => lab.configure(base), run: ["up"] },
    { name: "no change", run: ["up", "--refresh", "--expect-no-changes"] },
    {
        name: "a node more and another AS of the router",
        given: async (lab) => lab.configure({ lab: { workers: 3, routerAsn: 64999 } }),
        run: ["up", "--refresh"],
    },
    {
        name: "refresh with a killed daemon and a deleted link",
        given: async (lab) => {
            await killDaemon(lab, "bgpd.router0");
            await shell(lab, "router0", "ip link del net2");
        },
        run: ["refresh", "--diff"],
        shows: /daemons\.bgpd.*: "ended \(SIGKILL\)"/,
    },
    { name: "heal", run: ["up", "--refresh"] },
    {
        name: "a failing verification",
        given: async (lab) => {
            await blockHttp(lab);
            lab.configure({ lab: { workers: 3 }, verify: { deadline: 1 } });
        },
        run: ["up"],
        fails: true,
        shows: /client0 http 10\.254\.0\.11:80\n +expected 3 pods answer, client seen/,
    },
    {
        name: "its repetition, after the cause has gone",
        given: (lab) => shell(lab, "client0", "nft delete table inet fault"),
        run: ["up"],
    },
    { name: "two nodes less", given: async (lab) => lab.configure(base), run: ["up"] },
    { name: "destroy", run: ["destroy"] },
];

interface Recording {
    readonly code: number;
    readonly state: unknown;
}

async function live(lab: TestLab): Promise<ReadonlyMap<string, Recording>> {
    const recordings = new Map<string, Recording>();
    for (const { name, given, run, fails = false, shows = /./ } of life) {
        await given?.(lab);
        const { code, stdout, stderr } = await lab.run(...run);
        expect(code !== 0, `${name} fails\n${stdout}\n${stderr}`).toBe(fails);
        expect(stdout + stderr, name).toMatch(shows);
        recordings.set(name, { code, state: checkpoint(lab) });
    }
    return recordings;
}

describe.skipIf(cli === undefined)("the lab on the published CLI and on the embedded engine", () => {
    afterEach(async () => {
        for (const lab of opened.splice(0)) {
            await lab.dispose();
        }
    });

    it("lives the same life on both: same exit codes, equal states", async () => {
        const published = await live(newStack("published")("published"));
        const embedded = await live(newStack("embedded")("embedded"));
        for (const { name } of life) {
            expect(embedded.get(name), name).toEqual(published.get(name));
        }
    }, 300_000);

    it.each([
        ["published", "embedded"],
        ["embedded", "published"],
    ] as const)("is made by one, %s, and previewed, changed and destroyed by the other, %s", async (first, second) => {
        const lab = newStack(first);
        lab(first).configure(base);
        await lab(first).succeed("up");
        const made = checkpoint(lab(first));
        await lab(second).succeed("preview", "--refresh", "--expect-no-changes");
        await lab(second).succeed("up", "--refresh", "--expect-no-changes");
        expect(checkpoint(lab(second))).toEqual(made);
        lab(second).configure({ lab: { workers: 1, exportPodCidr: true } });
        await lab(second).succeed("up");
        await lab(first).succeed("preview", "--refresh", "--expect-no-changes");
        await lab(second).succeed("destroy");
        expect(deployment(lab(first)).resources ?? []).toEqual([]);
        await expect(lab(first).sandbox()).rejects.toThrow("is not running");
        await lab(first).succeed("stack", "rm", "--yes", "--preserve-config");
    });

    it("goes on by the embedded engine, at once, after SIGKILL to the published CLI", async () => {
        const lab = newStack("published");
        lab("published").configure(base);
        await cutOff(lab("published"), "up", types.router);
        const up = await lab("embedded").succeed("up");
        expect(up.stdout + up.stderr).toMatch(/lock .*taken over|took over/i);
        expect(deployment(lab("embedded")).pending_operations ?? []).toEqual([]);
        await lab("published").succeed("preview", "--refresh", "--expect-no-changes");
        await cutOff(lab("published"), "destroy", types.sandbox);
        await lab("embedded").succeed("destroy");
        expect(deployment(lab("embedded")).resources ?? []).toEqual([]);
        await expectNothingLeft(lab("embedded"));
    });

    it("goes on by the published CLI, after pulumi cancel, after SIGKILL to the embedded engine", async () => {
        const lab = newStack("embedded");
        lab("embedded").configure(base);
        await cutOff(lab("embedded"), "up", types.router);
        const refused = await lab("published").run("up");
        expect(refused.code).not.toBe(0);
        expect(refused.stderr).toContain("pulumi cancel");
        await lab("published").succeed("cancel");
        const up = await lab("published").succeed("up");
        expect(up.stdout).toContain("pending operations from previous deployment");
        await lab("embedded").succeed("preview", "--refresh", "--expect-no-changes");
        await cutOff(lab("embedded"), "destroy", types.sandbox);
        await lab("published").succeed("cancel");
        await lab("published").succeed("destroy");
        expect(deployment(lab("published")).resources ?? []).toEqual([]);
        await expectNothingLeft(lab("published"));
        await lab("published").succeed("refresh", "--clear-pending-creates");
        expect(deployment(lab("published")).pending_operations ?? []).toEqual([]);
        await lab("published").succeed("stack", "rm", "--yes", "--preserve-config");
    });

    it("leaves committed stack files byte by byte as they are when it is run by the project's script", async () => {
        const lab = newStack("published")("published");
        const committed = () => readFileSync(join(root, "Pulumi.dev.yaml"), "utf8");
        const before = committed();
        for (const engine of ["published", "embedded"]) {
            const env = {
                ...process.env,
                PULUMI_BACKEND_URL: `file://${lab.folder}`,
                PULUMI_CONFIG_PASSPHRASE: "test",
                BGP_LAB_ENGINE: engine,
            };
            for (const args of [
                ["ensure", "dev"],
                ["preview", "--stack", "dev"],
                ["stack", "rm", "--stack", "dev", "--yes"],
            ]) {
                const { code, stdout, stderr } = await runProgram("scripts/pulumi.sh", args, { cwd: root, env });
                expect(code, `${engine} ${args.join(" ")}\n${stdout}\n${stderr}`).toBe(0);
                expect(committed(), `${engine} ${args.join(" ")}`).toBe(before);
            }
        }
    });
});
