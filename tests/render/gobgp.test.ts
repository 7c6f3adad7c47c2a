import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { ciliumResources } from "../../render/cilium";
import type { BgpApi } from "../../render/cilium-versions";
import { gobgpConfig } from "../../render/gobgp";
import type { CiliumBGPAdvertisement, KubernetesObject } from "../../render/kubernetes";
import { workloadResources } from "../../render/workload";
import { lab, withInstances, withServices } from "./labs";

function objects(of: Lab, bgpApi?: BgpApi): readonly KubernetesObject[] {
    return [...ciliumResources(of, { bgpApi }), ...workloadResources(of)];
}

function configs(of: Lab, bgpApi?: BgpApi) {
    const all = objects(of, bgpApi);
    return Object.fromEntries(Object.entries(of.cluster.nodes).map(([name, node]) => [name, gobgpConfig(all, node)]));
}

const neighbor = {
    remoteAsn: 65000,
    holdTime: 30,
    keepalive: 30,
    connectRetry: 120,
    gracefulRestartTime: 120,
};

describe("GoBGP's configuration", () => {
    it("of a worker has its sessions, its service addresses and nothing else", () => {
        expect(configs(lab())["cilium-bgp-cp-worker"]).toEqual({
            asn: 65002,
            routerId: "172.18.0.3",
            neighbors: [
                { ...neighbor, address: "169.254.2.1", families: ["ipv4"] },
                { ...neighbor, address: "fd00:169:254:2::1", families: ["ipv6"] },
            ],
            originated: ["10.254.0.10/32", "fd00:10:254::10/128", "10.254.0.11/32", "fd00:10:254::11/128"],
        });
    });

    it("of a node without a pod of a Local service leaves out its addresses", () => {
        expect(configs(lab())["cilium-bgp-cp-control-plane"]?.originated).toEqual([
            "10.254.0.10/32",
            "fd00:10:254::10/128",
        ]);
    });

    it("starts with the node's pod CIDRs when they are exported", () => {
        const { originated } = configs(lab({ exportPodCidr: true }))["cilium-bgp-cp-worker2"]!;
        expect(originated.slice(0, 2)).toEqual(["10.100.2.0/24", "fd00:10:255:2::/64"]);
    });

    it.each([
        ["plainly", {}],
        ["with pod CIDRs and without graceful restart", { exportPodCidr: true, gracefulRestartTime: 0 }],
        ["with uneven pods", { workers: 5, replicas: 3 }],
    ])("is the same from both of Cilium's APIs: %s", (_, parameters) => {
        const of = lab({ ciliumVersion: "1.18.5", ...parameters });
        expect(configs(of, "peering-policy")).toEqual(configs(of, "cluster-config"));
    });

    it("carries both families on each session before Cilium 1.15, which cannot choose", () => {
        const families = configs(lab({ ciliumVersion: "1.14.1" }))["cilium-bgp-cp-worker"]!.neighbors.map(
            (each) => each.families,
        );
        expect(families).toEqual([
            ["ipv4", "ipv6"],
            ["ipv4", "ipv6"],
        ]);
    });

    it("has the timers of the library and no graceful restart on Cilium 1.13, which cannot be told others", () => {
        const [first] = configs(lab({ ciliumVersion: "1.13.0" }))["cilium-bgp-cp-worker"]!.neighbors;
        expect(first).toMatchObject({ holdTime: 90, keepalive: 30, connectRetry: 120, gracefulRestartTime: 0 });
        expect(first?.families).toEqual(["ipv4", "ipv6"]);
    });

    it("has graceful restart off when the resources have", () => {
        const [first] = configs(lab({ gracefulRestartTime: 0 }))["cilium-bgp-cp-worker"]!.neighbors;
        expect(first?.gracefulRestartTime).toBe(0);
    });

    it("announces only services that the selector matches, by their labels and by the name Cilium adds", () => {
        const named = { matchLabels: { "io.kubernetes.service.name": "app-svc-local" } };
        const of = withInstances(lab(), (each) => ({ ...each, serviceSelector: named }));
        expect(configs(of)["cilium-bgp-cp-worker"]?.originated).toEqual(["10.254.0.11/32", "fd00:10:254::11/128"]);
        expect(configs(of)["cilium-bgp-cp-control-plane"]?.originated).toEqual([]);
    });

    it("does not announce an address that no pool holds: LB-IPAM would not give it", () => {
        const of = withServices(lab(), (each) => ({
            ...each,
            loadBalancerAddresses: ["10.253.0.1", "fd00:10:254::7"],
        }));
        expect(configs(of)["cilium-bgp-cp-control-plane"]?.originated).toEqual(["fd00:10:254::7/128"]);
    });

    it("does not announce an address from a pool for other services", () => {
        const base = lab();
        const pools = base.cluster.loadBalancerPools.map((pool) => ({
            ...pool,
            serviceSelector: { matchLabels: { "io.kubernetes.service.name": "app-svc-local" } },
        }));
        const of = { ...base, cluster: { ...base.cluster, loadBalancerPools: pools } };
        expect(configs(of)["cilium-bgp-cp-control-plane"]?.originated).toEqual([]);
    });

    it.each([
        ["1.14.1", ["10.254.0.255"]],
        ["1.15.19", []],
        ["1.20.2", []],
    ])("on Cilium %s takes the last address of a pool as the version does", (ciliumVersion, refused) => {
        const of = withServices(lab({ ciliumVersion }), (each) => ({
            ...each,
            loadBalancerAddresses: ["10.254.0.255"],
        }));
        const { originated } = configs(of)["cilium-bgp-cp-control-plane"]!;
        expect(originated.includes("10.254.0.255/32")).toBe(refused.length === 0);
    });

    it("does not exist for a node that no resource selects", () => {
        const of = withInstances(lab(), (each) => ({ ...each, nodeSelector: { matchLabels: { role: "none" } } }));
        expect(configs(of)["cilium-bgp-cp-worker"]).toBeUndefined();
    });

    it("is refused when two resources select one node, which Cilium calls a conflict", () => {
        const everywhere = withInstances(lab(), (each) => ({ ...each, nodeSelector: {} }));
        expect(() => configs(everywhere)).toThrow(
            "CiliumBGPClusterConfig control-plane and CiliumBGPClusterConfig worker and CiliumBGPClusterConfig worker2 configure the same node",
        );
    });

    it("is refused when a peer configuration is missing", () => {
        const of = lab();
        const without = objects(of).filter(({ metadata }) => metadata.name !== "ipv6");
        expect(() => gobgpConfig(without, of.cluster.nodes["cilium-bgp-cp-worker"]!)).toThrow(
            "refers to CiliumBGPPeerConfig ipv6, which does not exist",
        );
    });

    it("announces no service for an advertisement without selector, as Cilium does", () => {
        const of = lab();
        const all = objects(of).map((each): KubernetesObject => {
            if (each.kind !== "CiliumBGPAdvertisement") {
                return each;
            }
            const advertisements: CiliumBGPAdvertisement["spec"]["advertisements"] = [
                { advertisementType: "Service", service: { addresses: ["LoadBalancerIP"] } },
            ];
            return { ...each, spec: { advertisements } };
        });
        expect(gobgpConfig(all, of.cluster.nodes["cilium-bgp-cp-worker"]!)?.originated).toEqual([]);
    });

    it("announces nothing in a family whose peers select no advertisement", () => {
        const of = lab();
        const all = objects(of).map((each): KubernetesObject => {
            if (each.kind !== "CiliumBGPPeerConfig" || each.metadata.name !== "ipv6") {
                return each;
            }
            const families = each.spec.families.map(({ afi, safi }) => ({ afi, safi }));
            return { ...each, spec: { ...each.spec, families } };
        });
        expect(gobgpConfig(all, of.cluster.nodes["cilium-bgp-cp-control-plane"]!)?.originated).toEqual([
            "10.254.0.10/32",
        ]);
    });
});
