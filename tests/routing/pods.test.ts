/** Routers in Pods: the article's tables, and what comes of filters, faults and several Pods. */

import { describe, expect, it } from "vitest";
import { familyOf } from "../../lab/address";
import type { Family, Lab, Prefix } from "../../lab/model";
import { afterEvent, parsePodEvent } from "../../lab/pod-events";
import { faultPhases, formatFault, parseFault } from "../../routing/failures";
import { singleFaults } from "../../routing/faults";
import { predict } from "../../routing/predict";
import type { PredictedSession, Prediction } from "../../routing/prediction";
import { failureSweep } from "../../routing/sweep";
import { trace } from "../../routing/trace";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import type { Draft } from "../lab/labs";

function planned(parameters: object = {}, change: (draft: Draft) => void = () => {}): Lab {
    const draft = JSON.parse(JSON.stringify(planPodGateway(schema.parse(parameters)))) as Draft;
    change(draft);
    return draft as Lab;
}

/** Best paths, as `show bgp` and `gobgp global rib` list them. */
function rib(prediction: Prediction, device: string, family: Family): Readonly<Record<Prefix, string>> {
    return Object.fromEntries(
        Object.entries(prediction.devices[device]!.rib[family]).flatMap(([prefix, { paths }]) =>
            paths.filter(({ best }) => best).map((path) => [prefix, [path.nextHop, ...path.asPath].join(" ")]),
        ),
    );
}

/** The routes that a device's kernel has of BGP. */
function learned(prediction: Prediction, device: string): Readonly<Record<Prefix, string>> {
    const { ipv4, ipv6 } = prediction.devices[device]!.fib;
    return Object.fromEntries(
        [...Object.entries(ipv4), ...Object.entries(ipv6)]
            .filter(([, { protocol }]) => protocol === "bgp")
            .map(([prefix, { nextHops }]) => [prefix, nextHops.map(({ via, dev }) => `${via} ${dev}`).join(", ")]),
    );
}

function sessionOf({ sessions }: Prediction, local: string, remoteAddress: string): PredictedSession {
    return sessions.find((session) => session.local === local && session.remoteAddress === remoteAddress)!;
}

function ends(lab: Lab, from: string, to: string): readonly string[] {
    return trace(lab, predict(lab), from, to).ways.map(({ disposition, detail }) => `${disposition}: ${detail}`);
}

const [node0, node1, node2] = ["pod-gateway-control-plane", "pod-gateway-worker", "pod-gateway-worker2"] as const;
/** The article has no service. */
const article = { services: [] };

describe("the article's tables", () => {
    const prediction = predict(planned(article));

    it("has the Pod's routes at its node by the Pod's address, beside those of the router", () => {
        expect(rib(prediction, node2, "ipv4")).toEqual({
            "10.244.0.0/24": "10.0.2.1 65000 65010",
            "10.244.1.0/24": "10.0.2.1 65000 65011",
            "10.244.2.0/24": "0.0.0.0",
            "10.244.2.216/32": "10.244.2.216 65100",
            "192.168.0.1/32": "10.244.2.216 65100",
        });
    });

    it("has them at the router by the node", () => {
        expect(rib(prediction, "router0", "ipv4")).toEqual({
            "10.244.0.0/24": "10.0.0.2 65010",
            "10.244.1.0/24": "10.0.1.2 65011",
            "10.244.2.0/24": "10.0.2.2 65012",
            "10.244.2.216/32": "10.0.2.2 65012 65100",
            "192.168.0.1/32": "10.0.2.2 65012 65100",
        });
    });

    it("has the pod CIDRs of the other nodes in the Pod, by its own", () => {
        expect(rib(prediction, "loadbalancer-0", "ipv4")).toEqual({
            "10.244.0.0/24": "10.244.2.69 65012 65000 65010",
            "10.244.1.0/24": "10.244.2.69 65012 65000 65011",
            "10.244.2.0/24": "10.244.2.69 65012",
            "10.244.2.216/32": "0.0.0.0",
            "192.168.0.1/32": "0.0.0.0",
        });
    });

    it("has the same over IPv6", () => {
        expect(rib(prediction, node2, "ipv6")).toEqual({
            "fd00:10:244::/64": "fd00:10:0:2::1 65000 65010",
            "fd00:10:244:1::/64": "fd00:10:0:2::1 65000 65011",
            "fd00:10:244:2::/64": "::",
            "fd00:10:244:2::d8/128": "fd00:10:244:2::d8 65100",
            "fd00:192:168::1/128": "fd00:10:244:2::d8 65100",
        });
        expect(rib(prediction, "loadbalancer-0", "ipv6")["fd00:10:244::/64"]).toBe(
            "fd00:10:244:2::45 65012 65000 65010",
        );
    });

    it("has nothing of the other nodes at those who sent it", () => {
        expect(rib(prediction, node0, "ipv4")).toEqual({
            "10.244.0.0/24": "0.0.0.0",
            "10.244.1.0/24": "10.0.0.1 65000 65011",
            "10.244.2.0/24": "10.0.0.1 65000 65012",
            "10.244.2.216/32": "10.0.0.1 65000 65012 65100",
            "192.168.0.1/32": "10.0.0.1 65000 65012 65100",
        });
    });

    it("brings a session up in each family between the Pod and its node's address in the pod range", () => {
        const ofPod = prediction.sessions.filter(({ local }) => local === "loadbalancer-0");
        expect(
            ofPod.map(({ localAddress, remoteAddress, families, state }) => [
                localAddress,
                remoteAddress,
                families,
                state,
            ]),
        ).toEqual([
            ["10.244.2.216", "10.244.2.69", ["ipv4"], { up: true }],
            ["fd00:10:244:2::d8", "fd00:10:244:2::45", ["ipv6"], { up: true }],
        ]);
    });
});

