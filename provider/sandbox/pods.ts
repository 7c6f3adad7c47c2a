/**
 * The pods of a node as a network, and their HTTP servers.
 *
 * A pod is a namespace with one interface, host addresses, and a default route to the node at fe80::1 in both families
 * (an IPv4 route may have an IPv6 next hop since Linux 5.2), so that no address of the lab is needed for the gateway.
 * With gateways it is as Cilium makes it: a route to the gateway's address at the interface, and a default route by it.
 * The node has a route to each pod address at its end of the link.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { NodeInputs, PodSpec } from "../schema";
import { families, familyOf, parseAddress, parseSubnet } from "./addresses";
import { isPodInterface, reserved, shortName } from "./fabric";
import { inNamespace } from "./namespaces";
import type { WantedAddress, WantedLink, WantedNamespace, WantedNetwork, WantedProxy, WantedRoute } from "./network";

const podInterface = "eth0";
const gateway = parseAddress("fe80::1");
const gatewaySubnet = parseSubnet("fe80::1/64");
const podMtu = 1500;

/** Name of the namespace of a pod. */
export function podNamespace(pod: string): string {
    return reserved.pod + pod.replaceAll("/", ".");
}

/** A pod of a node, read and named. */
interface Pod {
    readonly path: string;
    readonly namespace: string;
    /** Name of the node's end of the link. */
    readonly nodeInterface: string;
    readonly addresses: readonly Buffer[];
    readonly gateways: readonly Buffer[];
    /** Addresses on its loopback interface. */
    readonly loopback: readonly Buffer[];
    readonly isRouter: boolean;
}

/**
 * The network of a node's pods.
 *
 * @param before namespaces of the pods that the node had, which are removed when they are not given any more
 * @param proxyInterfaces interfaces of the node that answer for its pods
 * @throws Error with every problem of the inputs, each with its property path
 */
export function podNetwork(
    node: string,
    pods: NodeInputs["pods"],
    before: readonly string[],
    proxyInterfaces: readonly string[],
): WantedNetwork {
    const all = readPods(pods);
    const owned = new Set([...before, ...all.map(({ namespace }) => namespace)]);
    const pathOfInterface = new Map(all.map(({ nodeInterface, path }) => [nodeInterface, path]));
    return {
        namespaces: all.map(wantedNamespace),
        bridges: [],
        links: all.map((pod) => wantedLink(node, pod)),
        addresses: all.flatMap((pod) => wantedAddresses(node, pod)),
        routes: all.flatMap((pod) => wantedRoutes(node, pod)),
        proxies: all.flatMap((pod) => wantedProxies(node, pod, proxyInterfaces)),
        scope: {
            ownsNamespace: (name) => owned.has(name),
            ownsInterface: (namespace, name) => owned.has(namespace) || (namespace === node && isPodInterface(name)),
            namespaces: [node],
            proxied: [node],
            pathOf: (namespace, _what, name) => pathOfInterface.get(name) ?? podPath(namespace),
        },
    };
}

function podPath(namespace: string): string {
    return namespace.startsWith(reserved.pod) ? `pods.${namespace.slice(reserved.pod.length)}` : "pods";
}

function readPods(pods: NodeInputs["pods"]): readonly Pod[] {
    const problems: string[] = [];
    const taken = new Map<string, string>();
    const all = Object.entries(pods).flatMap(([name, spec]) => readPod(name, spec, problems));
    for (const { path, namespace, nodeInterface } of all) {
        for (const key of [namespace, nodeInterface]) {
            if (taken.has(key)) {
                problems.push(
                    `${path}: its name is too much like that of ${taken.get(key)} (both give ${key}); rename one`,
                );
            }
            taken.set(key, path);
        }
    }
    if (problems.length > 0) {
        throw new Error(["the pods cannot be made:", ...problems].join("\n"));
    }
    return all;
}

function readPod(name: string, spec: PodSpec, problems: string[]): readonly Pod[] {
    const path = `pods.${name}`;
    if (!/^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/.test(name)) {
        problems.push(`${path}: a pod name has letters, digits, ".", "-" and at most a "/" after its namespace`);
        return [];
    }
    const addresses = readAddresses(`${path}.addresses`, spec.addresses, problems);
    const gateways = readAddresses(`${path}.gateways`, spec.gateways ?? [], problems);
    for (const [property, each] of Object.entries({ addresses, gateways })) {
        if (new Set(each.map(familyOf)).size < each.length) {
            problems.push(`${path}.${property}: a pod has at most one address per family`);
        }
    }
    return [
        {
            path,
            namespace: podNamespace(name),
            nodeInterface: shortName("pod", name),
            addresses,
            gateways,
            loopback: readAddresses(`${path}.router.loopback`, spec.router?.loopback ?? [], problems),
            isRouter: spec.router !== undefined,
        },
    ];
}

function readAddresses(path: string, texts: readonly string[], problems: string[]): readonly Buffer[] {
    return texts.flatMap((text) => {
        try {
            return [parseAddress(text)];
        } catch (error) {
            problems.push(`${path}: ${(error as Error).message}`);
            return [];
        }
    });
}

/** A Pod that is a router forwards like a device. */
function wantedNamespace({ path, namespace, isRouter }: Pod): WantedNamespace {
    const kind = isRouter ? "device" : "pod";
    return { path, name: namespace, kind, forwarding: isRouter, proxyNeighbors: [] };
}

