/**
 * The few system calls that Node does not offer. All of them are synchronous and act on the calling (main) thread, which
 * is what makes `setns` safe to use: nothing else runs in this thread before the way back.
 */
import { closeSync } from "node:fs";
import { getSystemErrorMap } from "node:util";
import koffi from "koffi";

const libc = koffi.load("libc.so.6");

const call = {
    unshare: libc.func("int unshare(int flags)"),
    setns: libc.func("int setns(int fd, int type)"),
    mount: libc.func(
        "int mount(const char *source, const char *target, const char *type, unsigned long flags, str data)",
    ),
    umount2: libc.func("int umount2(const char *target, int flags)"),
    sethostname: libc.func("int sethostname(const char *name, size_t length)"),
    socket: libc.func("int socket(int domain, int type, int protocol)"),
    connect: libc.func("int connect(int fd, const uint8_t *address, unsigned int length)"),
    setsockopt: libc.func("int setsockopt(int fd, int level, int name, const int *value, unsigned int length)"),
    send: libc.func("long send(int fd, const uint8_t *data, size_t length, int flags)"),
    recv: libc.func("long recv(int fd, _Out_ uint8_t *data, size_t length, int flags)"),
    dup: libc.func("int fcntl(int fd, int command, int argument)"),
    dup2: libc.func("int dup2(int from, int to)"),
    madvise: libc.func("int madvise(uintptr_t address, size_t length, int advice)"),
    mallocTrim: libc.func("int malloc_trim(size_t pad)"),
    waitid: libc.func("int waitid(int type, int id, _Out_ uint8_t *info, int options)"),
    waitpid: libc.func("int waitpid(int pid, void *status, int options)"),
};

/** Flags of `unshare` and `setns` (linux/sched.h). */
export const cloneFlags = { mount: 0x0002_0000, uts: 0x0400_0000, net: 0x4000_0000 } as const;

/** Flags of `mount` (linux/mount.h). */
export const mountFlags = { readOnly: 1, noSuid: 2, noDev: 4, bind: 4096, recursive: 16384, private: 1 << 18 } as const;

/** Error numbers that callers tell apart (errno.h). */
export const errno = {
    again: 11,
    busy: 16,
    exists: 17,
    interrupted: 4,
    inProgress: 115,
    noEntry: 2,
    noDevice: 19,
    noSuchProcess: 3,
    addressNotAvailable: 99,
} as const;

/** A system call that failed. */
export interface SystemError extends Error {
    readonly errno: number;
}

/** Text of an error number, e.g. `EEXIST (file already exists)`. */
function describeErrno(code: number): string {
    const [name, text] = getSystemErrorMap().get(-code) ?? [`error ${code}`, "unknown"];
    return `${name} (${text})`;
}

/** An error that says what was attempted and why it failed. */
export function systemError(what: string, code: number, detail = ""): SystemError {
    const error = new Error(`${what}: ${detail === "" ? "" : `${detail}: `}${describeErrno(code)}`);
    return Object.assign(error, { errno: code });
}

function check(result: number, what: string): number {
    if (result < 0) {
        throw systemError(what, koffi.errno());
    }
    return result;
}

/** Gives this thread new namespaces of the given kinds. */
export function unshare(flags: number): void {
    check(call.unshare(flags), "unshare");
}

/** Moves this thread into a namespace. */
export function setns(fd: number, type: number): void {
    check(call.setns(fd, type), "setns");
}

/** Mounts a file system. */
export function mount(source: string, target: string, type: string, flags = 0, data: string | null = null): void {
    check(call.mount(source, target, type, flags, data), `mount ${source} on ${target}`);
}

/** Detaches a mount. */
export function unmount(target: string): void {
    const detach = 2;
    check(call.umount2(target, detach), `umount ${target}`);
}

/** Sets the host name of the current UTS namespace; longer names are cut to the 64 bytes that Linux allows. */
export function setHostname(name: string): void {
    const text = name.slice(0, 64);
    check(call.sethostname(text, Buffer.byteLength(text)), "sethostname");
}

/** Opens a socket; it belongs to the network namespace that the thread is in now. */
export function socket(domain: number, type: number, protocol: number): number {
    const closeOnExec = 0o2000000;
    return check(call.socket(domain, type | closeOnExec, protocol), `socket(${domain}, ${type}, ${protocol})`);
}

/** Starts to connect a non-blocking socket; 0, or the error number (`inProgress` is the usual one). */
export function connectStart(fd: number, address: Buffer): number {
    return call.connect(fd, address, address.length) === 0 ? 0 : koffi.errno();
}

/** Sets an integer socket option; 0, or the error number. */
export function setSocketOption(fd: number, level: number, name: number, value: number): number {
    return call.setsockopt(fd, level, name, [value], 4) === 0 ? 0 : koffi.errno();
}

