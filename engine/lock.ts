import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { EngineError } from "./errors";
import { replaceFileSync } from "./files";

/** What the CLI writes into a lock file. */
interface LockContent {
    readonly pid: number;
    readonly username: string;
    readonly hostname: string;
    readonly timestamp: string;
    /** When the process started, by a clock that is never set; not in locks of the CLI, which reads over it. */
    readonly started?: string;
}

/** A lock held by this process. */
export interface Lock {
    /** Locks of dead processes of this host that were taken over, one sentence each. */
    readonly takenOver: readonly string[];
    release(): void;
}

function locksIn(directory: string): { file: string; content: LockContent }[] {
    let files: string[];
    try {
        files = readdirSync(directory).filter((name) => name.endsWith(".json"));
    } catch {
        return [];
    }
    return files.flatMap((name) => {
        const file = join(directory, name);
        try {
            return [{ file, content: JSON.parse(readFileSync(file, "utf8")) as LockContent }];
        } catch {
            // Released between listing and reading.
            return [];
        }
    });
}

/**
 * Whether the process that wrote a lock certainly runs no more: it is of this host, and its pid is free or belongs to
 * another process now. The CLI's locks do not tell the latter: they count as held as long as there is the pid.
 */
function isDead(content: LockContent): boolean {
    if (content.hostname !== hostname()) {
        return false;
    }
    try {
        process.kill(content.pid, 0);
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "ESRCH";
    }
    const started = startOf(content.pid);
    return content.started !== undefined && started !== undefined && started !== content.started;
}

/**
 * When a process started: the boot's id and the clock ticks since then. Neither the time of a lock nor that of `/proc/PID`
 * would do: the machine's clock may be set, and the kernel makes that directory anew whenever it needed the memory.
 */
function startOf(pid: number): string | undefined {
    try {
        const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
        const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
        // The program's name comes second, in parentheses, and may contain anything.
        return `${boot} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
    } catch {
        return undefined;
    }
}

function describe({ content }: { content: LockContent }): string {
    return `created by ${content.username}@${content.hostname} (pid ${content.pid}) at ${content.timestamp}`;
}

/**
 * Locks a stack for a run that changes it.
 *
 * @param directory lock directory of the stack
 * @throws EngineError if a living process, or one of another host, holds a lock
 */
export function acquireLock(directory: string): Lock {
    const own = join(directory, `${randomUUID()}.json`);
    const content: LockContent = {
        pid: process.pid,
        username: userInfo().username,
        hostname: hostname(),
        timestamp: new Date().toISOString(),
        started: startOf(process.pid),
    };
    mkdirSync(directory, { recursive: true });
    // Written before looking: of two runs that start at once, both see the other and give up, but never both go on.
    replaceFileSync(own, JSON.stringify(content));
    const others = locksIn(directory).filter(({ file }) => file !== own);
    const held = others.filter((lock) => !isDead(lock.content));
    if (held.length > 0) {
        rmSync(own, { force: true });
        const list = held.map((lock) => `\n  ${lock.file}: ${describe(lock)}`).join("");
        throw new EngineError(
            `the stack is currently locked by ${held.length} lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.${list}`,
        );
    }
    for (const { file } of others) {
        rmSync(file, { force: true });
    }
    return {
        takenOver: others.map((lock) => `took over the lock of a process that is gone: ${describe(lock)}`),
        release: () => rmSync(own, { force: true }),
    };
}

/** Removes all locks of a stack. @returns how many there were */
export function breakLocks(directory: string): number {
    const locks = locksIn(directory);
    for (const { file } of locks) {
        rmSync(file, { force: true });
    }
    return locks.length;
}
