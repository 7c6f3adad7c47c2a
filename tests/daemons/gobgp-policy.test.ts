import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contains, familyOf, lengthOf, networkOf } from "../../lab/address";
import type { PrefixListEntry } from "../../lab/model";
import type { GobgpApi, Message } from "../../provider/daemons/gobgp-api";
import {
    applyPods,
    applyPolicies,
    expectedPolicies,
    markOf,
    noPolicies,
    type Policies,
    type PolicyStatement,
    parseMark,
    podPeer,
    podsIn,
    policiesAround,
    policyDifferences,
} from "../../provider/daemons/gobgp-policy";
import { discoverNode, fillInNode } from "../../provider/daemons/pod-router";
import type { KernelRoute } from "../../provider/sandbox/protocol";
import type { GobgpNeighbor, GobgpPodNeighbor } from "../../provider/schema";

const router: GobgpNeighbor = {
    address: "10.0.1.1",
    remoteAsn: 65000,
    holdTime: 90,
    keepalive: 30,
    connectRetry: 5,
    gracefulRestartTime: 120,
    families: ["ipv4"],
};

function selector(parts: Partial<GobgpPodNeighbor> = {}): GobgpPodNeighbor {
    return {
        name: "gateways",
        namespace: "default",
        selector: {},
        ebgpMultihop: 255,
        localAddresses: ["10.244.1.69"],
        holdTime: 90,
        keepalive: 30,
        connectRetry: 5,
        families: ["ipv4"],
        ownAddress: false,
        administratorEntries: [],
        importEntries: [],
        ...parts,
    };
}

/** A route as a speaker gets it. */
interface Route {
    readonly prefix: string;
    readonly from: string;
    readonly type: "local" | "external" | "internal";
}

/** What GoBGP 3.10 does (internal/pkg/table/policy.go), with its peculiarities. */
function isImported({ policies, prefixSets, neighborSets, imports }: Policies, route: Route): boolean {
    const decision = imports.policies
        .flatMap((name) => policies[name] ?? [])
        .find((statement) => applies(statement, route) && statement.action !== "none");
    return (decision?.action ?? imports.otherwise) === "accept";

    function applies({ neighbors, prefixes, routeType }: PolicyStatement, { prefix, from, type }: Route): boolean {
        const members = neighbors === undefined ? [] : neighborSets[neighbors]!;
        const isNeighbor = members.length === 0 || members.some((member) => contains(member, from));
        return (
            isNeighbor &&
            (prefixes === undefined || mostSpecificCovers(prefixSets[prefixes]!, prefix)) &&
            (routeType === undefined || routeType === type)
        );
    }
}

function mostSpecificCovers(set: readonly string[], prefix: string): boolean {
    const covering = set.map((entry) => entry.split(/ |\.\./)).filter(([covers = ""]) => contains(covers, prefix));
    const length = Math.max(...covering.map(([covers = ""]) => lengthOf(covers)));
    return covering.some(
        ([covers = "", shortest, longest]) =>
            lengthOf(covers) === length && Number(shortest) <= lengthOf(prefix) && lengthOf(prefix) <= Number(longest),
    );
}

/** Prefixes of a few bits of two networks, so that most of them cover others. */
const prefixes = fc
    .tuple(
        fc.constantFrom("10.244.0.0", "192.168.0.0", "fd00:10:244::", "fd00:192:168::"),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(128),
    )
    .map(([base, number, wanted]) => {
        const isIpv6 = base.includes(":");
        const address = isIpv6 ? `${base}${number.toString(16)}` : base.replace(/0$/, String(number));
        return networkOf(`${address}/${Math.min(wanted, isIpv6 ? 128 : 32)}`);
    });

const entries = fc
    .array(
        fc.record({ action: fc.constantFrom("permit" as const, "deny" as const), prefix: prefixes, more: fc.nat(64) }),
        {
            maxLength: 12,
        },
    )
    .map((list): readonly PrefixListEntry[] =>
        list.map(({ action, prefix, more }, index) => {
            const le = Math.min(lengthOf(prefix) + more, familyOf(prefix) === "ipv4" ? 32 : 128);
            return { sequence: index + 1, action, prefix, ...(le > lengthOf(prefix) ? { le } : {}) };
        }),
    );

