import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostPrefix } from "../../lab/address";
import { prefixListFilter } from "../../lab/prefix-lists";
import { formatFindings, isError } from "../../lab/rules/findings";
import { sessions } from "../../lab/sessions";
import { predict } from "../../routing/predict";
import type { Prediction } from "../../routing/prediction";
import { readLab } from "../../stacks/config";
import { planPodGateway, schema } from "../../stacks/pod-gateway";

const plan = (parameters: object = {}) => planPodGateway(schema.parse(parameters));
const found = (parameters: object, settings: object = {}) =>
    readLab({ topology: "pod-gateway", lab: parameters, ...settings }, "pod-gateway").findings;
const errors = (parameters: object, settings: object = {}) =>
    formatFindings(found(parameters, settings).filter(isError));

/** What the article's speakers showed: of the Pod and the router by vtysh, of the node by gobgp. */
const article = {
    "loadbalancer-0": `
*> 10.244.0.0/24    0.0.0.0                                0 65012 65000 65010 i
*> 10.244.1.0/24    0.0.0.0                                0 65012 65000 65011 i
*> 10.244.2.0/24    0.0.0.0                                0 65012 i
*> 10.244.2.216/32  0.0.0.0                  0         32768 ?
*> 192.168.0.1/32   0.0.0.0                  0         32768 ?
`,
    "pod-gateway-worker2": `
*> 10.244.0.0/24        10.0.2.1             65000 65010          05:13:55   [{Origin: i}]
*> 10.244.1.0/24        10.0.2.1             65000 65011          05:13:55   [{Origin: i}]
*> 10.244.2.0/24        0.0.0.0                                   05:14:03   [{Origin: i}]
*> 10.244.2.216/32      10.244.2.216         65100                00:09:25   [{Origin: ?} {Med: 0}]
*> 192.168.0.1/32       10.244.2.216         65100                00:08:46   [{Origin: ?} {Med: 0}]
`,
    router0: `
*> 10.244.0.0/24    10.0.0.2                               0 65010 i
*> 10.244.1.0/24    10.0.1.2                               0 65011 i
*> 10.244.2.0/24    10.0.2.2                               0 65012 i
*> 10.244.2.216/32  10.0.2.2                               0 65012 65100 ?
*> 192.168.0.1/32   10.0.2.2                               0 65012 65100 ?
`,
} as const;

/** Network, next hop and path of each line; the Pod's shows what it offers, whose next hop is itself. */
function shownRoutes(device: keyof typeof article) {
    return article[device]
        .trim()
        .split("\n")
        .map((line) => {
            const [, prefix, nextHop] = line.split(/\s+/);
            const path = line.match(/\b65\d{3}\b/g) ?? [];
            return [prefix, ...(device === "loadbalancer-0" ? [] : [nextHop]), path.join(" ")].join(" ");
        });
}

function predictedRoutes(prediction: Prediction, device: keyof typeof article) {
    return Object.entries(prediction.devices[device]!.rib.ipv4).map(([prefix, { paths }]) => {
        const best = paths.find((path) => path.best)!;
        const nextHop = best.from === "local" ? "0.0.0.0" : best.nextHop;
        return [prefix, ...(device === "loadbalancer-0" ? [] : [nextHop]), best.asPath.join(" ")].join(" ");
    });
}

describe("the article's results are predicted", () => {
    const prediction = predict(plan({ services: [] }));

    it.each(Object.keys(article) as (keyof typeof article)[])("in the table of %s", (device) => {
        expect(shownRoutes(device)).toHaveLength(5);
        expect(predictedRoutes(prediction, device)).toEqual(shownRoutes(device));
    });

    it("and the node of the Pod alone sends the virtual address to it", () => {
        const fibs = Object.fromEntries(
            Object.keys(plan().cluster.nodes).map((node) => [
                node,
                prediction.devices[node]!.fib.ipv4["192.168.0.1/32"]?.nextHops.map(({ via }) => via),
            ]),
        );
        expect(fibs).toEqual({
            "pod-gateway-control-plane": undefined,
            "pod-gateway-worker": undefined,
            "pod-gateway-worker2": ["10.244.2.216"],
        });
    });
});

