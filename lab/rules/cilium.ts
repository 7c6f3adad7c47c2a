import { contains, familyOf } from "../address";
import type { CiliumBgpInstance, KubernetesNode, Lab, Prefix, Timers } from "../model";
import { isBefore, parts } from "../releases";
import { ciliumInstances, nodeInstances, nodeSpeakers } from "../speakers";
import { rule } from "./rule";

/** Timers of sessions that are told none (GoBGP pkg/config/oc/default.go). */
const libraryTimers: Timers = { holdTime: 90, keepalive: 30, connectRetry: 120 };

/** A speaker configuration for no node does nothing (condition NoMatchingNode). */
export const nodeSelectorsMatch = rule({
    id: "CIL-SEL-001",
    severity: "error",
    source: "Cilium documentation, CiliumBGPClusterConfig",
    *check(lab) {
        for (const instance of idleInstances(lab)) {
            yield {
                at: ["cluster", "cilium", "bgp", ciliumInstances(lab).indexOf(instance), "nodeSelector"],
                says: `Cilium's instance ${instance.name} selects no node`,
                fix: "select by labels that a node has, e.g. kubernetes.io/hostname",
            };
        }
    },
});

/** A node runs one configuration; of two that select it, Cilium runs neither reliably (condition ConflictingClusterConfig). */
export const nodesAreSelectedOnce = rule({
    id: "CIL-SEL-002",
    severity: "error",
    source: "Cilium documentation, CiliumBGPClusterConfig",
    *check(lab) {
        for (const name of Object.keys(lab.cluster.nodes)) {
            const [first, second] = nodeInstances(lab, name);
            if (first !== undefined && second !== undefined) {
                yield {
                    at: ["cluster", "cilium", "bgp", ciliumInstances(lab).indexOf(second), "nodeSelector"],
                    says: `${name} is selected by the instances ${first.name} and ${second.name}`,
                    fix: "make the selectors disjoint",
                };
            }
        }
    },
});

/** A node without a speaker announces nothing. An instance that selects no node is the cause where there is one. */
export const nodesAreSelected = rule({
    id: "CIL-SEL-004",
    severity: "warning",
    source: "Cilium documentation, CiliumBGPClusterConfig",
    *check(lab) {
        const isWhole = idleInstances(lab).length === 0;
        for (const name of isWhole ? Object.keys(lab.cluster.nodes) : []) {
            if (nodeSpeakers(lab, name).length === 0) {
                yield {
                    at: ["cluster", "nodes", name, "labels"],
                    says: `${name} runs no BGP speaker: no instance selects it`,
                    fix: "add an instance for it, or widen a node selector",
                };
            }
        }
    },
});

/** Instances are told apart by their names. */
export const instanceNamesAreDistinct = rule({
    id: "CIL-NAME-001",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        const bgp = ciliumInstances(lab);
        for (const [index, { name }] of bgp.entries()) {
            if (bgp.findIndex((other) => other.name === name) < index) {
                yield {
                    at: ["cluster", "cilium", "bgp", index, "name"],
                    says: `two instances are named ${name}`,
                    fix: "rename one of them",
                };
            }
        }
    },
});

/** Natively routed pods are found by the router only if the nodes announce them. */
export const nativeRoutingExportsPods = rule({
    id: "CIL-RTE-001",
    severity: "error",
    source: "Cilium documentation, native routing",
    *check(lab) {
        const { cilium, nodes } = lab.cluster;
        const bgp = ciliumInstances(lab);
        const silent = bgp.findIndex(({ exportPodCidr }) => !exportPodCidr);
        if (cilium?.routingMode === "native" && silent >= 0 && Object.keys(nodes).length > 1) {
            yield {
                at: ["cluster", "cilium", "bgp", silent, "exportPodCidr"],
                with: [["cluster", "cilium", "routingMode"]],
                says: `pods are routed natively, but the instance ${bgp[silent]!.name} does not announce them: pods of other nodes cannot be reached`,
                fix: "set exportPodCidr to true, or routingMode to tunnel",
            };
        }
    },
});

/** Pods of other nodes are reached by a route: over the tunnel, or to the router. */
export const nodesReachPods = rule({
    id: "CIL-RTE-002",
    severity: "error",
    source: "Cilium documentation, routing",
    *check(lab) {
        // Calico's speakers bring each other's pods; where they do not, it has a rule of its own.
        const nodes = lab.cluster.calico === undefined ? Object.entries(lab.cluster.nodes) : [];
        for (const [name, node] of nodes) {
            for (const cidr of lab.cluster.podCidrs.filter((prefix) => !covers(lab, name, node, prefix))) {
                yield {
                    at: ["cluster", "cilium", "routingMode"],
                    with: [["cluster", "podCidrs", lab.cluster.podCidrs.indexOf(cidr)], ["routers"]],
                    says: `${name} has no route to pods of other nodes in ${cidr}`,
                    fix: "route the pod CIDR to the router, or set routingMode to tunnel",
                };
            }
        }
    },
});

