/** What reviews say of changes that people make. */

import { describe, expect, it } from "vitest";
import { isMalformed, validate } from "../../lab/rules";
import { compare } from "../../review/compare";
import type { Review, RouteChange, SessionChange } from "../../review/review";
import { planSingleFrr, schema as singleSchema } from "../../stacks/single-frr";
import { fabric, fabricCases } from "../lab/fabric-cases";
import { speakerCases, speakerLab } from "../lab/speaker-cases";
import { restless, row, star, twoHopsApart, withBgp, withRouter, withSessions } from "../routing/labs";
import { vrfLab } from "../routing/vrf-lab";
import { modelOf, reviewOf, reviewOfLabs, revision } from "./revisions";

/** A session in short: what becomes of it, its ends, whether it is up before and after, and its fields. */
function sessionText({ kind, local, remote, upBefore, upAfter, fields }: SessionChange): string {
    const ends = [local, remote]
        .map(({ device, instance }) => [device, instance].filter(Boolean).join(" "))
        .join(" ↔ ");
    const state = [upBefore, upAfter].map((up) => (up === undefined ? "-" : up ? "up" : "down")).join(" → ");
    return [`${kind} ${ends}`, state, ...fields.map(fieldText)].join(", ");
}

function fieldText({
    field,
    before,
    after,
}: {
    readonly field: string;
    readonly before?: string;
    readonly after?: string;
}) {
    return `${field}: ${before ?? "-"} → ${after ?? "-"}`;
}

/** A route in short, with the numbers of its next hops. */
function routeText({ effect, device, vrf, prefix, before, after }: RouteChange): string {
    const widths = [before, after].map((facts) => facts?.nextHops.length ?? "none").join(" → ");
    return `${effect} ${[device, vrf].filter(Boolean).join(" ")} ${prefix} ${widths}`;
}

function fieldsOf(review: Review, device: string): readonly string[] {
    return review.devices.flatMap((change) => (change.device === device ? change.fields.map(fieldText) : []));
}

const single = (parameters: object) => planSingleFrr(singleSchema.parse(parameters));

describe("a spine that is dropped", () => {
    const review = reviewOf("leaf-spine", {}, { spines: 1 });

    it("takes its sessions and links, and one of two next hops from the leaves", () => {
        expect(review.kind).toBe("changed");
        expect(review.sessions.map(sessionText)).toEqual([
            "removed leaf0 ↔ spine1, up → -",
            "removed leaf1 ↔ spine1, up → -",
        ]);
        expect(review.routes.length).toBeGreaterThan(0);
        expect(review.routes.map(routeText)).toEqual(
            review.routes.map(({ device, prefix }) => `narrower ${device} ${prefix} 2 → 1`),
        );
        expect(new Set(review.routes.map(({ device }) => device))).toEqual(new Set(["leaf0", "leaf1"]));
        expect(review.devices.map(({ kind, device }) => `${kind} ${device}`)).toEqual([
            "removed spine1",
            "changed leaf0",
            "changed leaf1",
        ]);
        expect(review.networks.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
            "removed link spine1-leaf0",
            "removed link spine1-leaf1",
        ]);
    });

    it("makes the other one, and each of its links, a single point of failure", () => {
        expect(review.failures.map(({ effect, fault, harmlessBefore }) => [effect, fault, harmlessBefore])).toEqual([
            ["worse", "node:spine0", true],
            ["worse", "link:spine0-leaf0", true],
            ["worse", "link:spine0-leaf1", true],
            ["worse", "session:spine0-leaf0", true],
            ["worse", "session:spine0-leaf1", true],
        ]);
        const [spine] = review.failures;
        expect(spine!.pairs).toContainEqual({ from: "cni-0", to: "10.98.2.10", name: "pod cni-2" });
        // Within a rack nobody needs a spine.
        expect(spine!.pairs.filter(({ from, name }) => from === "cni-0" && name === "pod cni-1")).toEqual([]);
    });

    it("draws what is gone", () => {
        expect(review.diagram).toContain("spine1");
    });

    it("changes the leaves' configurations and removes its own, as unified diffs", () => {
        const byPath = new Map(review.configurations.map((change) => [change.path, change]));
        expect(byPath.get("leaf0/frr.conf")).toMatchObject({ kind: "changed", linesAdded: 0, linesRemoved: 4 });
        expect(byPath.get("leaf0/frr.conf")!.diff).toMatch(/^@@ -\d+,\d+ \+\d+,\d+ @@\n/);
        expect(byPath.get("leaf0/frr.conf")!.diff).toContain("\n- neighbor 10.1.12.2 remote-as 800\n");
        expect(byPath.get("spine1/frr.conf")).toMatchObject({ kind: "removed", linesAdded: 0 });
        expect(byPath.has("diagram.mmd")).toBe(false);
    });
});

