import { describe, expect, it } from "vitest";
import { bridgeGateway } from "../../lab/gateway";
import { lab } from "./labs";

/** Gateways of the client's link when it has these subnets; the router has the first address, the client the second. */
function ofClientLink(...clientSubnets: readonly string[]): readonly (string | undefined)[] {
    const planned = lab({ clientSubnets });
    return clientSubnets.map((subnet) => bridgeGateway(planned, "router0-client0", subnet));
}

describe("the gateway of a segment's bridge", () => {
    it("is the last address but one that Docker takes", () => {
        expect(ofClientLink("192.168.0.0/24", "fd00:192:168::/64")).toEqual([
            "192.168.0.254",
            "fd00:192:168:0:ffff:ffff:ffff:fffe",
        ]);
        expect(ofClientLink("192.168.0.0/29", "fd00:192:168::/125")).toEqual(["192.168.0.6", "fd00:192:168::6"]);
    });

    it("is the very last address of an IPv6 subnet that has no other", () => {
        expect(ofClientLink("192.168.0.0/24", "fd00:192:168::/126")[1]).toBe("fd00:192:168::3");
    });

    it("does not exist where the two ends need all addresses", () => {
        expect(ofClientLink("192.168.0.0/30", "fd00:192:168::/127")).toEqual([undefined, undefined]);
        expect(ofClientLink("192.168.0.0/31", "fd00:192:168::/64")[0]).toBeUndefined();
    });

    it("is no address of a device on the segment", () => {
        const planned = lab({}, (draft) => {
            draft.hosts.client0!.interfaces[0]!.addresses[0] = "192.168.0.254/24";
        });
        expect(bridgeGateway(planned, "router0-client0", "192.168.0.0/24")).toBe("192.168.0.253");
    });

    it("is the first address on the network of the nodes, or the last free one where a device has that", () => {
        expect(bridgeGateway(lab(), "kind", "172.18.0.0/16")).toBe("172.18.0.1");
        const planned = lab({}, (draft) => {
            draft.cluster.nodes["cilium-bgp-cp-worker"]!.interfaces[0]!.addresses[0] = "172.18.0.1/16";
        });
        expect(bridgeGateway(planned, "kind", "172.18.0.0/16")).toBe("172.18.255.254");
    });

    it("is the first address where a router hides what is behind it", () => {
        const planned = lab({}, (draft) => {
            draft.routers.router0!.interfaces.push({
                name: "net9",
                attachment: { kind: "segment", segment: "management" },
                addresses: ["172.20.20.2/24"],
            });
            draft.routers.router0!.sourceNat = [{ interface: "net9", source: "10.0.0.0/8" }];
        });
        expect(bridgeGateway(planned, "management", "172.20.20.0/24")).toBe("172.20.20.1");
    });
});