describe("what a node's kernel gets", () => {
    it("is the route of its Pod, and nothing else of what its speaker takes", () => {
        const prediction = predict(planned());
        expect(learned(prediction, node2)).toEqual({
            "192.168.0.1/32": "10.244.2.216 lxc-dbalancer-0",
            "fd00:192:168::1/128": "fd00:10:244:2::d8 lxc-dbalancer-0",
        });
        expect(learned(prediction, node1)).toEqual({});
    });

    it("is the same where the Pod peers with the router, which takes nothing but what is allowed", () => {
        const prediction = predict(planned({ ...article, peering: "router" }));
        expect(rib(prediction, "router0", "ipv4")["192.168.0.1/32"]).toBe("10.244.2.216 65100");
        expect(rib(prediction, "router0", "ipv4")["10.244.2.216/32"]).toBeUndefined();
        expect(rib(prediction, node2, "ipv4")).toEqual({ "10.244.2.0/24": "0.0.0.0" });
        expect(learned(prediction, node2)).toEqual({
            "192.168.0.1/32": "10.244.2.216 lxc-dbalancer-0",
            "fd00:192:168::1/128": "fd00:10:244:2::d8 lxc-dbalancer-0",
        });
        expect(learned(prediction, node0)).toEqual({});
    });

    it("is nothing of a Pod that calls a router and that no selector means", () => {
        const lab = planned({ peering: "router" }, (draft) => {
            draft.routers["loadbalancer-0"]!.pod!.labels = { app: "other" };
        });
        const prediction = predict(lab);
        expect(sessionOf(prediction, "router0", "10.244.2.216").state).toEqual({ up: true });
        expect(learned(prediction, node2)).toEqual({});
    });
});

describe("packets to a virtual server", () => {
    it("come through the Pod that has its address", () => {
        const lab = planned();
        const { ways } = trace(lab, predict(lab), "client0", "192.168.0.1");
        expect(
            ways.map((way) => [...way.hops.map(({ device }) => device), `${way.disposition} ${way.detail}`]),
        ).toEqual([["client0", "router0", node2, "delivered loadbalancer-0"]]);
        expect(ends(lab, "web-0", "fd00:192:168::1")).toEqual(["delivered: loadbalancer-0"]);
    });

    it("are lost where the Pod does not reach a pod behind it", () => {
        const lab = planned({}, (draft) => {
            draft.routers["loadbalancer-0"]!.staticRoutes.push({
                prefix: "10.244.0.10/32",
                via: { kind: "blackhole" },
            });
        });
        expect(ends(lab, "client0", "192.168.0.1")).toEqual([
            "blackhole: on to pod web-0: loadbalancer-0 discards 10.244.0.10/32",
        ]);
    });

    it("share two Pods on two nodes", () => {
        const lab = planned({ gateways: [1, 2] });
        expect(ends(lab, "client0", "192.168.0.1")).toEqual(["delivered: loadbalancer-0", "delivered: loadbalancer-1"]);
        // On a node with a Pod of its own there is no other way.
        expect(ends(lab, "web-1", "192.168.0.1")).toEqual(["delivered: loadbalancer-0"]);
    });

    it("reach addresses of Pods and of nodes in the pod range, and end where there is no such Pod", () => {
        const lab = planned();
        expect(ends(lab, "client0", "10.244.2.216")).toEqual(["delivered: loadbalancer-0"]);
        expect(ends(lab, "loadbalancer-0", "10.244.0.69")).toEqual([`delivered: ${node0}`]);
        expect(ends(lab, "client0", "10.244.2.217")).toEqual([
            `blackhole: ${node2} has no pod with the address 10.244.2.217`,
        ]);
    });
});

