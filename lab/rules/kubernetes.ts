import { familyOf } from "../address";
import type { Lab } from "../model";
import type { Path } from "../path";
import { podRouters } from "../pods";
import { podsOn } from "../services";
import { devices } from "./devices";
import { rule } from "./rule";

/** kind's container names and Cilium's cluster name are made of it. */
export const clusterNameIsValid = rule({
    id: "K8S-NAME-001",
    severity: "error",
    source: "Cilium Helm chart, cluster.name",
    *check(lab) {
        const { name } = lab.cluster;
        if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
            yield {
                at: ["cluster", "name"],
                says: `"${name}" is no cluster name for Cilium`,
                fix: "use at most 32 lower-case letters, digits and '-'",
            };
        }
    },
});

/** A cluster has one network of pods. */
export const clusterHasOneCni = rule({
    id: "K8S-CNI-001",
    severity: "error",
    source: "Kubernetes documentation, network plugins",
    *check(lab) {
        const { cilium, calico } = lab.cluster;
        if ((cilium === undefined) === (calico === undefined)) {
            yield {
                at: ["cluster", calico === undefined ? "cilium" : "calico"],
                says: `the cluster has ${calico === undefined ? "neither Cilium nor Calico" : "both Cilium and Calico"} as its network`,
                fix: "choose one of them",
            };
        }
    },
});

/** Without its setting raised, kubelet runs 110 pods. */
export const nodesHavePodCapacity = rule({
    id: "K8S-POD-001",
    severity: "error",
    source: "kubelet, maxPods",
    *check(lab) {
        const routers = podRouters(lab);
        for (const name of Object.keys(lab.cluster.nodes)) {
            const count = podsOn(lab, name).length + routers.filter(({ pod }) => pod.node === name).length;
            if (count > 110) {
                yield {
                    at: ["cluster", "workloads"],
                    says: `${name} has ${count} pods, but kubelet runs at most 110`,
                    fix: "spread them over more workers, or use fewer replicas",
                };
            }
        }
    },
});

/** Pods run on nodes that exist. */
export const podNodesExist = rule({
    id: "K8S-POD-002",
    severity: "error",
    source: "Kubernetes documentation, node affinity",
    *check(lab) {
        for (const { name, node, place } of placements(lab)) {
            if (lab.cluster.nodes[node] === undefined) {
                yield {
                    at: [...place, "node"],
                    says: `the pod ${name} is pinned to ${node}, which does not exist`,
                    fix: `use one of ${Object.keys(lab.cluster.nodes).join(", ")}`,
                };
            }
        }
    },
});

/** kubeadm keeps ordinary pods off the control plane while there are workers. */
export const podsRunOnWorkers = rule({
    id: "K8S-POD-003",
    severity: "error",
    source: "kubeadm, control-plane taint",
    *check(lab) {
        const nodes = Object.entries(lab.cluster.nodes);
        const tainted = nodes
            .filter(([, { role, untainted = false }]) => role === "control-plane" && !untainted)
            .map(([name]) => name);
        if (tainted.length === nodes.length) {
            return; // kind removes the taint where there is nothing else
        }
        for (const { name, node, place } of placements(lab)) {
            if (tainted.includes(node)) {
                yield {
                    at: [...place, "node"],
                    says: `the pod ${name} is pinned to ${node}, whose taint keeps it out`,
                    fix: "pin it to a worker",
                };
            }
        }
    },
});

/** kubelet announces addresses that the node really has, at most one per family. */
export const nodeIpsAreTheNodes = rule({
    id: "K8S-IP-001",
    severity: "error",
    source: "kubelet, --node-ip",
    *check(lab) {
        for (const { name, place, addresses } of devices(lab)) {
            const own = addresses.map(({ address }) => address);
            const announced = lab.cluster.nodes[name]?.nodeIp ?? [];
            for (const [index, address] of announced.entries()) {
                const earlier = announced.slice(0, index).map(familyOf);
                if (!own.includes(address)) {
                    yield {
                        at: [...place, "nodeIp", index],
                        says: `${name} announces ${address}, but has ${own.join(" and ")}`,
                        fix: "announce addresses of the node",
                    };
                } else if (earlier.includes(familyOf(address))) {
                    yield {
                        at: [...place, "nodeIp", index],
                        says: `${name} announces a second address of the family of ${address}`,
                        fix: "announce one address per family",
                    };
                }
            }
        }
    },
});

/** A pod answers with its name, so that names tell pods apart. */
export const podNamesAreDistinct = rule({
    id: "K8S-POD-004",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        const seen = new Set<string>();
        for (const { namespace, name, namePlace } of placements(lab)) {
            const key = `${namespace}/${name}`;
            if (seen.has(key)) {
                yield {
                    at: namePlace,
                    says: `two pods in the namespace ${namespace} are named ${name}`,
                    fix: "rename one of them",
                };
            }
            seen.add(key);
        }
    },
});

interface PlacedPlacement {
    readonly namespace: string;
    readonly name: string;
    readonly node: string;
    /** Where the pod's node stands in the model. */
    readonly place: Path;
    readonly namePlace: Path;
}

/** Every pod with its node: those of workloads, then those with a router. */
function placements(lab: Lab): readonly PlacedPlacement[] {
    const pods = lab.cluster.workloads.flatMap(({ namespace, pods: own }, index) =>
        own.map(({ name, node }, position): PlacedPlacement => {
            const place = ["cluster", "workloads", index, "pods", position];
            return { namespace, name, node, place, namePlace: [...place, "name"] };
        }),
    );
    const routers = podRouters(lab).map(({ name, pod: { namespace, node } }): PlacedPlacement => {
        const namePlace = ["routers", name];
        return { namespace, name, node, place: [...namePlace, "pod"], namePlace };
    });
    return [...pods, ...routers];
}
