/** What reviews say of Pods that forward, and of what they may announce. */

import { describe, expect, it } from "vitest";
import { outline } from "../../review/outline";
import type { Review } from "../../review/review";
import { verdict } from "../../review/verdict";
import { reviewOf } from "./revisions";

const pods = (after: object) => reviewOf("pod-gateway", {}, after);

function linesOf(review: Review, part: string): readonly string[] {
    return outline(review).find(({ title }) => title === part)?.lines ?? [];
}

describe("a second gateway", () => {
    const review = pods({ gateways: [2, 1] });

    it("is told in the first line with what it brings: sessions and a second way", () => {
        expect(verdict(review)).toBe(
            "loadbalancer-1 comes with 2 sessions; router0 goes from 1 to 2 next hops to 2 networks; router0 and pod-gateway-worker learn 4 networks",
        );
    });

    it("is a Pod more and no cable; what the Pod network does at its node is not told", () => {
        expect(linesOf(review, "Devices")).toEqual(["1 Pod more: loadbalancer-1"]);
        expect(linesOf(review, "Address plan")).toEqual([
            "comes: Pod loadbalancer-1 10.244.1.216/32, fd00:10:244:1::d8/128",
        ]);
        expect(linesOf(review, "Sessions")).toEqual(["2 come: loadbalancer-1 ↔ pod-gateway-worker (2 each)"]);
    });

    it("takes a single point of failure away", () => {
        expect(linesOf(review, "Single faults")[0]).toMatch(/^node:loadbalancer-0 no longer cuts off 192\.168\.0\.1 /);
    });

    it("names who is no longer cut off by a fault that still cuts others off", () => {
        expect(linesOf(review, "Single faults")).toContain(
            "session:router0-pod-gateway-worker:10.0.1.2 no longer cuts off 192.168.0.1 (virtual server 192.168.0.1) from web-1",
        );
        const elsewhere = linesOf(pods({ peering: "router" }), "Single faults");
        expect(elsewhere.find((line) => line.includes("session:router0-pod-gateway-worker2:10.0.2.2"))).toMatch(
            /now also cuts? off 192\.168\.0\.1 \(virtual server 192\.168\.0\.1\) from web-2$/,
        );
    });
});

it("a gateway on another node says from which to which, with its address, and does not call it another Pod", () => {
    const review = pods({ gateways: [1] });
    expect(linesOf(review, "Devices")).toEqual(["loadbalancer-0: node pod-gateway-worker2 → pod-gateway-worker"]);
    expect(linesOf(review, "Address plan")).toEqual([
        "Pod loadbalancer-0: 10.244.2.216/32, fd00:10:244:2::d8/128 → 10.244.1.216/32, fd00:10:244:1::d8/128",
    ]);
});

it("what neighbors by label may announce is told once for all nodes that agree, entry by entry", () => {
    const allowed = [
        { prefix: "192.168.0.0/24", le: 32 },
        { prefix: "fd00:192:168::/64", le: 128 },
        { prefix: "192.168.7.0/24", le: 28 },
    ];
    expect(linesOf(pods({ allowed }), "Programs")).toEqual([
        "Pods loadbalancers as neighbors of Cilium allowed comes: 192.168.7.0/24 le 28",
    ]);
});

it("filters that are written anew do not fill the first line", () => {
    const line = verdict(pods({ peering: "router" }));
    expect(line).toMatch(/prefix list in \(IPv4\) FROM-WORKER \+ 5 permit .* − \d+ entries/);
    expect(line.length).toBeLessThan(900);
});
