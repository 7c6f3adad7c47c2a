/** The connection of the provider and the commands to a sandbox's PID 1. */
import { createConnection, type Socket } from "node:net";
import { type Operations, protocolVersion, type Response, type Sandbox, socketPath } from "./protocol";
import { onLines } from "./server";

interface Waiting {
    readonly resolve: (result: never) => void;
    readonly reject: (error: Error) => void;
}

/**
 * Connects to the sandbox with that PID 1.
 *
 * @param timeoutMilliseconds time for its first answer; it may be busy with a request of another connection
 * @throws Error when nothing answers, or something else than that sandbox does
 */
export async function connectTo(name: string, pid: number, timeoutMilliseconds: number): Promise<Sandbox> {
    const socket = await open(`/proc/${pid}/root${socketPath}`);
    const sandbox = client(name, pid, socket);
    const timer = setTimeout(
        () =>
            socket.destroy(
                new Error(`process ${pid} of the sandbox ${name} does not answer; bring the lab down and up`),
            ),
        timeoutMilliseconds,
    );
    try {
        const hello = await sandbox.call("hello", {});
        checkHello(hello, name, pid);
        return sandbox;
    } catch (error) {
        sandbox.close();
        throw error;
    } finally {
        clearTimeout(timer);
    }
}

function checkHello(hello: Operations["hello"][1], name: string, pid: number): void {
    if (hello.name !== name) {
        throw new Error(`process ${pid} is the sandbox ${hello.name}, not ${name}`);
    }
    if (hello.version !== protocolVersion) {
        throw new Error(
            `the sandbox ${name} speaks version ${hello.version} of its protocol, this program version ${protocolVersion}; bring the lab down and up`,
        );
    }
}

function open(path: string): Promise<Socket> {
    return new Promise((resolve, reject) => {
        const socket = createConnection({ path });
        socket.once("error", reject);
        socket.once("connect", () => {
            socket.off("error", reject);
            resolve(socket);
        });
    });
}

function client(name: string, pid: number, socket: Socket): Sandbox {
    const waiting = new Map<number, Waiting>();
    let lastId = 0;
    let gone: Error | undefined;
    socket.on("error", (error: NodeJS.ErrnoException) => {
        // A system's error says less than that the sandbox is gone.
        gone ??= error.code === undefined ? error : undefined;
    });
    socket.on("close", () => {
        gone ??= new Error(`the sandbox ${name} is gone`);
        for (const { reject } of waiting.values()) {
            reject(gone);
        }
        waiting.clear();
        socket.unref();
    });
    onLines(socket, (line) => {
        const response = JSON.parse(line) as Response;
        const asker = waiting.get(response.id);
        waiting.delete(response.id);
        if ("error" in response) {
            asker?.reject(new Error(response.error));
        } else {
            asker?.resolve(response.result as never);
        }
        holdProcess();
    });
    /** An idle connection does not keep the program running; one with an open question does. */
    const holdProcess = () => {
        waiting.size === 0 ? socket.unref() : socket.ref();
    };
    holdProcess();
    return {
        name,
        pid,
        path: (inside) => `/proc/${pid}/root${inside}`,
        call<K extends keyof Operations>(operation: K, args: Operations[K][0]) {
            return new Promise<Operations[K][1]>((resolve, reject) => {
                if (gone !== undefined) {
                    reject(gone);
                    return;
                }
                const id = ++lastId;
                waiting.set(id, { resolve, reject });
                holdProcess();
                socket.write(`${JSON.stringify({ id, operation, arguments: args })}\n`);
            });
        },
        close() {
            gone ??= new Error(`the connection to the sandbox ${name} was closed`);
            socket.destroy();
        },
    };
}
