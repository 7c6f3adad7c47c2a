/** Where packets end, for every way in which they can. */

import { describe, expect, it } from "vitest";
import { predict } from "../../routing/predict";
import { trace } from "../../routing/trace";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { row, withStatic } from "./labs";
import { vrfLab } from "./vrf-lab";

function ends(lab: Parameters<typeof predict>[0], from: string, to: string): readonly string[] {
    return trace(lab, predict(lab), from, to).ways.map(({ disposition, detail }) => `${disposition}: ${detail}`);
}

const line = row({ asn: 65001 }, { asn: 65002 }, { asn: 65003 });

describe("a packet", () => {
    it("is delivered hop by hop", () => {
        const { ways } = trace(line, predict(line), "r0", "10.2.2.1");
        expect(ways).toEqual([
            {
                hops: [
                    { device: "r0", prefix: "10.2.2.1/32", nextHop: { via: "10.1.0.2", dev: "net0" } },
                    { device: "r1", prefix: "10.2.2.1/32", nextHop: { via: "10.1.1.2", dev: "net1" } },
                ],
                disposition: "delivered",
                detail: "r2",
            },
        ]);
    });

    it("has nowhere to go without a route", () => {
        expect(ends(line, "r0", "10.77.0.1")).toEqual(["no-route: r0 has no route to 10.77.0.1"]);
    });

    it("is discarded by a blackhole", () => {
        expect(ends(line, "r0", "10.3.0.1")).toEqual(["blackhole: r0 discards 10.3.0.0/24"]);
    });

    it("finds nobody at an address of the link that no device has", () => {
        expect(ends(line, "r0", "10.1.1.9")).toEqual(["unreachable next hop: nobody answers at 10.1.1.9 on r1 net1"]);
    });

    it("goes in circles between routers that send it to each other", () => {
        const there = withStatic(line, "r0", { prefix: "10.88.0.0/16", via: { kind: "address", address: "10.1.0.2" } });
        const back = withStatic(there, "r1", { prefix: "10.88.0.0/16", via: { kind: "address", address: "10.1.0.1" } });
        expect(ends(back, "r0", "10.88.0.1")).toEqual(["loop: back at r0"]);
    });

    it("takes every one of equal ways", () => {
        const single = planSingleFrr(schema.parse({}));
        const nodes = ["control-plane", "worker", "worker2", "worker3"];
        const [cluster] = single.cluster.services;
        expect(ends(single, "client0", "10.254.0.10")).toEqual(
            nodes.map((node) => `delivered: service ${cluster!.name} at cilium-bgp-cp-${node}`),
        );
    });

    it("travels between nodes in a tunnel where Cilium encapsulates", () => {
        const single = planSingleFrr(schema.parse({}));
        const pods = single.cluster.workloads.flatMap((workload) => workload.pods);
        const [from, to] = [pods[0]!, pods.find(({ node }) => node !== pods[0]!.node)!];
        const { ways } = trace(single, predict(single), from.name, to.name);
        expect(ways).toMatchObject([
            {
                disposition: "delivered",
                detail: `pod ${to.name}, encapsulated to ${to.node}`,
                hops: [{ device: from.node }],
            },
        ]);
    });

    it("goes on in another VRF where a leaked route says so", () => {
        const { ways } = trace(vrfLab, predict(vrfLab), "client0", "192.168.160.9");
        expect(ways.map(({ hops }) => hops.map(({ device, vrf, nextHop }) => [device, vrf, nextHop.dev]))).toEqual([
            [
                ["client0", undefined, "net0"],
                ["csr1000v", "k8s-calico", "k8s-metallb"],
                ["csr1000v", "k8s-metallb", "net0"],
                ["k8s-master1", undefined, "net0"],
            ],
        ]);
    });

    it("to an address of a node's slice that no pod has ends there", () => {
        expect(ends(vrfLab, "client0", "192.168.160.60")).toEqual([
            "blackhole: k8s-worker1 has no pod with the address 192.168.160.60",
        ]);
    });

    it("comes from nobody when no device or pod is called so", () => {
        expect(() => ends(line, "r9", "10.2.0.1")).toThrow("no device or pod is called r9");
        expect(() => ends(line, "r0", "r9")).toThrow(
            "r9 is neither an address nor the name of a device or pod with one",
        );
    });
});
