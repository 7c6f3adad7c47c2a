/**
 * What the provider asks of a sandbox's PID 1, and what it answers: one JSON object per line over a unix socket.
 * PID 1 knows namespaces, processes and probes; it keeps no plans of its own.
 */

import type { FabricInputs, NodeInputs } from "../schema";

/** Socket of PID 1, as a path inside the sandbox. */
export const socketPath = "/run/bgp-lab.sock";

/** Version of this protocol; a sandbox of another version is not spoken to. */
export const protocolVersion = "2";

/** A process to start. */
export interface ProcessSpec {
    /** Network namespace to start in; absent means the sandbox's own. */
    readonly namespace?: string;
    readonly argv: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
}

/** The end of a process that was waited for. */
export interface ExecResult {
    /** Exit code; -1 when a signal ended it. */
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
}

/** A supervised daemon. */
export interface DaemonStatus {
    readonly name: string;
    readonly namespace?: string;
    readonly pid: number;
    readonly running: boolean;
    /** Exit code or signal name of a daemon that ended. */
    readonly ended?: string;
    /** How often it was started again after it had ended by itself; absent where it is not. */
    readonly restarts?: number;
}

/** An interface as the kernel has it. */
export interface InterfaceState {
    readonly name: string;
    readonly up: boolean;
    readonly mtu: number;
    /** Interface index of the other end, for veth. */
    readonly peer?: number;
    readonly index: number;
    readonly addresses: readonly string[];
}

/** A kernel route. */
export interface KernelRoute {
    readonly prefix: string;
    /** `unicast`, `blackhole`, … */
    readonly type: string;
    /** `kernel`, `static`, `bgp`, `boot`, … */
    readonly protocol: string;
    readonly nextHops: readonly { readonly via?: string; readonly dev?: string }[];
}

/** What the kernel has in one namespace. */
export interface NamespaceState {
    readonly interfaces: readonly InterfaceState[];
    readonly routes: readonly KernelRoute[];
}

/** Answer to one HTTP request. */
export type HttpResult =
    | { readonly kind: "answer"; readonly status: number; readonly body: string; readonly milliseconds: number }
    | { readonly kind: "refused" | "timeout" | "unreachable" | "ttl-exceeded"; readonly detail: string };

/** Answer to one echo request or TCP connection attempt. */
export interface ReachResult {
    readonly kind: "answer" | "refused" | "timeout" | "unreachable" | "ttl-exceeded";
    /** Who answered, where known. */
    readonly from?: string;
}

