/**
 * Binding: a real cluster chooses the nodes' slices of the pod CIDR, their addresses on the node network, and the names and
 * addresses of pods. They are observed and put into the model; what the lab pins must be as it was pinned.
 */

import { addressOf, compareAddresses, contains, familyName, familyOf, lengthOf } from "./address";
import type {
    Address,
    Family,
    Interface,
    KubernetesNode,
    Lab,
    Labels,
    Pod,
    Prefix,
    TrafficCheck,
    Workload,
} from "./model";
import { formatPath, type Path } from "./path";
import { nodePort, type PodRouter, podAddress, podRouters } from "./pods";
import type { Finding } from "./rules/findings";
import { selects } from "./selectors";

/** What a running cluster says of itself. */
export interface ClusterObservation {
    /** Nodes, by name. */
    readonly nodes: Readonly<Record<string, ObservedNode>>;
    /** Pods that are not being deleted; those of other programs than the lab's may be among them. */
    readonly pods: readonly ObservedPod[];
    /** Services of type LoadBalancer. */
    readonly services: readonly ObservedService[];
}

/** A node as the cluster reports it. */
export interface ObservedNode {
    /** Slices of the pod CIDRs (`spec.podCIDRs`). */
    readonly podCidrs: readonly Prefix[];
    /** Blocks that Calico's IPAM gave the node (BlockAffinity); any number, none before the first pod. @default none */
    readonly blocks?: readonly Prefix[];
    /** Addresses of type InternalIP. */
    readonly addresses: readonly Address[];
    /** The node's own addresses in its slices (CiliumInternalIP of its CiliumNode). @default none are known */
    readonly podGateways?: readonly Address[];
}

/** A pod as the cluster reports it. */
export interface ObservedPod {
    readonly namespace: string;
    readonly name: string;
    readonly labels: Labels;
    /** Node on which it runs; nothing while none has been found. */
    readonly node?: string;
    /** Addresses; none before its network is set up. */
    readonly addresses: readonly Address[];
}

/** A service as the cluster reports it. */
export interface ObservedService {
    readonly namespace: string;
    readonly name: string;
    /** Addresses that it was given (`status.loadBalancer.ingress`). */
    readonly loadBalancerAddresses: readonly Address[];
}

/** The model with the cluster's choices in it, or why the cluster is not the model's. */
export type Binding =
    | { readonly kind: "bound"; readonly lab: Lab }
    | { readonly kind: "unbound"; readonly findings: readonly Finding[] };

/**
 * Puts what a cluster chose into the model. Configurations that were made of the model are not touched: routers and hosts
 * stay as they are, but for the addresses of routers in pods and of those who peer with them.
 *
 * @param lab the model of which the cluster was made
 * @param observed what the cluster says of itself
 * @returns the bound model, or a finding for everything that is missing or other than pinned
 */
export function bind(lab: Lab, observed: ClusterObservation): Binding {
    const nodes = bindNodes(lab, observed);
    const workloads = lab.cluster.workloads.map((workload, index) => bindWorkload(workload, index, observed.pods));
    const routers = podRouters(lab).map((router) => bindPodRouter(lab, router, observed));
    const findings = [
        ...nodes.findings,
        ...workloads.flatMap((bound) => bound.findings),
        ...routers.flatMap((bound) => bound.findings),
        ...compareServices(lab, observed.services),
    ];
    if (findings.length > 0) {
        return { kind: "unbound", findings };
    }
    const pods = new Map(workloads.flatMap(({ bound }) => bound));
    const moved = new Map(routers.flatMap(({ moved }) => moved));
    const cluster = {
        ...lab.cluster,
        nodes: withAddresses(nodes.nodes, moved),
        workloads: workloads.map(({ workload }) => workload),
    };
    const checks = lab.checks.map((check) => bindCheck(check, pods));
    return { kind: "bound", lab: { ...lab, routers: withAddresses(lab.routers, moved), cluster, checks } };
}

function finding(id: string, source: string, at: Path, says: string, fix: string): Finding {
    return { id, severity: "error", at: formatPath(at), says, fix, source };
}

function bindNodes(
    lab: Lab,
    observed: ClusterObservation,
): { readonly nodes: Lab["cluster"]["nodes"]; readonly findings: readonly Finding[] } {
    const { nodes, nodeSegment } = lab.cluster;
    const subnets = lab.segments[nodeSegment]?.subnets ?? [];
    const seen = Object.keys(nodes).filter((name) => observed.nodes[name] !== undefined);
    const bound = seen.map((name) => [name, bindNode(lab, nodes[name]!, observed.nodes[name]!, subnets)] as const);
    return {
        nodes: Object.fromEntries(bound),
        findings: [
            ...compareNodeNames(Object.keys(nodes), Object.keys(observed.nodes)),
            ...seen.flatMap((name) => compareNode(lab, name, observed.nodes[name]!, subnets)),
        ],
    };
}

