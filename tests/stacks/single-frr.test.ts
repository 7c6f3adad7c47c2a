import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Path } from "../../lab/path";
import { inspect } from "../../lab/rules";
import { formatFindings, isError } from "../../lab/rules/findings";
import { sessions } from "../../lab/sessions";
import { readLab } from "../../stacks/config";
import { planSingleFrr, type SingleFrr, schema, singleFrr } from "../../stacks/single-frr";

const plan = (parameters: object = {}) => planSingleFrr(schema.parse(parameters) as SingleFrr);

describe("single-frr with its defaults", () => {
    const lab = plan();
    const [controlPlane, worker, worker2, worker3] = Object.keys(lab.cluster.nodes);

    it("names nodes and instances as kind and the article do", () => {
        expect([controlPlane, worker, worker2, worker3]).toEqual([
            "cilium-bgp-cp-control-plane",
            "cilium-bgp-cp-worker",
            "cilium-bgp-cp-worker2",
            "cilium-bgp-cp-worker3",
        ]);
        expect(lab.cluster.cilium!.bgp.map(({ name, localAsn }) => [name, localAsn])).toEqual([
            ["control-plane", 65001],
            ["worker", 65002],
            ["worker2", 65003],
            ["worker3", 65004],
        ]);
    });

    it("has the article's router", () => {
        const router = lab.routers.router0!;
        expect(router.interfaces.map(({ name, addresses }) => [name, ...addresses])).toEqual([
            ["net0", "169.254.1.1/24", "fd00:169:254:1::1/64"],
            ["net1", "169.254.2.1/24", "fd00:169:254:2::1/64"],
            ["net2", "169.254.3.1/24", "fd00:169:254:3::1/64"],
            ["net3", "169.254.4.1/24", "fd00:169:254:4::1/64"],
            ["net4", "192.168.0.1/24", "fd00:192:168::1/64"],
        ]);
        expect(router.staticRoutes).toEqual([
            { prefix: "10.0.0.0/8", via: { kind: "blackhole" } },
            { prefix: "fd00:10::/32", via: { kind: "blackhole" } },
        ]);
        expect(router.prefixLists).toEqual([
            {
                name: "LAB-SUBNET",
                family: "ipv4",
                entries: [{ sequence: 5, action: "permit", prefix: "10.0.0.0/8", ge: 8 }],
            },
            {
                name: "LAB-SUBNET6",
                family: "ipv6",
                entries: [{ sequence: 5, action: "permit", prefix: "fd00:10::/32", ge: 32 }],
            },
        ]);
        const { neighbors, peerGroups, ...speaker } = router.bgp;
        expect(speaker).toEqual({
            asn: 65000,
            routerId: "10.0.0.0",
            defaults: "datacenter",
            ebgpRequiresPolicy: false,
            multipathRelax: true,
            maximumPaths: 256,
            families: [
                { family: "ipv4", redistribute: ["connected"], networks: [] },
                { family: "ipv6", redistribute: ["connected"], networks: [] },
            ],
        });
        expect(peerGroups[0]).toEqual({
            name: "K8S-NODES",
            settings: {
                remoteAs: { kind: "external" },
                timers: { holdTime: 9, keepalive: 3, connectRetry: 1 },
                families: [{ family: "ipv4", prefixListOut: "LAB-SUBNET" }],
            },
        });
        expect(neighbors.map(({ address, remoteAsn }) => `${address} ${remoteAsn}`)).toEqual([
            "169.254.1.2 65001",
            "169.254.2.2 65002",
            "169.254.3.2 65003",
            "169.254.4.2 65004",
            "fd00:169:254:1::2 65001",
            "fd00:169:254:2::2 65002",
            "fd00:169:254:3::2 65003",
            "fd00:169:254:4::2 65004",
        ]);
    });

    it("has the article's nodes", () => {
        expect(lab.cluster.nodes[worker2!]).toEqual({
            role: "worker",
            labels: { "kubernetes.io/hostname": worker2, "kubernetes.io/os": "linux" },
            podCidrs: ["10.100.2.0/24", "fd00:10:255:2::/64"],
            routerId: "172.18.0.4",
            interfaces: [
                {
                    name: "eth0",
                    attachment: { kind: "segment", segment: "kind" },
                    addresses: ["172.18.0.4/16", "fc00:f853:ccd:e793::4/64"],
                },
                {
                    name: "net0",
                    attachment: { kind: "segment", segment: "router0-worker2" },
                    addresses: ["169.254.3.2/24", "fd00:169:254:3::2/64"],
                },
            ],
            staticRoutes: [
                { prefix: "10.0.0.0/8", via: { kind: "address", address: "169.254.3.1" } },
                { prefix: "192.168.0.0/24", via: { kind: "address", address: "169.254.3.1" } },
                { prefix: "fd00:10::/32", via: { kind: "address", address: "fd00:169:254:3::1" } },
                { prefix: "fd00:192:168::/64", via: { kind: "address", address: "fd00:169:254:3::1" } },
                { prefix: "10.100.0.0/16", via: { kind: "interface", interface: "eth0" } },
                { prefix: "fd00:10:255::/48", via: { kind: "interface", interface: "eth0" } },
            ],
        });
        expect(lab.cluster.cilium!.bgp[2]).toEqual({
            name: "worker2",
            nodeSelector: { matchLabels: { "kubernetes.io/hostname": worker2 } },
            localAsn: 65003,
            exportPodCidr: false,
            serviceSelector: { matchExpressions: [{ key: "dummy", operator: "NotIn", values: ["dummy"] }] },
            neighbors: [
                {
                    address: "169.254.3.1",
                    remoteAsn: 65000,
                    timers: { holdTime: 30, keepalive: 30, connectRetry: 120 },
                    gracefulRestartTime: 120,
                    families: ["ipv4"],
                },
                {
                    address: "fd00:169:254:3::1",
                    remoteAsn: 65000,
                    timers: { holdTime: 30, keepalive: 30, connectRetry: 120 },
                    gracefulRestartTime: 120,
                    families: ["ipv6"],
                },
            ],
        });
    });

    it("sends everything of the client to the router", () => {
        expect(lab.hosts.client0).toEqual({
            interfaces: [
                {
                    name: "net0",
                    attachment: { kind: "segment", segment: "router0-client0" },
                    addresses: ["192.168.0.2/24", "fd00:192:168::2/64"],
                },
            ],
            staticRoutes: [
                { prefix: "0.0.0.0/0", via: { kind: "address", address: "192.168.0.1" } },
                { prefix: "::/0", via: { kind: "address", address: "fd00:192:168::1" } },
            ],
        });
    });

    it("pins pods evenly to the workers and services to addresses of the pool", () => {
        expect(lab.cluster.workloads[0]!.pods).toEqual([
            { name: "app-0", node: worker, addresses: ["10.100.1.10", "fd00:10:255:1::a"] },
            { name: "app-1", node: worker2, addresses: ["10.100.2.10", "fd00:10:255:2::a"] },
            { name: "app-2", node: worker3, addresses: ["10.100.3.10", "fd00:10:255:3::a"] },
        ]);
        expect(lab.cluster.services.map(({ name, loadBalancerAddresses }) => [name, ...loadBalancerAddresses])).toEqual(
            [
                ["app-svc-cluster", "10.254.0.10", "fd00:10:254::10"],
                ["app-svc-local", "10.254.0.11", "fd00:10:254::11"],
            ],
        );
    });

    it("checks every address over HTTP, by ping and on another port", () => {
        const pods = ["app-0", "app-1", "app-2"];
        expect(lab.checks.slice(0, 3)).toEqual([
            { kind: "service", from: "client0", address: "10.254.0.10", port: 80, pods, clientAddress: "hidden" },
            { kind: "silence", from: "client0", address: "10.254.0.10", probe: { kind: "ping" } },
            { kind: "silence", from: "client0", address: "10.254.0.10", probe: { kind: "tcp", port: 81 } },
        ]);
        expect(lab.checks.flatMap((check) => (check.kind === "service" ? [check.clientAddress] : []))).toEqual([
            "hidden",
            "hidden",
            "seen",
            "seen",
        ]);
        expect(lab.checks).toHaveLength(12);
    });
});