function firstMatch(list: readonly PrefixListEntry[], prefix: string): "permit" | "deny" | undefined {
    return list.find(
        (entry) => contains(entry.prefix, prefix) && lengthOf(prefix) <= (entry.le ?? lengthOf(entry.prefix)),
    )?.action;
}

const pod = "10.244.1.216";

describe("the policies of a speaker that takes routes", () => {
    it("accept of a Pod what its prefix lists permit: the administrator's, its own address, the others'", () => {
        fc.assert(
            fc.property(
                entries,
                entries,
                fc.boolean(),
                prefixes,
                (administratorEntries, importEntries, ownAddress, asked) => {
                    const neighbor = selector({ administratorEntries, importEntries, ownAddress });
                    const config = { transit: true, neighbors: [router], podNeighbors: [neighbor] };
                    const policies = expectedPolicies(config, [{ selector: "gateways", addresses: [pod] }]);
                    for (const prefix of [asked, `${pod}/32`]) {
                        const own = ownAddress && prefix === `${pod}/32` ? "permit" : undefined;
                        const expected =
                            firstMatch(administratorEntries, prefix) ??
                            own ??
                            firstMatch(importEntries, prefix) ??
                            "deny";
                        const route = { prefix, from: pod, type: "external" } as const;
                        expect(isImported(policies, route), `${prefix} of a Pod`).toBe(expected === "permit");
                        expect(
                            isImported(policies, { ...route, from: "10.244.1.99" }),
                            "of a Pod that is not known",
                        ).toBe(false);
                        expect(isImported(policies, { ...route, type: "internal" }), "of the speaker's own AS").toBe(
                            false,
                        );
                    }
                },
            ),
            { numRuns: 500 },
        );
    });

    it("accept everything of configured neighbors and of the speaker itself, and nothing else when there are no Pods", () => {
        const everything = selector({
            importEntries: [{ sequence: 1, action: "permit", prefix: "0.0.0.0/0", le: 32 }],
        });
        const policies = expectedPolicies({ transit: true, neighbors: [router], podNeighbors: [everything] });
        const from = (address: string, type: Route["type"] = "external") =>
            isImported(policies, { prefix: "198.51.100.0/24", from: address, type });
        expect([from(router.address), from("0.0.0.0", "local"), from(pod), from("10.0.1.2")]).toEqual([
            true,
            true,
            false,
            false,
        ]);
        expect(policies.exports).toEqual({ policies: [], otherwise: "accept" });
        const alone = expectedPolicies({ transit: true, neighbors: [] });
        expect(isImported(alone, { prefix: "198.51.100.0/24", from: router.address, type: "external" })).toBe(false);
    });

    it("know an AS by its number, too, and then take routes of the speaker's own AS", () => {
        const importEntries = [{ sequence: 1, action: "permit", prefix: "192.168.0.1/32" } as const];
        const internal = selector({ importEntries, remoteAsn: 65011 });
        const policies = expectedPolicies({ transit: true, neighbors: [], podNeighbors: [internal] }, [
            { selector: "gateways", addresses: [pod] },
        ]);
        expect(isImported(policies, { prefix: "192.168.0.1/32", from: pod, type: "internal" })).toBe(true);
    });

    it("let one Pod announce its own address and not that of another", () => {
        const config = { transit: true, neighbors: [], podNeighbors: [selector({ ownAddress: true })] };
        const policies = expectedPolicies(config, [{ selector: "gateways", addresses: [pod, "10.244.1.217"] }]);
        const announces = (prefix: string, from: string) => isImported(policies, { prefix, from, type: "external" });
        expect([announces(`${pod}/32`, pod), announces(`${pod}/32`, "10.244.1.217")]).toEqual([true, false]);
    });

    it("are only the speaker's own routes in both directions without transit, whatever Pods there are", () => {
        const only = { policies: ["own-routes-only"], otherwise: "reject" };
        const config = { neighbors: [router], podNeighbors: [selector()] };
        expect(expectedPolicies(config, [{ selector: "gateways", addresses: [pod] }])).toEqual({
            ...noPolicies,
            policies: { "own-routes-only": [{ name: "own-routes", routeType: "local", action: "accept" }] },
            imports: only,
            exports: only,
        });
    });

    it("tell which Pods they know, and how others differ", () => {
        const config = { transit: true, neighbors: [router], podNeighbors: [selector({ ownAddress: true })] };
        const pods = [{ selector: "gateways", addresses: [pod, "fd00:10:244:1::216"] }];
        const policies = expectedPolicies(config, pods);
        expect(podsIn(policies, config.podNeighbors)).toEqual(pods);
        expect(policyDifferences(policies, policies)).toEqual([]);
        expect(policyDifferences(policies, { ...policies, exports: { policies: ["x"], otherwise: "reject" } })).toEqual(
            ["export policy is x, and its default action is reject"],
        );
        expect(policyDifferences(policies, expectedPolicies(config))).toContain(
            "neighbor set pods/gateways is another than asked for",
        );
    });
});

