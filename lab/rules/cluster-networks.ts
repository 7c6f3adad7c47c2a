import { addressOf, contains, familyName, familyOf, lengthOf, networkOf } from "../address";
import type { Address, Lab, Prefix } from "../model";
import type { Path } from "../path";
import { nodePort, podPort } from "../pods";
import { devices } from "./devices";
import { rule } from "./rule";

/** The API server allocates service addresses from a bitmap of at most 20 bits. */
export const serviceCidrIsNotTooLarge = rule({
    id: "ADR-SVC-001",
    severity: "error",
    source: "kube-apiserver, --service-cluster-ip-range",
    *check(lab) {
        for (const [index, prefix] of lab.cluster.serviceCidrs.entries()) {
            const least = familyOf(prefix) === "ipv4" ? 12 : 108;
            if (lengthOf(prefix) < least) {
                yield {
                    at: ["cluster", "serviceCidrs", index],
                    says: `the service CIDR ${prefix} is too large: the API server refuses it`,
                    fix: `use a /${least} or a longer mask`,
                };
            }
        }
    },
});

/** The controller manager cuts a pod CIDR into at most 2^16 slices. Calico cuts its pools itself. */
export const podCidrIsNotTooLarge = rule({
    id: "ADR-POD-001",
    severity: "error",
    source: "kube-controller-manager, node IPAM",
    *check(lab) {
        const { podCidrs, nodeMask, calico } = lab.cluster;
        for (const [index, prefix] of calico === undefined ? podCidrs.entries() : []) {
            const family = familyOf(prefix);
            const difference = nodeMask[family] - lengthOf(prefix);
            if (difference < 0 || difference > 16) {
                yield {
                    at: ["cluster", "podCidrs", index],
                    with: [["cluster", "nodeMask", family]],
                    says: `the pod CIDR ${prefix} cannot be cut into slices of /${nodeMask[family]}: the masks may differ by 0 to 16 bits`,
                    fix: `use a pod CIDR of /${nodeMask[family] - 16} to /${nodeMask[family]}, or another node mask`,
                };
            }
        }
    },
});

/** Every node has a slice of every pod CIDR, of the node mask's length, and no two share one. With Calico a node has any number of blocks. */
export const nodeSlicesFit = rule({
    id: "ADR-POD-002",
    severity: "error",
    source: "kube-controller-manager, node IPAM",
    *check(lab) {
        const { podCidrs, nodeMask, nodes, calico } = lab.cluster;
        const needed = calico === undefined ? podCidrs : [];
        const owners = new Map<Prefix, string>();
        for (const [name, node] of Object.entries(nodes)) {
            const place = ["cluster", "nodes", name, "podCidrs"];
            for (const cidr of needed.filter((outer) => !node.podCidrs.some((slice) => contains(outer, slice)))) {
                yield {
                    at: place,
                    says: `${name} has no slice of the pod CIDR ${cidr}`,
                    fix: "give it one that is free",
                };
            }
            for (const [index, slice] of node.podCidrs.entries()) {
                const owner = owners.get(slice);
                const mask = nodeMask[familyOf(slice)];
                if (owner !== undefined) {
                    yield {
                        at: [...place, index],
                        says: `${name} and ${owner} both have ${slice}`,
                        fix: "use a free slice",
                    };
                }
                if (lengthOf(slice) !== mask) {
                    yield {
                        at: [...place, index],
                        says: `${name} has the slice ${slice}, but node masks are /${mask}`,
                        fix: `use a /${mask}`,
                    };
                }
                owners.set(slice, owner ?? name);
            }
        }
    },
});

/** Pods have addresses of their node's slices, and so does a node among its pods. */
export const podsAreInTheirSlice = rule({
    id: "ADR-POD-003",
    severity: "error",
    source: "Cilium documentation, Kubernetes host scope IPAM",
    *check(lab) {
        for (const { who, node, address, place } of podAddresses(lab)) {
            const slices = lab.cluster.nodes[node]?.podCidrs ?? [];
            if (slices.length > 0 && !slices.some((slice) => contains(slice, address))) {
                yield {
                    at: place,
                    says: `${who} has ${address}, but ${node} has the slices ${slices.join(" and ")}`,
                    fix: "use an address of the node's slice",
                };
            }
        }
    },
});