function compareNodeNames(model: readonly string[], observed: readonly string[]): readonly Finding[] {
    const source = "Kubernetes documentation, Nodes";
    const missing = model.filter((name) => !observed.includes(name));
    const foreign = observed.filter((name) => !model.includes(name));
    return [
        ...missing.map((name) =>
            finding(
                "BIND-NODE-001",
                source,
                ["cluster", "nodes", name],
                `the cluster has no node ${name}${observed.length > 0 ? `; it has ${observed.join(", ")}` : ""}`,
                `start it (docker start ${name}), or destroy the lab and build it again`,
            ),
        ),
        ...foreign.map((name) =>
            finding(
                "BIND-NODE-002",
                source,
                ["cluster", "nodes"],
                `the cluster has the node ${name}, which the lab does not have`,
                `remove it (kubectl delete node ${name}), or destroy the lab and build it again`,
            ),
        ),
    ];
}

/** A node must have a slice of each pod CIDR, and an address in each subnet of the node network or those it was told. */
function compareNode(lab: Lab, name: string, node: ObservedNode, subnets: readonly Prefix[]): readonly Finding[] {
    const { nodeIp } = lab.cluster.nodes[name]!;
    return [
        ...comparePodCidrs(lab, name, node),
        ...(nodeIp === undefined ? compareSubnets(name, node, subnets) : compareNodeIp(name, node, nodeIp)),
    ];
}

/** Calico gives a node blocks as its pods need them, so that it may have none of a family; those that it has are the pool's. */
function comparePodCidrs({ cluster: { calico, podCidrs } }: Lab, name: string, node: ObservedNode): readonly Finding[] {
    const path: Path = ["cluster", "nodes", name, "podCidrs"];
    const fix = "destroy the lab and build it again: a cluster cannot change its pod CIDRs";
    if (calico !== undefined) {
        const foreign = (node.blocks ?? []).filter((block) => !podCidrs.some((cidr) => contains(cidr, block)));
        return foreign.map((block) =>
            finding(
                "BIND-NODE-005",
                "Calico documentation, IPAM",
                path,
                `${name} has the block ${block}, which is in no pod CIDR of the lab`,
                fix,
            ),
        );
    }
    const sliceless = podCidrs.filter((cidr) => !node.podCidrs.some((slice) => contains(cidr, slice)));
    return sliceless.map((cidr) =>
        finding(
            "BIND-NODE-003",
            "kube-controller-manager, node IPAM",
            path,
            `${name} has ${listed(node.podCidrs)} and so no slice of the pod CIDR ${cidr}`,
            fix,
        ),
    );
}

function compareSubnets(name: string, { addresses }: ObservedNode, subnets: readonly Prefix[]): readonly Finding[] {
    const absent = subnets.filter((subnet) => !addresses.some((address) => contains(subnet, address)));
    return absent.map((subnet) =>
        finding(
            "BIND-NODE-004",
            "Kubernetes documentation, Node addresses",
            ["cluster", "nodes", name, "interfaces"],
            `${name} has ${listed(addresses)} and so no internal address in ${subnet}, the subnet of its network`,
            "destroy the lab and build it again: the cluster was made on another network",
        ),
    );
}

/** A kubelet reports an address that it was told once the node has it on an interface. */
function compareNodeIp(name: string, { addresses }: ObservedNode, nodeIp: readonly Address[]): readonly Finding[] {
    const absent = nodeIp.filter((address) => !addresses.includes(address));
    return absent.map((address) =>
        finding(
            "BIND-NODE-006",
            "kubelet, --node-ip",
            ["cluster", "nodes", name, "nodeIp"],
            `${name} has ${listed(addresses)}, but was told to be ${address}`,
            `wait until its kubelet has seen the address, or look why it does not: docker exec ${name} ip addr; journalctl -u kubelet`,
        ),
    );
}

function listed(items: readonly string[]): string {
    return items.length === 0 ? "nothing" : items.join(" and ");
}

function ofFamily<T extends string>(items: readonly T[], family: Family): T | undefined {
    return items.find((item) => familyOf(item) === family);
}

function bindNode(
    { cluster: { calico, nodeSegment } }: Lab,
    node: KubernetesNode,
    { podCidrs, blocks = [], addresses }: ObservedNode,
    subnets: readonly Prefix[],
): KubernetesNode {
    const own = subnets.flatMap((subnet) => {
        const address = addresses.find((candidate) => contains(subnet, candidate));
        return address === undefined ? [] : [`${address}/${lengthOf(subnet)}`];
    });
    const interfaces = node.interfaces.map((each): Interface => {
        const isNodeNetwork = each.attachment.kind === "segment" && each.attachment.segment === nodeSegment;
        const chosen = each.addresses.map((address) => ofFamily(own, familyOf(address)) ?? address);
        return isNodeNetwork ? { ...each, addresses: chosen } : each;
    });
    const slices =
        calico === undefined
            ? node.podCidrs.map((slice) => ofFamily(podCidrs, familyOf(slice)) ?? slice)
            : [...blocks].sort(compareAddresses);
    return { ...node, podCidrs: slices, routerId: ofFamily(addresses, "ipv4") ?? node.routerId, interfaces };
}

