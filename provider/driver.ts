import { existsSync, readdirSync } from "node:fs";
import { addressOf } from "../lab/address";
import { leakInterface, vrfNamespace } from "../render/vrf-namespaces";
import type { Answer, Driver, ObservedConnection } from "../verify/driver";
import { frrTables } from "./daemons/frr-tables";
import { gobgpRuns } from "./daemons/gobgp";
import { gobgpBestPaths, gobgpRefused, gobgpSessions } from "./daemons/gobgp-tables";
import { type Vty, vty } from "./daemons/vty";
import { podNamespace } from "./sandbox/pods";
import type { HttpResult, KernelRoute, ReachResult, Sandbox, TrackedConnection } from "./sandbox/protocol";

type KernelHop = KernelRoute["nextHops"][number];

function answerOf(result: HttpResult | ReachResult): Answer {
    if (result.kind === "answer") {
        return "status" in result
            ? { kind: "answer", status: result.status, body: result.body }
            : { kind: "answer", status: 0, body: result.from ?? "" };
    }
    return { kind: result.kind, detail: "detail" in result ? result.detail : (result.from ?? "") };
}

/**
 * VRFs of a router by their addresses on the link on which they leak, link-local ones included. Names of namespaces tell
 * which VRFs there are.
 */
export async function leakOwners(sandbox: Sandbox, device: string): Promise<ReadonlyMap<string, string>> {
    const prefix = vrfNamespace(device, "");
    const namespaces = readdirSync(sandbox.path("/run/netns")).filter((name) => name.startsWith(prefix));
    const { states } = await sandbox.call("state", { namespaces });
    return new Map(
        namespaces.flatMap((name) => {
            const link = states[name]?.interfaces.find((each) => each.name === leakInterface);
            return (link?.addresses ?? []).map((own) => [addressOf(own), name.slice(prefix.length)] as const);
        }),
    );
}

function gatewayOf({ via, dev }: KernelHop, owners: ReadonlyMap<string, string>): readonly string[] {
    const owner = dev === leakInterface ? owners.get(via ?? "") : undefined;
    return owner === undefined ? (via === undefined ? [] : [via]) : [owner];
}

function connectionOf({ original, reply, isAssured }: TrackedConnection): ObservedConnection {
    return {
        client: original.source,
        clientPort: original.sourcePort,
        address: original.destination,
        port: original.destinationPort,
        answering: reply.source,
        answeredTo: reply.destination,
        isAssured,
    };
}

function isOpen(session: Promise<Vty>): Promise<boolean> {
    return session.then(
        (open) => open.isOpen(),
        () => false,
    );
}

/** Looks at a lab in a sandbox: FRR over its command sockets, the kernel and the probes through the sandbox's PID 1. */
export function netnsDriver(sandbox: Sandbox): Driver & { close(): void } {
    const sessions = new Map<string, Promise<Vty>>();

    /** A device has a namespace of its name, a pod one of its own kind of name. */
    function namespaceOf(name: string): string {
        return existsSync(sandbox.path(`/run/netns/${name}`)) ? name : podNamespace(name);
    }

    /** One session per router, because its daemon takes only a few connections at a time. */
    function sessionOf(device: string): Promise<Vty> {
        const known = sessions.get(device);
        if (known) {
            return known;
        }
        const session = vty(sandbox, namespaceOf(device), "bgpd");
        sessions.set(device, session);
        return session;
    }

    async function ask<T>(device: string, read: (bgpd: Vty) => Promise<T>): Promise<T> {
        const session = sessionOf(device);
        try {
            return await read(await session);
        } catch (error) {
            // What was only refused leaves the session open, and with it the process. A daemon that has been restarted has
            // another socket; the next look opens it.
            if (!(await isOpen(session)) && sessions.get(device) === session) {
                sessions.delete(device);
            }
            throw error;
        }
    }

    const tables = frrTables({
        ask,
        async kernelRoutes(device, family, vrf) {
            const namespace = vrfNamespace(namespaceOf(device), vrf);
            const isLearned = ({ protocol }: KernelRoute) => protocol === "bgp" || protocol === "bird";
            const [{ states }, owners] = await Promise.all([
                sandbox.call("state", { namespaces: [namespace] }),
                vrf === undefined ? new Map<string, string>() : leakOwners(sandbox, device),
            ]);
            return (states[namespace]?.routes ?? [])
                .filter((route) => isLearned(route) && route.prefix.includes(":") === (family === "ipv6"))
                .map(({ prefix, nextHops }) => ({
                    prefix,
                    nextHops: [...new Set(nextHops.flatMap((hop) => gatewayOf(hop, owners)))],
                }));
        },
        internalAddresses: async (device) => new Set((await leakOwners(sandbox, device)).keys()),
    });

    return {
        ...tables,
        objects: () => Promise.reject(new Error("the embedded runtime has no Kubernetes API")),
        sessions: (device, vrf) =>
            gobgpRuns(sandbox, device) ? gobgpSessions(sandbox, device) : tables.sessions(device, vrf),
        speakerRoutes: (node, family) => gobgpBestPaths(sandbox, node, family),
        refused: (device, neighbor, family) =>
            gobgpRuns(sandbox, device)
                ? gobgpRefused(sandbox, device, neighbor, family)
                : tables.refused(device, neighbor, family),
        async tracked(pod) {
            const { connections } = await sandbox.call("connections", { namespace: namespaceOf(pod) });
            return connections.map(connectionOf);
        },
        http: (from, address, port, count, timeoutMilliseconds) => {
            const request = { namespace: namespaceOf(from), address, port, timeoutMilliseconds };
            return Promise.all(
                Array.from({ length: count }, async () => answerOf(await sandbox.call("http", request))),
            );
        },
        ping: async (from, address, timeoutMilliseconds) =>
            answerOf(await sandbox.call("ping", { namespace: namespaceOf(from), address, timeoutMilliseconds })),
        connect: async (from, address, port, timeoutMilliseconds) =>
            answerOf(
                await sandbox.call("connect", { namespace: namespaceOf(from), address, port, timeoutMilliseconds }),
            ),
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
