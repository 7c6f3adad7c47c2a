/** VRFs of a router: own tables and sessions, and routes that leak by route target. */

import { describe, expect, it } from "vitest";
import type { Lab, Router, StaticRoute, Vrf } from "../../lab/model";
import { predict } from "../../routing/predict";
import type { Tables } from "../../routing/prediction";
import { router, vrfLab } from "./vrf-lab";

function withVrfs(change: (vrf: Vrf) => Partial<Vrf>, extra: readonly Vrf[] = []): Lab {
    const vrfs = [...router.vrfs!.map((vrf) => ({ ...vrf, ...change(vrf) })), ...extra];
    return withRouter({ ...router, vrfs });
}

function withRouter(changed: Router): Lab {
    return { ...vrfLab, routers: { csr1000v: changed } };
}

function tables(lab: Lab, vrf: string): Tables {
    return predict(lab).devices.csr1000v!.vrfs![vrf]!;
}

const calico = "k8s-calico";
const metallb = "k8s-metallb";
const service = "10.100.0.0/32";
const blackhole = (prefix: string): StaticRoute => ({ prefix, via: { kind: "blackhole" } });

describe("routes leak between VRFs", () => {
    it("where what one exports is what the other imports, and nowhere else", () => {
        const apart = withVrfs(({ name }) => (name === calico ? { importTargets: ["65000:2"] } : {}));
        expect(tables(apart, calico).rib.ipv4).not.toHaveProperty([service]);
        expect(tables(apart, metallb).rib.ipv4).toHaveProperty(["1.1.1.2/32"]);
        const silent = withVrfs(({ name }) => (name === metallb ? { exportTargets: [] } : {}));
        expect(tables(silent, calico).rib.ipv4).not.toHaveProperty(["10.0.0.0/24"]);
    });

    it("once, and not on to a third VRF", () => {
        const third: Vrf = {
            ...router.vrfs![0]!,
            name: "third",
            importTargets: ["65000:2"],
            exportTargets: ["65000:3"],
            bgp: { ...router.vrfs![0]!.bgp, routerId: "1.0.0.3", neighbors: [] },
        };
        const { ipv4 } = tables(
            withVrfs(() => ({}), [third]),
            "third",
        ).rib;
        // The networks that k8s-calico has of its own, and not those that leaked into it from k8s-metallb.
        expect(Object.keys(ipv4)).toEqual(["1.1.1.2/32", "10.0.1.0/24", ...Object.keys(ipv4).filter(isBlock)]);
        expect(Object.keys(ipv4).filter(isBlock)).toHaveLength(4);
        // Without a way to the nodes, the blocks' next hops are out of reach.
        expect(Object.values(ipv4).flatMap(({ paths }) => paths.map(({ valid }) => valid))).toEqual([
            true,
            true,
            false,
            false,
            false,
            false,
        ]);
    });

    it("with the best path only, as one learned from the router itself", () => {
        const { paths } = tables(vrfLab, calico).rib.ipv4[service]!;
        expect(paths).toEqual([
            {
                nextHop: "10.0.0.1",
                asPath: [65001],
                from: `vrf ${metallb}`,
                valid: true,
                best: true,
                multipath: true,
            },
        ]);
        expect(tables(vrfLab, calico).fib.ipv4[service]?.nextHops).toEqual([{ dev: metallb }]);
    });

    it("and give way to a static route of the VRF itself", () => {
        const prefix = service;
        const lab = withVrfs(({ name }) => (name === calico ? { staticRoutes: [blackhole(prefix)] } : {}));
        expect(tables(lab, calico).fib.ipv4[prefix]).toEqual({ protocol: "static", blackhole: true, nextHops: [] });
    });

    it("and are better or worse than the VRF's own by the usual rules", () => {
        const block = "192.168.116.0/26";
        const lab = withVrfs(({ name, bgp }) =>
            name === metallb
                ? {
                      staticRoutes: [blackhole(block)],
                      bgp: {
                          ...bgp,
                          families: [{ family: "ipv4", redistribute: ["connected", "static"], networks: [] }],
                      },
                  }
                : {},
        );
        // The leaked path has gone through no AS, those of the nodes through one; and it does not leak back.
        expect(tables(lab, calico).rib.ipv4[block]!.paths.map(({ from, best }) => [from, best])).toEqual([
            [`vrf ${metallb}`, true],
            ...["10.0.0.1", "10.0.0.11", "10.0.0.12", "10.0.0.13"].map((from) => [from, false]),
        ]);
        expect(tables(lab, metallb).rib.ipv4[block]!.paths.map(({ from }) => from)).toEqual(["local"]);
    });

    it("are told to the VRF's neighbors as far as its filters let them", () => {
        const open = withRouter({
            ...router,
            prefixLists: [
                {
                    name: "deny-all-routes",
                    family: "ipv4",
                    entries: [{ sequence: 5, action: "permit", prefix: "10.0.0.0/8", le: 32 }],
                },
            ],
        });
        const { sessions, devices } = predict(open);
        const toCalico = sessions.find(({ localInstance }) => localInstance === calico);
        expect(toCalico?.offers.fromLocal.ipv4).toEqual(["10.0.0.0/24", "10.0.1.0/24", service]);
        // BIRD keeps them, with the session's other end as next hop, which only the default route leads to.
        const { paths } = devices["k8s-worker1"]!.rib.ipv4[service]!;
        expect(paths.filter(({ from }) => from === "1.1.1.2")).toMatchObject([
            { nextHop: "1.1.1.2", asPath: [65000, 65001], valid: true },
        ]);
    });
});

function isBlock(prefix: string): boolean {
    return prefix.startsWith("192.168.");
}

describe("sessions of VRFs", () => {
    it("with equal addresses in two VRFs are two sessions", () => {
        const { sessions } = predict(vrfLab);
        const toOne = sessions.filter(
            ({ local, remoteAddress }) => local === "csr1000v" && remoteAddress === "10.0.0.1",
        );
        expect(
            toOne.map(({ localInstance, remoteInstance, state }) => [localInstance, remoteInstance, state.up]),
        ).toEqual([
            [metallb, "metallb", true],
            [calico, "calico", true],
        ]);
    });

    it("hang on the routes that leak: without them the loopback is out of reach", () => {
        const apart = withVrfs(() => ({ importTargets: [] }));
        const down = predict(apart).sessions.filter(({ localInstance }) => localInstance === calico);
        expect(down.map(({ state }) => state.up)).toEqual([false, false, false, false]);
        expect(down[0]!.state).toEqual({ up: false, reason: "csr1000v has no route to 10.0.0.1" });
    });

    it("need as many hops as there are", () => {
        const near = withVrfs(({ name, bgp }) =>
            name === calico
                ? {
                      bgp: {
                          ...bgp,
                          neighbors: bgp.neighbors.map((neighbor) => ({
                              ...neighbor,
                              session: {
                                  kind: "own" as const,
                                  settings: {
                                      ...(neighbor.session.kind === "own"
                                          ? neighbor.session.settings
                                          : (undefined as never)),
                                      ebgpMultihop: 1,
                                  },
                              },
                          })),
                      },
                  }
                : {},
        );
        const [first] = predict(near).sessions.filter(({ localInstance }) => localInstance === calico);
        expect(first?.state).toEqual({
            up: false,
            reason: "10.0.0.1 is not on a link of csr1000v (VRF k8s-calico), and eBGP reaches one hop without ebgpMultihop",
        });
    });
});