function wantedLink(node: string, { path, namespace, nodeInterface }: Pod): WantedLink {
    return {
        path,
        a: { namespace: node, interface: nodeInterface },
        b: { namespace, interface: podInterface },
        mtu: podMtu,
        bridged: false,
    };
}

function wantedAddresses(node: string, pod: Pod): WantedAddress[] {
    const { path, namespace, nodeInterface, addresses, gateways, loopback } = pod;
    // Linux answers ARP for any of its addresses, but neighbor discovery only for those of the interface asked.
    const discovered = gateways.filter((bytes) => familyOf(bytes) === families.ipv6);
    return [
        { path, namespace: node, interface: nodeInterface, subnet: gatewaySubnet },
        ...discovered.map((bytes) => ({ path, namespace: node, interface: nodeInterface, subnet: host(bytes) })),
        ...addresses.map((bytes) => ({ path, namespace, interface: podInterface, subnet: host(bytes) })),
        ...loopback.map((bytes) => ({ path, namespace, interface: "lo", subnet: host(bytes) })),
    ];
}

function host(bytes: Buffer): { readonly bytes: Buffer; readonly length: number } {
    return { bytes, length: bytes.length * 8 };
}

function wantedRoutes(node: string, { path, namespace, nodeInterface, addresses, gateways }: Pod): WantedRoute[] {
    return addresses.flatMap((bytes): WantedRoute[] => {
        const anywhere = { bytes: Buffer.alloc(bytes.length), length: 0 };
        const own = gateways.find((each) => familyOf(each) === familyOf(bytes));
        return [
            { path, namespace: node, subnet: host(bytes), target: { kind: "dev", dev: nodeInterface } },
            ...(own === undefined
                ? []
                : [{ path, namespace, subnet: host(own), target: { kind: "dev", dev: podInterface } as const }]),
            {
                path,
                namespace,
                subnet: anywhere,
                target: { kind: "via", via: own ?? gateway, dev: podInterface },
            },
        ];
    });
}

function wantedProxies(node: string, { path, addresses }: Pod, interfaces: readonly string[]): WantedProxy[] {
    return addresses
        .filter((bytes) => familyOf(bytes) === families.ipv6)
        .flatMap((address) => interfaces.map((name) => ({ path, namespace: node, interface: name, address })));
}

/** A running HTTP server of a pod. */
export interface PodServer {
    readonly identity: string;
    readonly isListening: () => boolean;
    /** Stops listening and cuts what is connected, so that nothing keeps the namespace. */
    readonly close: () => void;
}

/** What must be the same for a server to go on. */
export function serverIdentity(pod: string, node: string, port: number): string {
    return JSON.stringify({ pod, node, port });
}

/**
 * Serves a pod's name over HTTP in its namespace, for both families.
 *
 * @throws Error when the port cannot be listened on
 */
export function servePod(pod: string, node: string, port: number): PodServer {
    const connected = new Set<Socket>();
    const server = createServer((socket) => {
        connected.add(socket);
        socket.once("close", () => connected.delete(socket));
        answer(socket, pod, node);
    });
    listenIn(podNamespace(pod), server, port);
    return {
        identity: serverIdentity(pod, node, port),
        isListening: () => server.listening,
        close() {
            server.close();
            for (const socket of connected) {
                socket.destroy();
            }
        },
    };
}

/** Without a host name Node creates the socket before `listen` returns, which is what puts it into the namespace. */
function listenIn(namespace: string, server: Server, port: number): void {
    let failure: Error | undefined;
    server.on("error", (error) => {
        failure = error;
    });
    inNamespace(namespace, () => server.listen({ port, exclusive: true }));
    if (server.address() === null) {
        throw new Error(`cannot listen on port ${port} in ${namespace}: ${failure?.message ?? "no socket"}`);
    }
}

const longestRequest = 8192;
const idleMilliseconds = 10_000;

/** Answers one request and closes: a new connection per request is what spreads requests over pods. */
function answer(socket: Socket, pod: string, node: string): void {
    let request = "";
    socket.setTimeout(idleMilliseconds, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => {
        request += data.toString("latin1");
        if (request.includes("\r\n\r\n")) {
            socket.removeAllListeners("data");
            const client = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
            socket.end(response(request, JSON.stringify({ pod, node, client })));
        } else if (request.length > longestRequest) {
            socket.destroy();
        }
    });
}

function response(request: string, body: string): string {
    const [method, path] = request.split(" ", 2);
    if (method !== "GET" && method !== "HEAD") {
        return httpMessage("405 Method Not Allowed", "", ["allow: GET, HEAD"]);
    }
    if (path !== "/") {
        return httpMessage("404 Not Found", "");
    }
    const message = httpMessage("200 OK", `${body}\n`, ["content-type: application/json"]);
    return method === "HEAD" ? message.slice(0, -(body.length + 1)) : message;
}

function httpMessage(status: string, body: string, headers: readonly string[] = []): string {
    const all = [...headers, `content-length: ${Buffer.byteLength(body)}`, "connection: close"];
    return `HTTP/1.1 ${status}\r\n${all.join("\r\n")}\r\n\r\n${body}`;
}
