import type { FabricInputs, LinkSpec, NamespaceSpec, NodeInputs, PodSpec } from "../../provider/schema";

export function device(parts: Partial<NamespaceSpec> = {}): NamespaceSpec {
    return { forwarding: true, addresses: {}, routes: {}, proxyNeighbors: [], ...parts };
}

export function link(a: string, b: string, mtu = 1500): LinkSpec {
    const end = (text: string) => {
        const [namespace = "", name = ""] = text.split(":");
        return { namespace, interface: name };
    };
    return { a: end(a), b: end(b), mtu };
}

/** client0 – router0 – worker, and worker – worker2 on a bridge; both families everywhere. */
export function smallFabric(): FabricInputs {
    return {
        sandbox: "",
        namespaces: {
            client0: device({
                forwarding: false,
                addresses: { net0: ["192.168.0.2/24", "fd00:c::2/64"] },
                routes: { "0.0.0.0/0": { via: "192.168.0.1" }, "::/0": { via: "fd00:c::1" } },
            }),
            router0: device({
                addresses: {
                    lo: ["10.0.0.1/32"],
                    net0: ["192.168.0.1/24", "fd00:c::1/64"],
                    net1: ["169.254.1.1/24", "fd00:1::1/64"],
                },
                routes: {
                    "10.0.0.0/8": { blackhole: true },
                    "10.100.1.0/24": { via: "169.254.1.2" },
                    "10.254.0.0/24": { via: "169.254.1.2" },
                    "fd00:10:254::/64": { via: "fd00:1::2" },
                    "172.18.0.0/16": { dev: "net1" },
                },
            }),
            worker: device({
                addresses: {
                    net0: ["169.254.1.2/24", "fd00:1::2/64"],
                    eth0: ["172.18.0.2/16", "fc00:f853::2/64"],
                },
                routes: {
                    "10.0.0.0/8": { via: "169.254.1.1" },
                    // Addresses of the node's own slice that no pod has go nowhere.
                    "10.100.1.0/24": { blackhole: true },
                    "fd00:10:255:1::/64": { blackhole: true },
                    "192.168.0.0/24": { via: "169.254.1.1" },
                    "fd00:c::/64": { via: "fd00:1::1" },
                    "10.100.2.0/24": { via: "172.18.0.3" },
                    "fd00:10:255:2::/64": { via: "fc00:f853::3" },
                },
                proxyNeighbors: ["eth0"],
            }),
            worker2: device({
                addresses: { eth0: ["172.18.0.3/16", "fc00:f853::3/64"] },
                routes: { "10.100.1.0/24": { dev: "eth0" }, "fd00:10:255:1::/64": { dev: "eth0" } },
                proxyNeighbors: ["eth0"],
            }),
        },
        links: { access: link("client0:net0", "router0:net0"), uplink: link("router0:net1", "worker:net0") },
        bridges: {
            kind: {
                mtu: 1500,
                ports: [
                    { namespace: "worker", interface: "eth0" },
                    { namespace: "worker2", interface: "eth0" },
                ],
            },
        },
    };
}

export type Node = Pick<NodeInputs, "namespace" | "pods" | "services">;

const port = 8080;

/** A Pod that answers on a port. */
export function webPod(addresses: readonly string[], parts: Partial<PodSpec> = {}): PodSpec {
    return { addresses, port, namespace: "test", labels: { app: "web" }, ...parts };
}

/** worker with pods web-1 and web-2, and a Cluster and a Local service over them and web-3 on worker2. */
export function workerNode(): Node {
    return {
        namespace: "worker",
        pods: {
            "web-1": webPod(["10.100.1.1", "fd00:10:255:1::1"]),
            "web-2": webPod(["10.100.1.2", "fd00:10:255:1::2"]),
        },
        services: {
            "test/app-svc-cluster": {
                addresses: ["10.254.0.1", "fd00:10:254::1"],
                port: 80,
                targetPort: port,
                endpoints: [
                    "10.100.1.1",
                    "10.100.1.2",
                    "10.100.2.3",
                    "fd00:10:255:1::1",
                    "fd00:10:255:1::2",
                    "fd00:10:255:2::3",
                ],
                masquerade: true,
            },
            "test/app-svc-local": {
                addresses: ["10.254.0.2", "fd00:10:254::2"],
                port: 80,
                targetPort: port,
                endpoints: ["10.100.1.1", "10.100.1.2", "fd00:10:255:1::1", "fd00:10:255:1::2"],
                masquerade: false,
            },
            "test/empty": {
                addresses: ["10.254.0.3", "fd00:10:254::3"],
                port: 80,
                targetPort: port,
                endpoints: [],
                masquerade: false,
            },
        },
    };
}

/** worker2 with pod web-3. */
export function worker2Node(): Node {
    return {
        namespace: "worker2",
        pods: { "web-3": webPod(["10.100.2.3", "fd00:10:255:2::3"]) },
        services: {},
    };
}
