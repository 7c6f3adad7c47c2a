/**
 * PID 1 of a sandbox. It holds what makes the lab (namespaces, daemons, pods' servers) and ends with it; everything is
 * in private mounts and namespaces, so that nothing is left behind when it is killed.
 *
 * Started by `start.ts` as `node … sandbox.cjs <marker>`; says `ready` on descriptor 3 when it can be asked.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { trackedConnections } from "./conntrack";
import { observeNamespace } from "./kernel";
import { readMarker } from "./marker";
import { trimWhenIdle } from "./memory";
import { mount, mountFlags, replaceDescriptor, setHostname } from "./native";
import { applyFabric, applyNode, inspectFabric, inspectNode, learnPodRoutes, removeNode } from "./node";
import { connect, http, ping } from "./probes";
import { daemonStates, exec, logDirectory, reapOrphans, startDaemon, stopDaemon, trimLogs } from "./processes";
import { type NamespaceState, protocolVersion, socketPath } from "./protocol";
import { podList } from "./running-pods";
import { type Handlers, serve } from "./server";

const startedAt = new Date().toISOString();
const descriptors = { error: 2, ready: 3 } as const;

const logCheckMilliseconds = 30_000;

const nothing: Record<string, never> = {};

function handlers(name: string): Handlers {
    return {
        hello: () => ({ name, version: protocolVersion, startedAt }),
        applyFabric: async ({ fabric }) => {
            await applyFabric(fabric);
            return nothing;
        },
        inspectFabric: ({ fabric }) => ({ drift: inspectFabric(fabric) }),
        startDaemon,
        stopDaemon: async (request) => {
            await stopDaemon(request);
            return nothing;
        },
        daemons: () => ({ daemons: daemonStates() }),
        exec: async (request, abort) => ({ results: await exec(request, abort) }),
        applyNode: async ({ node }) => {
            await applyNode(node);
            return nothing;
        },
        inspectNode: ({ node }) => ({ drift: inspectNode(node) }),
        removeNode: async ({ namespace }) => {
            await removeNode(namespace);
            return nothing;
        },
        pods: podList,
        learnRoutes: learnPodRoutes,
        connections: ({ namespace }) => ({ connections: trackedConnections(namespace) }),
        state: ({ namespaces }) => ({ states: Object.fromEntries(namespaces.map((each) => [each, stateOf(each)])) }),
        http,
        ping,
        connect,
    };
}

function stateOf(namespace: string): NamespaceState {
    const { interfaces, routes } = observeNamespace(namespace);
    return {
        interfaces: [...interfaces.values()].map(({ name, up, mtu, peer, index, addresses }) => ({
            name,
            up,
            mtu,
            index,
            addresses,
            ...(peer === undefined ? {} : { peer }),
        })),
        routes: routes.map(({ prefix, type, protocol, nextHops }) => ({ prefix, type, protocol, nextHops })),
    };
}

/** Memory that the files of a sandbox may take; used only as far as there are files. */
const runSize = "256m";

/** Gives the sandbox its own /run and FRR directories, and root FRR's group. */
function mountPrivate(): void {
    mount("none", "/", "none", mountFlags.recursive | mountFlags.private);
    mount("bgp-lab", "/run", "tmpfs", mountFlags.noSuid | mountFlags.noDev, `mode=755,size=${runSize}`);
    for (const directory of ["/run/netns", "/run/frr", "/run/lock", logDirectory]) {
        mkdirSync(directory, { recursive: true, mode: 0o755 });
    }
    for (const directory of ["/var/tmp/frr", "/etc/frr"]) {
        coverIfPresent(directory);
    }
    patchGroups();
}

/** Covers what FRR would share with the machine: crash logs and configuration. Without the package there is nothing to cover. */
function coverIfPresent(directory: string): void {
    if (existsSync(directory)) {
        mount("bgp-lab", directory, "tmpfs", mountFlags.noSuid | mountFlags.noDev, "mode=755,size=16m");
    }
}

/**
 * FRR's daemons run as root here, and refuse users outside of the group `frrvty`. Under that name they get root's own
 * group, the only one that exists in a user namespace of one user.
 */
function patchGroups(): void {
    const patched = "/run/group";
    const others = readFileSync("/etc/group", "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("frrvty:"));
    writeFileSync(patched, `${[...others, "frrvty:x:0:root"].join("\n")}\n`, { mode: 0o644 });
    mount(patched, "/etc/group", "none", mountFlags.bind);
}

/** From here on nothing of the process that started us is in use: not its pipes, its terminal, nor its folder. */
function detach(): void {
    const log = openSync(`${logDirectory}/init.log`, "a", 0o644);
    replaceDescriptor(log, 1);
    replaceDescriptor(log, descriptors.error);
    closeSync(log);
}

function sayReady(): void {
    try {
        writeSync(descriptors.ready, "ready\n");
    } catch {
        // Whoever started us has gone; the next one finds us by our name.
    }
    closeSync(descriptors.ready);
}

function main(): void {
    const name = readMarker(process.argv[process.argv.length - 1] ?? "");
    if (name === undefined || process.pid !== 1) {
        throw new Error("this program is PID 1 of a sandbox; it is started by provider/sandbox/start.ts");
    }
    process.chdir("/");
    process.umask(0o022);
    setHostname(name);
    mountPrivate();
    reapOrphans();
    // A lab must not end because one request failed in an unforeseen way; the log says how.
    process.on("uncaughtException", (error) => process.stderr.write(`${new Date().toISOString()} ${error.stack}\n`));
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM", "SIGQUIT"] as const) {
        process.on(signal, () => {});
    }
    setInterval(trimLogs, logCheckMilliseconds);
    const all = handlers(name);
    const working = trimWhenIdle();
    rmSync(socketPath, { force: true });
    createServer((socket) => serve(socket, all, working)).listen({ path: socketPath }, () => {
        detach();
        sayReady();
    });
}

main();