describe("pod-gateway with its defaults", () => {
    const lab = plan();

    it("has the article's Pod: its address, AS, identifier, label and no address of its node to configure", () => {
        const { interfaces, bgp, pod, staticRoutes } = lab.routers["loadbalancer-0"]!;
        expect(interfaces.flatMap(({ addresses }) => addresses)).toEqual([
            "10.244.2.216/32",
            "fd00:10:244:2::d8/128",
            "192.168.0.1/32",
            "fd00:192:168::1/128",
        ]);
        expect([bgp.asn, bgp.routerId, bgp.defaults]).toEqual([65100, "10.255.1.0", "traditional"]);
        expect(pod).toEqual({
            namespace: "default",
            workload: "loadbalancer",
            labels: { app: "loadbalancer" },
            node: "pod-gateway-worker2",
        });
        expect(staticRoutes.filter(({ prefix }) => prefix === "0.0.0.0/0")).toEqual([
            { prefix: "0.0.0.0/0", via: { kind: "address", address: "10.244.2.69" } },
        ]);
    });

    it("asks the virtual addresses, the way through the Pod, the service and every pod, from the client and each other", () => {
        const asked = lab.checks.filter(({ kind }) => kind !== "silence");
        expect([...new Set(asked.map(({ from, kind }) => `${from} ${kind}`))]).toEqual([
            "client0 service",
            "client0 passage",
            "client0 pod",
            "web-0 pod",
            "web-1 pod",
            "web-2 pod",
        ]);
        expect(lab.checks.find(({ kind }) => kind === "passage")).toMatchObject({ through: ["loadbalancer-0"] });
    });
});

describe("peering of pod-gateway", () => {
    it("router: the router takes the Pods' routes, nodes have the Pods as neighbors and take none", () => {
        const prediction = predict(plan({ peering: "router" }));
        expect(predictedRoutes(prediction, "router0")).toContain("192.168.0.1/32 10.244.2.216 65100");
        const { rib, fib } = prediction.devices["pod-gateway-worker2"]!;
        expect(rib.ipv4["192.168.0.1/32"]).toBeUndefined();
        expect(fib.ipv4["192.168.0.1/32"]?.nextHops.map(({ via }) => via)).toEqual(["10.244.2.216"]);
        const ofPod = prediction.sessions.filter(({ local, remote }) => [local, remote].includes("loadbalancer-0"));
        expect(ofPod.map(({ state }) => state.up)).toEqual([true, true, true, true]);
    });

    it("router: the Pod keeps its own address to itself, and asking for it is an error", () => {
        expect(predict(plan({ peering: "router" })).devices.router0!.rib.ipv4["10.244.2.216/32"]).toBeUndefined();
        expect(errors({ peering: "router", ownAddress: true })).toMatch(
            /^error POD-POL-006 {2}bgp-lab:lab\.ownAddress$/m,
        );
    });

    it("node: refused in Docker, whose Cilium takes no routes, and with BIRD, by one error each", () => {
        expect(errors({}, { runtime: "docker" })).toMatch(/^error POD-CIL-001 {2}bgp-lab:lab\.peering$/m);
        expect(errors({}, { runtime: "docker" }).match(/^error /gm)).toHaveLength(1);
        const bird = errors({}, { embedded: { speaker: "bird" } });
        expect(bird).toMatch(/^error CFG-023 {2}bgp-lab:embedded\.speaker$/m);
        expect(bird.match(/^error /gm)).toHaveLength(1);
    });
});

