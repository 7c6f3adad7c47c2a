import { describe, expect, it } from "vitest";
import { findDevice, namedDevices } from "../../lab/devices";
import type { LabelSelector } from "../../lab/model";
import { selects, serviceLabels } from "../../lab/selectors";
import { advertisedPodCidrs, advertisedServiceAddresses, advertisingNodes, podsOf, podsOn } from "../../lab/services";
import { directedSessions, loneEnds, onLink, sessionEnds, sessions } from "../../lab/sessions";
import { findSessionSettings, nodeInstances, nodeSpeaker } from "../../lab/speakers";
import { lab } from "./labs";

const [controlPlane, worker, worker2] = [
    "cilium-bgp-cp-control-plane",
    "cilium-bgp-cp-worker",
    "cilium-bgp-cp-worker2",
] as const;

describe("a label selector", () => {
    const labels = { app: "web", rack: "r1" };
    const cases: readonly [claim: string, selector: LabelSelector, expected: boolean][] = [
        ["matches everything when it is empty", {}, true],
        ["matches equal labels", { matchLabels: { app: "web" } }, true],
        ["needs every label", { matchLabels: { app: "web", rack: "r2" } }, false],
        [
            "In: needs one of the values",
            { matchExpressions: [{ key: "rack", operator: "In", values: ["r1", "r2"] }] },
            true,
        ],
        ["In: a missing key is not in", { matchExpressions: [{ key: "zone", operator: "In", values: ["r1"] }] }, false],
        [
            "NotIn: a value in the list is refused",
            { matchExpressions: [{ key: "rack", operator: "NotIn", values: ["r1"] }] },
            false,
        ],
        [
            "NotIn: a missing key matches",
            { matchExpressions: [{ key: "dummy", operator: "NotIn", values: ["dummy"] }] },
            true,
        ],
        ["Exists: needs the key", { matchExpressions: [{ key: "zone", operator: "Exists" }] }, false],
        ["DoesNotExist: refuses the key", { matchExpressions: [{ key: "rack", operator: "DoesNotExist" }] }, false],
        [
            "needs labels and expressions alike",
            { matchLabels: { app: "web" }, matchExpressions: [{ key: "rack", operator: "DoesNotExist" }] },
            false,
        ],
    ];

    it.each(cases)("%s", (_claim, selector, expected) => {
        expect(selects(selector, labels)).toBe(expected);
    });

    it("sees a service's name and namespace as labels, as Cilium does", () => {
        const service = lab().cluster.services[0]!;
        const byName = { matchLabels: { "io.kubernetes.service.name": "app-svc-cluster" } };
        const byNamespace = { matchLabels: { "io.kubernetes.service.namespace": "other" } };
        expect(selects(byName, serviceLabels(service))).toBe(true);
        expect(selects(byNamespace, serviceLabels(service))).toBe(false);
    });
});

describe("devices", () => {
    it("are routers, hosts and nodes, in this order", () => {
        const names = namedDevices(lab()).map(([name]) => name);
        expect(names).toEqual(["router0", "client0", controlPlane, worker, worker2]);
    });

    it("are found by name, whatever they are", () => {
        const { routers, hosts, cluster } = lab();
        expect(findDevice(lab(), "router0")).toEqual(routers.router0);
        expect(findDevice(lab(), "client0")).toEqual(hosts.client0);
        expect(findDevice(lab(), worker)).toEqual(cluster.nodes[worker]);
        expect(findDevice(lab(), "worker9")).toBeUndefined();
    });
});

describe("sessions", () => {
    it("pair every router neighbor with the node's, in both families", () => {
        expect(sessions(lab()).map(({ session }) => session)).toEqual([
            `router0 ↔ ${controlPlane} (10.9.1.2)`,
            `router0 ↔ ${worker} (10.9.2.2)`,
            `router0 ↔ ${worker2} (10.9.3.2)`,
            `router0 ↔ ${controlPlane} (fd00:9:0:1::2)`,
            `router0 ↔ ${worker} (fd00:9:0:2::2)`,
            `router0 ↔ ${worker2} (fd00:9:0:3::2)`,
        ]);
        expect(loneEnds(lab())).toEqual([]);
    });

    it("know both ends completely", () => {
        const { local, remote } = sessions(lab())[1]!;
        expect(local).toEqual({
            path: ["routers", "router0", "bgp", "neighbors", 1],
            settingsPath: ["routers", "router0", "bgp", "peerGroups", 0, "settings"],
            timersPath: ["routers", "router0", "bgp", "peerGroups", 0, "settings", "timers"],
            node: "router0",
            kind: "router",
            speaker: { asn: 65000, routerId: "10.0.0.0" },
            interface: "net1",
            address: "10.9.2.1",
            peerAddress: "10.9.2.2",
            remoteAsn: 65002,
            timers: { holdTime: 9, keepalive: 3, connectRetry: 1 },
            families: ["ipv4"],
        });
        expect(remote).toEqual({
            path: ["cluster", "cilium", "bgp", 1, "neighbors", 0],
            settingsPath: ["cluster", "cilium", "bgp", 1, "neighbors", 0],
            timersPath: ["cluster", "cilium", "bgp", 1, "neighbors", 0, "timers"],
            node: worker,
            kind: "kubernetes-node",
            program: "cilium",
            speaker: { asn: 65002, routerId: "172.18.0.3" },
            interface: "net0",
            address: "10.9.2.2",
            peerAddress: "10.9.2.1",
            remoteAsn: 65000,
            timers: { holdTime: 9, keepalive: 3, connectRetry: 5 },
            families: ["ipv4"],
            gracefulRestartTime: 9,
        });
    });

    it("appear once per direction when both directions are asked for", () => {
        const once = sessions(lab());
        const both = directedSessions(lab());
        expect(both).toHaveLength(2 * once.length);
        expect(both[1]!.local).toEqual(both[0]!.remote);
    });

    it("leave an end alone when the other one is not configured", () => {
        const lonely = lab({}, (draft) => {
            draft.cluster.cilium!.bgp[1]!.neighbors.shift();
        });
        expect(loneEnds(lonely).map(({ node, peerAddress }) => [node, peerAddress])).toEqual([["router0", "10.9.2.2"]]);
        expect(sessions(lonely)).toHaveLength(5);
        expect(sessionEnds(lonely)).toHaveLength(11);
    });

    it("exist on every node that one configuration selects", () => {
        const shared = lab({}, (draft) => {
            const { bgp } = draft.cluster.cilium!;
            bgp.splice(1, 2, {
                ...bgp[1]!,
                nodeSelector: {
                    matchExpressions: [{ key: "node-role.kubernetes.io/control-plane", operator: "DoesNotExist" }],
                },
            });
        });
        expect(nodeInstances(shared, worker)).toBe(nodeInstances(shared, worker));
        expect(nodeSpeaker(shared, worker2, "cilium")).toMatchObject({ asn: 65002, routerId: "172.18.0.4" });
    });
});