describe("the policies of a speaker as its node has them", () => {
    const config = { transit: true, neighbors: [router], podNeighbors: [selector({ ownAddress: true })] };
    const known = expectedPolicies(config, [{ selector: "gateways", addresses: [pod] }]);
    const own = `own/${pod}`;

    it("leave what is known of Pods to the peering controller, half of a Pod, too", () => {
        const withoutStatement = { ...known, policies: { ...known.policies, "pods/gateways/own": [] } };
        const withoutMember = {
            ...known,
            neighborSets: { ...known.neighborSets, "pods/gateways": ["255.255.255.255/32"] },
        };
        for (const now of [known, withoutStatement, withoutMember, expectedPolicies(config)]) {
            expect(policiesAround(config, now)).toEqual(now);
        }
        expect(podsIn(withoutStatement, config.podNeighbors)).toEqual([{ selector: "gateways", addresses: [] }]);
    });

    it.each<[string, Policies, readonly string[]]>([
        [
            "a set of Pods with more than an address",
            { ...known, neighborSets: { ...known.neighborSets, "pods/gateways": ["0.0.0.0/0", "255.255.255.255/32"] } },
            ["neighbor set pods/gateways is another than asked for"],
        ],
        [
            "a Pod that may announce more than its own address",
            { ...known, prefixSets: { ...known.prefixSets, [own]: ["0.0.0.0/0 0..32"] } },
            ["policy pods/gateways/own is another than asked for", `prefix set ${own} is another than asked for`],
        ],
        [
            "a statement of a Pod that asks for nothing",
            { ...known, policies: { ...known.policies, "pods/gateways/own": [{ name: own, action: "accept" }] } },
            ["policy pods/gateways/own is another than asked for"],
        ],
    ])("are not those of %s", (_, now, differences) => {
        expect(policyDifferences(policiesAround(config, now), now)).toEqual(differences);
    });
});

describe("the way from one set of policies to another", () => {
    type Answer = (procedure: string, request: Message) => readonly Message[];

    /** A gobgpd that answers as told, and notes what it was asked to change. */
    function speaker(answer: Answer): { readonly api: GobgpApi; readonly calls: (readonly [string, Message])[] } {
        const calls: (readonly [string, Message])[] = [];
        const call = async (procedure: string, request: Message = {}) => {
            calls.push([procedure, request]);
            return answer(procedure, request);
        };
        return { api: { call, stream: () => Promise.reject(new Error("no events")), close: () => undefined }, calls };
    }

    const config = { transit: true, neighbors: [router], podNeighbors: [selector({ ownAddress: true })] };
    const pods = [{ selector: "gateways", addresses: [pod] }];

    it("begins with taking nothing, where everything was taken: the controller may see a part of it", async () => {
        const { api, calls } = speaker(() => []);
        await applyPolicies(api, expectedPolicies(config), noPolicies);
        expect(calls[0]).toEqual([
            "SetPolicyAssignment",
            { assignment: { name: "global", direction: 1, policies: [], defaultAction: 2 } },
        ]);
    });

    it("takes no offence at what of a Pod that goes somebody else has taken away, but at everything else", async () => {
        const refusing = (reason: string): Answer => {
            return (procedure) => {
                if (procedure.startsWith("Delete")) {
                    throw new Error(`gobgpd of node1 refused ${procedure}: ${reason}`);
                }
                return [];
            };
        };
        const apply = (reason: string) =>
            applyPolicies(speaker(refusing(reason)).api, expectedPolicies(config), expectedPolicies(config, pods));
        await expect(apply(`not found defined-set: own/${pod}`)).resolves.toBeUndefined();
        await expect(apply("it is in use")).rejects.toThrow("it is in use");
    });

    it.each([
        ["everything is taken", { policies: [], defaultAction: 1 }],
        ["nothing is asked", { policies: [], defaultAction: 2 }],
        ["one is not asked", { policies: [{ name: "own-routes-only" }, { name: "configured" }], defaultAction: 2 }],
    ])("knows no Pod as long as policies are there but not in force: %s", async (_, assignment) => {
        const { api, calls } = speaker((procedure, { definedType }) => {
            if (procedure === "ListPolicyAssignment") {
                return [{ assignment: { direction: 1, ...assignment } }];
            }
            const isNeighbors = procedure === "ListDefinedSet" && definedType === 1;
            return isNeighbors ? [{ definedSet: { name: "pods/gateways", list: ["255.255.255.255/32"] } }] : [];
        });
        await expect(applyPods(api, config, pods)).rejects.toThrow("the speaker does not ask its policies for Pods");
        expect(calls.filter(([procedure]) => !procedure.startsWith("List"))).toEqual([]);
    });
});

