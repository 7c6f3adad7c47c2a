import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { fabricSpec, nodeSpec, routerSpec } from "../../render/embedded";
import { frrConf } from "../../render/frr";
import { lab, withInstances } from "./labs";

const worker = "cilium-bgp-cp-worker";

describe("the fabric", () => {
    const { namespaces, links, bridges } = fabricSpec(lab());

    it("has a namespace per device", () => {
        expect(Object.keys(namespaces)).toEqual([
            "router0",
            "client0",
            "cilium-bgp-cp-control-plane",
            worker,
            "cilium-bgp-cp-worker2",
        ]);
    });

    it("joins the two interfaces of each point-to-point segment by a link of the segment's name", () => {
        const ends = Object.values(links).map(({ a, b }) =>
            [a, b].map(({ namespace, interface: port }) => `${namespace}:${port}`).join(" "),
        );
        expect(ends).toEqual([
            "router0:net4 client0:net0",
            "router0:net0 cilium-bgp-cp-control-plane:net0",
            `router0:net1 ${worker}:net0`,
            "router0:net2 cilium-bgp-cp-worker2:net0",
        ]);
        expect(Object.keys(links)).toEqual(Object.keys(lab().segments).filter((name) => name !== "kind"));
    });

    it("puts all nodes on one bridge, the cluster's network", () => {
        expect(bridges).toEqual({
            kind: {
                ports: ["control-plane", "worker", "worker2"].map((name) => ({
                    namespace: `cilium-bgp-cp-${name}`,
                    interface: "eth0",
                })),
                mtu: 1500,
            },
        });
    });

    it("forwards on routers and nodes, not on clients", () => {
        const forwarding = Object.entries(namespaces).flatMap(([name, each]) => (each.forwarding ? [name] : []));
        expect(forwarding).toEqual(["router0", "cilium-bgp-cp-control-plane", worker, "cilium-bgp-cp-worker2"]);
    });

    it("leaves a router's static routes to FRR and gives nodes and clients theirs in the kernel", () => {
        expect(namespaces.router0?.routes).toEqual({});
        expect(namespaces.client0?.routes).toEqual({
            "0.0.0.0/0": { via: "192.168.0.1" },
            "::/0": { via: "fd00:192:168::1" },
        });
        expect(namespaces[worker]?.routes).toMatchObject({
            "10.0.0.0/8": { via: "169.254.2.1" },
            "10.100.0.0/16": { dev: "eth0" },
        });
    });

    it("ends a node's slice of the pod CIDRs at the node, where its pods have more specific routes", () => {
        expect(namespaces[worker]?.routes).toMatchObject({
            "10.100.1.0/24": { blackhole: true },
            "fd00:10:255:1::/64": { blackhole: true },
        });
    });

    it("answers for pods on the node network in tunnel mode only", () => {
        const answering = (of: Lab) => fabricSpec(of).namespaces[worker]?.proxyNeighbors;
        expect(answering(lab())).toEqual(["eth0"]);
        expect(answering(lab({ routingMode: "native", exportPodCidr: true }))).toEqual([]);
    });

    it("keeps every link, address and route of the others when a worker is added", () => {
        const less = fabricSpec(lab({ workers: 2 }));
        const more = fabricSpec(lab({ workers: 3 }));
        expect(more.links).toMatchObject(less.links);
        for (const [name, namespace] of Object.entries(less.namespaces)) {
            expect(more.namespaces[name]).toMatchObject(namespace);
        }
    });

    it("puts loopback addresses on lo", () => {
        const base = lab();
        const router = base.routers.router0!;
        const loopback = { name: "lo0", attachment: { kind: "loopback" as const }, addresses: ["10.9.9.9/32"] };
        const of = { ...base, routers: { router0: { ...router, interfaces: [...router.interfaces, loopback] } } };
        expect(fabricSpec(of).namespaces.router0?.addresses.lo).toEqual(["10.9.9.9/32"]);
    });

    it("refuses a point-to-point segment with an end missing, and names what is attached", () => {
        const base = lab();
        const of = { ...base, hosts: {} };
        expect(() => fabricSpec(of)).toThrow(
            /a point-to-point segment joins two interfaces, but 1 are attached \(router0:net\w+\)/,
        );
    });
});

describe("a router", () => {
    it("is its namespace and its frr.conf", () => {
        expect(routerSpec(lab(), "router0")).toEqual({ namespace: "router0", config: frrConf(lab(), "router0") });
    });
});

describe("a node", () => {
    const { pods, services, speakers } = nodeSpec(lab(), worker);

    it("runs the pods that the model places there", () => {
        expect(pods).toEqual({
            "app-0": {
                namespace: "test",
                labels: { app: "app" },
                addresses: ["10.100.1.10", "fd00:10:255:1::a"],
                port: 80,
            },
        });
        expect(nodeSpec(lab(), "cilium-bgp-cp-control-plane").pods).toEqual({});
    });

    it("sends a Cluster service to all pods and hides the client", () => {
        expect(services["test/app-svc-cluster"]).toEqual({
            addresses: ["10.254.0.10", "fd00:10:254::10"],
            port: 80,
            endpoints: ["10.100.1.10", "fd00:10:255:1::a", "10.100.2.10", "fd00:10:255:2::a"],
            targetPort: 80,
            masquerade: true,
            hideBehind: ["172.18.0.3", "fc00:f853:ccd:e793::3"],
        });
    });

    it("sends a Local service to its own pods only and shows them the client", () => {
        expect(services["test/app-svc-local"]).toMatchObject({
            endpoints: ["10.100.1.10", "fd00:10:255:1::a"],
            masquerade: false,
        });
        expect(nodeSpec(lab(), "cilium-bgp-cp-control-plane").services["test/app-svc-local"]?.endpoints).toEqual([]);
    });

    it("speaks through GoBGP by default and through BIRD when asked", () => {
        expect(speakers.cilium?.kind).toBe("gobgp");
        const bird = nodeSpec(lab(), worker, "bird").speakers.cilium;
        expect(bird?.kind === "bird" && bird.config).toContain("local as 65002;");
    });

    it("that no BGP resource selects runs no speaker", () => {
        const of = withInstances(lab(), (each) => ({ ...each, nodeSelector: { matchLabels: { rack: "none" } } }));
        expect(nodeSpec(of, worker).speakers).toEqual({});
    });

    it("that the lab does not have is an error that names it", () => {
        expect(() => nodeSpec(lab(), "worker9")).toThrow("has no Kubernetes node worker9");
    });

    it("does not change when another worker is added, if its pods do not", () => {
        expect(nodeSpec(lab({ workers: 3 }), worker)).toEqual(nodeSpec(lab({ workers: 2 }), worker));
    });
});