describe("a rack that is added", () => {
    const review = reviewOf("leaf-spine", { racks: 3 }, { racks: 4 });

    it("adds a leaf with its nodes, their sessions and routes, and disturbs nobody", () => {
        expect(review.sessions.map(({ kind, upAfter }) => [kind, upAfter])).toEqual(
            review.sessions.map(() => ["added", true]),
        );
        expect(review.sessions.map(sessionText)).toContain("added leaf3 ↔ spine1, - → up");
        expect(review.devices.filter(({ kind }) => kind === "added").map(({ device }) => device)).toEqual([
            "leaf3",
            "clab-bgp-worker6",
            "clab-bgp-worker7",
        ]);
        expect(new Set(review.routes.map(({ effect }) => effect))).toEqual(new Set(["gained"]));
        expect(review.services.map(({ effect, name }) => [effect, name])).toEqual([["moved", "default/cni"]]);
    });

    it("is not called worse because its own leaf is a single one", () => {
        expect(review.failures).toEqual([]);
    });
});

describe("an AS that changes", () => {
    it("is one changed session and one field of the device, and another AS path where it was learned", () => {
        const review = reviewOf("leaf-spine", {}, { leafAsns: [65005, 65108] });
        expect(review.sessions.map(sessionText)).toEqual([
            "changed leaf1 ↔ spine0, up → up, AS of leaf1: 65008 → 65108",
            "changed leaf1 ↔ spine1, up → up, AS of leaf1: 65008 → 65108",
            "changed leaf1 ↔ clab-bgp-worker2, up → up, AS of leaf1: 65008 → 65108, AS of clab-bgp-worker2: 65008 → 65108",
            "changed leaf1 ↔ clab-bgp-worker3, up → up, AS of leaf1: 65008 → 65108, AS of clab-bgp-worker3: 65008 → 65108",
        ]);
        expect(review.sessions.map(({ applied }) => applied)).toEqual(Array(4).fill("reset"));
        expect(fieldsOf(review, "leaf1")).toEqual(["AS: 65008 → 65108"]);
        const path = review.routes.find(({ device, prefix }) => device === "spine0" && prefix === "10.98.2.0/24");
        expect(path).toMatchObject({ effect: "path", before: { asPath: [65008] }, after: { asPath: [65108] } });
        expect(review.programs).toEqual([]);
    });

    it("at one end only takes the session down, with what it had carried", () => {
        const lab = single({ workers: 1, replicas: 1 });
        const cilium = lab.cluster.cilium!;
        const bgp = cilium.bgp.map((each) => (each.name === "worker" ? { ...each, localAsn: 65000 } : each));
        const review = reviewOfLabs(lab, { ...lab, cluster: { ...lab.cluster, cilium: { ...cilium, bgp } } });
        expect(review.kind).toBe("refused");
        expect(review.findings.fresh.map(({ severity }) => severity)[0]).toBe("error");
        const session =
            "changed router0 ↔ cilium-bgp-cp-worker, up → down, type: eBGP → iBGP, AS of cilium-bgp-cp-worker: 65002 → 65000";
        expect(review.sessions.map(sessionText)).toEqual([session, session]);
        expect(review.sessions[0]!.reason).toBe(
            "router0 expects an AS other than 65000, but cilium-bgp-cp-worker is AS 65000",
        );
        expect(review.sessions[0]!.applied).toBeUndefined();
        expect(review.routes.map(routeText)).toContain("lost router0 10.254.0.11/32 1 → none");
        expect(review.services.map(({ effect, name, reach }) => [effect, name, reach])).toContainEqual([
            "lost",
            "test/app-svc-local",
            ["10.254.0.11", "fd00:10:254::11"].map((to) => ({
                from: "client0",
                to,
                reason: `blackhole: router0 discards ${to.includes(":") ? "fd00:10::/32" : "10.0.0.0/8"}`,
            })),
        ]);
    });

    it("is told of internal sessions by their type", () => {
        const review = reviewOf("ibgp-frr", { workers: 1 }, { workers: 1, nodeAsn: 64513 });
        expect(review.sessions.map(sessionText)).toEqual(
            ["k8s-ibgp-control-plane", "k8s-ibgp-worker"].map(
                (node) => `changed bgp-router1 ↔ ${node}, up → up, type: iBGP → eBGP, AS of ${node}: 64512 → 64513`,
            ),
        );
    });
});

