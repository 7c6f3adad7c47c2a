import { contains, familyName, familyOf, hostPrefix } from "../address";
import type { Family, Lab, Prefix } from "../model";
import { nodePort, type PodRouter, podAddress, podPort } from "../pods";
import { advertisedPodCidrs } from "../services";
import { ciliumInstances, nodeInstances } from "../speakers";
import { placedPods, podNeighbors, podsWithoutGateway } from "./placed-pods";
import { rule } from "./rule";

const families: readonly Family[] = ["ipv4", "ipv6"];

/** The network joins a Pod to the node on which it runs by a pair of interfaces of their own. */
export const podsAreLinkedToTheirNode = rule({
    id: "POD-LINK-001",
    severity: "error",
    source: "Kubernetes documentation, network plugins",
    *check(lab) {
        for (const { name, place, pod, router } of placedPods(lab)) {
            const node = lab.cluster.nodes[pod.node];
            const segment = podSegment(lab, router);
            const isJoined = node?.interfaces.some(
                ({ attachment }) => attachment.kind === "segment" && attachment.segment === segment,
            );
            // A node that does not exist has a rule of its own (K8S-POD-002).
            if (node !== undefined && isJoined !== true) {
                yield {
                    at: [...place, "interfaces"],
                    with: [[...place, "pod", "node"]],
                    says:
                        segment === undefined
                            ? `${name} has no ${podPort} on a pod link`
                            : `${name} runs on ${pod.node}, but its pod link ${segment} leads to another device`,
                    fix: `join ${podPort} of ${name} to ${pod.node} by a segment of the kind pod-link`,
                };
            }
        }
    },
});

/** What the node has among its pods is their next hop, and the address of its speaker towards them. */
export const nodesHaveAnAddressForPods = rule({
    id: "POD-LINK-002",
    severity: "error",
    source: "Cilium documentation, routing",
    *check(lab) {
        const found = podsWithoutGateway(lab);
        for (const node of new Set(found.map(({ pod }) => pod.pod.node))) {
            const own = found.filter(({ pod }) => pod.pod.node === node);
            const missing = families.filter((family) => own.some((each) => each.families.includes(family)));
            const [first] = own;
            yield {
                at: ["cluster", "nodes", node, "interfaces"],
                with: [["routers", first!.pod.name, "interfaces"]],
                says: `${node} has no ${missing.map(familyName).join(" and no ")} address on ${nodePort}, to which the routes of ${own.map(({ pod }) => pod.name).join(", ")} lead`,
                fix: `give ${nodePort} an address of the node's slice in each family of its Pods`,
            };
        }
    },
});

/** A Pod and its node share no subnet: each has a route to the other's address, and the Pod one to everything. */
export const podsAndNodesHaveRoutes = rule({
    id: "POD-LINK-003",
    severity: "error",
    source: "Cilium documentation, routing",
    *check(lab) {
        const lost = new Set(podsWithoutGateway(lab).map(({ pod }) => pod.name));
        for (const { name, place, pod, router } of placedPods(lab).filter((each) => !lost.has(each.name))) {
            for (const family of families) {
                const address = podAddress(router, family);
                if (address !== undefined && !leadsToPod(lab, pod.node, hostPrefix(address), router)) {
                    yield {
                        at: ["cluster", "nodes", pod.node, "staticRoutes"],
                        with: [[...place, "interfaces"]],
                        says: `${pod.node} has no route to ${name} (${address}) by the interface to it`,
                        fix: `add a static route to ${hostPrefix(address)} via that interface`,
                    };
                }
                if (address !== undefined && !router.staticRoutes.some(({ prefix }) => isDefault(prefix, family))) {
                    yield {
                        at: [...place, "staticRoutes"],
                        says: `${name} has no ${familyName(family)} default route, which the network gives every Pod`,
                        fix: `add a default route via the address that ${pod.node} has on ${nodePort}`,
                    };
                }
            }
        }
    },
});

/** Whoever a Pod peers with beyond its node finds it by what the node announces: its slice of the pod CIDRs. */
export const nodesAnnounceTheirPods = rule({
    id: "POD-LINK-004",
    severity: "error",
    source: "Cilium documentation, native routing",
    *check(lab) {
        const { cilium, nodes } = lab.cluster;
        // With native routing of several nodes it is told of all pods (CIL-RTE-001).
        if (cilium?.routingMode === "native" && Object.keys(nodes).length > 1) {
            return;
        }
        for (const { who, pods } of podNeighbors(lab)
            .filter(({ at }) => at === "router")
            .slice(0, 1)) {
            const hidden = pods.find(({ pod }) => advertisedPodCidrs(lab, pod.node, "cilium").length === 0);
            const [instance] = hidden === undefined ? [] : nodeInstances(lab, hidden.pod.node);
            if (hidden !== undefined && instance !== undefined) {
                yield {
                    at: ["cluster", "cilium", "bgp", ciliumInstances(lab).indexOf(instance), "exportPodCidr"],
                    with: [["routers", hidden.name, "pod"]],
                    says: `${hidden.name} peers with ${who}, which has no way to it: ${hidden.pod.node} does not announce its pods`,
                    fix: "set exportPodCidr to true",
                };
            }
        }
    },
});

