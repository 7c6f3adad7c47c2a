import type { Answer, Driver, ObservedRoute, ObservedSession } from "../verify/driver";
import { advertisedRoutes, type BgpRoute, type BgpSession, bgpRoutes, bgpSummary } from "./daemons/frr-reads";
import { type Vty, vty } from "./daemons/vty";
import type { HttpResult, ReachResult, Sandbox } from "./sandbox/protocol";

/** Sessions by neighbor, each with all its families. */
function sessionsOf(summary: readonly BgpSession[]): readonly ObservedSession[] {
    const sessions = new Map<string, ObservedSession>();
    for (const { neighbor, remoteAsn, state, family, uptime } of summary) {
        const known = sessions.get(neighbor)?.families ?? [];
        sessions.set(neighbor, {
            neighbor,
            remoteAsn,
            state,
            families: [...known, family],
            uptime: Math.floor(uptime / 1_000),
        });
    }
    return [...sessions.values()];
}

/** Next hops in use: the best path and those that share its load. */
function routesOf(routes: readonly BgpRoute[]): readonly ObservedRoute[] {
    return routes.map(({ prefix, paths }) => ({
        prefix,
        nextHops: paths.filter(({ best, multipath }) => best || multipath).map(({ nextHop }) => nextHop),
    }));
}

function answerOf(result: HttpResult | ReachResult): Answer {
    if (result.kind === "answer") {
        return "status" in result
            ? { kind: "answer", status: result.status, body: result.body }
            : { kind: "answer", status: 0, body: result.from ?? "" };
    }
    return { kind: result.kind, detail: "detail" in result ? result.detail : (result.from ?? "") };
}

/** Looks at a lab in a sandbox: FRR over its command sockets, the kernel and the probes through the sandbox's PID 1. */
export function netnsDriver(sandbox: Sandbox): Driver & { close(): void } {
    const sessions = new Map<string, Promise<Vty>>();

    /** One session per router, because its daemon takes only a few connections at a time. */
    function sessionOf(device: string): Promise<Vty> {
        const known = sessions.get(device);
        if (known) {
            return known;
        }
        const session = vty(sandbox, device, "bgpd");
        sessions.set(device, session);
        return session;
    }

    async function ask<T>(device: string, read: (bgpd: Vty) => Promise<T>): Promise<T> {
        try {
            return await read(await sessionOf(device));
        } catch (error) {
            // A daemon that has been restarted has another socket; the next look opens it.
            sessions.delete(device);
            throw error;
        }
    }

    return {
        sessions: async (device) => sessionsOf(await ask(device, bgpSummary)),
        bgpRoutes: async (device, family) => routesOf(await ask(device, (bgpd) => bgpRoutes(bgpd, family))),
        async kernelBgpRoutes(device, family) {
            const { states } = await sandbox.call("state", { namespaces: [device] });
            return (states[device]?.routes ?? [])
                .filter(({ prefix, protocol }) => protocol === "bgp" && prefix.includes(":") === (family === "ipv6"))
                .map(({ prefix, nextHops }) => ({ prefix, nextHops: nextHops.flatMap(({ via }) => via ?? []) }));
        },
        async offered(device, neighbor, family) {
            const routes = await ask(device, (bgpd) => advertisedRoutes(bgpd, neighbor, family));
            return routes.map(({ prefix }) => prefix);
        },
        http: async (from, address, port, timeoutMilliseconds) =>
            answerOf(await sandbox.call("http", { namespace: from, address, port, timeoutMilliseconds })),
        ping: async (from, address, timeoutMilliseconds) =>
            answerOf(await sandbox.call("ping", { namespace: from, address, timeoutMilliseconds })),
        connect: async (from, address, port, timeoutMilliseconds) =>
            answerOf(await sandbox.call("connect", { namespace: from, address, port, timeoutMilliseconds })),
        close() {
            for (const session of sessions.values()) {
                session.then(
                    (open) => open.close(),
                    () => {},
                );
            }
            sessions.clear();
        },
    };
}
