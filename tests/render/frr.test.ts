import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BgpSpeaker, Lab, Neighbor, SessionSettings } from "../../lab/model";
import { frrConf, type VrfBackend } from "../../render/frr";
import { planPodGateway, schema as podGatewaySchema } from "../../stacks/pod-gateway";
import { planSingleFrr, schema } from "../../stacks/single-frr";
import { expectGolden } from "../golden";
import { buildLab, plans } from "../routing/labs";
import { judge, unavailable } from "./frr-daemon";

const golden = (name: string) => join(__dirname, "golden", "frr", `${name}.conf`);
const single = planSingleFrr(schema.parse({}));

function podGateway(parameters: object): Lab {
    return planPodGateway(podGatewaySchema.parse(parameters));
}

const hijacks = ["0.0.0.0/1", "10.244.0.0/24", "::/0"];

/** single-frr with everything a router can have: both kinds of sessions, all filters, all kinds of static routes. */
function everything(): Lab {
    const router = single.routers.router0!;
    const timers = { holdTime: 0, keepalive: 0, connectRetry: 120 };
    return {
        ...single,
        routers: {
            router0: {
                ...router,
                staticRoutes: [
                    { prefix: "10.200.0.0/16", via: { kind: "address", address: "192.168.0.2" } },
                    { prefix: "9.0.0.0/8", via: { kind: "interface", interface: "lo" } },
                    { prefix: "fd00:200::/32", via: { kind: "address", address: "fd00:192:168::2" } },
                    ...router.staticRoutes,
                ],
                prefixLists: [
                    ...router.prefixLists,
                    {
                        name: "A-LIST",
                        family: "ipv6",
                        entries: [
                            { sequence: 10, action: "permit", prefix: "::/0", le: 128 },
                            { sequence: 5, action: "deny", prefix: "fd00:dead::/32", ge: 33, le: 64 },
                        ],
                    },
                ],
                bgp: {
                    ...router.bgp,
                    asn: 4200000000,
                    defaults: "traditional",
                    maximumPaths: 8,
                    multipathRelax: false,
                    families: [
                        {
                            family: "ipv4",
                            redistribute: ["static", "connected"],
                            networks: ["10.9.0.0/16", "10.0.0.0/8", "9.0.0.0/8"],
                        },
                        { family: "ipv6", redistribute: [], networks: ["fd00:10::/32"] },
                    ],
                    neighbors: [
                        {
                            address: "203.0.113.9",
                            remoteAsn: 65010,
                            session: {
                                kind: "own",
                                settings: {
                                    remoteAs: { kind: "asn", asn: 65010 },
                                    ebgpMultihop: 3,
                                    timers,
                                    families: [
                                        { family: "ipv4", prefixListIn: "LAB-SUBNET", prefixListOut: "LAB-SUBNET" },
                                        { family: "ipv6", prefixListIn: "A-LIST", med: 20 },
                                    ],
                                },
                            },
                        },
                        {
                            address: "192.168.0.2",
                            remoteAsn: 4200000000,
                            session: {
                                kind: "own",
                                settings: { remoteAs: { kind: "internal" }, timers, families: [{ family: "ipv4" }] },
                            },
                        },
                        ...router.bgp.neighbors.toReversed(),
                    ],
                },
            },
        },
    };
}

