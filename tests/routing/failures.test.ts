/** Faults: how they are named, what routing settles on after them and when, and what a sweep over all of them finds. */

import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { type Fault, faultPhases, formatFault, parseFault, UnknownFaultError } from "../../routing/failures";
import { singleFaults } from "../../routing/faults";
import { predict } from "../../routing/predict";
import type { Prediction } from "../../routing/prediction";
import { failureSweep } from "../../routing/sweep";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { row, withSessions } from "./labs";
import { vrfLab } from "./vrf-lab";

const single = planSingleFrr(schema.parse({}));
const service = "10.254.0.10/32";

function width(prediction: Prediction, device: string, prefix: string): number {
    return prediction.devices[device]!.fib.ipv4[prefix]?.nextHops.length ?? 0;
}

/** Seconds and the number of next hops of a route from then on. */
function widths(lab: Lab, fault: string, device: string, prefix: string): readonly (readonly [number, number])[] {
    return faultPhases(lab, parseFault(lab, fault)).map(({ after, prediction }) => [
        after,
        width(prediction, device, prefix),
    ]);
}

describe("the text of a fault", () => {
    it("names every single fault of the shipped lab and of the one with VRFs, each by a text of its own", () => {
        for (const lab of [single, vrfLab]) {
            const faults = singleFaults(lab);
            const texts = faults.map((fault) => formatFault(lab, fault));
            expect(new Set(texts).size).toBe(faults.length);
            expect(texts.map((text) => parseFault(lab, text))).toEqual(faults);
        }
    });

    it("names a link by either end first, or by its segment", () => {
        const link = parseFault(single, "link:router0-cilium-bgp-cp-worker");
        expect(parseFault(single, "link:cilium-bgp-cp-worker-router0")).toEqual(link);
        expect(link).toMatchObject({ kind: "link", ends: [{ device: "router0" }, { device: "cilium-bgp-cp-worker" }] });
    });

    it("names a daemon with the manner in which it fails, killed unless it says otherwise", () => {
        expect(parseFault(single, "daemon:router0")).toEqual({ kind: "daemon", device: "router0", manner: "killed" });
        expect(parseFault(vrfLab, "daemon:k8s-worker1:calico:frozen")).toEqual({
            kind: "daemon",
            device: "k8s-worker1",
            program: "calico",
            manner: "frozen",
        } satisfies Fault);
    });

    it("that names nothing is an error which lists what there is of that kind", () => {
        expect(() => parseFault(vrfLab, "node:worker9")).toThrow(
            new UnknownFaultError("node:worker9", [
                "node:csr1000v",
                "node:k8s-master1",
                "node:k8s-worker1",
                "node:k8s-worker2",
                "node:k8s-worker3",
            ]),
        );
    });

    it("that would name a session in either of two VRFs names none", () => {
        expect(() => parseFault(vrfLab, "session:csr1000v-k8s-worker1")).toThrow("k8s-worker1:k8s-calico");
        expect(parseFault(vrfLab, "session:csr1000v-k8s-worker1:k8s-calico")).toMatchObject({ vrf: "k8s-calico" });
    });
});