/** A pod of the model, and what it is in the cluster. */
interface BoundPod {
    readonly model: Pod;
    readonly cluster: Pod;
}

/** A workload with the pods of the cluster, its pods by their names in the model, and what is wrong with them. */
interface BoundWorkload {
    readonly workload: Workload;
    readonly bound: readonly (readonly [model: string, pod: BoundPod])[];
    readonly findings: readonly Finding[];
}

/** The model's pods on a node are all alike, so the cluster's there take their places in the order of their names. */
function bindWorkload(workload: Workload, index: number, observed: readonly ObservedPod[]): BoundWorkload {
    const own = observed
        .filter(
            ({ namespace, labels }) =>
                namespace === workload.namespace && selects({ matchLabels: workload.labels }, labels),
        )
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    const path: Path = ["cluster", "workloads", index, "pods"];
    const misplaced = comparePlacement(workload, own, path);
    if (misplaced.length > 0) {
        return { workload, bound: [], findings: misplaced };
    }
    const pairs = workload.pods.map((pod, index) => {
        const position = workload.pods.slice(0, index).filter(({ node }) => node === pod.node).length;
        return [pod, own.filter(({ node }) => node === pod.node)[position]!] as const;
    });
    const pods = pairs.map(([pod, seen]): BoundPod => ({ model: pod, cluster: bindPod(pod, seen) }));
    return {
        workload: { ...workload, pods: pods.map(({ cluster }) => cluster) },
        bound: pods.map((pod) => [pod.model.name, pod]),
        findings: pairs.flatMap(([pod, seen], position) => comparePod(pod, seen, [...path, position])),
    };
}

function comparePlacement(workload: Workload, observed: readonly ObservedPod[], path: Path): readonly Finding[] {
    const count = (pods: readonly { readonly node?: string }[], node: string) =>
        pods.filter((pod) => pod.node === node).length;
    const nodes = new Set([...workload.pods, ...observed].flatMap(({ node }) => node ?? []));
    const wrong = [...nodes].filter((node) => count(workload.pods, node) !== count(observed, node));
    const waiting = observed.filter(({ node }) => node === undefined).length;
    const deviations = [
        ...wrong.map((node) => `${count(observed, node)} on ${node} instead of ${count(workload.pods, node)}`),
        ...(waiting > 0 ? [`${waiting} on no node yet`] : []),
    ];
    return deviations.length === 0
        ? []
        : [
              finding(
                  "BIND-POD-001",
                  "Kubernetes documentation, Pod Topology Spread Constraints",
                  path,
                  `${workload.namespace}/${workload.name} has its pods elsewhere: ${deviations.join(", ")}`,
                  `roll it out again (kubectl -n ${workload.namespace} rollout restart ${workload.kind.toLowerCase()})`,
              ),
          ];
}

function comparePod(pod: Pod, seen: ObservedPod, path: Path): readonly Finding[] {
    const missing = pod.addresses.map(familyOf).filter((family) => ofFamily(seen.addresses, family) === undefined);
    return missing.map((family) =>
        finding(
            "BIND-POD-002",
            "Kubernetes documentation, IPv4/IPv6 dual-stack",
            [...path, "addresses"],
            `the pod ${seen.name} has ${listed(seen.addresses)} and so no ${familyName(family)} address`,
            `look at it: kubectl -n ${seen.namespace} describe pod ${seen.name}`,
        ),
    );
}

function bindPod(pod: Pod, seen: ObservedPod): Pod {
    const addresses = pod.addresses.map((address) => ofFamily(seen.addresses, familyOf(address)) ?? address);
    return { ...pod, name: seen.name, addresses };
}

/** Label that tells the cluster's pods which of the lab's routers they are. */
export const routerLabel = "bgp-lab.dev/router";

/** Where the addresses of a router in a pod, and of its node, are in the cluster; or what is wrong with it. */
interface BoundRouter {
    readonly moved: readonly (readonly [model: Address, cluster: Address])[];
    readonly findings: readonly Finding[];
}