/** A router with VRFs that leak, route reflection, BFD, and preferences of routes. */
function vrfs(): Lab {
    const timers = { holdTime: 9, keepalive: 3, connectRetry: 5 };
    const bgp: BgpSpeaker = {
        ...single.routers.router0!.bgp,
        routerId: "1.0.0.0",
        families: [],
        peerGroups: [],
        neighbors: [],
    };
    const own = (address: string, remoteAsn: number, settings: Partial<SessionSettings>): Neighbor => ({
        address,
        remoteAsn,
        session: {
            kind: "own",
            settings: {
                remoteAs: { kind: "asn", asn: remoteAsn },
                timers,
                families: [{ family: "ipv4" }],
                ...settings,
            },
        },
    });
    const connected = { family: "ipv4", redistribute: ["connected"], networks: [] } as const;
    return {
        ...single,
        routers: {
            router0: {
                nos: "frr",
                interfaces: [
                    { name: "Loopback0", attachment: { kind: "loopback" }, addresses: ["1.1.1.0/32"] },
                    { name: "Loopback2", attachment: { kind: "loopback" }, addresses: ["1.1.1.2/32"], vrf: "calico" },
                    { name: "Loopback3", attachment: { kind: "loopback" }, addresses: ["fd00::3/128"], vrf: "metallb" },
                ],
                staticRoutes: [],
                prefixLists: [
                    {
                        name: "deny-all-routes",
                        family: "ipv4",
                        entries: [{ sequence: 5, action: "deny", prefix: "0.0.0.0/0", le: 32 }],
                    },
                ],
                bgp: {
                    ...bgp,
                    clusterId: "9.9.9.9",
                    neighbors: [
                        own("10.5.0.2", bgp.asn, {
                            bfd: { detectMultiplier: 3, receiveInterval: 300, transmitInterval: 300 },
                            ebgpMultihop: 4,
                            families: [
                                {
                                    family: "ipv4",
                                    routeReflectorClient: true,
                                    nextHopSelf: true,
                                    maximumPrefixes: 40,
                                    localPreference: 200,
                                },
                            ],
                        }),
                        own("10.6.0.2", 65009, {
                            bfd: { detectMultiplier: 5, receiveInterval: 100, transmitInterval: 50 },
                            ebgpMultihop: 4,
                            families: [
                                {
                                    family: "ipv4",
                                    maximumPrefixes: 1,
                                    localPreference: 50,
                                    med: 30,
                                    prefixListIn: "deny-all-routes",
                                },
                                { family: "ipv6", med: 30 },
                            ],
                        }),
                    ],
                },
                vrfs: [
                    {
                        name: "metallb",
                        routeDistinguisher: "65000:1",
                        importTargets: ["65000:2", "65000:1"],
                        exportTargets: ["65000:1"],
                        staticRoutes: [
                            { prefix: "10.7.0.0/16", via: { kind: "blackhole" } },
                            { prefix: "fd00:7::/48", via: { kind: "blackhole" } },
                        ],
                        bgp: {
                            ...bgp,
                            routerId: "1.0.0.1",
                            maximumPaths: 4,
                            families: [connected, { ...connected, family: "ipv6" }],
                            peerGroups: [
                                {
                                    name: "NODES",
                                    settings: {
                                        remoteAs: { kind: "external" },
                                        timers,
                                        updateSource: "Loopback3",
                                        families: [{ family: "ipv6", maximumPrefixes: 4294967295 }],
                                    },
                                },
                            ],
                            neighbors: [
                                { address: "fd00::9", remoteAsn: 65001, session: { kind: "group", group: "NODES" } },
                            ],
                        },
                    },
                    {
                        name: "calico",
                        routeDistinguisher: "65000:2",
                        importTargets: ["65000:2"],
                        exportTargets: ["65000:2"],
                        staticRoutes: [],
                        bgp: {
                            ...bgp,
                            routerId: "1.0.0.2",
                            maximumPaths: 1,
                            families: [connected],
                            neighbors: [
                                own("10.0.0.1", 65002, {
                                    ebgpMultihop: 32,
                                    updateSource: "Loopback2",
                                    families: [{ family: "ipv4", prefixListOut: "deny-all-routes" }],
                                }),
                            ],
                        },
                    },
                ],
            },
        },
    };
}

describe("frr.conf", () => {
    it("of single-frr is the golden one", () => {
        expectGolden(golden("single-frr"), frrConf(single, "router0"));
    });

    it("of a router with every kind of setting is the golden one", () => {
        expectGolden(golden("everything"), frrConf(everything(), "router0"));
    });

    it("of a router with VRFs, reflection, BFD and preferences is the golden one", () => {
        expectGolden(golden("vrfs"), frrConf(vrfs(), "router0"));
    });

    it("of a router with VRFs as namespaces leaks over sessions between them", () => {
        expectGolden(golden("vrfs-namespaces"), frrConf(vrfs(), "router0", "namespaces"));
    });

    it("of a router that takes Pods by label has ranges for them in place of their addresses", () => {
        expectGolden(golden("pod-neighbors"), frrConf(podGateway({ peering: "router" }), "router0"));
    });

    it("of a router that takes Pods by label stays as it is when they come, go and move", () => {
        const of = (gateways: readonly number[]) => frrConf(podGateway({ peering: "router", gateways }), "router0");
        expect([of([]), of([0, 1, 1])]).toEqual([of([2]), of([2])]);
    });

    it("of a router in a Pod has placeholders for its node, and no static routes", () => {
        expectGolden(golden("pod"), frrConf(podGateway({}), "loadbalancer-0"));
    });

    it("of a router in a Pod is the same on any node, at any address", () => {
        const of = (lab: Lab) => frrConf(lab, "loadbalancer-0");
        expect(of(podGateway({ gateways: [1] }))).toBe(of(podGateway({ gateways: [2] })));
    });

    it("of a router in a Pod names interfaces as the Pod has them", () => {
        const lab = podGateway({});
        const { "loadbalancer-0": pod, ...routers } = lab.routers;
        const neighbors = pod!.bgp.neighbors.map((peer): Neighbor => {
            const settings = peer.session.kind === "own" ? peer.session.settings : undefined;
            return { ...peer, session: { kind: "own", settings: { ...settings!, updateSource: "lo" } } };
        });
        const sourced = { ...pod!, bgp: { ...pod!.bgp, neighbors } };
        expect(frrConf({ ...lab, routers: { ...routers, "loadbalancer-0": sourced } }, "loadbalancer-0")).toContain(
            " neighbor {{node-ipv4}} update-source lo\n",
        );
    });

    it("does not depend on the order of neighbors, groups and static routes in the model", () => {
        const router = single.routers.router0!;
        const { bgp } = router;
        const shuffled: Lab = {
            ...single,
            routers: {
                router0: {
                    ...router,
                    staticRoutes: router.staticRoutes.toReversed(),
                    bgp: {
                        ...bgp,
                        peerGroups: bgp.peerGroups.toReversed(),
                        neighbors: bgp.neighbors.toReversed(),
                        families: bgp.families.toReversed(),
                    },
                },
            },
        };
        expect(frrConf(shuffled, "router0")).toBe(frrConf(single, "router0"));
    });

    it("grows by exactly two lines when a worker is added", () => {
        const lines = (workers: number) => frrConf(planSingleFrr(schema.parse({ workers })), "router0").split("\n");
        const known = new Set(lines(3));
        expect(lines(4).filter((line) => !known.has(line))).toEqual([
            " neighbor 169.254.5.2 peer-group K8S-NODES",
            " neighbor fd00:169:254:5::2 peer-group K8S-NODES6",
        ]);
    });

    it("of a router that the lab does not have is an error that names it", () => {
        expect(() => frrConf(single, "router9")).toThrow("the lab single-frr has no router router9");
    });
});

