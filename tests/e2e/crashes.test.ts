import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab } from "./lab";
import { expectVerified } from "./observe";
import { added, processesWith, tracesOf } from "./traces";

/** Decides the moments; another one finds other moments. */
const seed = Number(process.env.E2E_SEED ?? 4271);

/** A small generator of numbers from 0 to 1 (mulberry32), so that a failure can be repeated. */
function random(start: number): () => number {
    let state = start;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
}

const next = random(seed);
const victims = ["engine", "provider"] as const;
const rounds = Array.from({ length: 10 }, (_, index) => ({
    number: index + 1,
    victim: victims[index % victims.length] as (typeof victims)[number],
    duringUp: next(),
    duringDestroy: next(),
}));

const lab = createLab("e2e-crashes");
const before = tracesOf(lab);
/** Milliseconds that an undisturbed run takes on this machine now. */
const usual = { up: 0, destroy: 0 };

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
    return exitCode === null && signalCode === null;
}

/** The provider of the run that is under way. */
function providerPid(): number | undefined {
    const line = processesWith(lab.folder).find((process) => /pulumi-resource-bgplab|provider\.cjs/.test(process));
    return line === undefined ? undefined : Number.parseInt(line, 10);
}

/** Kills the provider as soon as it is there; nothing when the run ends before. */
async function killProvider(engine: ChildProcess): Promise<void> {
    while (isRunning(engine)) {
        const pid = providerPid();
        if (pid !== undefined) {
            kill(pid);
            return;
        }
        await pause(5);
    }
}

function kill(pid: number): void {
    try {
        process.kill(pid, "SIGKILL");
    } catch (error) {
        expect((error as NodeJS.ErrnoException).code, "it has ended by itself").toBe("ESRCH");
    }
}

/** Runs that were still under way when they were hit. */
let interrupted = 0;

/** Starts a run and kills engine or provider after a part of the time that the run usually takes. */
async function cutOff(verb: "up" | "destroy", victim: (typeof victims)[number], part: number): Promise<void> {
    const engine = lab.start(verb);
    const ended = once(engine, "exit");
    await pause(usual[verb] * part);
    if (victim === "provider") {
        await killProvider(engine);
    } else {
        engine.kill("SIGKILL");
    }
    await ended;
    interrupted += engine.exitCode === 0 ? 0 : 1;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
    const start = performance.now();
    await work();
    return performance.now() - start;
}

describe(`a run that is cut off at random moments (E2E_SEED=${seed})`, () => {
    beforeAll(async () => {
        lab.configure({ lab: { workers: 1, replicas: 1 } });
        await lab.run("stack", "ls");
        usual.up = await timed(() => lab.succeed("up"));
        usual.destroy = await timed(() => lab.succeed("destroy"));
    });

    afterAll(() => lab.dispose());

    it.each(rounds)(
        "is completed by the next: $number, $victim killed",
        async ({ victim, duringUp, duringDestroy }) => {
            await cutOff("up", victim, duringUp);
            await lab.succeed("up");
            await expectVerified(lab);
            await cutOff("destroy", victim, duringDestroy);
            await lab.succeed("destroy");
            expect(await lab.resources()).toEqual([]);
            // The program and provider of a killed engine notice it by themselves.
            await expect.poll(() => added(before, tracesOf(lab)), { timeout: 10_000, interval: 50 }).toEqual([]);
        },
    );

    it("has been hit while it was under way often enough for this to mean something", () => {
        expect(interrupted).toBeGreaterThanOrEqual(rounds.length / 2);
    });

    it("is cleaned up by destroy alone when up was cut off", async () => {
        for (const part of [0.5, 0.7, 0.9]) {
            await cutOff("up", "engine", part);
            await lab.succeed("destroy");
            expect(await lab.resources()).toEqual([]);
            await expect.poll(() => added(before, tracesOf(lab)), { timeout: 10_000, interval: 50 }).toEqual([]);
        }
    });
});