describe("two forwarding Pods", () => {
    it("share the load where they are on two nodes", () => {
        const { rib } = predict(plan({ gateways: [2, 1] })).devices.router0!;
        const ways = rib.ipv4["192.168.0.1/32"]!.paths.filter(({ multipath }) => multipath);
        expect(ways.map(({ nextHop, asPath }) => [nextHop, asPath])).toEqual([
            ["10.0.1.2", [65011, 65100]],
            ["10.0.2.2", [65012, 65100]],
        ]);
    });

    it("have addresses of their own on one node, and leave the first as it was", () => {
        const [one, two] = [plan(), plan({ gateways: [2, 2] })];
        expect(two.routers["loadbalancer-0"]).toEqual(one.routers["loadbalancer-0"]);
        expect(two.routers["loadbalancer-1"]!.interfaces[0]!.addresses).toEqual([
            "10.244.2.217/32",
            "fd00:10:244:2::d9/128",
        ]);
    });
});

describe("a rogue Pod", () => {
    const tried = [
        "10.244.0.0/24",
        "10.254.0.77/32",
        "10.254.0.128/25",
        "0.0.0.0/0",
        "0.0.0.0/1",
        "::/0",
        "fd00:10:254::/65",
    ];

    it.each(["node", "router"])("with the right label changes no route of anybody else, with peering %s", (peering) => {
        const [without, tempted] = [[], tried].map((hijacks) => predict(plan({ peering, hijacks })));
        const { "rogue-0": rogue, ...others } = tempted!.devices;
        expect(Object.values(rogue!.rib).flatMap((rib) => Object.keys(rib))).toEqual(expect.arrayContaining(tried));
        for (const [name, { rib, fib }] of Object.entries(others)) {
            const before = without!.devices[name]!;
            expect(rib, name).toEqual(before.rib);
            for (const prefix of tried.filter((each) => !each.includes(":"))) {
                expect(fib.ipv4[prefix], `${name} ${prefix}`).toEqual(before.fib.ipv4[prefix]);
            }
        }
        const refused = tempted!.sessions.flatMap((session) => [session.refused?.byLocal, session.refused?.byRemote]);
        const prefixes = refused.flatMap((offer) => [...(offer?.ipv4 ?? []), ...(offer?.ipv6 ?? [])]);
        expect(prefixes).toEqual(expect.arrayContaining(tried));
    });

    it("does not get the address of its own past the router that the administrator forbids", () => {
        const lists = plan({ forbidden: ["10.244.1.128/25"] }).routers.router0!.prefixLists;
        const permits = prefixListFilter(lists.find(({ name }) => name === "FROM-WORKER")!);
        expect(["10.244.1.200/32", "10.244.1.20/32", "10.244.1.0/24"].map(permits)).toEqual([false, true, true]);
    });

    it("is refused by the router, too, where a node's policy lets everything pass", () => {
        const open = JSON.parse(JSON.stringify(plan({ hijacks: tried }))) as ReturnType<typeof plan>;
        const allow = (prefix: string, le: number) => ({ prefix, le });
        const tampered = {
            ...open,
            cluster: {
                ...open.cluster,
                // What a node takes for the cluster's own comes from here; the router's lists are already made.
                podCidrs: [],
                serviceCidrs: [],
                loadBalancerPools: [],
                cilium: {
                    ...open.cluster.cilium!,
                    bgp: open.cluster.cilium!.bgp.map((instance) => ({
                        ...instance,
                        podNeighbors: instance.podNeighbors!.map((neighbor) => ({
                            ...neighbor,
                            importPolicy: {
                                allowed: [allow("0.0.0.0/0", 32), allow("::/0", 128)],
                                forbidden: [],
                                ownAddress: true,
                            },
                        })),
                    })),
                },
            },
        };
        const prediction = predict(tampered);
        const taken = prediction.devices["pod-gateway-worker"]!.rib;
        expect(Object.keys(taken.ipv4)).toContain("10.254.0.77/32");
        const { rib } = prediction.devices.router0!;
        expect(tried.filter((prefix) => prefix in rib.ipv4 || prefix in rib.ipv6)).toEqual(["10.244.0.0/24"]);
        expect(rib.ipv4["10.244.0.0/24"]!.paths.map(({ nextHop }) => nextHop)).toEqual(["10.0.0.2"]);
    });
});