describe.skipIf(unavailable !== undefined)("frr.conf in the real FRR", () => {
    const randomLabs: readonly (readonly [string, Lab, VrfBackend])[] = fc
        .sample(plans, { seed: 42, numRuns: 4 })
        .map((plan, index) => [`random lab ${index}`, buildLab(plan), "devices"] as const);

    it.each<readonly [string, Lab, VrfBackend]>([
        ["single-frr", single, "devices"],
        ["single-frr with 60 workers", planSingleFrr(schema.parse({ workers: 60 })), "devices"],
        ["every kind of setting", everything(), "devices"],
        ["VRFs, reflection, BFD and preferences", vrfs(), "devices"],
        ["VRFs as namespaces", vrfs(), "namespaces"],
        ...randomLabs,
    ])("is accepted, and shown again word for word: %s", async (_, lab, backend) => {
        const name = Object.keys(lab.routers)[0]!;
        const config = frrConf(lab, name, backend);
        expect(await judge(name, config)).toEqual({ syntax: "", running: config, changes: "" });
    });

    it.each([
        ["with its node", {}],
        ["with the router", { peering: "router" }],
        ["with its node, beside one that hijacks", { hijacks, ownAddress: false }],
    ])(
        "is accepted, and shown again word for word, of a Pod that peers %s, and of its router",
        async (_, parameters) => {
            const lab = podGateway(parameters);
            for (const name of Object.keys(lab.routers)) {
                const config = frrConf(lab, name)
                    .replaceAll("{{node-ipv4}}", "10.244.2.69")
                    .replaceAll("{{node-ipv6}}", "fd00:10:244:2::45");
                expect(await judge(name, config)).toEqual({ syntax: "", running: config, changes: "" });
            }
        },
    );

    it("is refused with the line that FRR does not know, when there is one", async () => {
        const { syntax } = await judge("router0", `${frrConf(single, "router0")}router brp 65000\n`);
        expect(syntax).toContain("Unknown command");
    });

    it("differs for frr-reload by exactly the neighbor that was added", async () => {
        const config = frrConf(single, "router0");
        const less = config.replace(" neighbor 169.254.4.2 peer-group K8S-NODES\n", "");
        const { changes } = await judge("router0", less, config);
        expect(changes.split("\n").filter((line) => line.includes("neighbor"))).toEqual([
            " neighbor 169.254.4.2 peer-group K8S-NODES",
        ]);
    });

    const [none, one, two] = [undefined, 20, 30] as const;
    it.each([
        [none, one, ["  neighbor K8S-NODES maximum-prefix 20", "  neighbor K8S-NODES6 maximum-prefix 20"]],
        // What FRR needs to open a session that has exceeded the old one: docs/prediction.md.
        [
            one,
            two,
            [
                "  no neighbor K8S-NODES maximum-prefix 20",
                "  no neighbor K8S-NODES6 maximum-prefix 20",
                "  neighbor K8S-NODES maximum-prefix 30",
                "  neighbor K8S-NODES6 maximum-prefix 30",
            ],
        ],
        [two, none, ["  no neighbor K8S-NODES maximum-prefix 30", "  no neighbor K8S-NODES6 maximum-prefix 30"]],
    ])("differs for frr-reload by exactly the limits: %s, then %s", async (before, after, lines) => {
        const limited = (maximumPrefixes: number | undefined) =>
            frrConf(planSingleFrr(schema.parse({ maximumPrefixes })), "router0");
        const { changes } = await judge("router0", limited(before), limited(after));
        expect(changes.split("\n").filter((line) => line.startsWith("  "))).toEqual(lines);
    });
});