describe("what a Pod must not announce", () => {
    const hijacks = [
        "10.244.0.0/24",
        "10.96.0.1/32",
        "10.254.0.10/32",
        "10.254.0.77/32",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "0.0.0.0/1",
        "::/0",
        "8000::/1",
        "fd00:10:244::/64",
        "fd00:10:254::10/128",
    ];
    const of = (family: Family) => hijacks.filter((prefix) => familyOf(prefix) === family);

    it("is refused by its node, said to be so, and goes nowhere", () => {
        const [without, lab] = [predict(planned()), planned({ hijacks })];
        const prediction = predict(lab);
        const session = sessionOf(prediction, "rogue-0", "10.244.1.69");
        expect(new Set(session.refused!.byRemote.ipv4)).toEqual(new Set(of("ipv4")));
        const session6 = sessionOf(prediction, "rogue-0", "fd00:10:244:1::45");
        expect(new Set(session6.refused!.byRemote.ipv6)).toEqual(new Set(of("ipv6")));
        for (const device of ["router0", "loadbalancer-0", node0, node1, node2]) {
            for (const family of ["ipv4", "ipv6"] as const) {
                expect([device, rib(prediction, device, family)]).toEqual([device, rib(without, device, family)]);
            }
        }
    });

    it("draws no traffic of its victims", () => {
        const [without, lab] = [planned(), planned({ hijacks })];
        for (const victim of ["web-0", "10.254.0.10", "fd00:10:254::10", "192.168.0.1"]) {
            expect([victim, ends(lab, "client0", victim)]).toEqual([victim, ends(without, "client0", victim)]);
        }
    });

    it("is refused by the router where the Pod peers with that", () => {
        const prediction = predict(planned({ peering: "router", hijacks }));
        const { refused } = sessionOf(prediction, "router0", "10.244.1.200") ?? {};
        expect(refused?.byLocal.ipv4).toEqual(expect.arrayContaining(of("ipv4")));
        expect(rib(prediction, "router0", "ipv4")["10.244.0.0/24"]).toBe("10.0.0.2 65010");
    });

    it("is another Pod's address, while its own may be announced", () => {
        const lab = planned({ hijacks: ["10.244.2.216/32", "10.244.1.200/32"] });
        const prediction = predict(lab);
        expect(sessionOf(prediction, "rogue-0", "10.244.1.69").refused!.byRemote.ipv4).toEqual(["10.244.2.216/32"]);
        expect(rib(prediction, node1, "ipv4")["10.244.1.200/32"]).toBe("10.244.1.200 65200");
        expect(rib(prediction, "router0", "ipv4")["10.244.2.216/32"]).toBe("10.0.2.2 65012 65100");
    });
});

