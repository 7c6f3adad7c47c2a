/** Requests and responses over a stream: one JSON object per line, answered in any order. */
import type { Socket } from "node:net";
import type { Operations, Request, Response } from "./protocol";

/** One function per operation; `abort` fires when the asker has gone. */
export type Handlers = {
    readonly [K in keyof Operations]: (
        args: Operations[K][0],
        abort: AbortSignal,
    ) => Operations[K][1] | Promise<Operations[K][1]>;
};

/** Calls back for every complete line of a stream. */
export function onLines(socket: Socket, onLine: (line: string) => void): void {
    let pending: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => {
        let from = 0;
        for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
            pending.push(chunk.subarray(from, end));
            const line = Buffer.concat(pending).toString("utf8");
            pending = [];
            from = end + 1;
            onLine(line);
        }
        pending.push(chunk.subarray(from));
    });
}

/** Answers the requests of one connection; `onAnswer` hears of each. */
export function serve(socket: Socket, handlers: Handlers, onAnswer: () => void): void {
    const gone = new AbortController();
    socket.on("error", () => socket.destroy());
    socket.on("close", () => gone.abort());
    onLines(socket, (line) => {
        void respond(line, handlers, gone.signal).then((response) => {
            onAnswer();
            if (!socket.destroyed) {
                socket.write(`${JSON.stringify(response)}\n`);
            }
        });
    });
}

async function respond(line: string, handlers: Handlers, abort: AbortSignal): Promise<Response> {
    const request = JSON.parse(line) as Request;
    try {
        return { id: request.id, result: await handle(request, handlers, abort) };
    } catch (error) {
        return { id: request.id, error: (error as Error).message };
    }
}

function handle<K extends keyof Operations>(
    { operation, arguments: args }: Request<K>,
    handlers: Handlers,
    abort: AbortSignal,
): Operations[K][1] | Promise<Operations[K][1]> {
    if (!Object.hasOwn(handlers, operation)) {
        throw new Error(
            `the sandbox does not know the operation "${operation}"; it was started by another version: bring the lab down and up`,
        );
    }
    return handlers[operation](args, abort);
}