describe("a setting of a session", () => {
    it("of timers is told once for both ends where both change alike, else of its end, and holds from the next session on", () => {
        const timers = { holdTime: 30, keepalive: 10, connectRetry: 5 };
        const [one] = reviewOf("single-frr", {}, { routerTimers: { ...timers, connectRetry: 1 } }).sessions;
        expect(one!.fields.map(fieldText)).toEqual([
            "agreed hold time: 9 s → 30 s",
            "hold time of router0: 9 s → 30 s",
            "keepalive of router0: 3 s → 10 s",
        ]);
        expect(one!.applied).toBe("next session");
        const equal = { routerTimers: timers, nodeTimers: timers };
        const slower = { ...timers, holdTime: 90 };
        const [both] = reviewOf("single-frr", equal, { routerTimers: slower, nodeTimers: slower }).sessions;
        expect(both!.fields.map(fieldText)).toEqual(["hold time: 30 s → 90 s"]);
    });

    it("of a family names the family, and a filter shows its entries where its name stays", () => {
        const line = row({ asn: 65001 }, { asn: 65001 });
        const clients = withSessions(line, "r0", {
            families: [{ family: "ipv4", routeReflectorClient: true, med: 5 }],
        });
        expect(reviewOfLabs(line, clients).sessions[0]!.fields.map(fieldText)).toEqual([
            "route reflector client (IPv4) of r0: - → on",
            "MED (IPv4) of r0: - → 5",
        ]);
        const filtered = withSessions(line, "r0", { families: [{ family: "ipv4", prefixListIn: "SOME" }] });
        expect(reviewOfLabs(line, filtered).sessions[0]!.fields.map(fieldText)).toEqual([
            "prefix list in (IPv4) of r0: - → SOME",
        ]);
        const narrower = withRouter(filtered, "r0", (router) => ({
            ...router,
            prefixLists: router.prefixLists.map((list) => ({ ...list, entries: list.entries.slice(0, 1) })),
        }));
        expect(reviewOfLabs(filtered, narrower).sessions[0]!.fields.map(fieldText)).toEqual([
            "prefix list in (IPv4) SOME of r0: 5 deny 10.9.0.0/24, 10 permit 10.0.0.0/8 le 24 → 5 deny 10.9.0.0/24",
        ]);
    });

    it("that no word was chosen for is told by its name in the model", () => {
        const line = row({ asn: 65001 }, { asn: 65002 });
        const strange = { someNewSetting: true } as object;
        expect(reviewOfLabs(line, withSessions(line, "r0", strange)).sessions[0]!.fields.map(fieldText)).toEqual([
            "some new setting of r0: - → on",
        ]);
    });

    it("that takes the other end's neighbor away takes the session down, and says whose neighbor is gone", () => {
        const line = row({ asn: 65001 }, { asn: 65002 });
        expect(reviewOfLabs(line, withBgp(line, "r1", { neighbors: [] })).sessions).toEqual([
            {
                kind: "changed",
                local: { device: "r0", address: "10.1.0.1" },
                remote: { device: "r1", address: "10.1.0.2" },
                upBefore: true,
                upAfter: false,
                reason: "r1 has no neighbor 10.1.0.1",
                fields: [{ field: "neighbor of r1", before: "10.1.0.1" }],
            },
        ]);
        expect(reviewOfLabs(twoHopsApart(), twoHopsApart(2)).sessions.map(sessionText)).toEqual([
            "changed r0 ↔ r2, down → up, eBGP multihop: - → 2",
        ]);
    });

    it("names the VRF of a router and the program of a node, but not Cilium", () => {
        const { metallb } = vrfLab.cluster;
        const without = { ...vrfLab, cluster: { ...vrfLab.cluster, metallb: { ...metallb!, peers: [] } } };
        const changes = reviewOfLabs(vrfLab, without).sessions;
        expect(changes.map(sessionText)).toContain(
            "changed csr1000v k8s-metallb ↔ k8s-master1 metallb, up → down, neighbor of k8s-master1: 10.0.0.254 → -",
        );
    });
});

