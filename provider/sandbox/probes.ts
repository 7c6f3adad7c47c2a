/**
 * Probes from a namespace: HTTP, TCP and ping, without a process. The socket is made by hand inside the namespace,
 * because Node creates its own in a later turn of the event loop, when the thread is elsewhere. The kernel's error queue
 * (IP_RECVERR) tells a TTL that ended on the way from a destination that cannot be reached.
 */

import { createSocket } from "node:dgram";
import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { families, familyOf, formatAddress, parseAddress } from "./addresses";
import { inNamespace, writeSysctl } from "./namespaces";
import { connectStart, duplicate, errno, type IcmpError, readErrorQueue, setSocketOption, socket } from "./native";
import type { HttpResult, Operations, ReachResult } from "./protocol";

const stream = 1;
const datagram = 2;
const nonBlocking = 0o4000;

type Failure = Exclude<ReachResult["kind"], "answer">;

/** Asks for error messages to be queued with their origin. */
function wantErrors(fd: number, family: number): void {
    const [level, option] = family === families.ipv4 ? [0, 11] : [41, 25];
    setSocketOption(fd, level!, option!, 1);
}

/** A socket address (sockaddr_in, sockaddr_in6). */
function socketAddress(address: Buffer, port: number): Buffer {
    const bytes = Buffer.alloc(address.length === 4 ? 16 : 28);
    bytes.writeUInt16LE(familyOf(address), 0);
    bytes.writeUInt16BE(port, 2);
    address.copy(bytes, address.length === 4 ? 4 : 8);
    return bytes;
}

/** A TCP connection that is being made, with a second descriptor that outlives Node's to read its error queue. */
interface Attempt {
    readonly socket: Socket;
    readonly spare: number;
}

/** Begins a TCP connection in a namespace; or tells at once that it cannot be. */
function beginConnection(namespace: string, address: Buffer, port: number): Attempt | ReachResult {
    return inNamespace(namespace, () => {
        const fd = socket(familyOf(address), stream | nonBlocking, 0);
        wantErrors(fd, familyOf(address));
        const code = connectStart(fd, socketAddress(address, port));
        if (code !== 0 && code !== errno.inProgress) {
            closeSync(fd);
            return { kind: "unreachable" };
        }
        const spare = duplicate(fd);
        return { socket: new Socket({ fd, readable: true, writable: true }), spare };
    });
}

function isTtlExceeded({ origin, type }: IcmpError): boolean {
    return (origin === "icmp" && type === 11) || (origin === "icmp6" && type === 3);
}

/** Why there was no answer, and who said so. */
interface Reason {
    readonly kind: Failure;
    readonly from?: string;
}

/** What an ICMP message means for the one who asked. */
function explainIcmp(error: IcmpError): Reason {
    const from = error.from === undefined ? {} : { from: formatAddress(error.from) };
    return { kind: isTtlExceeded(error) ? "ttl-exceeded" : "unreachable", ...from };
}

/** What an error of a socket means, from its error queue or else its code. */
function explain(code: string | undefined, spare: number): Reason {
    if (code === "ECONNREFUSED" || code === "ECONNRESET") {
        return { kind: "refused" };
    }
    if (code === "ETIMEDOUT") {
        return { kind: "timeout" };
    }
    const icmp = readErrorQueue(spare);
    return icmp === undefined ? { kind: "unreachable" } : explainIcmp(icmp);
}

/** How often the error queue is looked at: TCP treats ICMP errors as passing, and Node hears nothing of them. */
const errorQueueMilliseconds = 2;

/** Runs an attempt to its first outcome, and cleans up. */
function settle<T>(
    { socket: connection, spare }: Attempt,
    timeoutMilliseconds: number,
    onFailure: (reason: Reason, detail: string) => T,
    begin: (succeed: (result: T) => void) => void,
): Promise<T> {
    return new Promise((resolve) => {
        let isSettled = false;
        const finish = (outcome: () => T) => {
            if (!isSettled) {
                isSettled = true;
                resolve(outcome());
                clearTimeout(timer);
                clearInterval(watch);
                connection.destroy();
                closeSync(spare);
            }
        };
        const timer = setTimeout(
            () => finish(() => onFailure({ kind: "timeout" }, `no answer in ${timeoutMilliseconds} ms`)),
            timeoutMilliseconds,
        );
        const watch = setInterval(() => {
            const icmp = readErrorQueue(spare);
            if (icmp !== undefined) {
                finish(() => onFailure(explainIcmp(icmp), `ICMP type ${icmp.type} code ${icmp.code}`));
            }
        }, errorQueueMilliseconds);
        connection.on("error", (error: NodeJS.ErrnoException) =>
            finish(() => onFailure(explain(error.code, spare), error.message)),
        );
        begin((result) => finish(() => result));
    });
}