/** Sends a datagram; 0, or the error number. */
export function send(fd: number, data: Buffer): number {
    for (;;) {
        if (Number(call.send(fd, data, data.length, 0)) === data.length) {
            return 0;
        }
        const code = koffi.errno();
        if (code !== errno.interrupted) {
            return code;
        }
    }
}

/** Receives a datagram into a buffer. @returns its length, or the negative error number */
export function receive(fd: number, into: Buffer, flags = 0): number {
    for (;;) {
        const length = Number(call.recv(fd, into, into.length, flags));
        if (length >= 0) {
            return length;
        }
        const code = koffi.errno();
        if (code !== errno.interrupted) {
            return -code;
        }
    }
}

/** A second descriptor of the same open file, closed on exec. */
export function duplicate(fd: number): number {
    const duplicateCloseOnExec = 1030;
    return check(call.dup(fd, duplicateCloseOnExec, 0), "fcntl(F_DUPFD_CLOEXEC)");
}

/** Makes descriptor `to` refer to what `from` refers to. */
export function replaceDescriptor(from: number, to: number): void {
    check(call.dup2(from, to), "dup2");
}

const childInfo = Buffer.alloc(128);

/** PID of a child that has ended and was not waited for, without waiting for it; 0 when there is none. */
export function peekEndedChild(): number {
    const all = 0;
    const exitedNoHangNoWait = 4 | 1 | 0x0100_0000;
    childInfo.fill(0);
    if (call.waitid(all, 0, childInfo, exitedNoHangNoWait) < 0) {
        return 0;
    }
    const offsetOfPid = 16;
    return childInfo.readInt32LE(offsetOfPid);
}

/** Takes the exit status of a child that has ended off the process table. */
export function reap(pid: number): void {
    const noHang = 1;
    call.waitpid(pid, null, noHang);
}

/** Gives the pages of a range of this process back; what is touched again is read from its file again. */
export function dropPages(start: bigint, length: bigint): void {
    const dontNeed = 4;
    call.madvise(start, length, dontNeed);
}

/** Gives unused pages of the C heap back to the kernel. */
export function trimHeap(): void {
    call.mallocTrim(0);
}

/** Closes a descriptor, for callers that do not care whether it was open. */
export function closeQuietly(fd: number): void {
    try {
        closeSync(fd);
    } catch {
        // Already closed.
    }
}

/** One entry of a socket's error queue (IP_RECVERR): which ICMP message ended the attempt, and who sent it. */
export interface IcmpError {
    readonly origin: "icmp" | "icmp6" | "local";
    readonly type: number;
    readonly code: number;
    readonly from?: Buffer;
}

const iovec = koffi.struct({ base: "void *", length: "size_t" });
const messageHeader = koffi.struct({
    name: "void *",
    nameLength: "unsigned int",
    vectors: koffi.pointer(iovec),
    vectorCount: "size_t",
    control: "void *",
    controlLength: "size_t",
    flags: "int",
});
const recvmsg = libc.func("recvmsg", "long", ["int", koffi.inout(koffi.pointer(messageHeader)), "int"]);

/** Takes the first entry of a socket's error queue, if there is one. */
export function readErrorQueue(fd: number): IcmpError | undefined {
    const errorQueueNoWait = 0x2000 | 0x40;
    const control = Buffer.alloc(512);
    const header = {
        name: Buffer.alloc(28),
        nameLength: 28,
        vectors: [{ base: Buffer.alloc(1500), length: 1500 }],
        vectorCount: 1,
        control,
        controlLength: control.length,
        flags: 0,
    };
    if (Number(recvmsg(fd, header, errorQueueNoWait)) < 0) {
        return undefined;
    }
    return parseErrorQueue(control.subarray(0, Number(header.controlLength)));
}

/** Finds the extended error among control messages (cmsghdr, then sock_extended_err, then the offender's sockaddr). */
function parseErrorQueue(control: Buffer): IcmpError | undefined {
    for (let at = 0; at + 16 <= control.length; ) {
        const length = Number(control.readBigUInt64LE(at));
        const level = control.readInt32LE(at + 8);
        const type = control.readInt32LE(at + 12);
        const isExtendedError = (level === 0 && type === 11) || (level === 41 && type === 25);
        if (isExtendedError) {
            return parseExtendedError(control.subarray(at + 16, at + length));
        }
        at += Math.max(16, (length + 7) & ~7);
    }
    return undefined;
}

function parseExtendedError(data: Buffer): IcmpError {
    const origins = { 2: "icmp", 3: "icmp6" } as const;
    const origin = origins[data[4] as 2 | 3] ?? "local";
    const offender = data.subarray(16);
    const family = offender.length >= 8 ? offender.readUInt16LE(0) : 0;
    const from = family === 2 ? offender.subarray(4, 8) : family === 10 ? offender.subarray(8, 24) : undefined;
    return { origin, type: data[5]!, code: data[6]!, ...(from === undefined ? {} : { from }) };
}
