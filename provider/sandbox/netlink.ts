/**
 * Netlink (RFC 3549): requests to the kernel's routing tables in one system call each, without a process per namespace.
 * A netlink socket belongs to the namespace it was opened in.
 */
import { closeSync } from "node:fs";
import { errno, receive, send, setSocketOption, socket, systemError } from "./native";

/** Netlink families (linux/netlink.h). */
export const protocols = { route: 0, netfilter: 12 } as const;

/** Flags of a request (linux/netlink.h). */
export const flags = { request: 1, ack: 4, replace: 0x100, exclusive: 0x200, dump: 0x300, create: 0x400 } as const;

/** One request that changes something. */
export interface Change {
    readonly type: number;
    /** Flags beyond `request`. */
    readonly flags: number;
    readonly body: Buffer;
    /** What it does, for the message when it fails. */
    readonly what: string;
    /** Error numbers that mean the wanted state is already there. */
    readonly tolerated?: readonly number[];
}

/** A message from the kernel. */
export interface Reply {
    readonly type: number;
    readonly body: Buffer;
}

const headerLength = 16;
const receiveBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** An attribute: length, type, payload, padded to four bytes. */
export function attribute(type: number, payload: Buffer): Buffer {
    const bytes = Buffer.alloc((4 + payload.length + 3) & ~3);
    bytes.writeUInt16LE(4 + payload.length, 0);
    bytes.writeUInt16LE(type, 2);
    payload.copy(bytes, 4);
    return bytes;
}

/** An attribute that holds a 32-bit number in host order. */
export function attribute32(type: number, value: number): Buffer {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeUInt16LE(8, 0);
    bytes.writeUInt16LE(type, 2);
    bytes.writeUInt32LE(value, 4);
    return bytes;
}

/** An attribute that holds a NUL-terminated string. */
export function attributeString(type: number, value: string): Buffer {
    return attribute(type, Buffer.from(`${value}\0`));
}

/** An attribute that holds attributes. */
export function nest(type: number, ...attributes: readonly Buffer[]): Buffer {
    return attribute(type, Buffer.concat(attributes));
}

/** Attributes of a message by type; the nested and byte-order flags of the type are dropped. */
export function parseAttributes(bytes: Buffer): Map<number, Buffer> {
    const attributes = new Map<number, Buffer>();
    for (let at = 0; at + 4 <= bytes.length; ) {
        const length = bytes.readUInt16LE(at);
        if (length < 4) {
            break;
        }
        attributes.set(bytes.readUInt16LE(at + 2) & 0x3fff, bytes.subarray(at + 4, at + length));
        at += (length + 3) & ~3;
    }
    return attributes;
}

/** Opens a netlink socket in the current network namespace. */
export function openNetlink(protocol: number): number {
    const fd = socket(16, 3, protocol);
    const netlinkLevel = 270;
    // Shorter acknowledgements with the kernel's own words, and dumps that respect their filters.
    for (const option of [10, 11, 12]) {
        setSocketOption(fd, netlinkLevel, option, 1);
    }
    return fd;
}

/** Opens a netlink socket, uses it, and closes it. */
export function withNetlink<T>(protocol: number, use: (fd: number) => T): T {
    const fd = openNetlink(protocol);
    try {
        return use(fd);
    } finally {
        closeSync(fd);
    }
}

function encode(type: number, messageFlags: number, sequence: number, body: Buffer): Buffer {
    const header = Buffer.alloc(headerLength);
    header.writeUInt32LE(headerLength + body.length, 0);
    header.writeUInt16LE(type, 4);
    header.writeUInt16LE(flags.request | messageFlags, 6);
    header.writeUInt32LE(sequence, 8);
    const padding = (4 - (body.length & 3)) & 3;
    return padding === 0 ? Buffer.concat([header, body]) : Buffer.concat([header, body, Buffer.alloc(padding)]);
}

