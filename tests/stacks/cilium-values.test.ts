import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { ciliumValueFindings } from "../../stacks/cilium-values";
import { schema as ibgpSchema, planIbgpFrr } from "../../stacks/ibgp-frr";
import { schema as leafSpineSchema, planLeafSpine } from "../../stacks/leaf-spine";
import { planSingleFrr, type SingleFrr, schema as singleSchema } from "../../stacks/single-frr";

const single = (parameters: object = {}): Lab => planSingleFrr(singleSchema.parse(parameters) as SingleFrr);
const fabric = (parameters: object = {}): Lab => planLeafSpine(leafSpineSchema.parse(parameters));
const ibgp = (parameters: object = {}): Lab => planIbgpFrr(ibgpSchema.parse(parameters));

/** What the values of a stack are told, as rule and value. */
function told(values: object, { cluster }: Lab = single(), kubeProxyReplacement = false): readonly string[] {
    return ciliumValueFindings({
        values: values as Readonly<Record<string, unknown>>,
        cluster,
        kubeProxyReplacement,
        at: ["bgp-lab:docker", "values"],
    }).map(({ id, at }) => `${id} ${at.replace("bgp-lab:docker.values.", "")}`);
}

describe("values for Cilium's chart", () => {
    it.each<[string, object, Lab, readonly string[]]>([
        ["what the lab decides", { ipam: { mode: "cluster-pool" } }, single(), ["CFG-006 ipam.mode"]],
        [
            "a value that 1.16 does not take",
            { encryption: { keyFile: "keys" } },
            single(),
            ["CFG-022 encryption.keyFile"],
        ],
        [
            "a value that was left out in 1.15",
            { enableCnpStatusUpdates: true },
            single(),
            ["CFG-022 enableCnpStatusUpdates"],
        ],
        [
            "MetalLB inside a Cilium that has it no more",
            { bgp: { enabled: true, announce: { loadbalancerIP: true } } },
            single({ ciliumVersion: "1.17.0" }),
            ["CFG-022 bgp.enabled", "CFG-022 bgp.announce"],
        ],
        [
            "a user interface without what it asks",
            { hubble: { enabled: true, tls: { enabled: false }, ui: { enabled: true } } },
            single(),
            ["CFG-016 hubble.ui.enabled"],
        ],
        [
            "a relay without Hubble",
            { hubble: { relay: { enabled: true } } },
            single(),
            ["CFG-016 hubble.relay.enabled"],
        ],
        ["certificates that change", { hubble: { enabled: true } }, single(), ["CFG-017 hubble.enabled"]],
        [
            "an ingress without proxy",
            { ingressController: { enabled: true } },
            single(),
            ["CFG-018 ingressController.enabled", "CFG-018 ingressController.enabled"],
        ],
        [
            "a load balancer without proxy",
            { loadBalancer: { l7: { backend: "envoy" } } },
            single(),
            ["CFG-018 loadBalancer.l7.backend"],
        ],
        [
            "two operators on one node",
            { operator: { replicas: 2 } },
            fabric({ racks: 1, nodesPerRack: 1 }),
            ["CFG-019 operator.replicas"],
        ],
        ["direct routes across racks", { autoDirectNodeRoutes: true }, fabric(), ["CFG-020 autoDirectNodeRoutes"]],
        ["direct routes beside a tunnel", { autoDirectNodeRoutes: true }, single(), ["CFG-020 autoDirectNodeRoutes"]],
        ["a cluster's name of 33 letters", { cluster: { name: "a".repeat(33) } }, single(), ["CFG-021 cluster.name"]],
        ["an id of a cluster without a name", { cluster: { id: 3 } }, single(), ["CFG-021 cluster.id"]],
    ])("are told %s", (_, values, lab, expected) => {
        expect(told(values, lab)).toEqual(expected);
    });

    it.each<[string, object, Lab]>([
        ["values that are off anyway", { remoteNodeIdentity: false, encryption: { keyFile: "" } }, single()],
        [
            "values that an older release takes",
            { encryption: { keyFile: "keys" } },
            single({ ciliumVersion: "1.15.19" }),
        ],
        [
            "the parts of Hubble together",
            { hubble: { ui: { enabled: true } } },
            ibgp({ hubble: { relay: true, ui: false } }),
        ],
        [
            "certificates that are made once",
            { hubble: { enabled: true, tls: { auto: { method: "cronJob" } } } },
            single(),
        ],
        ["two operators on two nodes", { operator: { replicas: 2 } }, fabric({ racks: 1 })],
        ["direct routes within a rack", { autoDirectNodeRoutes: true }, fabric({ racks: 1 })],
        [
            "direct routes where there is a link",
            { autoDirectNodeRoutes: true, directRoutingSkipUnreachable: true },
            fabric(),
        ],
        ["a cluster's name and id", { cluster: { name: "east", id: 3 } }, single()],
    ])("may be %s", (_, values, lab) => {
        expect(told(values, lab)).toEqual([]);
    });

    it("may have an ingress with Cilium's proxy and services", () => {
        expect(told({ ingressController: { enabled: true }, l7Proxy: true }, single(), true)).toEqual([]);
    });

    it("are told where the API server is by the lab, and may be by the stack beside kube-proxy", () => {
        expect(told({ k8sServiceHost: "10.0.0.1" }, single(), true)).toEqual(["CFG-006 k8sServiceHost"]);
        expect(told({ k8sServiceHost: "10.0.0.1" }, single(), false)).toEqual([]);
    });

    it("are not asked about where Calico is the network", () => {
        const { cluster } = single();
        const { cilium: _, ...withoutCilium } = cluster;
        expect(told({ tunnel: "vxlan" }, { ...single(), cluster: withoutCilium })).toEqual([]);
    });
});
