import { describe, expect, it } from "vitest";
import { parseObservation } from "../../provider/docker/cluster-json";

function printed(...items: readonly object[]): string {
    return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

function node(name: string) {
    return {
        kind: "Node",
        metadata: { name },
        spec: { podCIDRs: ["192.168.0.0/24"] },
        status: {
            addresses: [
                { type: "InternalIP", address: "10.0.0.11" },
                { type: "Hostname", address: name },
            ],
        },
    };
}

function affinity(on: string, cidr: string, state = "confirmed", deleted: string | boolean = "false") {
    return {
        apiVersion: "crd.projectcalico.org/v1",
        kind: "BlockAffinity",
        metadata: { name: `${on}-${cidr.replace(/[./]/g, "-")}` },
        spec: { cidr, node: on, state, deleted },
    };
}

describe("what a cluster says of its nodes", () => {
    it("has the blocks that Calico gave them, but none that is pending or being given back", () => {
        const { nodes } = parseObservation(
            printed(
                node("a"),
                node("b"),
                affinity("a", "192.168.1.64/26"),
                affinity("a", "192.168.7.0/26"),
                affinity("a", "192.168.8.0/26", "pending"),
                affinity("b", "192.168.9.0/26", "pendingDeletion"),
                affinity("b", "192.168.10.0/26", "confirmed", "true"),
                affinity("b", "192.168.11.0/26", "confirmed", true),
                affinity("b", "192.168.12.0/26", "confirmed", false),
                affinity("gone", "192.168.13.0/26"),
            ),
        );
        expect(nodes).toEqual({
            a: {
                podCidrs: ["192.168.0.0/24"],
                addresses: ["10.0.0.11"],
                blocks: ["192.168.1.64/26", "192.168.7.0/26"],
            },
            b: { podCidrs: ["192.168.0.0/24"], addresses: ["10.0.0.11"], blocks: ["192.168.12.0/26"] },
        });
    });
});
