/** What rules say about labs that nobody chose: nothing is wrong with sound ones, and something with broken ones. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { rules, validate } from "../../lab/rules";
import { formatFindings, isError } from "../../lab/rules/findings";
import { predict } from "../../routing/predict";
import { schema as calicoSchema, planCalicoMetalLbVrf } from "../../stacks/calico-metallb-vrf";
import { schema as ibgpSchema, planIbgpFrr } from "../../stacks/ibgp-frr";
import { schema as leafSpineSchema, planLeafSpine } from "../../stacks/leaf-spine";
import { planPodGateway, schema as podGatewaySchema } from "../../stacks/pod-gateway";
import { planSingleFrr, schema as singleSchema } from "../../stacks/single-frr";
import { buildCase, type CasePlan, casePlans } from "../differential/generator";
import type { Draft } from "./labs";
import "../seed";

const count = (most: number) => fc.integer({ min: 1, max: most });
const holding = fc
    .integer({ min: 1, max: 60 })
    .map((keepalive) => ({ holdTime: 3 * keepalive, keepalive, connectRetry: 5 }));
const bfd = fc.record({
    detectMultiplier: fc.integer({ min: 2, max: 5 }),
    receiveInterval: fc.integer({ min: 10, max: 400 }),
    transmitInterval: fc.integer({ min: 10, max: 400 }),
});
const trafficPolicies = fc.array(fc.constantFrom("Cluster", "Local"), { minLength: 1, maxLength: 4 });

/** Services at addresses of a network, one for each traffic policy. */
function services(policies: readonly string[], at: readonly ((host: number) => string)[]): object[] {
    return policies.map((externalTrafficPolicy, index) => ({
        name: `svc-${index}`,
        externalTrafficPolicy,
        addresses: at.map((address) => address(10 + index)),
    }));
}

const singleFrr = fc
    .record({
        workers: count(9),
        replicas: count(9),
        ciliumVersion: fc.constantFrom("1.14.1", "1.16.5", "1.18.5", "1.20.2"),
        routingMode: fc.constantFrom("tunnel", "native"),
        routerAsn: fc.integer({ min: 64512, max: 64900 }),
        nodeAsn: fc.integer({ min: 65000, max: 65500 }),
        routerTimers: holding,
        nodeTimers: holding,
        gracefulRestartTime: fc.integer({ min: 0, max: 4095 }),
        linkMask: fc.integer({ min: 24, max: 30 }),
        isFiltered: fc.boolean(),
        policies: trafficPolicies,
    })
    .map(({ isFiltered, policies, ...rest }) => {
        const filter = ["10.254.0.0/24", "10.100.0.0/16", "fd00:10:254::/64", "fd00:10:255::/48"].map((prefix) => ({
            prefix,
            le: prefix.includes(":") ? 128 : 32,
        }));
        return planSingleFrr(
            singleSchema.parse({
                ...rest,
                exportPodCidr: rest.routingMode === "native",
                importFilter: isFiltered ? filter : [],
                services: services(policies, [(host) => `10.254.0.${host}`, (host) => `fd00:10:254::${host}`]),
            }),
        );
    });

const leafSpine = fc
    .record({
        spines: count(4),
        racks: count(4),
        nodesPerRack: count(4),
        nos: fc.constantFrom("frr", "vyos"),
        loadBalancer: fc.constantFrom("lbIpam", "metallb"),
        announceServices: fc.boolean(),
        routeReflection: fc.boolean(),
        rackTimers: holding,
        nodeTimers: holding,
    })
    .chain((rest) =>
        fc
            .option(bfd, { nil: undefined })
            .map((chosen) => planLeafSpine(leafSpineSchema.parse({ ...rest, bfd: chosen }))),
    );

const calicoMetalLbVrf = fc
    .record({
        workers: count(9),
        replicas: count(9),
        maximumPaths: fc.constant(16),
        nodeToNodeMesh: fc.boolean(),
        encapsulation: fc.constantFrom("none", "ipip", "vxlan"),
        metallbVersion: fc.constantFrom("0.8.1", "0.12.1", "0.13.12", "0.16.1"),
        routerTimers: holding,
        policies: trafficPolicies,
    })
    .map(({ policies, ...rest }) =>
        planCalicoMetalLbVrf(
            calicoSchema.parse({ ...rest, services: services(policies, [(host) => `10.100.0.${host}`]) }),
        ),
    );

const ibgpFrr = fc
    .record({
        workers: count(9),
        replicas: count(9),
        nodeAsn: fc.constantFrom(64512, 64600),
        nextHopSelf: fc.boolean(),
        routerTimers: holding,
        nodeTimers: holding,
        policies: trafficPolicies,
    })
    .map(({ policies, ...rest }) =>
        planIbgpFrr(ibgpSchema.parse({ ...rest, services: services(policies, [(host) => `172.16.10.${host}`]) })),
    );

/** What a Pod may try to announce: the victims' own, what covers them, and what is anybody's. */
const hijacks = fc.subarray([
    "10.244.0.0/24",
    "10.254.0.10/32",
    "10.96.0.0/16",
    "0.0.0.0/0",
    "128.0.0.0/1",
    "192.168.0.1/32",
    "fd00:10:244::/64",
    "::/0",
    "fd00:192:168::7/128",
]);

