/** What events of Pods make of a lab, and that the lab stays whole whatever happens in whichever order. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, contains } from "../../lab/address";
import type { Lab } from "../../lab/model";
import { afterEvent, formatPodEvent, namedPodEvents, parsePodEvent, UnknownPodEventError } from "../../lab/pod-events";
import { podRouters } from "../../lab/pods";
import { validate } from "../../lab/rules";
import { loneEnds } from "../../lab/sessions";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import { lab as singleFrr } from "./labs";

function planned(parameters: object = {}): Lab {
    return planPodGateway(schema.parse(parameters));
}

/** The lab after events in a row. */
function having(lab: Lab, ...texts: readonly string[]): Lab {
    return texts.reduce((now, text) => afterEvent(now, parsePodEvent(lab, text), lab), lab);
}

/** Where the Pods are, and at which IPv4 address. */
function places(lab: Lab): Readonly<Record<string, string>> {
    return Object.fromEntries(
        podRouters(lab).map(({ name, pod, router }) => [
            name,
            `${pod.node} ${addressOf(router.interfaces[0]!.addresses[0]!)}`,
        ]),
    );
}

function through(lab: Lab): readonly (readonly string[])[] {
    return lab.checks.flatMap((check) => (check.kind === "passage" ? [check.through] : []));
}

const [node0, node1, node2] = ["pod-gateway-control-plane", "pod-gateway-worker", "pod-gateway-worker2"] as const;

describe("an event's text", () => {
    const lab = planned();

    it("names it, and is named by it", () => {
        const names = namedPodEvents(lab);
        expect(names).toEqual([
            "pod:loadbalancer-0:restarted",
            `pod:loadbalancer-0:moved:${node0}`,
            `pod:loadbalancer-0:moved:${node1}`,
            "pod:loadbalancer-0:relabelled",
            "pod:loadbalancer-0:deleted",
            "workload:loadbalancer:scaled:0",
            "workload:loadbalancer:scaled:2",
        ]);
        expect(names.map((name) => formatPodEvent(parsePodEvent(lab, name)))).toEqual(names);
        expect(parsePodEvent(lab, "workload:loadbalancer:scaled:7")).toEqual({
            kind: "scaled",
            workload: "loadbalancer",
            replicas: 7,
        });
    });

    it.each([
        "pod:loadbalancer-1:restarted",
        `pod:loadbalancer-0:moved:${node2}`,
        "workload:web:scaled:1",
        "workload:loadbalancer:scaled:",
        "workload:loadbalancer:scaled:99999",
        "",
    ])("%j is refused with those that there are", (text) => {
        expect(() => parsePodEvent(lab, text)).toThrow(UnknownPodEventError);
        expect(() => parsePodEvent(lab, text)).toThrow("pod:loadbalancer-0:restarted");
    });

    it("is refused where no Pod is a router, and where labels say nothing to the router that Pods call", () => {
        expect(() => parsePodEvent(singleFrr(), "pod:x:restarted")).toThrow("it has no Pods that are routers");
        expect(namedPodEvents(planned({ peering: "router" }))).not.toContain("pod:loadbalancer-0:relabelled");
    });
});