/** There is one pod for each router; where none or several are, one is about to replace another. */
function bindPodRouter({ cluster }: Lab, { name, pod, router }: PodRouter, observed: ClusterObservation): BoundRouter {
    const path: Path = ["routers", name, "pod"];
    const wrong = (id: string, source: string, says: string, fix: string): BoundRouter => ({
        moved: [],
        findings: [finding(id, source, path, says, fix)],
    });
    const own = observed.pods.filter(
        ({ namespace, labels }) => namespace === pod.namespace && labels[routerLabel] === name,
    );
    const [seen] = own;
    if (own.length !== 1 || seen === undefined || seen.node !== pod.node) {
        const places = own.map(({ node }) => node ?? "no node yet");
        return wrong(
            "BIND-POD-003",
            "Kubernetes documentation, Deployments",
            `the router ${name} is one pod on ${pod.node}, and the cluster has ${listed(places)}`,
            `look at it: kubectl -n ${pod.namespace} describe deployment ${name}`,
        );
    }
    const families = (["ipv4", "ipv6"] as const).filter((family) => podAddress(router, family) !== undefined);
    const missing = families.filter((family) => ofFamily(seen.addresses, family) === undefined);
    if (missing.length > 0) {
        return wrong(
            "BIND-POD-004",
            "Kubernetes documentation, IPv4/IPv6 dual-stack",
            `the pod ${seen.name} has ${listed(seen.addresses)} and so no ${missing.map(familyName).join(" and no ")} address`,
            `look at it: kubectl -n ${seen.namespace} describe pod ${seen.name}`,
        );
    }
    const gateways = observed.nodes[pod.node]?.podGateways ?? [];
    const port = cluster.nodes[pod.node]?.interfaces.find(({ name: of }) => of === nodePort);
    const nodes = (port?.addresses ?? []).map(addressOf);
    const gateway = nodes.map((address) => [address, ofFamily(gateways, familyOf(address))] as const);
    const unknown = gateway.flatMap(([address, found]) => (found === undefined ? [familyOf(address)] : []));
    if (unknown.length > 0) {
        return wrong(
            "BIND-NODE-007",
            "Cilium documentation, CiliumNode",
            `${pod.node} has ${listed(gateways)} as its own in the pod ranges, and so no ${unknown.map(familyName).join(" and no ")} address that ${name} could peer with`,
            `look why: kubectl get ciliumnode ${pod.node} -o yaml`,
        );
    }
    return {
        moved: [
            ...families.map((family) => [podAddress(router, family)!, ofFamily(seen.addresses, family)!] as const),
            ...gateway.map(([address, found]) => [address, found!] as const),
        ],
        findings: [],
    };
}

/** The same with other addresses, wherever they stand alone or with the length of a host route. */
function withAddresses<T>(value: T, moved: ReadonlyMap<Address, Address>): T {
    if (typeof value === "string") {
        const [address = "", length] = value.split("/");
        const other = moved.get(address);
        return (other === undefined ? value : length === undefined ? other : `${other}/${length}`) as T;
    }
    if (Array.isArray(value)) {
        return value.map((each) => withAddresses(each, moved)) as T;
    }
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withAddresses(each, moved)])) as T;
    }
    return value;
}

function compareServices(
    { cluster: { metallb, services } }: Lab,
    observed: readonly ObservedService[],
): readonly Finding[] {
    const [source, pools] =
        metallb === undefined
            ? ["Cilium documentation, LB IPAM", "ciliumloadbalancerippools"]
            : ["MetalLB documentation, Usage", "ipaddresspools -n metallb-system"];
    return services.flatMap(({ namespace, name, loadBalancerAddresses }, index) => {
        const seen = observed.find((service) => service.namespace === namespace && service.name === name);
        const given = seen?.loadBalancerAddresses ?? [];
        if ([...given].sort().join() === [...loadBalancerAddresses].sort().join()) {
            return [];
        }
        const has = seen === undefined ? "is not in the cluster" : `has ${listed(given)}`;
        return [
            finding(
                "BIND-SVC-001",
                source,
                ["cluster", "services", index, "loadBalancerAddresses"],
                `${namespace}/${name} ${has}, but is pinned to ${listed(loadBalancerAddresses)}`,
                `look why: kubectl -n ${namespace} describe service ${name}; kubectl describe ${pools}`,
            ),
        ];
    });
}

/** A check speaks of pods by their names, as those who ask, too, and of one pod's own address. */
function bindCheck(check: TrafficCheck, pods: ReadonlyMap<string, BoundPod>): TrafficCheck {
    const nameOf = (name: string) => pods.get(name)?.cluster.name ?? name;
    const from = nameOf(check.from);
    switch (check.kind) {
        case "service":
            return { ...check, from, pods: check.pods.map(nameOf) };
        case "pod": {
            const { model, cluster } = pods.get(check.pod) ?? {};
            const address = cluster?.addresses[model?.addresses.indexOf(check.address) ?? -1];
            return { ...check, from, pod: nameOf(check.pod), address: address ?? check.address };
        }
        case "silence":
        case "passage":
            return { ...check, from };
    }
}