describe("speakers", () => {
    it("of a node that no configuration selects do not exist", () => {
        const silent = lab({}, (draft) => {
            draft.cluster.cilium!.bgp.shift();
        });
        expect(nodeSpeaker(silent, controlPlane, "cilium")).toBeUndefined();
        expect(nodeSpeaker(silent, "unknown", "cilium")).toBeUndefined();
    });

    it("resolve a neighbor's settings from its group, or its own", () => {
        const { bgp } = lab().routers.router0!;
        expect(findSessionSettings(bgp, bgp.neighbors[0]!)).toBe(bgp.peerGroups[0]!.settings);
        const settings = { ...bgp.peerGroups[1]!.settings };
        expect(findSessionSettings(bgp, { ...bgp.neighbors[0]!, session: { kind: "own", settings } })).toBe(settings);
        const gone = { ...bgp.neighbors[0]!, session: { kind: "group", group: "gone" } } as const;
        expect(findSessionSettings(bgp, gone)).toBeUndefined();
    });
});

describe("an address on-link", () => {
    it("is found in the most specific subnet that holds it", () => {
        const device = {
            staticRoutes: [],
            interfaces: [
                { name: "wide", attachment: { kind: "loopback" as const }, addresses: ["10.0.0.1/8"] },
                { name: "narrow", attachment: { kind: "loopback" as const }, addresses: ["10.1.0.1/16", "fd00::1/64"] },
            ],
        };
        expect(onLink(device, "10.1.2.3")).toEqual({ interface: "narrow", address: "10.1.0.1" });
        expect(onLink(device, "10.2.2.3")).toEqual({ interface: "wide", address: "10.0.0.1" });
        expect(onLink(device, "fd00::2")).toEqual({ interface: "narrow", address: "fd00::1" });
        expect(onLink(device, "192.168.0.1")).toEqual({});
    });
});

describe("services", () => {
    it("have the pods with their labels in their namespace", () => {
        const planned = lab();
        const [service] = planned.cluster.services;
        expect(podsOf(planned, service!).map(({ name }) => name)).toEqual(["app-0", "app-1"]);
        expect(podsOf(planned, { ...service!, namespace: "other" })).toEqual([]);
        expect(podsOf(planned, { ...service!, selector: { app: "app", tier: "front" } })).toEqual([]);
        expect(podsOf(planned, { ...service!, selector: {} })).toEqual([]);
    });

    it("under Cluster are announced by every node, under Local by those with a pod", () => {
        const planned = lab({ replicas: 1 });
        const [cluster, local] = planned.cluster.services;
        expect(advertisingNodes(planned, cluster!)).toEqual([controlPlane, worker, worker2]);
        expect(advertisingNodes(planned, local!)).toEqual([worker]);
        expect(advertisedServiceAddresses(planned, worker, "cilium").map(({ address }) => address)).toEqual([
            "10.254.0.10",
            "fd00:10:254::10",
            "10.254.0.11",
            "fd00:10:254::11",
        ]);
        expect(advertisedServiceAddresses(planned, worker2, "cilium").map(({ service }) => service.name)).toEqual([
            "app-svc-cluster",
            "app-svc-cluster",
        ]);
        expect(podsOn(planned, worker).map(({ name }) => name)).toEqual(["app-0"]);
    });

    it("are announced by nobody without a selector, or with one that does not match", () => {
        const planned = lab({ serviceSelector: { matchLabels: { announce: "yes" } } });
        expect(advertisedServiceAddresses(planned, worker, "cilium")).toEqual([]);
        const none = lab({}, (draft) => {
            delete draft.cluster.cilium!.bgp[1]!.serviceSelector;
        });
        expect(advertisedServiceAddresses(none, worker, "cilium")).toEqual([]);
    });
});

describe("pod CIDRs", () => {
    it("are announced only where they are exported", () => {
        expect(advertisedPodCidrs(lab(), worker, "cilium")).toEqual([]);
        expect(advertisedPodCidrs(lab({ exportPodCidr: true }), worker, "cilium")).toEqual([
            "10.100.1.0/24",
            "fd00:10:255:1::/64",
        ]);
    });
});