describe("after a fault", () => {
    it("a cable that is gone takes the sessions on it and their routes at once", () => {
        expect(widths(single, "link:router0-cilium-bgp-cp-worker", "router0", service)).toEqual([[0, 3]]);
    });

    it("a daemon that is killed has its routes kept for the time that it asked for", () => {
        const restarting = withRestart(single, 120);
        expect(widths(restarting, "daemon:cilium-bgp-cp-worker", "router0", service)).toEqual([
            [0, 4],
            [120, 3],
        ]);
        expect(widths(withRestart(single, undefined), "daemon:cilium-bgp-cp-worker", "router0", service)).toEqual([
            [0, 3],
        ]);
    });

    it("its session is down all the while", () => {
        const [first] = faultPhases(withRestart(single, 120), parseFault(single, "daemon:cilium-bgp-cp-worker"));
        const session = first!.prediction.sessions.find(({ remoteAddress }) => remoteAddress === "169.254.2.2");
        expect(session?.state).toEqual({ up: false, reason: "the BGP daemon of cilium-bgp-cp-worker was killed" });
    });

    it.each(["frozen", "disconnected"])("a daemon that is %s is not missed before the shorter hold time", (manner) => {
        const node = single.cluster.cilium!.bgp[0]!.neighbors[0]!.timers.holdTime;
        const router = single.routers.router0!.bgp.peerGroups[0]!.settings.timers.holdTime;
        const missed = Math.min(node, router);
        const fault = `daemon:cilium-bgp-cp-worker:${manner}`;
        expect(widths(withRestart(single, undefined), fault, "router0", service)).toEqual([
            [0, 4],
            [missed, 3],
        ]);
        // FRR then keeps the routes for as long as Cilium asked for (RFC 8538).
        expect(widths(withRestart(single, 120), fault, "router0", service)).toEqual([
            [0, 4],
            [missed, 4],
            [missed + 120, 3],
        ]);
    });

    it("BFD finds a silent peer in the multiplier of the slower interval, if both ends speak it", () => {
        const bfd = { detectMultiplier: 3, receiveInterval: 100, transmitInterval: 300 };
        const pair = row({ asn: 65001 }, { asn: 65002 });
        const one = withSessions(pair, "r0", { bfd });
        const both = withSessions(one, "r1", { bfd });
        const prefix = "10.2.1.1/32";
        const moments = (lab: Lab, manner: string) => widths(lab, `daemon:r1:${manner}`, "r0", prefix);
        const byHoldTime = [
            [0, 1],
            [9, 0],
        ];
        expect(moments(one, "disconnected")).toEqual(byHoldTime);
        expect(moments(both, "disconnected")).toEqual([
            [0, 1],
            [0.9, 0],
        ]);
        // Beside a frozen bgpd, bfdd goes on.
        expect(moments(both, "frozen")).toEqual(byHoldTime);
    });

    it("a session that is shut down is gone at once, and no other", () => {
        const fault = parseFault(vrfLab, "session:csr1000v-k8s-worker1:k8s-calico");
        const [only, ...others] = faultPhases(vrfLab, fault);
        expect(others).toEqual([]);
        const down = only!.prediction.sessions.filter(({ state }) => !state.up);
        expect(down.map(({ localInstance, remote }) => [localInstance, remote])).toEqual([
            ["k8s-calico", "k8s-worker1"],
        ]);
    });

    it("a port of a bridge is missed by those that are not next to it when their hold timers run out", () => {
        const phases = widths(vrfLab, "link:k8s-worker1-nodes", "k8s-worker2", "192.168.160.0/26");
        // BIRD's mesh has a hold time of 240 seconds.
        expect(phases.at(-1)).toEqual([240, 0]);
        expect(phases[0]).toEqual([0, 1]);
    });

    it("routing comes to what it is without the device", () => {
        const phases = faultPhases(single, parseFault(single, "node:cilium-bgp-cp-worker"));
        const without = planSingleFrr(schema.parse({ workers: 3 }));
        expect(width(phases.at(-1)!.prediction, "router0", service)).toBe(
            width(predict(without), "router0", service) - 1,
        );
    });
});

/** The lab with another time for which Cilium asks its peers to keep routes. */
function withRestart(lab: Lab, gracefulRestartTime: number | undefined): Lab {
    const cilium = lab.cluster.cilium!;
    const bgp = cilium.bgp.map((instance) => ({
        ...instance,
        neighbors: instance.neighbors.map(({ gracefulRestartTime: _, ...neighbor }) => ({
            ...neighbor,
            ...(gracefulRestartTime === undefined ? {} : { gracefulRestartTime }),
        })),
    }));
    return { ...lab, cluster: { ...lab.cluster, cilium: { ...cilium, bgp } } };
}

describe("the failure sweep", () => {
    const effects = new Map(failureSweep(vrfLab).map((effect) => [effect.name, effect]));

    it("has every link, node and session once", () => {
        expect([...effects.keys()]).toEqual(singleFaults(vrfLab).map((fault) => formatFault(vrfLab, fault)));
    });

    it("finds the node whose pods go with it, and the service that remains behind three nodes", () => {
        const worker = effects.get("node:k8s-worker1")!;
        expect(worker.unreachable.map(({ from, to }) => [from, to])).toEqual([["client0", "192.168.160.9"]]);
        expect(worker.routes).toContainEqual({
            device: "csr1000v",
            vrf: "k8s-metallb",
            prefix: "10.100.0.0/32",
            before: 4,
            after: 3,
        });
    });

    it("finds that the one link of the client is all it has", () => {
        const lost = effects.get("link:csr1000v-client0")!.unreachable.map(({ to }) => to);
        expect(lost).toEqual(["10.100.0.0", "192.168.195.141", "192.168.160.9", "192.168.165.209"]);
    });

    it("finds nothing lost where another session brings the same", () => {
        expect(effects.get("session:csr1000v-k8s-worker3:k8s-calico")).toMatchObject({ routes: [], unreachable: [] });
    });
});
