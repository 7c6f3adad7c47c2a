/**
 * The tables that the articles show, typed from them: what a lab's prediction must say whatever the simulator thinks. Which
 * of several equal paths is the best depended on their age there; FRR is told to choose by BGP identifier here.
 */

import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { predict } from "../../routing/predict";
import type { BgpRoute, Tables } from "../../routing/prediction";
import { trace } from "../../routing/trace";
import { schema as calicoSchema, planCalicoMetalLbVrf } from "../../stacks/calico-metallb-vrf";
import { schema as ibgpFrrSchema, planIbgpFrr } from "../../stacks/ibgp-frr";
import { schema as leafSpineSchema, planLeafSpine } from "../../stacks/leaf-spine";
import { blocks, nodeAddresses, vrfLab, withoutVrfs } from "./vrf-lab";

/** Paths as `<flags> <next hop> <AS path>`: `>` the best, `=` used beside it, `*` valid. */
function rib({ rib: { ipv4 } }: Tables): Record<string, readonly string[]> {
    return Object.fromEntries(Object.entries(ipv4).map(([prefix, route]) => [prefix, pathTexts(route)]));
}

function pathTexts({ paths }: BgpRoute): readonly string[] {
    return paths
        .map(({ valid, best, multipath, nextHop, asPath }) => {
            const flags = `${valid ? "*" : ""}${best ? ">" : multipath ? "=" : ""}`;
            return [flags, nextHop, ...asPath].join(" ");
        })
        .sort();
}

/** Paths that are valid, without what was chosen of them. */
function unflagged(paths: readonly string[]): readonly string[] {
    return paths
        .filter((path) => path.startsWith("*"))
        .map((path) => path.replace(/^\S+ /, ""))
        .sort();
}

function fib({ fib: { ipv4 } }: Tables): Record<string, string> {
    return Object.fromEntries(
        Object.entries(ipv4).map(([prefix, { protocol, nextHops }]) => [
            prefix,
            [protocol, ...nextHops.map(({ via, dev }) => (via === undefined ? dev : `${via} ${dev}`))].join(", "),
        ]),
    );
}