describe("a parameter of single-frr", () => {
    it("replicas spreads pods over the largest number of workers that divides them", () => {
        const spread = (replicas: number, workers: number) => {
            const perNode = new Map<string, number>();
            for (const { node } of plan({ replicas, workers }).cluster.workloads[0]!.pods) {
                perNode.set(node, (perNode.get(node) ?? 0) + 1);
            }
            return [...perNode.values()];
        };
        expect(spread(3, 2)).toEqual([3]);
        expect(spread(4, 3)).toEqual([2, 2]);
        expect(spread(6, 4)).toEqual([2, 2, 2]);
        expect(spread(2, 5)).toEqual([1, 1]);
    });

    it("routingMode native drops the overlay and routes pods without masquerading", () => {
        const lab = plan({ routingMode: "native", exportPodCidr: true });
        const routes = Object.values(lab.cluster.nodes).flatMap(({ staticRoutes }) => staticRoutes);
        expect(routes.some(({ via }) => via.kind === "interface")).toBe(false);
        expect(lab.cluster.cilium!.nativeRoutingCidrs).toEqual(["10.100.0.0/16", "fd00:10:255::/48"]);
        expect(readLab({ lab: { routingMode: "native", exportPodCidr: true } }).findings.filter(isError)).toEqual([]);
    });

    it("gracefulRestartTime 0 turns graceful restart off", () => {
        const neighbors = plan({ gracefulRestartTime: 0 }).cluster.cilium!.bgp.flatMap(
            (instance) => instance.neighbors,
        );
        expect(neighbors.every((neighbor) => !("gracefulRestartTime" in neighbor))).toBe(true);
    });

    it("linkMask 31 uses both addresses of a link (RFC 3021)", () => {
        const lab = plan({ linkMask: 31, linkMask6: 127, linkPools: ["10.9.0.0/24", "fd00:9::/64"] });
        expect(lab.routers.router0!.interfaces[1]!.addresses).toEqual(["10.9.0.4/31", "fd00:9::4/127"]);
        expect(lab.cluster.nodes["cilium-bgp-cp-worker"]!.interfaces[1]!.addresses).toEqual([
            "10.9.0.5/31",
            "fd00:9::5/127",
        ]);
        expect(inspect(lab).filter(isError)).toEqual([]);
    });

    it("importFilter becomes prefix lists for what the router receives", () => {
        const lab = plan({
            importFilter: [
                { prefix: "fd00:10:254::/64", le: 128 },
                { prefix: "10.254.0.0/24", ge: 32 },
            ],
        });
        const { prefixLists, bgp } = lab.routers.router0!;
        expect(prefixLists.slice(2)).toEqual([
            {
                name: "K8S-ROUTES",
                family: "ipv4",
                entries: [{ sequence: 5, action: "permit", prefix: "10.254.0.0/24", ge: 32 }],
            },
            {
                name: "K8S-ROUTES6",
                family: "ipv6",
                entries: [{ sequence: 5, action: "permit", prefix: "fd00:10:254::/64", le: 128 }],
            },
        ]);
        expect(bgp.peerGroups.map(({ settings }) => settings.families[0]!.prefixListIn)).toEqual([
            "K8S-ROUTES",
            "K8S-ROUTES6",
        ]);
    });

    it("services on port 65535 are checked for silence below it", () => {
        const lab = plan({ services: [{ name: "edge", port: 65535, addresses: ["10.254.0.10"] }] });
        expect(lab.checks[2]).toMatchObject({ probe: { kind: "tcp", port: 65534 } });
        expect(inspect(lab).filter(isError)).toEqual([]);
    });
});