describe("pod-gateway of any size", () => {
    it("is planned without errors, with two sessions per node and per Pod, and virtual addresses that are reached", () => {
        fc.assert(
            fc.property(
                fc.integer({ min: 1, max: 8 }).chain((workers) =>
                    fc.record({
                        workers: fc.constant(workers),
                        gateways: fc.array(fc.integer({ min: 0, max: workers }), { minLength: 1, maxLength: 4 }),
                        peering: fc.constantFrom("node", "router"),
                        replicas: fc.integer({ min: 1, max: 9 }),
                        hijacks: fc.constantFrom([], ["10.244.0.0/25", "::/1"]),
                    }),
                ),
                (size) => {
                    const { lab, findings } = readLab({ topology: "pod-gateway", lab: size }, "pod-gateway");
                    expect(formatFindings(findings.filter(isError))).toBe("");
                    const pods = size.gateways.length + (size.hijacks.length === 0 ? 0 : 1);
                    const perPod = size.peering === "node" ? 2 : 4;
                    expect(sessions(lab!)).toHaveLength(2 * (size.workers + 1) + perPod * pods);
                    const { fib } = predict(lab!).devices.router0!;
                    for (const address of schema.parse(size).virtualAddresses) {
                        const family = address.includes(":") ? "ipv6" : "ipv4";
                        expect(fib[family][hostPrefix(address)]?.protocol).toBe("bgp");
                    }
                },
            ),
            { numRuns: 15 },
        );
    });

    it.each([
        ["a node that there is not", { gateways: [2, 3] }, "ADR-CAP-008", "gateways[1]"],
        ["too few identifiers", { podRouterIds: "10.255.1.0/31", gateways: [0, 1, 2] }, "ADR-CAP-009", "podRouterIds"],
        ["too few link subnets", { linkPools: ["10.0.0.0/23", "fd00:10::/48"] }, "ADR-CAP-001", "linkPools[0]"],
        ["too few pod slices", { podCidrs: ["10.244.0.0/23", "fd00:10:244::/48"] }, "ADR-CAP-002", "podCidrs[0]"],
        ["more pods than there are addresses before the node's", { replicas: 178 }, "ADR-CAP-003", "replicas"],
        ["a slice without the Pods' numbers", { nodeMask: 25 }, "ADR-CAP-003", "nodeMask"],
        ["a small network of kind", { nodeSubnets: ["172.18.0.0/30", "fc00::/64"] }, "ADR-CAP-004", "nodeSubnets[0]"],
        [
            "a client network of one",
            { clientSubnets: ["172.16.0.0/32", "fd00:172:16::/64"] },
            "ADR-CAP-005",
            "clientSubnets[0]",
        ],
        ["an AS that counts over the end", { nodeAsn: 4294967294 }, "BGP-ASN-004", "nodeAsn"],
        ["one virtual address", { virtualAddresses: ["192.168.0.1"] }, "CFG-001", "virtualAddresses"],
        ["a Pod with its node's AS", { podAsn: 65012 }, "POD-ASN-002", "podAsn"],
        [
            "a virtual address of the pool",
            { virtualAddresses: ["10.254.0.10", "fd00:192:168::1"] },
            "POD-VIP-001",
            "virtualAddresses[0]",
        ],
        ["what the administrator forbids", { forbidden: ["192.168.0.0/16"] }, "POD-POL-004", "allowed[0]"],
    ])("is refused with %s, by one error at the parameter", (_what, parameters, id, at) => {
        const told = found(parameters).filter(isError);
        expect(told.map((finding) => [finding.id, finding.at])).toEqual([[id, `bgp-lab:lab.${at}`]]);
        expect(told[0]!.fix.length).toBeGreaterThan(0);
    });
});