describe("leaf-spine (the article on Cilium's BGP control plane)", () => {
    /** In the article the slices went to the nodes in another order than their names. */
    const slices: Readonly<Record<string, string>> = {
        "clab-bgp-control-plane": "10.98.0.0/24",
        "clab-bgp-worker3": "10.98.1.0/24",
        "clab-bgp-worker2": "10.98.2.0/24",
        "clab-bgp-worker": "10.98.3.0/24",
    };

    function asObserved(parameters: Record<string, unknown>): Lab {
        const lab = planLeafSpine(leafSpineSchema.parse(parameters));
        const nodes = Object.entries(lab.cluster.nodes).map(([name, node]) => [
            name,
            { ...node, podCidrs: [slices[name]!] },
        ]);
        return { ...lab, cluster: { ...lab.cluster, nodes: Object.fromEntries(nodes) } };
    }

    const announced = { loadBalancer: "metallb", announceServices: true };
    const before = predict(asObserved({ loadBalancer: "metallb", announceServices: false }));
    const after = predict(asObserved(announced));

    it("has the table of leaf0, with two ways to whatever is in the other rack", () => {
        expect(rib(before.devices.leaf0!)).toEqual({
            "10.1.5.0/24": ["*> 0.0.0.0"],
            "10.1.8.0/24": ["*= 10.1.12.2 800 65008", "*> 10.1.10.2 500 65008"],
            "10.98.0.0/24": ["*> 10.1.5.10"],
            "10.98.1.0/24": ["*= 10.1.12.2 800 65008", "*> 10.1.10.2 500 65008"],
            "10.98.2.0/24": ["*= 10.1.12.2 800 65008", "*> 10.1.10.2 500 65008"],
            "10.98.3.0/24": ["*> 10.1.5.11"],
        });
        expect(fib(before.devices.leaf0!)).toMatchObject({
            "10.1.8.0/24": "bgp, 10.1.10.2 eth1, 10.1.12.2 eth2",
            "10.98.0.0/24": "bgp, 10.1.5.10 eth3",
            "10.98.2.0/24": "bgp, 10.1.10.2 eth1, 10.1.12.2 eth2",
            "10.98.3.0/24": "bgp, 10.1.5.11 eth3",
        });
    });

    it("has the table of spine0, with one way to each rack", () => {
        expect(fib(before.devices.spine0!)).toMatchObject({
            "10.1.5.0/24": "bgp, 10.1.10.1 eth1",
            "10.1.8.0/24": "bgp, 10.1.34.1 eth2",
            "10.98.0.0/24": "bgp, 10.1.10.1 eth1",
            "10.98.1.0/24": "bgp, 10.1.34.1 eth2",
            "10.98.2.0/24": "bgp, 10.1.34.1 eth2",
            "10.98.3.0/24": "bgp, 10.1.10.1 eth1",
        });
        for (const [prefix, paths] of Object.entries(rib(before.devices.spine0!))) {
            expect([prefix, paths.filter((path) => path.startsWith("*>"))]).toHaveLength(2);
            expect(paths.some((path) => path.startsWith("*="))).toBe(false);
        }
    });

    it("knows the service nowhere before the nodes announce it", () => {
        for (const device of ["spine0", "spine1", "leaf0", "leaf1"]) {
            expect(rib(before.devices[device]!)).not.toHaveProperty(["172.18.0.200/32"]);
        }
    });

    it("has the service behind the leaf's own nodes, with ways through the spines unused", () => {
        expect(fib(after.devices.leaf0!)["172.18.0.200/32"]).toBe("bgp, 10.1.5.10 eth3, 10.1.5.11 eth3");
        // A leaf has the other rack's paths as well if the spines chose that rack: in the article leaf0, by identifier leaf1.
        expect(rib(after.devices.leaf0!)["172.18.0.200/32"]).toEqual(["*= 10.1.5.11", "*> 10.1.5.10"]);
        expect(rib(after.devices.leaf1!)["172.18.0.200/32"]).toEqual([
            "* 10.1.11.2 800 65005",
            "* 10.1.34.2 500 65005",
            "*= 10.1.8.11",
            "*> 10.1.8.10",
        ]);
    });

    it("has one way to the service on a spine, of two that it knows", () => {
        const paths = rib(after.devices.spine0!)["172.18.0.200/32"]!;
        expect(unflagged(paths)).toEqual(["10.1.10.1 65005", "10.1.34.1 65008"]);
        expect(paths.filter((path) => path.includes(">"))).toHaveLength(1);
        expect(after.devices.spine0!.fib.ipv4["172.18.0.200/32"]?.nextHops).toHaveLength(1);
    });

    it("takes packets between pods of the racks over both spines", () => {
        const lab = asObserved(announced);
        const [first] = lab.cluster.workloads[0]!.pods;
        const other = lab.cluster.workloads[0]!.pods.find(({ node }) => node === "clab-bgp-worker2")!;
        const { ways } = trace(lab, predict(lab), first!.name, other.name);
        expect(ways.map(({ hops }) => hops.map(({ device }) => device).join(" "))).toEqual([
            "clab-bgp-control-plane leaf0 spine0 leaf1",
            "clab-bgp-control-plane leaf0 spine1 leaf1",
        ]);
    });
});

const planned = planCalicoMetalLbVrf(calicoSchema.parse({}));