describe("a Pod as a neighbor", () => {
    it("is known by its description", () => {
        const mark = { namespace: "default", name: "loadbalancer-0", selector: "loadbalancers" };
        expect(markOf(mark)).toBe("pod default/loadbalancer-0 of loadbalancers");
        expect(parseMark(markOf(mark))).toEqual(mark);
        for (const other of ["", "pod of", "the pod default/x of y", "pod default/x of y z"]) {
            expect(parseMark(other), other).toBeUndefined();
        }
    });

    it("has a session between addresses of one family, with any AS where none is asked for", () => {
        const mark = { namespace: "default", name: "loadbalancer-0", selector: "gateways" };
        expect(podPeer(selector(), pod, mark, 65011)).toMatchObject({
            conf: { neighborAddress: pod, peerAsn: 0, localAsn: 65011, type: 1 },
            ebgpMultihop: { enabled: true, multihopTtl: 255 },
            transport: { localAddress: "10.244.1.69" },
        });
        expect(() => podPeer(selector(), "fd00:10:244:1::216", mark, 65011)).toThrow(
            "gateways has no sessions with fd00:10:244:1::216: they are of other families",
        );
    });
});

describe("a Pod's way to its node", () => {
    const route = (prefix: string, via: string | undefined, protocol = "static"): KernelRoute => ({
        prefix,
        type: "unicast",
        protocol,
        nextHops: [{ ...(via === undefined ? {} : { via }), dev: "eth0" }],
    });

    it("is where its default routes lead that its network gave it, in each family", () => {
        const routes = [
            route("10.244.2.69/32", undefined),
            route("0.0.0.0/0", "10.244.2.1", "bgp"),
            route("0.0.0.0/0", "10.244.2.69"),
            route("::/0", "fd00:10:244:2::69", "boot"),
            route("::/0", "fe80::1"),
        ];
        expect(discoverNode(routes)).toEqual({ ipv4: "10.244.2.69", ipv6: "fd00:10:244:2::69" });
    });

    it("is unknown where a route leads to another family or to a link-local address", () => {
        expect(
            discoverNode([route("0.0.0.0/0", "fe80::1"), route("::/0", "fe80::1"), route("::/1", "fd00::1")]),
        ).toEqual({});
    });

    it("fills the places in its frr.conf, and is told to be missing only where it is asked for", () => {
        const config = "neighbor {{node-ipv4}} remote-as external\nneighbor {{node-ipv4}} ebgp-multihop 255\n";
        expect(fillInNode(config, { ipv4: "10.244.2.69" }, "x")).toBe(
            "neighbor 10.244.2.69 remote-as external\nneighbor 10.244.2.69 ebgp-multihop 255\n",
        );
        expect(() => fillInNode("neighbor {{node-ipv6}}", { ipv4: "10.244.2.69" }, "x")).toThrow(
            "pod x does not find its node: none of its IPv6 default routes leads to an address of the node; give it gateways",
        );
    });
});
