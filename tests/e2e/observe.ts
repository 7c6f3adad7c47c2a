import { expect } from "vitest";
import { withVty } from "../../provider/daemons/vty";
import { netnsDriver } from "../../provider/driver";
import type { Drift, Sandbox } from "../../provider/sandbox/protocol";
import { sandboxPid } from "../../provider/sandbox/start";
import { types } from "../../provider/schema";
import type { Check, CheckResult } from "../../verify/check";
import { verify } from "../../verify/run";
import type { StateResource, TestLab } from "./lab";

/** What the router counts for a session: any reset changes it. */
export interface SessionHistory {
    readonly established: number;
    readonly dropped: number;
    /** Unix time in seconds since which the session is up. */
    readonly since: number;
}

interface FrrNeighbor {
    readonly bgpState: string;
    readonly bgpTimerUpEstablishedEpoch?: number;
    readonly connectionsEstablished: number;
    readonly connectionsDropped: number;
}

/** Runs a piece of work on the lab's sandbox, over its own connection. */
export async function onSandbox<T>(lab: TestLab, work: (sandbox: Sandbox) => Promise<T>): Promise<T> {
    const sandbox = await lab.sandbox();
    try {
        return await work(sandbox);
    } finally {
        sandbox.close();
    }
}

/** Sessions of the lab's router that are up, by neighbor address. */
export async function sessionsOf(lab: TestLab): Promise<Readonly<Record<string, SessionHistory>>> {
    const neighbors = await onSandbox(lab, (sandbox) =>
        withVty(sandbox, "router0", "bgpd", (session) => session.json("show bgp neighbors json")),
    );
    const up = Object.entries(neighbors as Readonly<Record<string, FrrNeighbor>>).filter(
        ([, { bgpState }]) => bgpState === "Established",
    );
    return Object.fromEntries(
        up.map(([address, neighbor]) => [
            address,
            {
                established: neighbor.connectionsEstablished,
                dropped: neighbor.connectionsDropped,
                since: neighbor.bgpTimerUpEstablishedEpoch ?? 0,
            },
        ]),
    );
}

/** The two sessions of each of the nodes with these numbers; the control plane is node 1. */
export function neighborsOf(...nodes: readonly number[]): readonly string[] {
    return nodes.flatMap((node) => [`169.254.${node}.2`, `fd00:169:254:${node}::2`]);
}

type Sessions = Readonly<Record<string, SessionHistory>>;

/** Whether a session has been up all the time between two looks. */
function isUntouched(then: SessionHistory | undefined, now: SessionHistory | undefined): boolean {
    return (
        then !== undefined &&
        now !== undefined &&
        now.established === then.established &&
        now.dropped === then.dropped &&
        // FRR computes the epoch anew from two clocks at each question, so that it may be off by one.
        Math.abs(now.since - then.since) <= 1
    );
}

/** Fails unless these sessions, and maybe others, have been up all the time between two looks. */
export function expectUntouched(before: Sessions, after: Sessions, neighbors: readonly string[]): void {
    const touched = neighbors.filter((address) => !isUntouched(before[address], after[address]));
    const histories = touched.map((address) => ({ address, before: before[address], after: after[address] }));
    expect(histories, "sessions that were reset").toEqual([]);
}

/** Fails unless all of these sessions have been reset between two looks, and are up again. */
export function expectReset(before: Sessions, after: Sessions, neighbors: readonly string[]): void {
    expect(Object.keys(after)).toEqual(expect.arrayContaining([...neighbors]));
    const untouched = neighbors.filter((address) => isUntouched(before[address], after[address]));
    expect(untouched, "sessions that were not reset").toEqual([]);
}

/** A difference between record and machine that a refresh has found. */
export interface Finding extends Drift {
    readonly resource: string;
}

/** What the last refresh found, from the stack's state. */
export async function recordedDrift(lab: TestLab): Promise<readonly Finding[]> {
    return (await lab.resources()).flatMap(({ name, outputs }) =>
        Object.entries((outputs.drift ?? {}) as Readonly<Record<string, string>>).map(([path, found]) => ({
            resource: name,
            path,
            found,
        })),
    );
}

function checksIn(resources: readonly StateResource[]): readonly Check[] {
    const { checks = {} } = resources.find(({ type }) => type === types.verification)?.inputs ?? {};
    return Object.values(checks as Readonly<Record<string, Check>>);
}

/** Runs the deployed checks in this process. */
export async function runChecks(lab: TestLab, deadlineSeconds = 30): Promise<readonly CheckResult[]> {
    const checks = checksIn(await lab.resources());
    return onSandbox(lab, async (sandbox) => {
        const driver = netnsDriver(sandbox);
        try {
            return await verify(checks, driver, { deadlineSeconds });
        } finally {
            driver.close();
        }
    });
}

/** Fails unless there are checks and all of them hold. */
export async function expectVerified(lab: TestLab): Promise<void> {
    const results = await runChecks(lab);
    expect(results.length, "number of checks").toBeGreaterThan(0);
    const failed = results.filter(({ status }) => status === "fail");
    expect(failed.map(({ subject, observed }) => `${subject}: ${observed}`)).toEqual([]);
}

/** Runs shell commands in a namespace of the lab. @throws Error with what the shell said when one of them fails */
export async function shell(lab: TestLab, namespace: string | undefined, script: string): Promise<string> {
    return onSandbox(lab, async (sandbox) => {
        const process = { ...(namespace === undefined ? {} : { namespace }), argv: ["sh", "-ec", script] };
        const { results } = await sandbox.call("exec", { processes: [process] });
        const [result] = results;
        if (result?.code !== 0) {
            throw new Error(`${script} in ${namespace} exited with ${result?.code}: ${result?.stderr}`);
        }
        return result.stdout;
    });
}

/** Kills a daemon of the lab and waits until the sandbox has noticed. */
export async function killDaemon(lab: TestLab, name: string): Promise<void> {
    await onSandbox(lab, async (sandbox) => {
        const statusOf = async () => (await sandbox.call("daemons", {})).daemons.find((daemon) => daemon.name === name);
        const status = await statusOf();
        expect(status?.running, `${name} runs`).toBe(true);
        await sandbox.call("exec", { processes: [{ argv: ["sh", "-c", `kill -KILL ${status?.pid}`] }] });
        await expect.poll(async () => (await statusOf())?.running, { timeout: 10_000, interval: 10 }).toBe(false);
    });
}

/** Kills the sandbox's first process, and with it everything inside. */
export async function killSandbox(lab: TestLab): Promise<void> {
    const pid = sandboxPid(lab.sandboxName);
    expect(pid, "the sandbox runs").toBeDefined();
    process.kill(pid as number, "SIGKILL");
    await expect.poll(() => sandboxPid(lab.sandboxName), { timeout: 10_000, interval: 10 }).toBeUndefined();
}
