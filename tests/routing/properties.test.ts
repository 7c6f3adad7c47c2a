/** What holds for the prediction of any lab. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addressOf, familyOf } from "../../lab/address";
import type { Address, Family, Lab } from "../../lab/model";
import { predict, UnrestError } from "../../routing/predict";
import type { BgpPath, Prediction } from "../../routing/prediction";
import { anycast, atRest, buildLab, defaultRouter, type Plan, plans } from "./labs";

const families: readonly Family[] = ["ipv4", "ipv6"];

/** Random labs in which every router is an AS of its own. */
const distinctAses = plans.map(
    (plan): Plan => ({
        ...plan,
        routers: plan.routers.map((router, index) => ({ ...router, asn: 65001 + index })),
    }),
);

/** Every path that a router holds. */
function paths(lab: Lab, { devices }: Prediction) {
    return Object.keys(lab.routers).flatMap((router) =>
        families.flatMap((family) =>
            Object.entries(devices[router]!.rib[family]).flatMap(([prefix, route]) =>
                route.paths.map((path) => ({ router, family, prefix, path, route })),
            ),
        ),
    );
}

function owners(lab: Lab): ReadonlyMap<Address, string> {
    return new Map(
        Object.entries(lab.routers).flatMap(([name, { interfaces }]) =>
            interfaces.flatMap(({ addresses }) => addresses.map((address) => [addressOf(address), name] as const)),
        ),
    );
}

function bestOf(prediction: Prediction, router: string, family: Family, prefix: string): BgpPath | undefined {
    return prediction.devices[router]!.rib[family][prefix]?.paths.find(({ best }) => best);
}

/** Prefixes that a router can use, by router and family. */
function known(lab: Lab, prediction: Prediction): ReadonlySet<string> {
    return new Set(
        paths(lab, prediction).flatMap(({ router, family, prefix, path }) =>
            path.best ? [`${router} ${family} ${prefix}`] : [],
        ),
    );
}

function check(arbitrary: fc.Arbitrary<Plan>, claim: (lab: Lab, prediction: Prediction, plan: Plan) => void): void {
    fc.assert(
        fc.property(arbitrary, (plan) => {
            const lab = buildLab(plan);
            const prediction = atRest(lab);
            fc.pre(!(prediction instanceof UnrestError));
            claim(lab, prediction, plan);
        }),
        { numRuns: 150 },
    );
}

describe("in any lab", () => {
    it("no router holds a path through its own AS, and no AS is in a path twice", () => {
        check(plans, (lab, prediction) => {
            for (const { router, path } of paths(lab, prediction)) {
                expect(path.asPath).not.toContain(lab.routers[router]!.bgp.asn);
                expect(new Set(path.asPath).size).toBe(path.asPath.length);
            }
        });
    });

    it("a route has one best path when it has a valid one, and no more paths in use than maximum-paths", () => {
        check(plans, (lab, prediction) => {
            for (const { router, route } of paths(lab, prediction)) {
                const valid = route.paths.some((path) => path.valid);
                expect(route.paths.filter(({ best }) => best)).toHaveLength(valid ? 1 : 0);
                const used = route.paths.filter(({ multipath }) => multipath);
                expect(used.length).toBeLessThanOrEqual(lab.routers[router]!.bgp.maximumPaths);
                expect(new Set(used.map(({ asPath }) => asPath.length)).size).toBeLessThanOrEqual(1);
                expect(used.every((path) => path.valid)).toBe(true);
            }
        });
    });

    it("every path held is what the neighbor has as its best, with the neighbor's AS in front over eBGP", () => {
        check(plans, (lab, prediction) => {
            const owner = owners(lab);
            for (const { router, family, prefix, path } of paths(lab, prediction)) {
                if (path.from === "local") {
                    continue;
                }
                const sender = owner.get(path.from)!;
                const { asn } = lab.routers[sender]!.bgp;
                const best = bestOf(prediction, sender, family, prefix);
                const expected = asn === lab.routers[router]!.bgp.asn ? best?.asPath : [asn, ...(best?.asPath ?? [])];
                expect(path.asPath).toEqual(expected);
            }
        });
    });

    it("every path held was offered by the neighbor that sent it", () => {
        check(plans, (lab, prediction) => {
            const offers = new Map(
                prediction.sessions.flatMap(({ local, localAddress, remote, remoteAddress, offers: both }) => [
                    [`${local} ${remoteAddress}`, both.fromRemote] as const,
                    [`${remote} ${localAddress}`, both.fromLocal] as const,
                ]),
            );
            for (const { router, family, prefix, path } of paths(lab, prediction)) {
                if (path.from !== "local") {
                    expect(offers.get(`${router} ${path.from}`)?.[family]).toContain(prefix);
                }
            }
        });
    });

    it("the outcome does not depend on the order of routers and neighbors in the model", () => {
        check(plans, (lab, prediction) => {
            const reversed: Lab = {
                ...lab,
                routers: Object.fromEntries(
                    Object.entries(lab.routers)
                        .reverse()
                        .map(([name, router]) => [
                            name,
                            { ...router, bgp: { ...router.bgp, neighbors: router.bgp.neighbors.toReversed() } },
                        ]),
                ),
            };
            expect(predict(reversed).devices).toEqual(prediction.devices);
        });
    });

    it("an outgoing filter lets nothing out that it denies", () => {
        check(plans, (_lab, prediction, { links }) => {
            links.forEach((link, number) => {
                const sessions = prediction.sessions.filter(({ localAddress }) =>
                    [
                        `10.1.${number}.1`,
                        `10.1.${number}.2`,
                        `fd00:1:${number + 1}::1`,
                        `fd00:1:${number + 1}::2`,
                    ].includes(localAddress ?? ""),
                );
                for (const { local, offers } of sessions.filter(() => link.filterOut)) {
                    const offer = local === `r${link.a}` ? offers.fromLocal : offers.fromRemote;
                    expect([...offer.ipv4, ...offer.ipv6]).not.toContain(anycast.ipv4);
                    expect([...offer.ipv4, ...offer.ipv6]).not.toContain(anycast.ipv6);
                    expect(offer.ipv4.some((prefix) => prefix.endsWith("/32"))).toBe(false);
                }
            });
        });
    });

    it("a session is up exactly when both of its ends are configured on one link", () => {
        check(plans, (lab, prediction) => {
            expect(prediction.sessions.every(({ state }) => state.up)).toBe(true);
            const configured = Object.values(lab.routers).flatMap(({ bgp }) => bgp.neighbors).length;
            expect(prediction.sessions).toHaveLength(configured / 2);
        });
    });
});