function* receiveMessages(fd: number): Generator<{ type: number; sequence: number; flags: number; body: Buffer }> {
    const length = receive(fd, receiveBuffer);
    if (length < 0) {
        throw systemError("receiving from netlink", -length);
    }
    // Copied, because bodies are kept while the next datagram is received.
    const datagram = Buffer.from(receiveBuffer.subarray(0, length));
    for (let at = 0; at + headerLength <= length; ) {
        const size = datagram.readUInt32LE(at);
        yield {
            type: datagram.readUInt16LE(at + 4),
            flags: datagram.readUInt16LE(at + 6),
            sequence: datagram.readUInt32LE(at + 8),
            body: datagram.subarray(at + headerLength, at + size),
        };
        at += (size + 3) & ~3;
    }
}

/** The kernel's own words on an error, from an extended acknowledgement. */
function extendedText(body: Buffer, messageFlags: number): string {
    const capped = 0x100;
    const hasAttributes = 0x200;
    if ((messageFlags & hasAttributes) === 0) {
        return "";
    }
    const original = (messageFlags & capped) === 0 ? body.readUInt32LE(4) : headerLength;
    const text = parseAttributes(body.subarray(4 + ((original + 3) & ~3))).get(1);
    return text === undefined ? "" : text.toString("utf8").replace(/\0+$/, "");
}

const batchSize = 64;
const messageError = 2;
const messageDone = 3;

/**
 * Makes changes in order, many in one system call. Every change is attempted, even when one before it fails.
 *
 * @throws AggregateError with one error per change that failed
 */
export function change(fd: number, changes: readonly Change[]): void {
    const errors: Error[] = [];
    for (let first = 0; first < changes.length; first += batchSize) {
        errors.push(...changeBatch(fd, changes.slice(first, first + batchSize)));
    }
    if (errors.length > 0) {
        throw new AggregateError(errors, errors.map((error) => error.message).join("\n"));
    }
}

/** Sends one batch. Only the last change is acknowledged: the others answer when they fail. */
function changeBatch(fd: number, batch: readonly Change[]): Error[] {
    const messages = batch.map(({ type, flags: extra, body }, index) =>
        encode(type, extra | (index === batch.length - 1 ? flags.ack : 0), index + 1, body),
    );
    const sent = send(fd, Buffer.concat(messages));
    if (sent !== 0) {
        throw systemError("sending to netlink", sent);
    }
    const errors: Error[] = [];
    for (let finished = false; !finished; ) {
        for (const { type, sequence, flags: replyFlags, body } of receiveMessages(fd)) {
            const code = type === messageError ? -body.readInt32LE(0) : 0;
            const { what, tolerated = [] } = batch[sequence - 1]!;
            if (code !== 0 && !tolerated.includes(code)) {
                errors.push(systemError(what, code, extendedText(body, replyFlags)));
            }
            finished ||= sequence === batch.length;
        }
    }
    return errors;
}

/**
 * Asks for a whole table.
 *
 * @param what what is asked for, for the message when it fails
 */
export function dump(fd: number, type: number, body: Buffer, what: string): readonly Reply[] {
    const sent = send(fd, encode(type, flags.dump, 1, body));
    if (sent !== 0) {
        throw systemError(what, sent);
    }
    const replies: Reply[] = [];
    for (;;) {
        for (const message of receiveMessages(fd)) {
            const isEnd = message.type === messageDone || message.type === messageError;
            const code = isEnd && message.body.length >= 4 ? -message.body.readInt32LE(0) : 0;
            if (code !== 0) {
                throw systemError(what, code, extendedText(message.body, message.flags));
            }
            if (isEnd) {
                return replies;
            }
            replies.push({ type: message.type, body: message.body });
        }
    }
}

/** Asks for one thing. */
export function ask(fd: number, type: number, body: Buffer, what: string): Reply {
    const sent = send(fd, encode(type, 0, 1, body));
    if (sent !== 0) {
        throw systemError(what, sent);
    }
    for (const message of receiveMessages(fd)) {
        const code = message.type === messageError ? -message.body.readInt32LE(0) : 0;
        if (code !== 0) {
            throw systemError(what, code, extendedText(message.body, message.flags));
        }
        return { type: message.type, body: message.body };
    }
    throw systemError(what, errno.noEntry);
}