/** Parameters that fit together: networks are cut from disjoint parts of private space. */
const parameters = fc
    .record({
        cluster: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,12}[a-z0-9])?$/),
        workers: fc.oneof(
            { weight: 15, arbitrary: fc.integer({ min: 1, max: 12 }) },
            { weight: 1, arbitrary: fc.integer({ min: 1, max: 250 }) },
        ),
        replicas: fc.integer({ min: 1, max: 40 }),
        routingMode: fc.constantFrom("tunnel", "native"),
        third: fc.shuffledSubarray([...Array(200).keys()], { minLength: 6, maxLength: 6 }),
        linkMask: fc.integer({ min: 24, max: 30 }),
        linkMask6: fc.integer({ min: 56, max: 127 }),
        nodeMask6: fc.integer({ min: 56, max: 64 }),
        asn: fc.constantFrom(
            [64512, 64513],
            [4200000000, 4200000001],
            [65000, 65001],
            ["AS64999", "65000"],
            [65534, 64520],
            ["64086.59904", 64700],
        ),
        routerTimers: fc
            .integer({ min: 1, max: 21845 })
            .map((keepalive) => ({ holdTime: 3 * keepalive, keepalive, connectRetry: 1 })),
        nodeTimers: fc
            .integer({ min: 1, max: 100 })
            .map((keepalive) => ({ holdTime: 3 * keepalive, keepalive, connectRetry: 120 })),
        gracefulRestartTime: fc.integer({ min: 0, max: 4095 }),
        policies: fc.array(fc.constantFrom("Cluster", "Local"), { maxLength: 5 }),
        port: fc.integer({ min: 1, max: 65535 }),
        ciliumVersion: fc.constantFrom("1.14.1", "1.16.5", "1.18.0", "1.20.2"),
        reversed: fc.boolean(),
    })
    .map(({ third, asn, policies, port, reversed, ...rest }) => {
        const [pods, services, links, pool, client, nodes] = third.map((part) => part + 20) as [
            number,
            number,
            number,
            number,
            number,
            number,
        ];
        const both = (ipv4: string, ipv6: string) => (reversed ? [ipv6, ipv4] : [ipv4, ipv6]);
        return {
            ...rest,
            exportPodCidr: rest.routingMode === "native",
            podCidrs: both(`10.${pods}.0.0/16`, `fd00:10:${pods}::/48`),
            serviceCidrs: both(`10.${services}.0.0/16`, `fd00:10:${services}::/112`),
            linkPools: both(`10.${links}.0.0/16`, `fd00:9:${links}::/48`),
            clientSubnets: both(`172.20.${client}.0/24`, `fd00:172:${client}::/64`),
            nodeSubnets: both(`172.19.0.0/16`, `fd00:19:${nodes}::/64`),
            pools: [{ name: "pool", blocks: [`10.${pool}.0.0/24`, `fd00:10:${pool}::/64`] }],
            routerAsn: asn[0],
            nodeAsn: asn[1],
            services: policies.map((externalTrafficPolicy, index) => ({
                name: `svc-${index}`,
                externalTrafficPolicy,
                port,
                addresses: [`10.${pool}.0.${10 + index}`, `fd00:10:${pool}::${10 + index}`],
            })),
        };
    });