describe("a route reflector that reflects no more", () => {
    const reflecting = (isClient: boolean) =>
        withSessions(star({ asn: 65001 }, { asn: 65001 }, { asn: 65001 }), "r0", {
            families: [{ family: "ipv4", nextHopSelf: true, ...(isClient ? { routeReflectorClient: true } : {}) }],
        });
    const review = reviewOfLabs(reflecting(true), reflecting(false));

    it("resets its sessions, and what its clients learned of each other is lost", () => {
        expect(review.sessions.map((change) => [sessionText(change), change.applied])).toEqual(
            ["r1", "r2"].map((client) => [
                `changed r0 ↔ ${client}, up → up, route reflector client (IPv4) of r0: on → -`,
                "reset",
            ]),
        );
        expect(review.routes.map(routeText)).toEqual(["lost r1 10.2.2.1/32 1 → none", "lost r2 10.2.1.1/32 1 → none"]);
    });
});

describe("a node that is added", () => {
    const review = reviewOf("single-frr", { workers: 1, replicas: 1 }, { workers: 2, replicas: 1 });

    it("adds its sessions, and a next hop to the addresses that every node announces", () => {
        expect(review.sessions.map(sessionText)).toEqual([
            "added router0 ↔ cilium-bgp-cp-worker2, - → up",
            "added router0 ↔ cilium-bgp-cp-worker2, - → up",
        ]);
        expect(review.routes.map(routeText)).toEqual([
            "wider router0 10.254.0.10/32 2 → 3",
            "wider router0 fd00:10:254::10/128 2 → 3",
        ]);
        expect(fieldsOf(review, "router0")).toEqual([
            "interface on router0-worker2: - → net2, 169.254.3.1/24, fd00:169:254:3::1/64",
        ]);
        expect(fieldsOf(review, "cilium-bgp-cp-worker2")).toContain("AS: - → 65003");
        expect(review.programs.map(({ field }) => field)).toEqual(["Cilium instance worker2"]);
    });

    it("is drawn", () => {
        expect(review.diagram).toContain("cilium-bgp-cp-worker2");
    });
});

describe("the address plan", () => {
    it("names what is renumbered, and a next hop under another address moves no route", () => {
        const review = reviewOf("single-frr", {}, { linkPools: ["10.9.0.0/16", "fd00:169:254::/48"] });
        expect(review.networks[0]).toEqual({
            kind: "changed",
            name: "link router0-control-plane",
            before: ["169.254.1.0/24", "fd00:169:254:1::/64"],
            after: ["10.9.1.0/24", "fd00:169:254:1::/64"],
        });
        expect(review.sessions[0]!.fields.map(fieldText)).toEqual([
            "address of router0: 169.254.1.1 → 10.9.1.1",
            "address of cilium-bgp-cp-control-plane: 169.254.1.2 → 10.9.1.2",
        ]);
        expect(review.routes).toEqual([]);
    });

    it("says of two pools that overlap that rules refuse them, and what else would change", () => {
        const pools = [{ name: "default-pool", blocks: ["10.254.0.0/24", "fd00:10:254::/64"] }];
        const overlapping = [...pools, { name: "more", blocks: ["10.254.0.128/25"] }];
        const review = reviewOf("single-frr", { pools }, { pools: overlapping });
        expect(review.kind).toBe("refused");
        expect(review.findings.fresh.map(({ severity }) => severity)).toEqual(["error"]);
        expect(review.networks).toEqual([{ kind: "added", name: "pool more", before: [], after: ["10.254.0.128/25"] }]);
        expect(review.configurations.map(({ path }) => path)).toEqual(["cluster/cilium.yaml"]);
        expect(reviewOf("single-frr", { pools: overlapping }, { pools }).kind).toBe("repaired");
    });
});

