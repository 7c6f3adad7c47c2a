/**
 * Network namespaces by name. Each is held open by a descriptor, which is what keeps it and what everything else uses;
 * its name under /run/netns is for people and for `ip netns`, and is restored when someone takes it away.
 */
import { existsSync, fstatSync, mkdirSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cloneFlags, closeQuietly, mount, mountFlags, setHostname, setns, unmount, unshare } from "./native";

/** A namespace that exists. */
interface Held {
    readonly network: number;
    /** Host name space for processes started in it; made when the first one starts. */
    hostname?: number;
}

const directory = "/run/netns";
const held = new Map<string, Held>();
const own = {
    network: openSync("/proc/thread-self/ns/net", "r"),
    hostname: openSync("/proc/thread-self/ns/uts", "r"),
};

/** Names of all namespaces that exist. */
export function namespaceNames(): readonly string[] {
    return [...held.keys()];
}

/** Whether a namespace exists. */
export function hasNamespace(name: string): boolean {
    return held.has(name);
}

/**
 * Descriptor of a namespace.
 *
 * @throws Error when there is none of that name
 */
export function namespaceFd(name: string): number {
    return get(name).network;
}

function get(name: string): Held {
    const namespace = held.get(name);
    if (namespace === undefined) {
        throw new Error(`there is no network namespace "${name}" in this sandbox; apply the fabric that has it first`);
    }
    return namespace;
}

/** Creates a namespace. What `prepare` does happens inside it; when that fails, there is no namespace. */
export function createNamespace(name: string, prepare: () => void): void {
    unshare(cloneFlags.net);
    try {
        held.set(name, { network: openSync("/proc/thread-self/ns/net", "r") });
        bindName(name);
        prepare();
    } catch (error) {
        deleteNamespace(name);
        throw error;
    } finally {
        setns(own.network, cloneFlags.net);
    }
}

/** Forgets a namespace. The kernel removes it, with its links, when nothing runs or listens in it any more. */
export function deleteNamespace(name: string): void {
    const namespace = held.get(name);
    if (namespace === undefined) {
        return;
    }
    held.delete(name);
    unbindName(name);
    closeQuietly(namespace.network);
    if (namespace.hostname !== undefined) {
        closeQuietly(namespace.hostname);
    }
}

/** Whether /run/netns has the name, and it stands for this namespace. */
export function isNamed(name: string): boolean {
    const expected = fstatSync(namespaceFd(name));
    const found = statSync(`${directory}/${name}`, { throwIfNoEntry: false });
    return found !== undefined && found.ino === expected.ino && found.dev === expected.dev;
}

/** Gives a namespace its name under /run/netns again. */
export function restoreName(name: string): void {
    unbindName(name);
    bindName(name);
}

function bindName(name: string): void {
    const path = `${directory}/${name}`;
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, "");
    mount(`/proc/self/fd/${namespaceFd(name)}`, path, "none", mountFlags.bind);
}

function unbindName(name: string): void {
    const path = `${directory}/${name}`;
    if (!existsSync(path)) {
        return;
    }
    try {
        unmount(path);
    } catch {
        // A plain file of that name: nothing is mounted there.
    }
    rmSync(path, { force: true });
}

/**
 * Runs something synchronous in a namespace. What is awaited inside would run elsewhere: only synchronous work belongs
 * here.
 */
export function inNamespace<T>(name: string, work: () => T): T {
    setns(namespaceFd(name), cloneFlags.net);
    try {
        return work();
    } finally {
        setns(own.network, cloneFlags.net);
    }
}

/** Runs something synchronous in a namespace, under its name as host name: for starting processes. */
export function inNamespaceWithHostname<T>(name: string, work: () => T): T {
    const namespace = get(name);
    if (namespace.hostname === undefined) {
        namespace.hostname = createHostnameSpace(name);
    }
    setns(namespace.hostname, cloneFlags.uts);
    try {
        return inNamespace(name, work);
    } finally {
        setns(own.hostname, cloneFlags.uts);
    }
}

function createHostnameSpace(name: string): number {
    unshare(cloneFlags.uts);
    try {
        setHostname(name);
        return openSync("/proc/thread-self/ns/uts", "r");
    } finally {
        setns(own.hostname, cloneFlags.uts);
    }
}

/**
 * Writes a sysctl of the namespace that the thread is in.
 *
 * @param path path under /proc/sys/net
 * @throws Error that names the setting, when the kernel does not have it or refuses the value
 */
export function writeSysctl(path: string, value: string): void {
    try {
        writeFileSync(`/proc/sys/net/${path}`, value);
    } catch (error) {
        const name = `net.${path.replaceAll("/", ".")}`;
        const code = (error as NodeJS.ErrnoException).code;
        throw new Error(`cannot set ${name} to ${value}: ${code}; the lab needs a kernel that has this setting`);
    }
}