describe.each([
    ["typed from the article", vrfLab],
    ["as the stack plans it", planned],
])("calico-metallb-vrf (the article on Calico beside MetalLB), %s", (_, lab) => {
    const prediction = predict(lab);
    const nodes = Object.keys(lab.cluster.nodes);
    const { "k8s-metallb": metallb, "k8s-calico": calico } = prediction.devices.csr1000v!.vrfs!;
    const addresses = Object.values(nodeAddresses);

    it("has both sessions of every node up", () => {
        const ofRouter = prediction.sessions.filter(({ local }) => local === "csr1000v");
        const seen = ofRouter.map(({ localInstance, remote, state }) => `${localInstance} ${remote} ${state.up}`);
        const wanted = ["k8s-metallb", "k8s-calico"].flatMap((vrf) => nodes.map((node) => `${vrf} ${node} true`));
        expect(seen.sort()).toEqual(wanted.sort());
    });

    it("has every block from all four nodes in k8s-calico, and the networks of both VRFs", () => {
        const table = rib(calico!);
        for (const block of Object.values(blocks)) {
            expect(unflagged(table[block]!)).toEqual(addresses.map((address) => `${address} 65002`));
            expect(table[block]!.filter((path) => path.includes(">"))).toHaveLength(1);
        }
        // What the article's listing of the VRF shows besides, and what leaks in from k8s-metallb.
        for (const network of ["1.1.1.2/32", "10.0.0.0/24", "10.0.1.0/24", "1.1.1.1/32"]) {
            expect(table[network]).toEqual(["*> 0.0.0.0"]);
        }
    });

    it("has the table of k8s-metallb", () => {
        const table = rib(metallb!);
        expect(Object.keys(table).sort()).toEqual(
            [
                "1.1.1.1/32",
                "1.1.1.2/32",
                "10.0.0.0/24",
                "10.0.1.0/24",
                "10.100.0.0/32",
                ...Object.values(blocks),
            ].sort(),
        );
        for (const network of ["1.1.1.1/32", "1.1.1.2/32", "10.0.0.0/24", "10.0.1.0/24"]) {
            expect(table[network]).toEqual(["*> 0.0.0.0"]);
        }
        // maximum-paths 4: the service is behind all four nodes.
        expect(unflagged(table["10.100.0.0/32"]!)).toEqual(addresses.map((address) => `${address} 65001`));
        expect(metallb!.fib.ipv4["10.100.0.0/32"]?.nextHops.map(({ via }) => via)).toEqual([...addresses]);
        for (const block of Object.values(blocks)) {
            expect(table[block]).toHaveLength(1);
            expect(table[block]![0]).toMatch(/^\*> 10\.0\.0\.(1|11|12|13) 65002$/);
        }
    });

    it("tells the nodes nothing, because of deny-all-routes", () => {
        for (const { local, offers } of prediction.sessions) {
            expect(local === "csr1000v" ? offers.fromLocal.ipv4 : []).toEqual([]);
        }
    });

    it("takes the client to the service at every node, and to every pod, and the pods' answers back", () => {
        const service = trace(lab, prediction, "client0", "10.100.0.0").ways;
        expect(service.map(({ disposition, detail }) => `${disposition} ${detail}`)).toEqual(
            nodes.map((node) => `delivered service ${lab.cluster.services[0]!.name} at ${node}`),
        );
        for (const { name } of lab.cluster.workloads[0]!.pods) {
            const [there] = trace(lab, prediction, "client0", name).ways;
            expect(there).toMatchObject({ disposition: "delivered", detail: `pod ${name}` });
            expect(trace(lab, prediction, name, "client0").ways).toMatchObject([{ disposition: "delivered" }]);
        }
    });
});

describe("calico-metallb-vrf", () => {
    it("needs the nodes' default route through the router, without which 1.1.1.2 is unreachable", () => {
        const nodes = Object.entries(vrfLab.cluster.nodes).map(([name, node]) => [name, { ...node, staticRoutes: [] }]);
        const cut = { ...vrfLab, cluster: { ...vrfLab.cluster, nodes: Object.fromEntries(nodes) } };
        const { sessions } = predict(cut);
        const toCalico = sessions.filter(({ localInstance }) => localInstance === "k8s-calico");
        expect(toCalico).toHaveLength(4);
        expect(toCalico.map(({ state }) => state.up)).toEqual([false, false, false, false]);
        expect(toCalico[0]!.state).toEqual({ up: false, reason: "k8s-master1 has no route to 1.1.1.2" });
    });

    it("does not work without VRFs: both speakers of a node want the one session to the router", () => {
        const { sessions } = predict(withoutVrfs);
        const down = sessions.filter(({ state }) => !state.up);
        expect(down.map(({ state }) => state)).toContainEqual({
            up: false,
            reason:
                "calico and metallb on k8s-worker1 both speak from 10.0.0.11 to 10.0.0.254, " +
                "and only one connection between two addresses lives (RFC 4271 §6.8)",
        });
        expect(sessions.filter(({ state }) => state.up).map(({ localInstance }) => localInstance)).toEqual(
            Array.from({ length: 6 }, () => "calico"),
        );
    });
});

describe("ibgp-frr (the article on Cilium with MetalLB inside)", () => {
    const lab = planIbgpFrr(ibgpFrrSchema.parse({}));
    const prediction = predict(lab);
    const nodes = ["192.168.1.10", "192.168.1.21", "192.168.1.22", "192.168.1.23", "192.168.1.24", "192.168.1.25"];

    it("has six sessions, over each of which one prefix comes and none goes", () => {
        expect(
            prediction.sessions.map(({ remoteAddress, state, offers }) => [
                remoteAddress,
                state.up,
                offers.fromLocal.ipv4.length,
                offers.fromRemote.ipv4.length,
            ]),
        ).toEqual(nodes.map((address) => [address, true, 0, 1]));
    });

    it("has one route with six next hops", () => {
        const { "bgp-router1": router } = prediction.devices;
        expect(Object.keys(router!.rib.ipv4)).toEqual(["172.16.10.0/32"]);
        expect(fib(router!)["172.16.10.0/32"]).toBe(["bgp", ...nodes.map((via) => `${via} enp7s0`)].join(", "));
    });
});
