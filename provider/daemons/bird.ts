import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import type { Drift, Sandbox } from "../sandbox/protocol";
import { executable } from "./needs";
import { absence, statusOf, untilReady } from "./process";

/** A node's BIRD: the namespace it runs in and its complete bird.conf. */
export interface BirdSpec {
    readonly namespace: string;
    readonly config: string;
}

/** Milliseconds between SIGTERM and SIGKILL; BIRD needs a few to tell its peers. */
const grace = 1_000;

/** Milliseconds a command may take. */
const timeout = 10_000;

export function birdProcess(namespace: string): string {
    return `bird.${namespace}`;
}

function configPath(namespace: string): string {
    return `/run/bird/${namespace}.conf`;
}

function socketPath(namespace: string): string {
    return `/run/bird/${namespace}.ctl`;
}

/**
 * Starts BIRD in a namespace with its configuration, or has the running one read the new configuration: BIRD then
 * restarts only the protocols whose session settings changed. A configuration it refuses changes nothing.
 *
 * @throws Error with BIRD's own words (file, line, reason)
 */
export async function applyBird(sandbox: Sandbox, { namespace, config }: BirdSpec): Promise<void> {
    const before = readConfig(sandbox, namespace);
    const running = await openControl(sandbox, namespace).catch(() => undefined);
    if (running === undefined) {
        await start(sandbox, namespace, config);
        return;
    }
    try {
        // Also without a change of text: someone may have disabled a protocol or configured another file.
        writeConfig(sandbox, namespace, config);
        await running.command(`configure "${configPath(namespace)}"`);
        await running.command("enable all");
    } catch (error) {
        writeConfig(sandbox, namespace, before ?? config);
        throw error;
    } finally {
        running.close();
    }
}

/** Differences between what is given and what runs: a dead BIRD, another configuration, a disabled protocol. */
export async function inspectBird(sandbox: Sandbox, { namespace, config }: BirdSpec): Promise<readonly Drift[]> {
    const status = await statusOf(sandbox, birdProcess(namespace));
    if (!status?.running) {
        return [{ path: "", found: `bird ${absence(status)}` }];
    }
    const other =
        readConfig(sandbox, namespace) === config ? [] : [{ path: "config", found: "another configuration is loaded" }];
    const disabled = (await birdProtocols(sandbox, namespace))
        .filter((protocol) => protocol.disabled)
        .map(({ name }) => ({ path: "config", found: `protocol ${name} is disabled` }));
    return [...other, ...disabled];
}

/**
 * Ends BIRD. It closes its sessions with a Cease (administrative shutdown) before it ends; BIRD 2.0 does not announce
 * the notification bit of RFC 8538, so peers drop its routes at once, with graceful restart too.
 */
export async function stopBird(sandbox: Sandbox, { namespace }: { readonly namespace: string }): Promise<void> {
    await sandbox.call("stopDaemon", { name: birdProcess(namespace), graceMilliseconds: grace });
    rmSync(sandbox.path(socketPath(namespace)), { force: true });
    rmSync(sandbox.path(configPath(namespace)), { force: true });
}

/** A protocol as `show protocols` lists it. */
export interface BirdProtocol {
    readonly name: string;
    /** `BGP`, `Static`, `Kernel`, `Device`, … */
    readonly kind: string;
    readonly state: string;
    /** For BGP the session's state, e.g. `Established`. */
    readonly info: string;
    readonly disabled: boolean;
}

/** All protocols of a BIRD. */
export async function birdProtocols(sandbox: Sandbox, namespace: string): Promise<readonly BirdProtocol[]> {
    const control = await openControl(sandbox, namespace);
    try {
        // Lines are: name, kind, table, state, since, info; the first has the titles.
        const lines = await control.command("show protocols");
        return lines.slice(1).flatMap((line): readonly BirdProtocol[] => {
            const [, name, kind, state, info] = /^(\S+)\s+(\S+)\s+\S+\s+(\S+)\s+\S+\s*(.*)$/.exec(line) ?? [];
            return name && kind && state
                ? [{ name, kind, state, info: (info ?? "").trim(), disabled: state === "down" }]
                : [];
        });
    } finally {
        control.close();
    }
}

async function start(sandbox: Sandbox, namespace: string, config: string): Promise<void> {
    // One that runs but does not answer (stopped, hanging, or its socket removed) would be taken for the one to start.
    await sandbox.call("stopDaemon", { name: birdProcess(namespace), graceMilliseconds: 0 });
    writeConfig(sandbox, namespace, config);
    rmSync(sandbox.path(socketPath(namespace)), { force: true });
    await sandbox.call("startDaemon", {
        name: birdProcess(namespace),
        namespace,
        argv: [executable("bird"), "-f", "-c", configPath(namespace), "-s", socketPath(namespace)],
    });
    const control = await untilReady(sandbox, birdProcess(namespace), () => openControl(sandbox, namespace));
    control.close();
}

function readConfig(sandbox: Sandbox, namespace: string): string | undefined {
    try {
        return readFileSync(sandbox.path(configPath(namespace)), "utf8");
    } catch {
        return undefined;
    }
}

function writeConfig(sandbox: Sandbox, namespace: string, config: string): void {
    mkdirSync(sandbox.path("/run/bird"), { recursive: true });
    writeFileSync(sandbox.path(configPath(namespace)), config);
}

/** BIRD's command line. */
interface Control {
    /** Lines of the answer without their codes. @throws Error when BIRD refuses */
    command(text: string): Promise<readonly string[]>;
    close(): void;
}

/**
 * Connects to BIRD's control socket. Answers are lines that begin with a four-digit code and `-` (more follows) or a
 * space (last line); a line that begins with a space continues the code before. Codes from 8000 on are refusals.
 */
async function openControl(sandbox: Sandbox, namespace: string): Promise<Control> {
    const socket = createConnection(sandbox.path(socketPath(namespace)));
    const who = `bird of ${namespace}`;
    await new Promise<void>((done, fail) => {
        socket.once("connect", done);
        socket.once("error", (error: NodeJS.ErrnoException) => {
            fail(new Error(`${who} does not run: its control socket gives ${error.code ?? error.message}`));
        });
    });
    await answer(socket, who, "greeting");
    return {
        command(text) {
            socket.write(`${text}\n`);
            return answer(socket, who, text);
        },
        close: () => socket.destroy(),
    };
}

function answer(socket: Socket, who: string, command: string): Promise<readonly string[]> {
    return new Promise((done, fail) => {
        let text = "";
        const finish = (result: () => void) => {
            clearTimeout(timer);
            socket.removeListener("data", more);
            socket.removeListener("close", closed);
            result();
        };
        const more = (chunk: Buffer) => {
            text += chunk.toString();
            const lines = text.split("\n");
            const last = lines.slice(0, -1).find((line) => /^\d{4} /.test(line));
            if (last !== undefined) {
                const said = lines.slice(0, -1).map((line) => line.replace(/^(\d{4}[ -]| )/, ""));
                const refused = Number(last.slice(0, 4)) >= 8000;
                finish(() =>
                    refused ? fail(new Error(`${who} refused "${command}": ${said.join(" ")}`)) : done(said),
                );
            }
        };
        const closed = () => finish(() => fail(new Error(`${who} closed its control socket during "${command}"`)));
        const timer = setTimeout(() => finish(() => fail(new Error(`${who} did not answer "${command}"`))), timeout);
        socket.on("data", more);
        socket.once("close", closed);
    });
}