describe("a service", () => {
    const services = (policy: string, address = "10.254.0.10") => ({
        services: [{ name: "web", externalTrafficPolicy: policy, addresses: [address] }],
        workers: 2,
        replicas: 1,
    });

    it("that only nodes with a pod announce moves to them", () => {
        const review = reviewOf("single-frr", services("Cluster"), services("Local"));
        expect(review.services).toEqual([
            {
                effect: "moved",
                name: "test/web",
                fields: [
                    {
                        field: "announcing nodes",
                        before: "cilium-bgp-cp-control-plane, cilium-bgp-cp-worker2",
                        partial: true,
                    },
                    { field: "external traffic policy", before: "Cluster", after: "Local" },
                ],
                reach: [],
            },
        ]);
        expect(review.routes.map(routeText)).toEqual(["narrower router0 10.254.0.10/32 3 → 1"]);
    });

    it("under another address is the same service, still reached", () => {
        const review = reviewOf("single-frr", services("Cluster"), services("Cluster", "10.254.0.20"));
        expect(review.services.map(({ effect, fields, reach }) => [effect, fields.map(fieldText), reach])).toEqual([
            ["moved", ["addresses: 10.254.0.10 → 10.254.0.20"], []],
        ]);
        expect(review.routes.map(routeText)).toEqual([
            "lost router0 10.254.0.10/32 3 → none",
            "gained router0 10.254.0.20/32 none → 3",
        ]);
    });

    it("that nobody announces any more is lost to whoever asked for it, and found again on the way back", () => {
        const [on, off] = [{}, { announceServices: false }];
        const [lost] = reviewOf("leaf-spine", on, off).services;
        expect(lost).toMatchObject({ effect: "lost", name: "default/cni" });
        expect(lost!.reach).toEqual([
            { from: "spine0", to: "30.0.10.203", reason: "no-route: uplink has no route to 30.0.10.203" },
        ]);
        const [found] = reviewOf("leaf-spine", off, on).services;
        expect(found).toMatchObject({ effect: "gained", reach: [{ from: "spine0", to: "30.0.10.203" }] });
    });

    it("that is new says whether anybody reaches it", () => {
        const none = { workers: 1, replicas: 1, services: [] };
        const web = { name: "web", addresses: ["10.254.0.10"] };
        const reached = reviewOf("single-frr", none, { ...none, services: [web] }).services[0];
        expect(reached).toMatchObject({ effect: "new", name: "test/web", reach: [] });
        const silent = { ...none, services: [web], serviceSelector: { matchLabels: { no: "such" } } };
        expect(reviewOf("single-frr", none, silent).services[0]).toMatchObject({
            effect: "new",
            reach: [{ from: "client0", to: "10.254.0.10" }],
        });
    });
});

describe("versions", () => {
    it("are told by program", () => {
        const review = reviewOf("single-frr", {}, { versions: "article" });
        expect(review.programs.map(fieldText)).toEqual([
            "Kubernetes version: 1.34.11 → 1.28.0",
            "Cilium version: 1.20.2 → 1.14.1",
        ]);
        expect(review.sessions).toEqual([]);
    });
});

