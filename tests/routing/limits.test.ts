/** Sessions that accept only so many prefixes: what closes them, and what that brings about. */

import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { validate } from "../../lab/rules";
import { faultPhases, parseFault } from "../../routing/failures";
import { predict } from "../../routing/predict";
import { offered } from "../../routing/prediction";
import { schema as calicoMetalLbVrf, planCalicoMetalLbVrf } from "../../stacks/calico-metallb-vrf";
import { schema as ibgpFrr, planIbgpFrr } from "../../stacks/ibgp-frr";
import { schema as leafSpine, planLeafSpine } from "../../stacks/leaf-spine";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { withSessions } from "./labs";
import { filteredSender, limitedRing, senderAndLimit } from "./limit-labs";

/** Why each session that is down is down, by its ends. */
function reasons(lab: Lab): Readonly<Record<string, string>> {
    return Object.fromEntries(
        predict(lab).sessions.flatMap(({ local, remote, state }) =>
            state.up ? [] : [[`${local} ${remote}`, state.reason] as const],
        ),
    );
}

describe("a limit on the prefixes of a session", () => {
    it("lets as many in as it says, and closes the session for every family when there are more", () => {
        const full = predict(senderAndLimit({ ipv4: 4, ipv6: 2 }, { maximumPrefixes: 4 }));
        expect(full.sessions.map(({ state }) => state.up)).toEqual([true]);
        expect(Object.keys(full.devices.r0!.rib.ipv4)).toHaveLength(4);

        const lab = senderAndLimit({ ipv4: 5, ipv6: 2 }, { maximumPrefixes: 4 });
        expect(reasons(lab)).toEqual({
            "r0 r1":
                "r0 accepts 4 IPv4 prefixes from r1 and gets 5: it closes the session until somebody clears it (RFC 4486, Cease subcode 1)",
        });
        const closed = predict(lab);
        expect(closed.devices.r0!.rib).toEqual({ ipv4: {}, ipv6: {} });
        expect([offered(closed, "r1", "10.1.0.1", "ipv4"), offered(closed, "r1", "10.1.0.1", "ipv6")]).toEqual([
            [],
            [],
        ]);
    });

    it("holds for its own family", () => {
        expect(reasons(senderAndLimit({ ipv4: 4, ipv6: 9 }, { maximumPrefixes: 4 }))).toEqual({});
    });

    it("counts what passes the filter", () => {
        expect(reasons(filteredSender(9, 4))).toEqual({});
        expect(reasons(filteredSender(9, 3))).toMatchObject({ "r0 r1": expect.stringContaining("3 IPv4 prefixes") });
    });

    it("counts nothing of what comes back: a router's own networks, and those that have been through its AS", () => {
        const lab = senderAndLimit({ ipv4: 9, ipv6: 0 }, {});
        const returned = withSessions(lab, "r1", { families: [{ family: "ipv4", maximumPrefixes: 1 }] });
        expect(reasons(returned)).toEqual({});
    });

    it("that closes one session may have another one get more than it accepts", () => {
        expect(Object.keys(reasons(limitedRing())).sort()).toEqual(["r0 r1", "r0 r4"]);
    });

    it("that nodes of single-frr exceed takes their routes from the router", () => {
        const lab = planSingleFrr(schema.parse({ exportPodCidr: true, maximumPrefixes: 2 }));
        const nodes = predict(lab).sessions.filter(({ state }) => !state.up);
        // Only the workers have pods of the Local service, and announce a pod CIDR and both services.
        expect(nodes.map(({ remote }) => remote).sort()).toEqual(
            ["worker", "worker", "worker2", "worker2", "worker3", "worker3"].map((name) => `cilium-bgp-cp-${name}`),
        );
    });
});

