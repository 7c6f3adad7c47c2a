import { afterAll, beforeAll, expect } from "vitest";
import type { Family } from "../../lab/model";
import {
    advertisedRoutes,
    type BgpRoute,
    type BgpSession,
    bgpRoutes,
    bgpSummary,
    type OfferedRoute,
    type ZebraRoute,
    zebraRoutes,
} from "../../provider/daemons/frr-reads";
import { withVty } from "../../provider/daemons/vty";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../../provider/sandbox/start";
import type { NamespaceSpec } from "../../provider/schema";

/** Milliseconds after which what has not happened is taken not to happen. */
const patience = 20_000;

/** Asks until the answer is as wanted; on time-out fails with the last answer. */
export async function eventually<T>(ask: () => Promise<T>, holds: (answer: T) => boolean): Promise<T> {
    const deadline = Date.now() + patience;
    for (;;) {
        const answer = await ask();
        if (holds(answer)) {
            return answer;
        }
        if (Date.now() > deadline) {
            expect.fail(`did not happen within ${patience} ms; last seen: ${JSON.stringify(answer)}`);
        }
        await new Promise((next) => setTimeout(next, 10));
    }
}

function device(addresses: NamespaceSpec["addresses"]): NamespaceSpec {
    return { forwarding: true, addresses, routes: {}, proxyNeighbors: [] };
}

/**
 * A sandbox with router0 and node1 on a point-to-point link and a spare namespace, from before the first test of a file
 * until after its last. To be called at the top of the file.
 */
export function useTwoDevices(topic: string): () => Sandbox {
    const name = `test-daemons-${topic}-${process.pid}`;
    let sandbox: Sandbox | undefined;
    beforeAll(async () => {
        sandbox = await startSandbox(name);
        await applyTwoDevices(sandbox);
    });
    afterAll(() => destroySandbox(name));
    return () => {
        if (!sandbox) {
            throw new Error("the sandbox is there only within tests and hooks");
        }
        return sandbox;
    };
}

async function applyTwoDevices(sandbox: Sandbox): Promise<void> {
    await sandbox.call("applyFabric", {
        fabric: {
            sandbox: "",
            namespaces: {
                router0: device({ net1: ["169.254.1.1/24", "fd00:1::1/64"] }),
                spare: device({}),
                node1: device({ net0: ["169.254.1.2/24", "fd00:1::2/64"] }),
            },
            links: {
                link1: {
                    a: { namespace: "router0", interface: "net1" },
                    b: { namespace: "node1", interface: "net0" },
                    mtu: 1500,
                },
            },
            bridges: {},
        },
    });
}

export const sessionsOf = (sandbox: Sandbox, namespace: string): Promise<readonly BgpSession[]> =>
    withVty(sandbox, namespace, "bgpd", bgpSummary);

export const bgpTable = (sandbox: Sandbox, namespace: string, family: Family): Promise<readonly BgpRoute[]> =>
    withVty(sandbox, namespace, "bgpd", (bgpd) => bgpRoutes(bgpd, family));

export const offered = (sandbox: Sandbox, peer: string, family: Family): Promise<readonly OfferedRoute[]> =>
    withVty(sandbox, "router0", "bgpd", (bgpd) => advertisedRoutes(bgpd, peer, family));

export const routeTable = (sandbox: Sandbox, namespace: string, family: Family): Promise<readonly ZebraRoute[]> =>
    withVty(sandbox, namespace, "zebra", (zebra) => zebraRoutes(zebra, family));

/** Waits until both sessions of router0 are up. */
export async function sessionsUp(sandbox: Sandbox): Promise<void> {
    await eventually(
        () => sessionsOf(sandbox, "router0"),
        (sessions) => sessions.filter(({ state }) => state === "Established").length === 2,
    );
}

/** Moments, in ms of the clock, at which router0's sessions came up: the same as long as none was reset. */
export async function upSince(sandbox: Sandbox): Promise<ReadonlyMap<string, number>> {
    const sessions = await sessionsOf(sandbox, "router0");
    const now = Date.now();
    return new Map(sessions.map(({ neighbor, uptime }) => [neighbor, now - uptime]));
}

/** Fails unless the sessions are the same as before. FRR counts uptime in whole seconds. */
export async function expectUninterrupted(
    sandbox: Sandbox,
    before: ReadonlyMap<string, number>,
    neighbors: readonly string[],
): Promise<void> {
    const sessions = await sessionsOf(sandbox, "router0");
    const now = Date.now();
    for (const neighbor of neighbors) {
        const session = sessions.find((candidate) => candidate.neighbor === neighbor);
        expect(session?.state, neighbor).toBe("Established");
        expect(Math.abs(now - (session?.uptime ?? 0) - (before.get(neighbor) ?? 0)), neighbor).toBeLessThan(1_500);
    }
}

/** Kills a daemon as a crash would, and waits until the sandbox knows. */
export async function kill(sandbox: Sandbox, name: string): Promise<void> {
    const { daemons } = await sandbox.call("daemons", {});
    const pid = daemons.find((daemon) => daemon.name === name)?.pid;
    const { results } = await sandbox.call("exec", { processes: [{ argv: ["kill", "-KILL", String(pid)] }] });
    expect(results[0]?.code, results[0]?.stderr).toBe(0);
    await eventually(
        async () => (await sandbox.call("daemons", {})).daemons.find((daemon) => daemon.name === name)?.running,
        (running) => running === false,
    );
}
