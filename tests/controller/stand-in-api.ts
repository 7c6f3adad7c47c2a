import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import type { ObservedConfig } from "../../controller/cilium-peers";

/** A pod as a test writes it. */
export interface PodText {
    readonly name: string;
    readonly uid: string;
    readonly node?: string;
    readonly labels?: unknown;
    readonly ips?: readonly string[];
    readonly phase?: string;
    readonly hostNetwork?: boolean;
    readonly deleted?: boolean;
}

/** A write that the API server took. */
export interface Apply {
    readonly name: string;
    readonly contentType: string | undefined;
    readonly query: Readonly<Record<string, string>>;
    readonly body: { readonly metadata: object; readonly spec: ObservedConfig["spec"] };
}

type Peers = ObservedConfig["spec"]["bgpInstances"][number]["peers"];

/** As much of an API server as the controller asks for: pods that are listed and watched, configurations that are applied. */
export class StandInApi {
    readonly applies: Apply[] = [];
    lists = 0;
    watches = 0;
    private server: Server | undefined;
    private port = 0;
    private version = 1;
    private pods: readonly object[] = [];
    private readonly streams = new Set<ServerResponse>();
    private readonly configs = new Map<string, ObservedConfig>();
    /** Peers that the field manager has applied, by name of the configuration. */
    private readonly applied = new Map<string, Peers>();

    constructor(private readonly manager: string) {}

    async start(): Promise<void> {
        this.server = createServer((request, response) => void this.answer(request, response));
        await new Promise<void>((resolve) => this.server!.listen(this.port, "127.0.0.1", resolve));
        this.port = (this.server.address() as AddressInfo).port;
    }

    async stop(): Promise<void> {
        const { server } = this;
        this.server = undefined;
        server?.closeAllConnections();
        await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
    }

    kubeConfig(): KubeConfig {
        const config = new KubeConfig();
        config.loadFromOptions({
            clusters: [{ name: "c", server: `http://127.0.0.1:${this.port}`, skipTLSVerify: true }],
            users: [{ name: "u" }],
            contexts: [{ name: "x", cluster: "c", user: "u" }],
            currentContext: "x",
        });
        return config;
    }

    setConfig(name: string, config: Pick<ObservedConfig, "spec"> & { readonly annotations: object }): void {
        const metadata = { name, uid: `uid of ${name}`, annotations: config.annotations };
        this.configs.set(name, { metadata, spec: config.spec } as ObservedConfig);
    }

    removeConfig(name: string): void {
        this.configs.delete(name);
    }

    peers(name: string): Peers {
        return this.seen(name)!.spec.bgpInstances[0]!.peers;
    }

    /** Changes the pods without telling those who watch. */
    setPodsSilently(pods: readonly PodText[]): void {
        this.version += 1;
        this.pods = pods.map(podJson);
    }

    /** Changes the pods, and tells those who watch. */
    setPods(pods: readonly PodText[]): void {
        const before = new Map(this.pods.map((pod) => [uidOf(pod), pod]));
        this.setPodsSilently(pods);
        const now = new Map(this.pods.map((pod) => [uidOf(pod), pod]));
        for (const [uid, pod] of before) {
            if (!now.has(uid)) {
                this.send({ type: "DELETED", object: pod });
            }
        }
        for (const [uid, pod] of now) {
            this.send({ type: before.has(uid) ? "MODIFIED" : "ADDED", object: pod });
        }
    }

    /** Ends all watches as an API server does whose history no longer reaches back. */
    expire(): void {
        this.send({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired", message: "too old" } });
        for (const stream of this.streams) {
            stream.end();
        }
        this.streams.clear();
    }

    private send(event: object): void {
        for (const stream of this.streams) {
            stream.write(`${JSON.stringify(event)}\n`);
        }
    }

    private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const url = new URL(request.url ?? "", "http://api");
        const query = Object.fromEntries(url.searchParams);
        const config = /^\/apis\/cilium\.io\/v2\/ciliumbgpclusterconfigs\/([^/]+)$/.exec(url.pathname)?.[1];
        if (url.pathname === "/api/v1/namespaces/default/pods" && query.watch === "true") {
            this.watches += 1;
            response.writeHead(200, { "Content-Type": "application/json" });
            response.flushHeaders();
            this.streams.add(response);
            response.on("close", () => this.streams.delete(response));
        } else if (url.pathname === "/api/v1/namespaces/default/pods") {
            this.lists += 1;
            reply(response, 200, { metadata: { resourceVersion: String(this.version) }, items: this.pods });
        } else if (config === undefined || !this.configs.has(config)) {
            reply(response, 404, { kind: "Status", code: 404, message: "not found" });
        } else if (request.method === "PATCH") {
            const body = JSON.parse(await text(request)) as Apply["body"];
            this.applies.push({ name: config, contentType: request.headers["content-type"], query, body });
            this.applied.set(config, body.spec.bgpInstances[0]!.peers ?? []);
            reply(response, 200, this.seen(config)!);
        } else {
            reply(response, 200, this.seen(config)!);
        }
    }

    /** A configuration with what was applied to it, merged by name as the API server does it. */
    private seen(name: string): ObservedConfig | undefined {
        const config = this.configs.get(name);
        if (config === undefined) {
            return undefined;
        }
        const own = this.applied.get(name) ?? [];
        const [instance] = config.spec.bgpInstances;
        const names = own.map((peer) => [`k:${JSON.stringify({ name: peer.name })}`, {}]);
        const key = `k:${JSON.stringify({ name: instance!.name })}`;
        const fieldsV1 = { "f:spec": { "f:bgpInstances": { [key]: { "f:peers": Object.fromEntries(names) } } } };
        return {
            metadata: {
                ...config.metadata,
                managedFields: [{ manager: this.manager, operation: "Apply", fieldsV1 }],
            },
            spec: { ...config.spec, bgpInstances: [{ ...instance!, peers: [...instance!.peers, ...own] }] },
        };
    }
}

function uidOf(pod: object): string {
    return (pod as { readonly metadata: { readonly uid: string } }).metadata.uid;
}

function podJson({ name, uid, node, labels, ips = [], phase = "Running", hostNetwork, deleted }: PodText): object {
    return {
        metadata: {
            namespace: "default",
            name,
            uid,
            labels,
            ...(deleted ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
        },
        spec: { ...(node === undefined ? {} : { nodeName: node }), ...(hostNetwork ? { hostNetwork } : {}) },
        status: { phase, podIPs: ips.map((ip) => ({ ip })) },
    };
}

function reply(response: ServerResponse, status: number, body: object): void {
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(JSON.stringify(body));
}

async function text(request: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
        chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString();
}
