import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import { readMarker } from "../../provider/sandbox/marker";
import type { TestLab } from "./lab";

/** Everything on this machine that a lab could have left behind. Two looks at an unchanged machine are equal. */
export interface Traces {
    /** Processes that carry the lab's name or the folder of its state. */
    readonly processes: readonly string[];
    /** Orphaned processes in a network namespace that is neither ours nor part of a sandbox that runs. */
    readonly strays: readonly string[];
    readonly mounts: readonly string[];
    /** nft tables outside of all sandboxes. */
    readonly tables: string;
    /** Entries of the machine's own run-time and configuration folders that daemons of a lab write to. */
    readonly files: readonly string[];
}

/** What a process's entry in /proc says, or nothing when the process has gone or is another user's. */
function ofProcess(pid: string, file: string): string {
    try {
        return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
        return "";
    }
}

function namespaceOf(pid: string, kind: "net" | "pid"): string | undefined {
    try {
        return readlinkSync(`/proc/${pid}/ns/${kind}`);
    } catch {
        return undefined;
    }
}

function pids(): readonly string[] {
    return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid);
}

function commandOf(pid: string): readonly string[] {
    return ofProcess(pid, "cmdline").split("\0").slice(0, -1);
}

/** A process that has ended, but that its parent has not asked about yet, holds nothing any more. */
function isZombie(pid: string): boolean {
    return /^State:\s*Z/m.test(ofProcess(pid, "status"));
}

/** Processes that carry one of the texts in their command line or environment, as `pid command line`. */
export function processesWith(...texts: readonly string[]): readonly string[] {
    return pids()
        .filter((pid) => {
            const said = ofProcess(pid, "cmdline") + ofProcess(pid, "environ");
            return texts.some((text) => said.includes(text)) && !isZombie(pid);
        })
        .map((pid) => `${pid} ${commandOf(pid).join(" ")}`);
}

/** Processes with a sandbox's marker, and the PID namespaces of those that are inside of one. */
function sandboxes(): { readonly marked: ReadonlySet<string>; readonly pidNamespaces: ReadonlySet<string> } {
    const own = readlinkSync("/proc/self/ns/pid");
    const marked = pids().filter((pid) => readMarker(commandOf(pid).at(-1) ?? "") !== undefined);
    const inside = marked.map((pid) => namespaceOf(pid, "pid")).filter((namespace) => namespace !== own);
    return { marked: new Set(marked), pidNamespaces: new Set(inside.flatMap((namespace) => namespace ?? [])) };
}

/** Orphans among the processes in foreign network namespaces; what has a parent is that one's to clean up. */
function strays(): readonly string[] {
    const own = readlinkSync("/proc/self/ns/net");
    const foreign = pids().filter((pid) => {
        const namespace = namespaceOf(pid, "net");
        return namespace !== undefined && namespace !== own && !isZombie(pid) && isOrphan(pid);
    });
    // Asked last: a sandbox that started in between is then known.
    const { marked, pidNamespaces } = sandboxes();
    return foreign
        .filter((pid) => !marked.has(pid) && !pidNamespaces.has(namespaceOf(pid, "pid") ?? ""))
        .map((pid) => `${pid} ${commandOf(pid).join(" ")}`)
        .filter((line) => !/^\d+ $/.test(line));
}

function isOrphan(pid: string): boolean {
    return /^PPid:\s*[01]$/m.test(ofProcess(pid, "status"));
}

function list(folder: string): readonly string[] {
    try {
        return readdirSync(folder).map((entry) => `${folder}/${entry}`);
    } catch {
        return [];
    }
}

function tables(): string {
    try {
        return execFileSync("nft", ["list", "tables"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
        return "not for this user to see";
    }
}

/** Mounts but those of containers, which other tests make and remove at the same time. */
function mounts(): readonly string[] {
    const all = ofProcess("self", "mounts").split("\n");
    return all.filter((mount) => !/^(overlay|nsfs) \S*docker/.test(mount));
}

/** Looks at the machine for what belongs to a lab, and for what belongs to no lab at all. */
export function tracesOf({
    folder,
    sandboxName,
    temporary,
}: Pick<TestLab, "folder" | "sandboxName" | "temporary">): Traces {
    const shared = list(tmpdir()).filter(
        (entry) => entry.includes(sandboxName) && basename(entry) !== basename(folder),
    );
    const system = ["/run", "/run/netns", "/run/frr", "/run/gobgp", "/etc/frr", "/etc/netns", "/dev/shm"];
    return {
        processes: processesWith(folder, sandboxName),
        strays: strays(),
        mounts: mounts(),
        tables: tables(),
        files: [...system.flatMap(list), ...shared, ...list(temporary)],
    };
}

/** What is there now and was not there before; nothing, when a lab cleans up after itself. */
export function added(before: Traces, after: Traces): readonly string[] {
    const lines = ({ processes, strays, mounts, tables, files }: Traces) => [
        ...[processes, strays, mounts, files].flat(),
        tables,
    ];
    const known = new Set(lines(before));
    return lines(after).filter((line) => !known.has(line));
}