describe("any parameters that fit", () => {
    it("plan a lab without errors, with two sessions per node, and the same one every time", () => {
        fc.assert(
            fc.property(parameters, (random) => {
                const read = readLab({ lab: random });
                const { lab, findings } = read;
                expect(formatFindings(findings.filter(isError))).toBe("");
                expect(sessions(lab!)).toHaveLength(2 * (random.workers + 1));
                expect(readLab({ lab: structuredClone(random) })).toEqual(read);
                expect(JSON.parse(JSON.stringify(lab))).toEqual(lab);
            }),
            { numRuns: 60 },
        );
    });

    it("leave everything of the earlier workers as it is when one more comes", () => {
        fc.assert(
            fc.property(parameters, (random) => {
                fc.pre(random.workers < 250);
                // As many pods as before on the same workers: pods may move when the number of workers changes.
                const fixed = { ...random, replicas: 1 };
                const before = readLab({ lab: fixed }).lab!;
                const after = readLab({ lab: { ...fixed, workers: fixed.workers + 1 } }).lab!;
                expect(after.segments).toMatchObject(before.segments);
                expect(Object.keys(after.cluster.nodes).slice(0, -1)).toEqual(Object.keys(before.cluster.nodes));
                for (const [name, node] of Object.entries(before.cluster.nodes)) {
                    expect(after.cluster.nodes[name]).toEqual(node);
                }
                expect(after.cluster.cilium!.bgp.slice(0, -1)).toEqual(before.cluster.cilium!.bgp);
                expect(after.cluster.workloads).toEqual(before.cluster.workloads);
                expect(after.hosts).toEqual(before.hosts);
                expect(after.checks).toEqual(before.checks);
                expect(after.routers.router0!.interfaces).toEqual(
                    expect.arrayContaining([...before.routers.router0!.interfaces]),
                );
                expect(after.routers.router0!.bgp.neighbors).toEqual(
                    expect.arrayContaining([...before.routers.router0!.bgp.neighbors]),
                );
            }),
            { numRuns: 40 },
        );
    });
});