/** What is put into a Pod is FRR with one table; VyOS is an operating system, and a VRF is the node's to make. */
export const podsRunFrr = rule({
    id: "POD-NOS-001",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const { name, place, router } of placedPods(lab)) {
            const [field, flaw] =
                router.nos !== "frr"
                    ? (["nos", `runs ${router.nos}`] as const)
                    : (router.vrfs ?? []).length > 0
                      ? (["vrfs", "has VRFs"] as const)
                      : [undefined, ""];
            if (field !== undefined) {
                yield {
                    at: [...place, field],
                    says: `${name} is a router in a Pod and ${flaw}, but Pods of a lab run FRR with one table`,
                    fix: "use frr without VRFs, or a router of its own",
                };
            }
        }
    },
});

/** Pods and what belongs to them are objects of Kubernetes: their names are DNS labels. */
export const podNamesAreKubernetes = rule({
    id: "POD-NAME-001",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        for (const { name, place, pod } of placedPods(lab)) {
            const named = [
                { what: "Pod", text: name, at: place },
                { what: "namespace", text: pod.namespace, at: [...place, "pod", "namespace"] },
                { what: "workload", text: pod.workload, at: [...place, "pod", "workload"] },
            ];
            for (const { what, text, at } of named.filter((each) => !isDnsLabel(each.text))) {
                yield {
                    at,
                    says: `"${text}" is no name for a ${what} of Kubernetes`,
                    fix: "use at most 63 lower-case letters, digits and '-', with a letter or digit at both ends",
                };
            }
        }
    },
});

/** One Deployment is of one kind of Pods: those with a router are not those of a workload. */
export const podWorkloadsAreTheirOwn = rule({
    id: "POD-NAME-002",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        const taken = new Set(lab.cluster.workloads.map(({ namespace, name }) => `${namespace}/${name}`));
        for (const { name, place, pod } of placedPods(lab)) {
            if (taken.has(`${pod.namespace}/${pod.workload}`)) {
                yield {
                    at: [...place, "pod", "workload"],
                    with: [["cluster", "workloads"]],
                    says: `${name} is of the workload ${pod.workload}, which already has other pods in the namespace ${pod.namespace}`,
                    fix: "give routers in Pods a workload of their own",
                };
            }
        }
    },
});

/**
 * A Pod finds what is outside its node by its default route, and the profile `datacenter` takes none for a way to a
 * neighbor. Neighbors by label of a router wait to be called, so that neither side ever connects.
 */
export const podsResolveViaDefault = rule({
    id: "POD-NHT-001",
    severity: "error",
    source: "FRR documentation, ip nht resolve-via-default",
    *check(lab) {
        for (const { name, place, router } of placedPods(lab)) {
            const distant = router.bgp.neighbors.find(
                ({ address }) =>
                    !router.staticRoutes.some(
                        ({ prefix }) => contains(prefix, address) && !isDefault(prefix, familyOf(address)),
                    ),
            );
            if (router.bgp.defaults === "datacenter" && distant !== undefined) {
                yield {
                    at: [...place, "bgp", "defaults"],
                    says: `${name} reaches its neighbor ${distant.address} by its default route only, which the profile datacenter does not take for a way: it never calls`,
                    fix: "use the profile traditional, which has ip nht resolve-via-default",
                };
            }
        }
    },
});

/** The segment of a Pod's own interface, where it is a pod link. */
function podSegment({ segments }: Lab, { interfaces }: PodRouter["router"]): string | undefined {
    const attachment = interfaces.find(({ name }) => name === podPort)?.attachment;
    const segment = attachment?.kind === "segment" ? attachment.segment : undefined;
    return segment !== undefined && segments[segment]?.kind === "pod-link" ? segment : undefined;
}

/** Whether a node has a route to a Pod's address by its end of their link; a link that is wrong has a rule of its own. */
function leadsToPod(lab: Lab, node: string, prefix: Prefix, router: PodRouter["router"]): boolean {
    const { interfaces = [], staticRoutes = [] } = lab.cluster.nodes[node] ?? {};
    const segment = podSegment(lab, router);
    const port = interfaces.find(({ attachment }) => attachment.kind === "segment" && attachment.segment === segment);
    return (
        port === undefined ||
        staticRoutes.some(
            (route) => route.prefix === prefix && route.via.kind === "interface" && route.via.interface === port.name,
        )
    );
}

function isDefault(prefix: Prefix, family: Family): boolean {
    return prefix === (family === "ipv4" ? "0.0.0.0/0" : "::/0");
}

function isDnsLabel(text: string): boolean {
    return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}