const podGateway = fc
    .record({ workers: count(6), peering: fc.constantFrom("node", "router"), isOwnTaken: fc.boolean() })
    .chain(({ workers, peering, isOwnTaken }) =>
        fc
            .record({
                workers: fc.constant(workers),
                peering: fc.constant(peering),
                ownAddress: fc.constant(isOwnTaken && peering === "node"),
                gateways: fc.array(fc.integer({ min: 0, max: workers }), { minLength: 1, maxLength: 5 }),
                podAsn: fc.integer({ min: 65100, max: 65199 }),
                virtualAddresses: fc
                    .integer({ min: 0, max: 255 })
                    .map((host) => [`192.168.0.${host}`, `fd00:192:168::${host.toString(16)}`]),
                hijacks,
                replicas: count(9),
                nodeTimers: holding,
                podTimers: holding,
                policies: trafficPolicies,
            })
            .map(({ policies, ...rest }) =>
                planPodGateway(
                    podGatewaySchema.parse({
                        ...rest,
                        services: services(policies, [(host) => `10.254.0.${host}`, (host) => `fd00:10:254::${host}`]),
                    }),
                ),
            ),
    );

const planned: fc.Arbitrary<Lab> = fc.oneof(singleFrr, leafSpine, calicoMetalLbVrf, ibgpFrr, podGateway);

/** Networks of up to six routers with an AS each, so that no route is lost for want of a reflector or for a loop. */
const networks: fc.Arbitrary<Lab> = casePlans.map((plan) => {
    const routers = plan.routers.slice(0, 6).map((router, as) => ({ ...router, as, ebgpRequiresPolicy: false }));
    const links = plan.links.filter(({ a, b }) => a < routers.length && b < routers.length);
    const { lab } = buildCase({ ...plan, routers, links } satisfies CasePlan);
    // A cluster without nodes still names a network for them.
    const nodes = { kind: "bridge", subnets: ["172.18.0.0/16"], mtu: 1500 } as const;
    return { ...lab, segments: { ...lab.segments, [lab.cluster.nodeSegment]: nodes } };
});

/** For namespaces only: links of two addresses, for which a Docker network has no room, and nodes that pass Pods' routes on. */
const namespacesOnly = ["DKR-SEG-001", "POD-CIL-001"];

/** Errors as text. */
function errorsOf(lab: Lab, runtime?: "docker"): string {
    return formatFindings(
        validate(lab, runtime).filter((found) => isError(found) && !namespacesOnly.includes(found.id)),
    );
}

/** One thing of a session that is changed at one end, by name. */
const breakages: Readonly<Record<string, (draft: Draft, at: number) => void>> = {
    "another AS expected": (draft, at) => {
        const neighbor = pick(neighbors(draft), at);
        neighbor.remoteAsn += 1;
        if (neighbor.session.kind === "own" && neighbor.session.settings.remoteAs.kind === "asn") {
            neighbor.session.settings.remoteAs.asn += 1;
        }
    },
    "a neighbor left out": (draft, at) => {
        const { bgp } = pick(speakersWithNeighbors(Object.values(draft.routers)), at);
        bgp.neighbors.splice(at % bgp.neighbors.length, 1);
    },
    "an address of nobody": (draft, at) => {
        const neighbor = pick(neighbors(draft), at);
        neighbor.address = neighbor.address.includes(":") ? "fd00:dead::1" : "10.77.77.77";
    },
    // Of Pods any is taken.
    "another own AS": (draft, at) => {
        const routers = Object.values(draft.routers).filter(({ pod }) => pod === undefined);
        pick(speakersWithNeighbors(routers), at).bgp.asn = 64999;
    },
};

function pick<T>(items: readonly T[], at: number): T {
    return items[at % items.length]!;
}

function speakersWithNeighbors(routers: readonly Draft["routers"][string][]) {
    return routers.flatMap((router) => [router, ...(router.vrfs ?? [])]).filter(({ bgp }) => bgp.neighbors.length > 0);
}

function neighbors(draft: Draft) {
    return speakersWithNeighbors(Object.values(draft.routers)).flatMap(({ bgp }) => bgp.neighbors);
}

describe("labs that nobody chose", () => {
    it("raise no errors in any topology and runtime, and all their sessions come up", () => {
        fc.assert(
            fc.property(planned, (lab) => {
                expect(errorsOf(lab)).toBe("");
                expect(errorsOf(lab, "docker")).toBe("");
                expect(predict(lab).sessions.filter(({ state }) => !state.up)).toEqual([]);
            }),
            { numRuns: 60 },
        );
    });

    it("raise no errors as networks of routers", () => {
        fc.assert(
            fc.property(networks, (lab) => {
                expect(errorsOf(lab)).toBe("");
            }),
            { numRuns: 100 },
        );
    });

    it.each(Object.entries(breakages))("raise an error with %s", (_, breakSession) => {
        fc.assert(
            fc.property(planned, fc.nat(), (lab, at) => {
                const draft = JSON.parse(JSON.stringify(lab)) as Draft;
                breakSession(draft, at);
                expect(errorsOf(draft as Lab)).not.toBe("");
            }),
            { numRuns: 25 },
        );
    });

    it("are asked about by every rule without a failure", () => {
        fc.assert(
            fc.property(fc.oneof(planned, networks), (lab) => {
                for (const { check } of rules) {
                    expect(() => [...check(lab)]).not.toThrow();
                }
            }),
            { numRuns: 20 },
        );
    });
});