interface PlacedPodAddress {
    readonly who: string;
    readonly node: string;
    readonly address: Address;
    readonly place: Path;
}

/** Addresses of pods, of routers in Pods, and of nodes among their pods. */
function podAddresses(lab: Lab): readonly PlacedPodAddress[] {
    const pods = lab.cluster.workloads.flatMap((workload, index) =>
        workload.pods.flatMap(({ name, node, addresses }, position) =>
            addresses.map((address, at): PlacedPodAddress => {
                const place = ["cluster", "workloads", index, "pods", position, "addresses", at];
                return { who: `the pod ${name}`, node, address, place };
            }),
        ),
    );
    const ports = devices(lab).flatMap(({ name, addresses }) => {
        const pod = lab.routers[name]?.pod;
        const [port, node] = pod === undefined ? [nodePort, name] : [podPort, pod.node];
        return addresses
            .filter(({ interface: own }) => own.name === port && lab.cluster.nodes[node] !== undefined)
            .map(({ address, place }) => ({ who: pod === undefined ? name : `the pod ${name}`, node, address, place }));
    });
    return [...pods, ...ports];
}

/** A dual-stack cluster has one network per family for pods and services, in the same order. */
export const stacksAgree = rule({
    id: "ADR-DUAL-001",
    severity: "error",
    source: "Kubernetes documentation, IPv4/IPv6 dual-stack",
    *check(lab) {
        const pods = lab.cluster.podCidrs.map(familyOf);
        const services = lab.cluster.serviceCidrs.map(familyOf);
        if (pods.join() !== services.join() || new Set(pods).size !== pods.length) {
            yield {
                at: ["cluster", "serviceCidrs"],
                with: [["cluster", "podCidrs"]],
                says: `pods have ${pods.map(familyName).join(", ")} and services ${services.map(familyName).join(", ")}: the families must be the same in the same order`,
                fix: "list one network per family, in the order of the pod CIDRs",
            };
        }
    },
});

/** A node has an address on the node network in every family of its pods. */
export const nodesHaveBothFamilies = rule({
    id: "ADR-DUAL-002",
    severity: "error",
    source: "kubelet, --node-ip",
    *check(lab) {
        const { nodes, podCidrs, nodeSegment } = lab.cluster;
        for (const [name, { interfaces }] of Object.entries(nodes)) {
            const own = interfaces
                .filter(({ attachment }) => attachment.kind === "segment" && attachment.segment === nodeSegment)
                .flatMap(({ addresses }) => addresses.map(familyOf));
            for (const family of podCidrs.map(familyOf).filter((candidate) => !own.includes(candidate))) {
                yield {
                    at: ["cluster", "nodes", name, "interfaces"],
                    says: `${name} has no ${familyName(family)} address on ${nodeSegment}, but pods have ${familyName(family)}`,
                    fix: `give it an ${familyName(family)} address of the node network`,
                };
            }
        }
    },
});

/** The speaker's identifier is the node's internal IPv4 address, as Cilium chooses it. */
export const routerIdIsInternalAddress = rule({
    id: "CIL-RID-001",
    severity: "warning",
    source: "Cilium documentation, BGP router ID",
    *check(lab) {
        const { nodes, nodeSegment } = lab.cluster;
        const subnets = lab.segments[nodeSegment]?.subnets ?? [];
        for (const [name, node] of Object.entries(nodes)) {
            const internal = node.interfaces
                .flatMap(({ addresses }) => addresses)
                .filter((text) => node.nodeIp?.includes(addressOf(text)) ?? subnets.includes(networkOf(text)))
                .map(addressOf);
            if (internal.length > 0 && !internal.includes(node.routerId)) {
                yield {
                    at: ["cluster", "nodes", name, "routerId"],
                    says: `${name} has the BGP identifier ${node.routerId}, but a cluster would use its internal address`,
                    fix: `use ${internal.find((address) => familyOf(address) === "ipv4") ?? "its internal IPv4 address"}`,
                };
            }
        }
    },
});