describe("GoBGP on a node", () => {
    /** Two Pods on one node that announce the same, with given BGP identifiers. */
    const twins = (first: string, second: string) =>
        predict(
            planned({ gateways: [2, 2] }, (draft) => {
                draft.routers["loadbalancer-0"]!.bgp.routerId = first;
                draft.routers["loadbalancer-1"]!.bgp.routerId = second;
            }),
        );

    it("uses one of two equal paths: that of the lower BGP identifier", () => {
        expect(rib(twins("10.255.1.1", "10.255.1.2"), node2, "ipv4")["192.168.0.1/32"]).toBe("10.244.2.216 65100");
        expect(rib(twins("10.255.1.2", "10.255.1.1"), node2, "ipv4")["192.168.0.1/32"]).toBe("10.244.2.217 65100");
        const { paths } = twins("10.255.1.1", "10.255.1.2").devices[node2]!.rib.ipv4["192.168.0.1/32"]!;
        expect(paths.map(({ multipath }) => multipath)).toEqual([true, false]);
    });

    it("tells a Pod nothing that went through the Pod's AS", () => {
        const prediction = predict(planned({ gateways: [1, 2] }));
        expect(rib(prediction, "loadbalancer-0", "ipv4")["10.244.2.216/32"]).toBeUndefined();
        expect(sessionOf(prediction, "loadbalancer-0", "10.244.1.69").offers.fromRemote.ipv4).toEqual([
            "10.244.0.0/24",
            "10.244.1.0/24",
            "10.244.2.0/24",
            "10.254.0.10/32",
        ]);
    });
});

describe("faults", () => {
    const lab = planned();

    it("are those of the Pod, its daemon and its session, and not of the link to its node", () => {
        const names = singleFaults(lab).map((fault) => formatFault(lab, fault));
        expect(names.filter((name) => name.includes("loadbalancer-0"))).toEqual([
            "node:loadbalancer-0",
            `session:loadbalancer-0-${node2}:10.244.2.69`,
            `session:loadbalancer-0-${node2}:fd00:10:244:2::45`,
        ]);
        const called = planned({ peering: "router" });
        const ofRouter = singleFaults(called).map((fault) => formatFault(called, fault));
        expect(ofRouter).toContain("session:loadbalancer-0-router0:10.0.0.1");
        expect(ofRouter.filter((name) => name.startsWith("session:router0-loadbalancer-0"))).toEqual([]);
    });

    it("of the Pod take the virtual server with it at once, from the nodes' kernels as well", () => {
        for (const parameters of [{}, { peering: "router" }]) {
            const each = planned(parameters);
            const [first] = faultPhases(each, parseFault(each, "node:loadbalancer-0"));
            expect(first!.after).toBe(0);
            expect(learned(first!.prediction, node2)).toEqual({});
        }
    });

    it("of one of two Pods leave the virtual server to the other one", () => {
        const two = planned({ gateways: [1, 2] });
        const effect = failureSweep(two).find(({ name }) => name === "node:loadbalancer-1")!;
        expect(effect.unreachable).toEqual([]);
        expect(effect.routes).toContainEqual({ device: "router0", prefix: "192.168.0.1/32", before: 2, after: 1 });
    });

    it("of the only one are told as what nobody reaches any more", () => {
        const effect = failureSweep(lab).find(({ name }) => name === "node:loadbalancer-0")!;
        expect(new Set(effect.unreachable.map(({ name }) => name))).toEqual(
            new Set(["virtual server 192.168.0.1", "virtual server fd00:192:168::1"]),
        );
    });
});

describe("after an event of a Pod", () => {
    it.each([
        ["pod:loadbalancer-0:restarted", node2, "10.244.2.217"],
        [`pod:loadbalancer-0:moved:${node1}`, node1, "10.244.1.216"],
    ])("%s its sessions and routes are with its new address", (text, node, address) => {
        for (const parameters of [{}, { peering: "router" }]) {
            const lab = planned(parameters);
            const after = afterEvent(lab, parsePodEvent(lab, text));
            const prediction = predict(after);
            expect(prediction.sessions.filter(({ state }) => !state.up)).toEqual([]);
            expect(learned(prediction, node)["192.168.0.1/32"]).toBe(`${address} lxc-dbalancer-0`);
            expect(ends(after, "client0", "192.168.0.1")).toEqual(["delivered: loadbalancer-0"]);
        }
    });

    it("relabelled the Pod calls a node that does not know it", () => {
        const lab = planned();
        const prediction = predict(afterEvent(lab, parsePodEvent(lab, "pod:loadbalancer-0:relabelled")));
        expect(sessionOf(prediction, "loadbalancer-0", "10.244.2.69").state).toEqual({
            up: false,
            reason: `${node2} has no neighbor 10.244.2.216`,
        });
        expect(learned(prediction, node2)).toEqual({});
        expect(rib(prediction, "router0", "ipv4")["192.168.0.1/32"]).toBeUndefined();
    });
});
