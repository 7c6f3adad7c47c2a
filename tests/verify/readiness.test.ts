import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { schema as calicoSchema, planCalicoMetalLbVrf } from "../../stacks/calico-metallb-vrf";
import { schema as ibgpSchema, planIbgpFrr } from "../../stacks/ibgp-frr";
import { schema as leafSpineSchema, planLeafSpine } from "../../stacks/leaf-spine";
import { definitionChecks, objectsOf, readyChecks } from "../../verify/readiness";

const leafSpine = planLeafSpine(leafSpineSchema.parse({ loadBalancer: "metallb" }));
const calico = planCalicoMetalLbVrf(calicoSchema.parse({}));

function of(lab: Lab, pattern: RegExp): readonly string[] {
    return Object.keys(readyChecks(lab)).filter((name) => pattern.test(name));
}

describe("before custom resources are made", () => {
    it("MetalLB's are defined, and its controller, which looks at them, runs", () => {
        expect(Object.keys(definitionChecks(leafSpine, "metallb"))).toEqual([
            "CustomResourceDefinition ipaddresspools.metallb.io v1beta1",
            "CustomResourceDefinition l2advertisements.metallb.io v1beta1",
            "Deployment metallb-system/metallb-controller rollout",
        ]);
        expect(Object.keys(definitionChecks(calico, "metallb"))).toContain(
            "CustomResourceDefinition bgppeers.metallb.io v1beta2",
        );
    });

    it("Calico's are defined, which its operator does", () => {
        expect(Object.keys(definitionChecks(calico, "calico"))).toEqual([
            "CustomResourceDefinition ippools.crd.projectcalico.org v1",
            "CustomResourceDefinition bgpconfigurations.crd.projectcalico.org v1",
            "CustomResourceDefinition bgppeers.crd.projectcalico.org v1",
        ]);
    });

    it("nothing is awaited of a program that the lab does not have", () => {
        expect(definitionChecks(leafSpine, "calico")).toEqual({});
        expect(definitionChecks(calico, "cilium")).toEqual({});
    });
});

describe("a cluster is ready", () => {
    it("when Cilium and MetalLB run on its nodes", () => {
        expect(of(leafSpine, /rollout$/)).toEqual([
            "DaemonSet kube-system/cilium rollout",
            "Deployment kube-system/cilium-operator rollout",
            "DaemonSet metallb-system/metallb-speaker rollout",
            "Deployment metallb-system/metallb-controller rollout",
            "DaemonSet default/cni rollout",
        ]);
    });

    it("when Calico and MetalLB run on its nodes, and nobody asks for Cilium", () => {
        expect(of(calico, /-system\//)).toEqual([
            "DaemonSet calico-system/calico-node rollout",
            "Deployment calico-system/calico-kube-controllers rollout",
            "DaemonSet metallb-system/metallb-speaker rollout",
            "Deployment metallb-system/metallb-controller rollout",
        ]);
        expect(of(calico, /cilium/i)).toEqual([]);
    });

    it("when the parts of Hubble that were asked for run", () => {
        const hubble = (wanted: object) => of(planIbgpFrr(ibgpSchema.parse({ hubble: wanted })), /hubble/);
        expect(hubble({ relay: true, ui: true })).toEqual([
            "Deployment kube-system/hubble-relay rollout",
            "Deployment kube-system/hubble-ui rollout",
        ]);
        expect(hubble({ relay: false, ui: false })).toEqual([]);
    });

    it("when MetalLB, and not Cilium, was told of the pools", () => {
        const objects = Object.keys(objectsOf(leafSpine));
        expect(objects).toEqual(expect.arrayContaining(["IPAddressPool metallb-system/ippool"]));
        expect(objects.filter((name) => name.startsWith("CiliumLoadBalancerIPPool"))).toEqual([]);
    });
});