describe("in any lab whose routers are each an AS of their own", () => {
    it("packets reach a router that has the network itself, without passing a router twice", () => {
        check(distinctAses, (lab, prediction) => {
            const owner = owners(lab);
            for (const { router, family, prefix, path } of paths(lab, prediction)) {
                if (path.best) {
                    follow(prediction, owner, router, family, prefix);
                }
            }
        });
    });

    it("taking filters away never takes a route away from any router", () => {
        check(distinctAses, (lab, prediction, plan) => {
            const open = buildLab({
                ...plan,
                routers: plan.routers.map((router) => ({ ...router, ebgpRequiresPolicy: false })),
                links: plan.links.map((link) => ({ ...link, filterIn: false, filterOut: false })),
            });
            const after = known(open, predict(open));
            expect([...known(lab, prediction)].filter((route) => !after.has(route))).toEqual([]);
        });
    });

    it("a router that is cut off takes its own networks with it and nothing else that it alone had", () => {
        check(distinctAses, (lab, _, { links, bridge }) => {
            const name = "r0";
            const rest: Lab = {
                ...lab,
                routers: {
                    ...lab.routers,
                    [name]: { ...lab.routers[name]!, bgp: { ...lab.routers[name]!.bgp, neighbors: [] } },
                },
            };
            const after = predict(rest);
            expect(links.length + bridge.length).toBeGreaterThan(0);
            for (const { router, path } of paths(rest, after)) {
                expect(router === name ? path.from : "local").toBe("local");
                expect(path.asPath).not.toContain(lab.routers[name]!.bgp.asn);
            }
        });
    });
});

/** Follows all branches of the forwarding tables from a router to the first address of a network. */
function follow(
    prediction: Prediction,
    owner: ReadonlyMap<Address, string>,
    start: string,
    family: Family,
    prefix: string,
): void {
    const visit = (router: string, seen: readonly string[]): void => {
        expect(seen).not.toContain(router);
        const route = prediction.devices[router]!.fib[family][prefix];
        expect(route).toBeDefined();
        if (route?.protocol === "bgp") {
            expect(route.nextHops.length).toBeGreaterThan(0);
            for (const { via } of route.nextHops) {
                visit(owner.get(via!)!, [...seen, router]);
            }
        }
    };
    expect(familyOf(prefix)).toBe(family);
    visit(start, []);
}

describe("between two leaves", () => {
    it("traffic is spread over as many spines as there are, up to maximum-paths", () => {
        fc.assert(
            fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 16 }), (spines, maximumPaths) => {
                const leaf = { ...defaultRouter, maximumPaths };
                const plan: Plan = {
                    routers: [
                        { ...leaf, asn: 65001 },
                        { ...leaf, asn: 65002 },
                        ...Array.from({ length: spines }, (_, index) => ({ ...defaultRouter, asn: 65100 + index })),
                    ],
                    links: Array.from({ length: spines }, (_, index) =>
                        [0, 1].map((a) => ({
                            a,
                            b: index + 2,
                            families: ["ipv4"] as const,
                            filterIn: false,
                            filterOut: false,
                        })),
                    ).flat(),
                    bridge: [],
                    bridgeFamilies: [],
                };
                const { fib } = predict(buildLab(plan)).devices.r0!;
                expect(fib.ipv4["10.2.1.1/32"]?.nextHops).toHaveLength(Math.min(spines, maximumPaths));
            }),
            { numRuns: 40 },
        );
    });
});