describe("the rule BGP-MAX-001", () => {
    const several = (pool: string) => [1, 2, 3].map((host) => ({ name: `s${host}`, addresses: [`${pool}${host}`] }));
    const filter = [{ prefix: "10.254.0.0/24", le: 32 }];
    /** Labs by the limit that their routers have. */
    const labs: Readonly<Record<string, (limit: number) => Lab>> = {
        "single-frr": (maximumPrefixes) => planSingleFrr(schema.parse({ maximumPrefixes, exportPodCidr: true })),
        "single-frr with a filter": (maximumPrefixes) =>
            planSingleFrr(schema.parse({ maximumPrefixes, exportPodCidr: true, importFilter: filter })),
        "leaf-spine": (maximumPrefixes) => planLeafSpine(leafSpine.parse({ maximumPrefixes })),
        "ibgp-frr": (maximumPrefixes) =>
            planIbgpFrr(ibgpFrr.parse({ maximumPrefixes, services: several("172.16.10.") })),
        "ibgp-frr with the article's versions": (maximumPrefixes) =>
            planIbgpFrr(ibgpFrr.parse({ maximumPrefixes, versions: "article" })),
        Calico: (calico) => planCalicoMetalLbVrf(calicoMetalLbVrf.parse({ maximumPrefixes: { calico } })),
        "Calico without a mesh": (calico) =>
            planCalicoMetalLbVrf(
                calicoMetalLbVrf.parse({ maximumPrefixes: { calico }, nodeToNodeMesh: false, encapsulation: "vxlan" }),
            ),
        MetalLB: (metallb) =>
            planCalicoMetalLbVrf(
                calicoMetalLbVrf.parse({ maximumPrefixes: { metallb }, services: several("10.100.0.") }),
            ),
    };

    it.each(Object.keys(labs))("objects to exactly those limits that a node exceeds: %s", (name) => {
        const limits = [1, 2, 3, 4, 5, 6];
        const refused = limits.filter((limit) => validate(labs[name]!(limit)).some(({ id }) => id === "BGP-MAX-001"));
        const exceeded = limits.filter((limit) =>
            Object.values(reasons(labs[name]!(limit))).some((reason) => reason.includes("closes the session")),
        );
        expect(refused).toEqual(exceeded);
        expect(exceeded).not.toHaveLength(limits.length);
    });
});

describe("a session that was closed by its limit", () => {
    it("stays closed when a fault takes away what exceeded it", () => {
        const lab = limitedRing();
        const phases = faultPhases(lab, parseFault(lab, "link:r1-r2"));
        expect(phases.length).toBeGreaterThan(0);
        for (const { prediction } of phases) {
            const down = prediction.sessions.filter(({ state }) => !state.up);
            expect(down.map(({ local, remote }) => `${local} ${remote}`).sort()).toEqual(["r0 r1", "r0 r4", "r1 r2"]);
            expect(prediction.devices.r0!.fib.ipv4["10.8.0.0/24"]).toBeUndefined();
        }
    });

    it("may be closed by what a fault brings to it, and is not taken for one that lost its peer", () => {
        const ring = limitedRing();
        const ofOne = withoutLimit(ring, "10.1.0.2");
        expect(reasons(ofOne)).toEqual({});
        const [first] = faultPhases(ofOne, parseFault(ofOne, "link:r0-r1"));
        const states = first!.prediction.sessions.flatMap(({ local, remote, state }) =>
            state.up ? [] : [[`${local} ${remote}`, state.reason] as const],
        );
        expect(Object.fromEntries(states)).toEqual({
            "r0 r1": expect.stringContaining("is down"),
            "r0 r4": expect.stringContaining("accepts 3 IPv4 prefixes from r4 and gets 6"),
        });
        expect(first!.after).toBe(0);
    });
});

/** The lab without the limit that r0 has for one of its neighbors. */
function withoutLimit(lab: Lab, address: string): Lab {
    const router = lab.routers.r0!;
    const { r0: free } = withSessions(lab, "r0", { families: [{ family: "ipv4" }] }).routers;
    const neighbors = router.bgp.neighbors.map((neighbor, index) =>
        neighbor.address === address ? free!.bgp.neighbors[index]! : neighbor,
    );
    return { ...lab, routers: { ...lab.routers, r0: { ...router, bgp: { ...router.bgp, neighbors } } } };
}