describe("the lab after an event", () => {
    const lab = planned();

    it("has the Pod at its node's next free address", () => {
        const restarted = having(lab, "pod:loadbalancer-0:restarted");
        expect(places(restarted)).toEqual({ "loadbalancer-0": `${node2} 10.244.2.217` });
        expect(restarted.cluster.nodes[node2]!.staticRoutes).toEqual(
            expect.arrayContaining([
                { prefix: "10.244.2.217/32", via: { kind: "interface", interface: "lxc-dbalancer-0" } },
            ]),
        );
        expect(JSON.stringify(restarted)).not.toContain("10.244.2.216");
    });

    it("has it on another node with that node for a neighbor, and nothing of it on the first", () => {
        const moved = having(lab, `pod:loadbalancer-0:moved:${node1}`);
        expect(places(moved)).toEqual({ "loadbalancer-0": `${node1} 10.244.1.216` });
        expect(
            moved.routers["loadbalancer-0"]!.bgp.neighbors.map(({ address, remoteAsn }) => [address, remoteAsn]),
        ).toEqual([
            ["10.244.1.69", 65011],
            ["fd00:10:244:1::45", 65011],
        ]);
        expect(moved.cluster.nodes[node2]!.interfaces.map(({ name }) => name)).not.toContain("lxc-dbalancer-0");
    });

    it("has as many Pods as a workload is scaled to, first where they were, then where fewest are", () => {
        expect(places(having(lab, "workload:loadbalancer:scaled:0"))).toEqual({});
        expect(places(having(lab, "workload:loadbalancer:scaled:0", "workload:loadbalancer:scaled:2"))).toEqual({
            "loadbalancer-0": `${node2} 10.244.2.216`,
            "loadbalancer-1": `${node1} 10.244.1.216`,
        });
        const four = having(lab, "workload:loadbalancer:scaled:4");
        expect(Object.values(places(four)).map((place) => place.split(" ")[0])).toEqual([node2, node1, node0, node1]);
        expect(new Set(podRouters(four).map(({ router }) => router.bgp.routerId)).size).toBe(4);
    });

    it("checks what passes through the Pods that are left, and nothing once none is", () => {
        expect(through(lab)).toEqual([["loadbalancer-0"], ["loadbalancer-0"]]);
        const two = having(lab, "workload:loadbalancer:scaled:0", "workload:loadbalancer:scaled:2");
        expect(through(two)).toEqual([
            ["loadbalancer-0", "loadbalancer-1"],
            ["loadbalancer-0", "loadbalancer-1"],
        ]);
        for (const text of [
            "workload:loadbalancer:scaled:0",
            "pod:loadbalancer-0:deleted",
            "pod:loadbalancer-0:relabelled",
        ]) {
            const { checks } = having(lab, text);
            expect(through({ ...lab, checks })).toEqual([]);
            expect(checks.filter((check) => check.kind === "service").map(({ address }) => address)).toEqual([
                "10.254.0.10",
                "fd00:10:254::10",
            ]);
        }
    });

    it("has a Pod that no selector means any more, and that is otherwise as it was", () => {
        const { pod, ...router } = having(lab, "pod:loadbalancer-0:relabelled").routers["loadbalancer-0"]!;
        const { pod: before, ...same } = lab.routers["loadbalancer-0"]!;
        expect(pod).toEqual({ ...before, labels: {} });
        expect(router).toEqual(same);
    });
});

describe("events in any order", () => {
    const labs = [planned({ gateways: [1, 2], hijacks: ["0.0.0.0/1"] }), planned({ gateways: [2], peering: "router" })];
    const someEvents = fc.array(fc.nat(), { minLength: 1, maxLength: 5 });

    it("leave a lab whose Pods have addresses of their own in their node's slice, and sessions that both ends know", () => {
        fc.assert(
            fc.property(fc.constantFrom(...labs), someEvents, (original, choices) => {
                let lab = original;
                for (const choice of choices) {
                    const names = namedPodEvents(lab).filter((name) => !name.endsWith("relabelled"));
                    if (names.length > 0) {
                        lab = afterEvent(lab, parsePodEvent(lab, names[choice % names.length]!), original);
                    }
                }
                const pods = podRouters(lab);
                const addresses = pods.flatMap(({ router }) => router.interfaces[0]!.addresses);
                expect(new Set(addresses).size).toBe(addresses.length);
                for (const { pod, router } of pods) {
                    const { podCidrs } = lab.cluster.nodes[pod.node]!;
                    expect(
                        router.interfaces[0]!.addresses.every((own) => podCidrs.some((slice) => contains(slice, own))),
                    ).toBe(true);
                }
                expect(loneEnds(lab).map(({ node, peerAddress }) => `${node} ${peerAddress}`)).toEqual([]);
                expect(validate(lab).filter(({ severity }) => severity === "error")).toEqual([]);
            }),
            { numRuns: 40 },
        );
    });
});