/** Native routing needs to know what not to masquerade. */
export const nativeRoutingKnowsPods = rule({
    id: "CIL-RTE-003",
    severity: "error",
    source: "Cilium documentation, ipv4NativeRoutingCIDR",
    *check(lab) {
        const { cilium, podCidrs } = lab.cluster;
        if (cilium?.routingMode !== "native") {
            return;
        }
        for (const cidr of podCidrs) {
            if (!cilium.nativeRoutingCidrs.some((routed) => contains(routed, cidr))) {
                yield {
                    at: ["cluster", "cilium", "nativeRoutingCidrs"],
                    says: `pods are routed natively, but traffic to ${cidr} would be masqueraded`,
                    fix: `add ${cidr}`,
                };
            }
        }
    },
});

/**
 * A speaker that has restarted announces nothing before every peer has sent all its routes of every family that it
 * offered. Cilium 1.14 offers both on each session, and from a router that takes one the end of the other never comes.
 */
export const restartsEnd = rule({
    id: "CIL-GR-001",
    severity: "warning",
    source: "RFC 4724 §4.1; GoBGP, pkg/server/server.go",
    *check(lab) {
        const version = lab.cluster.cilium?.version;
        if (version === undefined || isBefore(version, 1, 14) || !isBefore(version, 1, 15)) {
            return;
        }
        for (const [index, { name, neighbors }] of ciliumInstances(lab).entries()) {
            for (const [place, { address, families, gracefulRestartTime }] of neighbors.entries()) {
                if (gracefulRestartTime && families.length === 1) {
                    yield {
                        at: ["cluster", "cilium", "bgp", index, "neighbors", place, "gracefulRestartTime"],
                        with: [["cluster", "cilium", "version"]],
                        says: `Cilium ${version} offers both families to ${address}, which takes one: a restarted agent of the instance ${name} announces nothing for 360 s`,
                        fix: "set gracefulRestartTime to 0, or use Cilium 1.15 or later",
                    };
                }
            }
        }
    },
});

/** The resources that the lab writes exist from Cilium 1.13 on. */
export const ciliumSpeaksBgp = rule({
    id: "CIL-VER-001",
    severity: "error",
    source: "Cilium upgrade notes, 1.13",
    *check(lab) {
        const { version, metallbBgp } = lab.cluster.cilium ?? {};
        if (version !== undefined && metallbBgp === undefined && isBefore(version, 1, 13)) {
            yield {
                at: ["cluster", "cilium", "version"],
                says: `Cilium ${version} has no CiliumLoadBalancerIPPool`,
                fix: "use 1.13 or later",
            };
        }
    },
});

/** Policies of 1.13 say nothing of timers, families and graceful restart: the speaker has those of its library. */
export const oldPoliciesHaveNoTimers = rule({
    id: "CIL-TMR-002",
    severity: "error",
    source: "Cilium release notes, 1.14; GoBGP, timers",
    *check(lab) {
        const version = lab.cluster.cilium?.version;
        if (version === undefined || isBefore(version, 1, 13) || !isBefore(version, 1, 14)) {
            return;
        }
        for (const [index, { name, neighbors }] of ciliumInstances(lab).entries()) {
            for (const [position, neighbor] of neighbors.entries()) {
                const place = ["cluster", "cilium", "bgp", index, "neighbors", position];
                const own = Object.entries(libraryTimers).find(
                    ([timer, seconds]) => neighbor.timers[timer as keyof Timers] !== seconds,
                );
                if (own !== undefined || neighbor.gracefulRestartTime !== undefined) {
                    yield {
                        at: own === undefined ? [...place, "gracefulRestartTime"] : [...place, "timers", own[0]],
                        with: [["cluster", "cilium", "version"]],
                        says: `Cilium's instance ${name} has ${own === undefined ? "graceful restart" : `a ${own[0]} of its own`}, which Cilium ${version} cannot be told`,
                        fix: `${own === undefined ? "turn it off" : `set ${own[0]} to ${own[1]} s`}, or use Cilium 1.14 or later`,
                    };
                }
            }
        }
    },
});

