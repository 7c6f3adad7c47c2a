import { createConnection, type Socket } from "node:net";
import type { Sandbox } from "../sandbox/protocol";

/** Daemons of FRR that a lab may run. */
export type FrrDaemon = "zebra" | "staticd" | "bgpd" | "bfdd";

/** Return codes of FRR's command interpreter that mean "done" (lib/command.h: CMD_SUCCESS, CMD_SUCCESS_DAEMON). */
const success = new Set([0, 10]);

/** Milliseconds a batch of commands may take. */
const defaultTimeout = 10_000;

/** What a daemon answered to one command. */
export interface VtyReply {
    readonly command: string;
    readonly output: string;
    /** Return code of the command interpreter; 0 is success (FRR lib/command.h). */
    readonly code: number;
}

/** A session with one daemon's command line, in privileged mode. */
export interface Vty {
    /**
     * Sends commands in one go and gives their answers in order. Nothing is interpreted: a refused command has a code
     * that is not 0.
     *
     * @throws Error when the daemon goes away or does not answer in time
     */
    ask(commands: readonly string[], timeoutMilliseconds?: number): Promise<readonly VtyReply[]>;
    /** Output of one command. @throws Error when the daemon refuses it */
    show(command: string): Promise<string>;
    /** Parsed output of one command that prints JSON. @throws Error when the daemon refuses it or prints something else */
    json(command: string): Promise<unknown>;
    /** Whether commands can still be sent: the daemon neither went away nor failed to answer in time. */
    isOpen(): boolean;
    close(): void;
}

/** Path of a daemon's command socket inside a sandbox; FRR makes it from `-N <namespace>`. */
export function vtyPath(namespace: string, daemon: FrrDaemon): string {
    return `/run/frr/${namespace}/${daemon}.vty`;
}

/** Whether a command was carried out. */
export function succeeded(reply: VtyReply): boolean {
    return success.has(reply.code);
}

/**
 * Connects to a daemon's command line: the unix socket that vtysh uses. Commands end with a NUL byte; an answer is text
 * followed by three NUL bytes and the return code (FRR lib/vty.c, vtysh_read).
 *
 * @throws Error naming daemon and namespace when nothing listens
 */
export async function vty(sandbox: Sandbox, namespace: string, daemon: FrrDaemon): Promise<Vty> {
    const who = `${daemon} of ${namespace}`;
    const socket = await connect(sandbox.path(vtyPath(namespace, daemon)), who);
    const pipe = replies(socket, who);
    const ask: Vty["ask"] = async (commands, timeout = defaultTimeout) => {
        socket.write(commands.map((command) => `${command}\0`).join(""));
        const answers = await pipe.take(commands, timeout);
        return answers.map(({ output, code }, i) => ({ command: commands[i] ?? "", output, code }));
    };
    const show: Vty["show"] = async (command) => {
        const [reply] = await ask([command]);
        if (reply === undefined || !succeeded(reply)) {
            throw new Error(`${who} refused "${command}": ${reply?.output.trim() ?? "no answer"}`);
        }
        return reply.output;
    };
    await ask(["enable"]);
    return {
        ask,
        show,
        async json(command) {
            const text = await show(command);
            try {
                return JSON.parse(text === "" ? "{}" : text);
            } catch {
                throw new Error(`${who} answered "${command}" with something other than JSON: ${text.slice(0, 200)}`);
            }
        },
        isOpen: () => !socket.destroyed,
        close: () => socket.destroy(),
    };
}

/** Opens a command line for the time of one piece of work. */
export async function withVty<T>(
    sandbox: Sandbox,
    namespace: string,
    daemon: FrrDaemon,
    work: (session: Vty) => Promise<T>,
): Promise<T> {
    const session = await vty(sandbox, namespace, daemon);
    try {
        return await work(session);
    } finally {
        session.close();
    }
}

function connect(path: string, who: string): Promise<Socket> {
    return new Promise((done, fail) => {
        const socket = createConnection(path);
        socket.once("connect", () => {
            socket.removeAllListeners("error");
            done(socket);
        });
        socket.once("error", (error: NodeJS.ErrnoException) => {
            fail(new Error(`${who} does not run: its command socket gives ${error.code ?? error.message}`));
        });
    });
}

interface Answer {
    readonly output: string;
    readonly code: number;
}

interface Waiting {
    readonly commands: readonly string[];
    readonly answers: Answer[];
    readonly done: (answers: readonly Answer[]) => void;
    readonly fail: (error: Error) => void;
}

/** Cuts what a socket delivers into answers, and hands them to those who wait, in order. */
function replies(socket: Socket, who: string) {
    const queue: Waiting[] = [];
    let pending: Buffer[] = [];
    let ending = false;
    let broken: Error | undefined;

    const deliver = (answer: Answer) => {
        const waiting = queue[0];
        if (waiting === undefined) {
            return;
        }
        waiting.answers.push(answer);
        if (waiting.answers.length === waiting.commands.length) {
            queue.shift();
            waiting.done(waiting.answers);
        }
    };
    const breakOff = (error: Error) => {
        broken ??= error;
        for (const waiting of queue.splice(0)) {
            waiting.fail(broken);
        }
        socket.destroy();
    };

    socket.on("data", (chunk: Buffer) => {
        // An answer's text holds no NUL, so a chunk without one cannot end an answer, unless the end has begun.
        pending.push(chunk);
        ending ||= chunk.includes(0);
        if (!ending) {
            return;
        }
        let data = pending.length === 1 ? chunk : Buffer.concat(pending);
        for (let end = data.indexOf(0); end >= 0 && end + 4 <= data.length; end = data.indexOf(0)) {
            deliver({ output: data.toString("utf8", 0, end), code: data[end + 3] ?? -1 });
            data = data.subarray(end + 4);
        }
        pending = data.length > 0 ? [data] : [];
        ending = data.includes(0);
    });
    socket.on("error", (error) => breakOff(new Error(`${who}: ${error.message}`)));
    socket.on("close", () => breakOff(new Error(`${who} closed its command line`)));

    return {
        take(commands: readonly string[], timeout: number): Promise<readonly Answer[]> {
            return new Promise((done, fail) => {
                if (broken !== undefined || commands.length === 0) {
                    broken === undefined ? done([]) : fail(broken);
                    return;
                }
                const timer = setTimeout(() => {
                    const at = commands[waiting.answers.length];
                    breakOff(new Error(`${who} did not answer "${at}" within ${timeout} ms`));
                }, timeout);
                const waiting: Waiting = {
                    commands,
                    answers: [],
                    done: (answers) => {
                        clearTimeout(timer);
                        done(answers);
                    },
                    fail: (error) => {
                        clearTimeout(timer);
                        fail(error);
                    },
                };
                queue.push(waiting);
            });
        },
    };
}