/** Requests by name: what goes in and what comes out. */
export interface Operations {
    /** Says who PID 1 is. */
    hello: [Record<string, never>, { readonly name: string; readonly version: string; readonly startedAt: string }];
    /** Builds, changes or repairs the fabric so that it is as given; adopts what is there; removes what is not given. */
    applyFabric: [{ readonly fabric: FabricInputs }, Record<string, never>];
    /** Differences between the given fabric and the kernel; empty when there are none. */
    inspectFabric: [{ readonly fabric: FabricInputs }, { readonly drift: readonly Drift[] }];
    /**
     * Starts a daemon, or returns the running one of that name when its argv is the same. Output goes to /run/log/<name>.log.
     * With `restart` it is started again when it ends by itself, after pauses that grow as long as it ends soon.
     */
    startDaemon: [ProcessSpec & { readonly name: string; readonly restart?: boolean }, DaemonStatus];
    /** Ends a daemon: SIGTERM, then SIGKILL after the grace time. No error when there is none. */
    stopDaemon: [{ readonly name: string; readonly graceMilliseconds: number }, Record<string, never>];
    /** All daemons that were started and not stopped, ended ones included. */
    daemons: [Record<string, never>, { readonly daemons: readonly DaemonStatus[] }];
    /** Runs processes and waits for them, in parallel. */
    exec: [
        { readonly processes: readonly (ProcessSpec & { readonly stdin?: string })[] },
        { readonly results: readonly ExecResult[] },
    ];
    /** Makes the node's pods (namespace, veth to the node, addresses, routes, HTTP server) and its service rules as given. */
    applyNode: [{ readonly node: NodeNetwork }, Record<string, never>];
    /** Differences between a node as given and what it has; empty when there are none. */
    inspectNode: [{ readonly node: NodeNetwork }, { readonly drift: readonly Drift[] }];
    /** Removes the node's pods and service rules. */
    removeNode: [{ readonly namespace: string }, Record<string, never>];
    /**
     * The Pods of all nodes. With `after`, the answer waits until there is another revision than that one, or
     * `waitMilliseconds` have passed.
     */
    pods: [
        { readonly after?: number; readonly waitMilliseconds?: number },
        { readonly revision: number; readonly pods: readonly RunningPod[] },
    ];
    /**
     * Makes the routes that a namespace has learned from BGP (protocol `bgp`, and of nobody else's) exactly these: next
     * hops that are Pods on the node, by prefix.
     */
    learnRoutes: [
        { readonly namespace: string; readonly routes: Readonly<Record<string, string>> },
        { readonly added: readonly string[]; readonly removed: readonly string[] },
    ];
    /** TCP connections that pass a namespace, as its connection tracking has them. */
    connections: [{ readonly namespace: string }, { readonly connections: readonly TrackedConnection[] }];
    /** State of namespaces as the kernel has it. */
    state: [{ readonly namespaces: readonly string[] }, { readonly states: Readonly<Record<string, NamespaceState>> }];
    /** HTTP GET from a namespace; one new connection. */
    http: [
        {
            readonly namespace: string;
            readonly address: string;
            readonly port: number;
            readonly timeoutMilliseconds: number;
        },
        HttpResult,
    ];
    /** One echo request from a namespace. */
    ping: [{ readonly namespace: string; readonly address: string; readonly timeoutMilliseconds: number }, ReachResult];
    /** One TCP connection from a namespace, closed as soon as it is there. */
    connect: [
        {
            readonly namespace: string;
            readonly address: string;
            readonly port: number;
            readonly timeoutMilliseconds: number;
        },
        ReachResult,
    ];
}

/** A Pod as the sandbox has it. */
export interface RunningPod {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly node: string;
    readonly addresses: readonly string[];
    /** Unlike that of any Pod before it, also of one with its name. */
    readonly uid: string;
}

/** A TCP connection in both directions (nf_conntrack). */
export interface TrackedConnection {
    readonly original: TrackedDirection;
    readonly reply: TrackedDirection;
    /** Whether packets were seen both ways. */
    readonly isAssured: boolean;
}

/** One direction of a connection. */
export interface TrackedDirection {
    readonly source: string;
    readonly destination: string;
    readonly sourcePort: number;
    readonly destinationPort: number;
}

/** The part of a node's inputs that is namespaces, links and rules. */
export type NodeNetwork = Pick<NodeInputs, "namespace" | "pods" | "services">;

/** One difference between what was asked for and what is there. */
export interface Drift {
    /** Path in the inputs, e.g. `links.router0-net0` or `namespaces.router0.addresses.net0`. */
    readonly path: string;
    /** What is there instead, in words. */
    readonly found: string;
}

/** A request line. */
export interface Request<K extends keyof Operations = keyof Operations> {
    readonly id: number;
    readonly operation: K;
    readonly arguments: Operations[K][0];
}

/** A response line. */
export type Response =
    | { readonly id: number; readonly result: unknown }
    | { readonly id: number; readonly error: string };

/** A connection to a sandbox. */
export interface Sandbox {
    /** Machine-wide name. */
    readonly name: string;
    /** PID of the sandbox's PID 1, as seen from outside. */
    readonly pid: number;
    /** Path, as seen from outside, of a path inside the sandbox. */
    path(inside: string): string;
    /** Asks PID 1. @throws Error with PID 1's message, or that the sandbox is gone. */
    call<K extends keyof Operations>(operation: K, args: Operations[K][0]): Promise<Operations[K][1]>;
    close(): void;
}