/** Releases 1.10 to 1.16 have MetalLB inside: it came as a beta, was deprecated in 1.14 and is gone since 1.17. */
export const ciliumHasMetalLb = rule({
    id: "CIL-MLB-001",
    severity: "error",
    source: "Cilium upgrade notes, 1.17; Cilium documentation 1.10, BGP (beta)",
    *check(lab) {
        const { version, metallbBgp } = lab.cluster.cilium ?? {};
        if (version === undefined || metallbBgp === undefined) {
            return;
        }
        const why = isBefore(version, 1, 10)
            ? "has no BGP: MetalLB came into it with 1.10"
            : isBefore(version, 1, 17)
              ? undefined
              : "has no MetalLB inside any more: bgp.enabled was removed with 1.17, and would be ignored";
        if (why !== undefined) {
            yield {
                at: ["cluster", "cilium", "metallbBgp"],
                with: [["cluster", "cilium", "version"]],
                says: `Cilium ${version} ${why}`,
                fix: "use Cilium 1.10 to 1.16, or its BGP control plane",
            };
        }
    },
});

/** A node has one program that announces load-balancer addresses: Cilium's MetalLB is not used beside another. */
export const ciliumMetalLbIsAlone = rule({
    id: "CIL-MLB-002",
    severity: "error",
    source: "Cilium documentation 1.14, BGP (beta)",
    *check(lab) {
        const { cilium, metallb } = lab.cluster;
        if (cilium?.metallbBgp === undefined) {
            return;
        }
        const other =
            cilium.bgp.length > 0 ? "its BGP control plane" : metallb === undefined ? undefined : "MetalLB itself";
        if (other !== undefined) {
            yield {
                at: ["cluster", "cilium", "metallbBgp"],
                with: [cilium.bgp.length > 0 ? ["cluster", "cilium", "bgp"] : ["cluster", "metallb"]],
                says: `Cilium's MetalLB runs beside ${other}: both would announce the same services`,
                fix: "keep one of them",
            };
        }
    },
});

/** What the lab writes was checked against Cilium up to 1.20. */
export const ciliumIsKnown = rule({
    id: "CIL-VER-002",
    severity: "info",
    source: "docs/architecture.md",
    *check(lab) {
        const version = lab.cluster.cilium?.version;
        if (version !== undefined && !isBefore(version, 1, 21)) {
            yield {
                at: ["cluster", "cilium", "version"],
                says: `Cilium ${version} is newer than what this lab was checked against (1.20)`,
                fix: "compare the custom resources with the release notes",
            };
        }
    },
});

/** Hubble UI asks Hubble Relay. */
export const hubbleUiHasRelay = rule({
    id: "CIL-HUB-001",
    severity: "error",
    source: "Cilium Helm chart, templates/validate.yaml",
    *check(lab) {
        const hubble = lab.cluster.cilium?.hubble;
        if (hubble?.ui && !hubble.relay) {
            yield {
                at: ["cluster", "cilium", "hubble", "ui"],
                with: [["cluster", "cilium", "hubble", "relay"]],
                says: "Hubble UI is on, but Hubble Relay is off: the chart refuses that",
                fix: "set relay to true, or ui to false",
            };
        }
    },
});

/** Cilium tests a release with some Kubernetes versions only. */
export const kubernetesFitsCilium = rule({
    id: "CIL-VER-003",
    severity: "warning",
    source: "Cilium documentation, Kubernetes requirements",
    *check(lab) {
        const { kubernetesVersion, cilium } = lab.cluster;
        const [, minor] = parts(kubernetesVersion);
        if (cilium?.version.startsWith("1.20.") && (minor < 33 || minor > 36)) {
            yield {
                at: ["cluster", "kubernetesVersion"],
                with: [["cluster", "cilium", "version"]],
                says: `Cilium ${cilium.version} is not tested with Kubernetes ${kubernetesVersion}`,
                fix: "use Kubernetes 1.33 to 1.36",
            };
        }
    },
});

/** Instances that select no node. */
function idleInstances(lab: Lab): readonly CiliumBgpInstance[] {
    const used = new Set(Object.keys(lab.cluster.nodes).flatMap((node) => nodeInstances(lab, node)));
    return ciliumInstances(lab).filter((instance) => !used.has(instance));
}

/** Whether a node has a route to what others hold of a pod CIDR. */
function covers(lab: Lab, name: string, node: KubernetesNode, cidr: Prefix): boolean {
    const routes = node.staticRoutes.map(({ prefix }) => prefix);
    if (routes.some((prefix) => contains(prefix, cidr))) {
        return true;
    }
    return Object.entries(lab.cluster.nodes)
        .filter(([other]) => other !== name)
        .flatMap(([, { podCidrs }]) => podCidrs.filter((slice) => familyOf(slice) === familyOf(cidr)))
        .every((slice) => routes.some((prefix) => contains(prefix, slice)));
}