describe("networks that are just large enough", () => {
    it.each([
        ["pod CIDR", { workers: 3, podCidrs: ["10.100.0.0/22", "fd00:10:255::/62"] }],
        ["link pool", { workers: 6, linkPools: ["10.9.0.0/21", "fd00:9::/61"] }],
        ["node subnet", { workers: 4, nodeSubnets: ["172.18.0.0/29", "fc00:f853:ccd:e793::/125"] }],
        ["node slice", { workers: 1, replicas: 5, nodeMask: 28 }],
        ["client subnet", { clientSubnets: ["192.168.0.0/31", "fd00:192:168::/127"] }],
    ])("are taken: %s", (_network, parameters) => {
        expect(formatFindings(readLab({ lab: parameters }).findings.filter(isError))).toBe("");
    });
});

describe("the places of a planned model", () => {
    /** Every leaf of a JSON value. */
    function* leaves(value: unknown, place: Path = []): Iterable<Path> {
        if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
            yield place;
            return;
        }
        for (const [key, inner] of Object.entries(value)) {
            yield* leaves(inner, [...place, Array.isArray(value) ? Number(key) : key]);
        }
    }

    const values = schema.parse({ workers: 2, importFilter: [{ prefix: "10.254.0.0/24" }] }) as SingleFrr;
    const lab = planSingleFrr(values);
    const origin = (...place: Path) => singleFrr.origin(place, values);

    it("all come from a parameter that exists", () => {
        for (const place of leaves(lab)) {
            const [parameter] = singleFrr.origin(place, values) ?? [];
            expect(Object.keys(schema.shape), place.join(".")).toContain(parameter);
        }
    });

    it("lead to the parameter that a person would change", () => {
        expect(origin("segments", "router0-worker", "subnets", 1)).toEqual(["linkPools", 1]);
        expect(origin("segments", "router0-client0", "subnets", 0)).toEqual(["clientSubnets", 0]);
        expect(origin("segments", "kind", "subnets", 0)).toEqual(["nodeSubnets", 0]);
        expect(origin("routers", "router0", "interfaces", 2, "addresses", 1)).toEqual(["linkPools", 1]);
        expect(origin("routers", "router0", "interfaces", 3, "addresses", 1)).toEqual(["clientSubnets", 1]);
        expect(origin("routers", "router0", "prefixLists", 1, "entries", 0, "ge")).toEqual(["exportFilter", 1, "ge"]);
        expect(origin("routers", "router0", "prefixLists", 2, "entries", 0)).toEqual(["importFilter", 0]);
        expect(origin("routers", "router0", "bgp", "neighbors", 3, "remoteAsn")).toEqual(["nodeAsn"]);
        expect(origin("cluster", "nodes", "cilium-bgp-cp-worker", "staticRoutes", 0)).toEqual(["labSubnets", 0]);
        expect(origin("cluster", "nodes", "cilium-bgp-cp-worker", "staticRoutes", 3)).toEqual(["clientSubnets", 1]);
        expect(origin("cluster", "nodes", "cilium-bgp-cp-worker", "staticRoutes", 4)).toEqual(["podCidrs", 0]);
        expect(origin("cluster", "services", 1, "loadBalancerAddresses", 0)).toEqual(["services", 1, "addresses", 0]);
        expect(origin("nowhere")).toBeUndefined();
    });

    it.each([1, 3, 4, 9])(
        "tell the router's interface to the client from those to the nodes with %i workers",
        (workers) => {
            const parameters = schema.parse({ workers }) as SingleFrr;
            const { interfaces } = planSingleFrr(parameters).routers.router0!;
            interfaces.forEach(({ attachment, addresses }, index) => {
                const isClient = attachment.kind === "segment" && attachment.segment === "router0-client0";
                addresses.forEach((_, at) => {
                    const place = ["routers", "router0", "interfaces", index, "addresses", at];
                    expect(singleFrr.origin(place, parameters)).toEqual([isClient ? "clientSubnets" : "linkPools", at]);
                });
            });
        },
    );
});

describe("the article's own versions", () => {
    it.each(["netns", "docker"])("plan without errors in %s", (runtime) => {
        const { lab, findings } = readLab({ runtime, lab: { versions: "article" } });
        expect(findings.filter(isError)).toEqual([]);
        expect(lab?.cluster.cilium?.version).toBe("1.14.1");
    });
});