describe("a stack", () => {
    const config = { topology: "single-frr", lab: { workers: 1, replicas: 1 } };

    it("that is new has everything added, and one that is removed everything gone", () => {
        const added = compare(undefined, revision(config));
        expect(added).toMatchObject({ kind: "new", failures: [], routes: [], findings: { gone: [], kept: 0 } });
        expect(new Set(added.sessions.map(({ kind }) => kind))).toEqual(new Set(["added"]));
        expect(new Set(added.devices.map(({ kind }) => kind))).toEqual(new Set(["added"]));
        expect(new Set(added.configurations.map(({ kind }) => kind))).toEqual(new Set(["added"]));
        const removed = compare(revision(config), undefined);
        expect(removed).toMatchObject({ kind: "removed", stack: "dev", findings: { fresh: [] } });
        expect(removed.sessions).toHaveLength(added.sessions.length);
        expect(removed.services.map(({ effect }) => effect)).toEqual(added.services.map(() => "gone"));
        expect(() => compare(undefined, undefined)).toThrow("two revisions");
    });

    it("whose configuration cannot become a lab has new findings, and nothing else is said", () => {
        const wrong = revision({ topology: "single-frr", lab: { workers: "many" } });
        expect(wrong.lab).toBeUndefined();
        const review = compare(revision(config), wrong);
        expect(review.kind).toBe("refused");
        expect(review.findings.fresh[0]).toMatchObject({ severity: "error", at: "bgp-lab:lab.workers" });
        expect([review.sessions, review.devices, review.configurations, review.networks].flat()).toEqual([]);
        expect(compare(wrong, revision(config))).toMatchObject({ kind: "repaired", devices: [] });
        expect(compare(wrong, wrong).kind).toBe("unchanged");
    });

    it("whose routing does not come to rest says so, and its sessions are told as they are configured", () => {
        const lab = restless();
        const calm = withBgp(lab, "r3", { families: [] });
        const review = reviewOfLabs(calm, lab);
        expect(review.unpredicted).toContain("does not come to rest");
        expect(fieldsOf(review, "r3")).toEqual([
            "redistribute (IPv4): - → connected",
            "redistribute (IPv6): - → connected",
        ]);
        expect([...review.sessions, ...review.routes, ...review.failures]).toEqual([]);
        expect(reviewOfLabs(lab, calm).unpredicted).toMatch(/^before the change: .*does not come to rest/);
        const another = withSessions(lab, "r3", { timers: { holdTime: 30, keepalive: 10, connectRetry: 1 } });
        expect(reviewOfLabs(lab, another).sessions.map(sessionText)).toContain(
            "changed r0 ↔ r3, - → -, hold time of r3: 9 s → 30 s, keepalive of r3: 3 s → 10 s",
        );
    });
});

describe("any way to break a lab that rules know", () => {
    const cases = [
        ...fabricCases.map(({ id, when, ...each }) => ({ id, when, was: fabric(), is: fabric(each) })),
        ...speakerCases.map(({ id, when, ...each }) => ({
            id,
            when,
            was: speakerLab(each.base === undefined ? {} : { base: each.base }),
            is: speakerLab(each),
        })),
    ];
    const readable = cases.filter(
        ({ was, is }) => !isMalformed(validate(is)) && JSON.stringify(was) !== JSON.stringify(is),
    );

    it("comes in many kinds", () => {
        expect(readable.length).toBeGreaterThan(80);
    });

    it.each(readable.map((each) => [each.id, each.when, each] as const))(
        "%s: %s is told",
        (_id, _when, { was, is }) => {
            const [before, after] = [was, is].map(modelOf);
            const { kind, findings: _findings, ...review } = compare(before, after);
            expect(kind).toBe("changed");
            expect(Object.values(review).flatMap((list) => (Array.isArray(list) ? list : []))).not.toEqual([]);
        },
    );

    it("that leaves addresses nobody can read is left to its findings", () => {
        const [wrong] = cases.filter(({ is }) => isMalformed(validate(is)));
        const review = reviewOfLabs(wrong!.was, wrong!.is);
        expect(review.kind).toBe("refused");
        expect(review.findings.fresh.map(({ id }) => id)).toContain(wrong!.id);
        expect([review.sessions, review.devices, review.networks].flat()).toEqual([]);
    });
});