/** HTTP GET of `/`, on a connection of its own. */
export function http(request: Operations["http"][0]): Promise<HttpResult> {
    const { namespace, address, port, timeoutMilliseconds } = request;
    const started = performance.now();
    const attempt = beginConnection(namespace, parseAddress(address), port);
    if ("kind" in attempt) {
        return Promise.resolve({ kind: "unreachable", detail: `there is no route to ${address} in ${namespace}` });
    }
    const host = address.includes(":") ? `[${address}]` : address;
    return settle<HttpResult>(
        attempt,
        timeoutMilliseconds,
        ({ kind, from }, detail) => ({ kind, detail: from === undefined ? detail : `${detail}, says ${from}` }),
        (succeed) => {
            const chunks: Buffer[] = [];
            attempt.socket.on("data", (chunk) => chunks.push(chunk));
            attempt.socket.on("end", () => {
                succeed(parseAnswer(Buffer.concat(chunks).toString("utf8"), performance.now() - started));
            });
            // HTTP/1.0, so that the end of the connection is the end of the body.
            attempt.socket.write(`GET / HTTP/1.0\r\nhost: ${host}:${port}\r\n\r\n`);
        },
    );
}

function parseAnswer(text: string, milliseconds: number): HttpResult {
    const match = /^HTTP\/1\.[01] ([0-9]{3})[^\n]*\n(?:[^\r\n]+\r?\n)*\r?\n/.exec(text);
    if (match === null) {
        return { kind: "refused", detail: text === "" ? "closed without an answer" : "the answer is not HTTP" };
    }
    return { kind: "answer", status: Number(match[1]), body: text.slice(match[0].length), milliseconds };
}

/** One TCP connection attempt. */
export function connect(request: Operations["connect"][0]): Promise<ReachResult> {
    const { namespace, address, port, timeoutMilliseconds } = request;
    const attempt = beginConnection(namespace, parseAddress(address), port);
    if ("kind" in attempt) {
        return Promise.resolve(attempt);
    }
    return settle<ReachResult>(
        attempt,
        timeoutMilliseconds,
        (failure) => failure,
        (succeed) => {
            // An empty write completes when the connection stands.
            attempt.socket.write(Buffer.alloc(0), (error) => {
                if (!error) {
                    succeed({ kind: "answer", from: address });
                }
            });
        },
    );
}

/** One echo request. The kernel's ping sockets match answers to requests; Node reads them like UDP. */
export function ping(request: Operations["ping"][0]): Promise<ReachResult> {
    const { namespace, address, timeoutMilliseconds } = request;
    const target = parseAddress(address);
    const isIpv4 = familyOf(target) === families.ipv4;
    const [icmp, icmp6] = [1, 58];
    const fd = inNamespace(namespace, () => {
        writeSysctl("ipv4/ping_group_range", "0 0");
        return socket(familyOf(target), datagram | nonBlocking, isIpv4 ? icmp! : icmp6!);
    });
    wantErrors(fd, familyOf(target));
    const spare = duplicate(fd);
    const reader = createSocket(isIpv4 ? "udp4" : "udp6");
    return new Promise((resolve) => {
        const finish = (result: ReachResult) => {
            clearTimeout(timer);
            reader.removeAllListeners();
            reader.on("error", () => {});
            reader.close();
            closeSync(spare);
            resolve(result);
        };
        const timer = setTimeout(() => finish({ kind: "timeout" }), timeoutMilliseconds);
        reader.on("message", (_, { address: from }) => finish({ kind: "answer", from }));
        reader.on("error", (error: NodeJS.ErrnoException) => finish(explain(error.code, spare)));
        reader.bind({ fd, exclusive: true }, () => {
            const echoRequest = isIpv4 ? 8 : 128;
            const message = Buffer.from([echoRequest, 0, 0, 0, 0, 0, 0, 1, ...Buffer.from("bgp-lab")]);
            reader.send(message, 0, message.length, 1, address, (error) => {
                if (error) {
                    reader.emit("error", error);
                }
            });
        });
    });
}
