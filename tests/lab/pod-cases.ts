/** Ways to break labs in which Pods are routers and neighbors by label, each with the rule that must object. */

import type { Lab } from "../../lab/model";
import type { RuntimeName } from "../../lab/rules/rule";
import { planPodGateway, schema } from "../../stacks/pod-gateway";
import type { Draft } from "./labs";

/** A way to break a quiet lab: the rule that must object, where, and the change. */
export interface PodCase {
    readonly id: string;
    readonly at: string;
    readonly when: string;
    readonly parameters?: object;
    readonly change?: (draft: Draft) => void;
    /** Where the lab is to run. @default netns */
    readonly runtime?: RuntimeName;
    /** Rules that cannot but object as well. */
    readonly also?: readonly string[];
}

/** The lab of the topology with some parameters changed, and then its model changed in place. */
export function podLab({ parameters = {}, change = () => {} }: Partial<PodCase> = {}): Lab {
    const draft = JSON.parse(JSON.stringify(planPodGateway(schema.parse(parameters)))) as Draft;
    change(draft);
    return draft as Lab;
}

const byRouter = { peering: "router" } as const;
const node = "pod-gateway-worker2";
const gateway = (draft: Draft, index = 0) => draft.routers[`loadbalancer-${index}`]!;
const router = (draft: Draft) => draft.routers.router0!;
const instances = (draft: Draft) => draft.cluster.cilium!.bgp;
const workerOf = (draft: Draft) => draft.cluster.nodes[node]!;

type DraftNeighbor = NonNullable<ReturnType<typeof instances>[number]["podNeighbors"]>[number];

/** Changes what nodes say of their neighbors by label, alike on all of them. */
function everywhere(draft: Draft, change: (neighbor: DraftNeighbor) => void): void {
    instances(draft)
        .flatMap(({ podNeighbors = [] }) => podNeighbors)
        .forEach(change);
}

/** Leaves the virtual addresses alone: services are shared between paths, too. */
function withoutServices(draft: Draft): void {
    draft.cluster.services = [];
    draft.checks = draft.checks.filter(({ kind, address }) => kind === "pod" || !address.includes("254"));
}

/** Changes a text wherever it is in the lab. */
function replace(draft: Draft, from: string, to: string): void {
    Object.assign(draft, JSON.parse(JSON.stringify(draft).replaceAll(from, to)));
}

/** What users may announce. */
const allowed4 = { prefix: "192.168.0.0/24", le: 32 };
const allowed6 = { prefix: "fd00:192:168::/64", le: 128 };

const own = (draft: Draft, index = 0) => {
    const { session } = gateway(draft).bgp.neighbors[index]!;
    if (session.kind !== "own") {
        throw new Error("the neighbor is in a peer group");
    }
    return session.settings;
};
/** The first check of a kind: the virtual address is asked first. */
function checkOf<Kind extends Draft["checks"][number]["kind"]>(draft: Draft, kind: Kind) {
    const found = draft.checks.find((check) => check.kind === kind);
    if (found === undefined) {
        throw new Error(`there is no check of the kind ${kind}`);
    }
    return found as Extract<Draft["checks"][number], { kind: Kind }>;
}
const list = (draft: Draft, name: string) => router(draft).prefixLists.find((each) => each.name === name)!;
const first = "cluster.cilium.bgp[0].podNeighbors[0]";
const ofGateway = "cluster.cilium.bgp[2].podNeighbors[0]";

export const podCases: readonly PodCase[] = [
    {
        id: "ADR-FMT-001",
        at: `${first}.importPolicy.allowed[0].prefix`,
        when: "an allowed prefix has host bits",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.importPolicy.allowed[0]!.prefix = "192.168.0.1/24";
        },
    },
    {
        id: "ADR-FMT-001",
        at: `${first}.importPolicy.forbidden[0]`,
        when: "a forbidden prefix is none",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.importPolicy.forbidden[0] = "172.16.0.0";
        },
    },
    {
        id: "ADR-FMT-001",
        at: "routers.loadbalancer-0.virtualServers[0].address",
        when: "a virtual server's address is a prefix",
        change: (draft) => {
            gateway(draft).virtualServers![0]!.address = "192.168.0.1/32";
        },
    },
    {
        id: "BGP-FMT-001",
        at: `${first}.remoteAs.asn`,
        when: "the AS of Pods has more than 32 bits",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.remoteAs = { kind: "asn", asn: 2 ** 32 };
        },
    },
    {
        id: "NET-SEG-002",
        at: "segments.loadbalancer-0",
        when: "a third interface is on a pod link",
        change: (draft) => {
            draft.hosts.client0!.interfaces.push({
                name: "net9",
                attachment: { kind: "segment", segment: "loadbalancer-0" },
                addresses: [],
            });
        },
    },
    {
        id: "ADR-DUP-001",
        at: "cluster.workloads[0].pods[2].addresses[0]",
        when: "a pod has the address that its node has among its pods",
        change: (draft) => {
            const pod = draft.cluster.workloads[0]!.pods[2]!;
            replace(draft, pod.addresses[0]!, "10.244.2.69");
        },
    },
    {
        id: "ADR-POD-003",
        at: `cluster.nodes.${node}.interfaces[2].addresses[0]`,
        when: "a node's address among its pods is in another node's slice",
        change: (draft) => {
            replace(draft, "10.244.2.69", "10.244.1.99");
        },
    },
    {
        id: "ADR-POD-003",
        at: "routers.loadbalancer-0.interfaces[0].addresses[0]",
        when: "a Pod has an address of another node's slice",
        change: (draft) => {
            replace(draft, "10.244.2.216", "10.244.1.216");
            everywhere(draft, ({ importPolicy }) => {
                importPolicy.ownAddress = false;
            });
        },
    },
    {
        id: "K8S-POD-002",
        at: "routers.loadbalancer-0.pod.node",
        when: "a Pod with a router is on a node that does not exist",
        change: (draft) => {
            gateway(draft).pod!.node = "nowhere";
            // Its node takes it for a neighbor no more.
            gateway(draft).bgp.neighbors = [];
            gateway(draft).interfaces[1]!.addresses = [];
            gateway(draft).virtualServers = [];
            draft.checks = draft.checks.filter(({ kind, address }) => kind === "pod" || address.startsWith("10.254"));
        },
    },
    {
        id: "K8S-POD-003",
        at: "routers.loadbalancer-0.pod.node",
        when: "a Pod with a router is on a node whose taint keeps it out",
        parameters: { gateways: [0] },
        change: (draft) => {
            const control = Object.entries(draft.cluster.nodes).find(([, { role }]) => role === "control-plane")![0];
            draft.cluster.nodes[control]!.untainted = false;
            const { pods } = draft.cluster.workloads[0]!;
            const gone = pods.filter((pod) => pod.node === control).map(({ name }) => name);
            draft.cluster.workloads[0]!.pods = pods.filter((pod) => pod.node !== control);
            draft.checks = draft.checks
                .filter((check) => !(check.kind === "pod" && (gone.includes(check.pod) || gone.includes(check.from))))
                .map((check) =>
                    check.kind === "service"
                        ? { ...check, pods: check.pods.filter((name) => !gone.includes(name)) }
                        : check,
                );
        },
    },
    {
        id: "K8S-POD-004",
        at: "routers.web-0",
        when: "a Pod with a router has the name of another pod",
        change: (draft) => {
            draft.routers["web-0"] = gateway(draft);
            delete draft.routers["loadbalancer-0"];
            draft.checks = draft.checks.filter(({ kind }) => kind !== "passage");
        },
    },
    {
        id: "K8S-LBL-001",
        at: 'routers.loadbalancer-0.pod.labels["app name"]',
        when: "a label has a space in its key",
        change: (draft) => {
            gateway(draft).pod!.labels["app name"] = "loadbalancer";
        },
    },
    {
        id: "K8S-LBL-001",
        at: "cluster.workloads[0].labels.app",
        when: "the value of a label ends with a dash",
        change: (draft) => {
            draft.cluster.workloads[0]!.labels.app = "web-";
            draft.cluster.services[0]!.selector = { app: "web-" };
        },
    },
    {
        id: "K8S-LBL-001",
        at: `${first}.selector.matchExpressions[0]`,
        when: "a requirement that takes no values has one",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.selector.matchExpressions = [
                { key: "app", operator: "Exists", values: ["loadbalancer"] },
            ];
        },
    },
    {
        id: "K8S-LBL-001",
        at: `${first}.selector.matchExpressions[0]`,
        when: "a requirement names garbage",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.selector.matchExpressions = [
                { key: "example.org//app", operator: "DoesNotExist" },
            ];
        },
    },
    {
        id: "K8S-SEL-002",
        at: `${ofGateway}.selector.matchExpressions[0].key`,
        when: "Pods are left out by a label that is misspelt",
        change: (draft) => {
            instances(draft)[2]!.podNeighbors![0]!.selector.matchExpressions = [
                { key: "ap", operator: "NotIn", values: ["rogue"] },
            ];
        },
    },
    {
        id: "BGP-TMR-002",
        at: `${first}.timers.keepalive`,
        when: "keepalives to Pods come after the hold time",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.timers = { holdTime: 9, keepalive: 10, connectRetry: 5 };
        },
    },
    {
        id: "BGP-SES-002",
        at: `${ofGateway}.selector`,
        when: "a Pod has no neighbor in a family that its node exchanges",
        change: (draft) => {
            gateway(draft).bgp.neighbors.pop();
        },
    },
    {
        id: "BGP-SES-002",
        at: "routers.loadbalancer-0.bgp.neighbors[1].address",
        when: "a node exchanges one family with Pods, and the Pod two",
        change: (draft) => {
            everywhere(draft, (neighbor) => {
                neighbor.families = ["ipv4"];
            });
        },
    },
    {
        id: "BGP-SES-003",
        at: "routers.loadbalancer-0.bgp.neighbors[0].address",
        when: "a Pod's neighbor may be no hop away",
        change: (draft) => {
            delete own(draft).ebgpMultihop;
        },
    },
    {
        id: "POD-LINK-004",
        at: "cluster.cilium.bgp[2].exportPodCidr",
        when: "the router is not told where the Pods are that call it",
        parameters: byRouter,
        change: (draft) => {
            instances(draft)[2]!.exportPodCidr = false;
            draft.cluster.cilium!.routingMode = "tunnel";
            draft.checks = draft.checks.filter(({ kind }) => kind !== "pod");
        },
    },
    {
        id: "BGP-POL-009",
        at: "routers.router0.prefixLists[6].entries[0]",
        when: "the router takes more of nodes than Pods may announce",
        change: (draft) => {
            list(draft, "FROM-WORKER2").entries.unshift({ sequence: 1, action: "permit", prefix: "192.0.3.0/24" });
        },
    },
    {
        id: "BGP-POL-011",
        at: "routers.router0.prefixLists[6]",
        when: "the router refuses a virtual address that a node passes on",
        change: (draft) => {
            const entries = list(draft, "FROM-WORKER2").entries;
            list(draft, "FROM-WORKER2").entries = entries.filter(({ prefix }) => !prefix.startsWith("192.168.0."));
        },
    },
    {
        id: "BGP-ECMP-006",
        at: "routers.router0.bgp.multipathRelax",
        when: "Pods on two nodes have one virtual address, and paths through two ASes are not shared",
        parameters: { gateways: [1, 2] },
        change: (draft) => {
            router(draft).bgp.multipathRelax = false;
            withoutServices(draft);
        },
    },
    {
        id: "BGP-ECMP-006",
        at: "routers.router0.bgp.maximumPaths",
        when: "more Pods have a virtual address than the router has paths",
        parameters: { ...byRouter, gateways: [0, 1, 2] },
        change: (draft) => {
            router(draft).bgp.maximumPaths = 2;
            withoutServices(draft);
        },
    },
    {
        id: "POD-LINK-001",
        at: "routers.loadbalancer-0.interfaces",
        when: "the link of a Pod leads to another node",
        change: (draft) => {
            const { interfaces } = workerOf(draft);
            const port = interfaces.pop()!;
            draft.cluster.nodes["pod-gateway-worker"]!.interfaces.push(port);
            workerOf(draft).staticRoutes = workerOf(draft).staticRoutes.map((route) =>
                route.via.kind === "interface" ? { ...route, via: { kind: "interface", interface: "net0" } } : route,
            );
        },
    },
    {
        id: "POD-LINK-002",
        at: `cluster.nodes.${node}.interfaces`,
        when: "a node has no address among its pods",
        change: (draft) => {
            workerOf(draft).interfaces = workerOf(draft).interfaces.filter(({ name }) => name !== "cilium_host");
        },
    },
    {
        id: "POD-LINK-002",
        at: `cluster.nodes.${node}.interfaces`,
        when: "a node has an IPv4 address among its pods and no IPv6 one",
        change: (draft) => {
            workerOf(draft).interfaces[2]!.addresses.pop();
        },
    },
    {
        id: "POD-LINK-003",
        at: `cluster.nodes.${node}.staticRoutes`,
        when: "a node has no route to its Pod",
        change: (draft) => {
            workerOf(draft).staticRoutes = workerOf(draft).staticRoutes.filter(
                ({ prefix }) => prefix !== "10.244.2.216/32",
            );
        },
    },
    {
        id: "POD-LINK-003",
        at: "routers.loadbalancer-0.staticRoutes",
        when: "a Pod has no default route",
        change: (draft) => {
            gateway(draft).staticRoutes = gateway(draft).staticRoutes.filter(({ prefix }) => prefix !== "0.0.0.0/0");
        },
    },
    {
        id: "POD-NOS-001",
        at: "routers.loadbalancer-0.nos",
        when: "a Pod runs VyOS",
        change: (draft) => {
            gateway(draft).nos = "vyos";
            gateway(draft).nosVersion = "1.5";
        },
    },
    {
        id: "POD-NAME-001",
        at: "routers.loadbalancer-0.pod.namespace",
        when: "a namespace has a capital letter",
        change: (draft) => {
            gateway(draft).pod!.namespace = "Default";
            everywhere(draft, (neighbor) => {
                neighbor.namespace = "Default";
            });
        },
    },
    {
        id: "POD-NAME-002",
        at: "routers.loadbalancer-0.pod.workload",
        when: "a Pod with a router is of the workload behind it",
        change: (draft) => {
            gateway(draft).pod!.workload = "web";
        },
    },
    {
        id: "POD-NAME-003",
        at: `${first}.name`,
        when: "a selector has a name with a space",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.name = "load balancers";
        },
    },
    {
        id: "POD-NAME-003",
        at: "cluster.cilium.bgp[0].podNeighbors[1].name",
        when: "two selectors have one name",
        change: (draft) => {
            const [selector] = instances(draft)[0]!.podNeighbors!;
            instances(draft)[0]!.podNeighbors!.push(structuredClone(selector!));
        },
    },
    {
        id: "POD-NHT-001",
        at: "routers.loadbalancer-0.bgp.defaults",
        when: "a Pod that peers with the router takes no default route for a way",
        parameters: byRouter,
        change: (draft) => {
            gateway(draft).bgp.defaults = "datacenter";
        },
    },
    {
        id: "POD-SEL-001",
        at: `${first}.selector`,
        when: "a selector matches no Pod",
        parameters: { podSelector: { matchLabels: { app: "loadbalancers" } } },
    },
    {
        id: "POD-SEL-002",
        at: "cluster.cilium.bgp[2].podNeighbors[1].selector",
        when: "two selectors match one Pod",
        change: (draft) => {
            const { podNeighbors } = instances(draft)[2]!;
            podNeighbors!.push({ ...structuredClone(podNeighbors![0]!), name: "again" });
            podNeighbors![1]!.selector = {
                matchExpressions: [{ key: "app", operator: "In", values: ["loadbalancer"] }],
            };
        },
    },
    {
        id: "POD-SEL-003",
        at: `${first}.selector`,
        when: "a selector matches pods that speak no BGP",
        parameters: {
            podSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["loadbalancer", "web"] }] },
        },
    },
    {
        id: "POD-SEL-004",
        at: `${ofGateway}.selector`,
        when: "a selector asks nothing",
        change: (draft) => {
            instances(draft)[2]!.podNeighbors![0]!.selector = {};
            draft.cluster.workloads[0]!.namespace = "others";
            draft.cluster.services[0]!.namespace = "others";
            instances(draft).forEach((instance) => {
                instance.serviceSelector = {};
            });
            gateway(draft).virtualServers!.forEach(({ workload }) => {
                workload.namespace = "others";
            });
        },
    },
    {
        id: "POD-SEL-005",
        at: "routers.loadbalancer-1.pod.labels",
        when: "a Pod lacks the label by which others are selected",
        parameters: { gateways: [2, 1] },
        change: (draft) => {
            gateway(draft, 1).pod!.labels = { app: "other" };
        },
    },
    {
        id: "POD-ASN-001",
        at: `${ofGateway}.remoteAs.asn`,
        when: "another AS is expected of Pods",
        parameters: { selectedAsn: 65101 },
    },
    {
        id: "POD-ASN-001",
        at: "routers.router0.bgp.podNeighbors[0].remoteAs.asn",
        when: "the router expects another AS of Pods",
        parameters: { ...byRouter, selectedAsn: 65101 },
    },
    {
        id: "POD-ASN-002",
        at: "routers.loadbalancer-0.bgp.asn",
        when: "a Pod has its node's AS",
        parameters: { podAsn: 65012 },
    },
    {
        id: "POD-ASN-002",
        at: "routers.loadbalancer-0.bgp.asn",
        when: "a Pod that peers with the router has its node's AS",
        parameters: { ...byRouter, podAsn: 65012 },
    },
    {
        id: "POD-ASN-002",
        at: "routers.loadbalancer-0.bgp.asn",
        when: "the AS that is expected of Pods is the node's own",
        parameters: { podAsn: 65012, selectedAsn: 65012 },
    },
    {
        id: "POD-ASN-003",
        at: "routers.loadbalancer-0.bgp.asn",
        when: "a Pod that peers with its node has the router's AS",
        parameters: { podAsn: 65000 },
    },
    {
        id: "POD-HOP-001",
        at: `${first}.ebgpMultihop`,
        when: "Pods may be one hop away",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.ebgpMultihop = 1;
        },
    },
    {
        id: "POD-FAM-001",
        at: `${first}.families`,
        when: "no family is exchanged with Pods",
        change: (draft) => {
            instances(draft)[0]!.podNeighbors![0]!.families = [];
        },
    },
    {
        id: "POD-CIL-001",
        at: "cluster.cilium.bgp[0].transit",
        when: "Pods peer with nodes of a real cluster",
        runtime: "docker",
    },
    {
        id: "POD-CIL-003",
        at: "cluster.cilium.version",
        when: "a real cluster's Cilium is too old for what the peering controller writes",
        parameters: { ...byRouter, ciliumVersion: "1.17.5" },
        change: (draft) => {
            draft.cluster.kubernetesVersion = "1.29.14";
        },
        runtime: "docker",
    },
    {
        id: "POD-CIL-004",
        at: "cluster.cilium.nativeRoutingCidrs",
        when: "a real cluster's Cilium hides Pods from the router that they call",
        parameters: { ...byRouter, nativeRoutingCidrs: ["10.244.0.0/16", "fd00:10:244::/48"] },
        runtime: "docker",
    },
    {
        id: "POD-POL-009",
        at: "routers.router0.bgp.neighbors[2].session.settings.families[0].prefixListIn",
        when: "the router takes any address of the pool of a node that passes routes on",
        change: (draft) => {
            const any = { sequence: 1, action: "permit", prefix: "10.254.0.0/24", ge: 32 } as const;
            list(draft, "FROM-WORKER2").entries.unshift(any);
        },
    },
    {
        id: "POD-CIL-002",
        at: "cluster.cilium.bgp[2]",
        when: "Pods peer with nodes that pass nothing on",
        change: (draft) => {
            instances(draft).forEach((instance) => {
                delete instance.transit;
            });
        },
    },
    {
        id: "POD-REF-001",
        at: "routers.router0.bgp.podNeighbors[2].name",
        when: "a router takes Pods into a peer group that there is not",
        parameters: byRouter,
        change: (draft) => {
            const { podNeighbors } = router(draft).bgp;
            podNeighbors!.push({
                ...structuredClone(podNeighbors![0]!),
                name: "others",
                selector: { matchLabels: { app: "others" } },
            });
        },
        also: ["POD-SEL-001"],
    },
    {
        id: "POD-REF-001",
        at: "routers.router0.bgp.neighbors[6].pod",
        when: "a neighbor that is written out has another AS than the Pod",
        parameters: byRouter,
        change: (draft) => {
            router(draft).bgp.neighbors[6]!.remoteAsn += 1;
        },
    },
    {
        id: "POD-POL-001",
        at: `${first}.importPolicy.allowed[0].le`,
        when: "the longest length of an allowed prefix is less than its own",
        parameters: { allowed: [{ prefix: "192.168.0.0/24", le: 20 }, allowed6] },
    },
    {
        id: "POD-POL-001",
        at: `${first}.importPolicy.allowed[0].le`,
        when: "the longest length of an allowed prefix is more than an address has",
        parameters: { allowed: [{ prefix: "192.168.0.0/24", le: 64 }, allowed6] },
    },
    {
        id: "POD-POL-002",
        at: `${first}.importPolicy.allowed[0]`,
        when: "everything is allowed",
        parameters: { allowed: [{ prefix: "0.0.0.0/0", le: 32 }, allowed6] },
    },
    {
        id: "POD-POL-003",
        at: `${first}.importPolicy.allowed[2]`,
        when: "a part of the pod CIDR is allowed",
        parameters: { allowed: [allowed4, allowed6, { prefix: "10.244.7.0/24", le: 32 }] },
    },
    {
        id: "POD-POL-003",
        at: "routers.router0.bgp.podNeighbors[0].importPolicy.allowed[2]",
        when: "exactly what covers the services' addresses is allowed",
        parameters: { ...byRouter, allowed: [allowed4, allowed6, { prefix: "fd00:10:96::/64" }] },
    },
    {
        id: "POD-POL-004",
        at: `${first}.importPolicy.allowed[0]`,
        when: "what is allowed is forbidden",
        parameters: { forbidden: ["192.168.0.0/16"] },
    },
    {
        id: "POD-POL-005",
        at: `${first}.importPolicy.allowed[2]`,
        when: "a network with the pods inside is allowed",
        parameters: { allowed: [allowed4, allowed6, { prefix: "10.192.0.0/10", le: 32 }] },
    },
    {
        id: "POD-POL-006",
        at: "routers.router0.bgp.podNeighbors[0].importPolicy.ownAddress",
        when: "a router is to take Pods' own addresses",
        parameters: { ...byRouter, ownAddress: true },
    },
    {
        id: "POD-POL-007",
        at: `${first}.importPolicy.allowed`,
        when: "nothing is allowed",
        parameters: { gateways: [], hijacks: ["10.244.0.0/24"], allowed: [], ownAddress: false },
    },
    {
        id: "POD-POL-008",
        at: "routers.router0.bgp.peerGroups[0].settings.families[0].prefixListIn",
        when: "a router that Pods call takes a node's slice",
        parameters: byRouter,
        change: (draft) => {
            list(draft, "FROM-PODS").entries.unshift({ sequence: 1, action: "permit", prefix: "10.244.1.0/24" });
        },
    },
    {
        id: "POD-POL-009",
        at: "routers.router0.bgp.neighbors[2].session.settings.families[0].prefixListIn",
        when: "the router takes another node's slice of a node that passes routes on",
        change: (draft) => {
            list(draft, "FROM-WORKER2").entries.unshift({ sequence: 1, action: "permit", prefix: "10.244.1.0/24" });
        },
    },
    {
        id: "POD-POL-010",
        at: `${first}.importPolicy.allowed[2]`,
        when: "the client's link is allowed, and nobody forbids it",
        parameters: { allowed: [allowed4, allowed6, { prefix: "172.16.0.0/16", le: 32 }], forbidden: [] },
    },
    {
        id: "POD-VIP-001",
        at: "routers.loadbalancer-0.interfaces[1].addresses[0]",
        when: "a virtual address is in the pool of load-balancer addresses",
        parameters: { virtualAddresses: ["10.254.0.99", "fd00:192:168::1"] },
    },
    {
        id: "POD-VIP-001",
        at: "routers.loadbalancer-0.interfaces[1].addresses[1]",
        when: "an IPv6 virtual address is in the pod CIDR",
        parameters: { virtualAddresses: ["192.168.0.1", "fd00:10:244::99"] },
    },
    {
        id: "BGP-RID-004",
        at: "routers.router0.bgp.routerId",
        when: "the router has the identifier of a Pod that a node passes on to it",
        parameters: { routerId: "10.255.1.0" },
    },
    {
        id: "BGP-RID-004",
        at: "routers.router0.bgp.routerId",
        when: "Pods' identifiers begin at the router's",
        parameters: { podRouterIds: "10.0.0.0/24", gateways: [1, 2] },
    },
    {
        id: "BGP-RID-003",
        at: "routers.router0.bgp.routerId",
        when: "the router has the identifier of a Pod that is its own neighbor",
        parameters: { ...byRouter, routerId: "10.255.1.0" },
    },
    {
        id: "POD-VIP-002",
        at: "routers.loadbalancer-0.interfaces[1].addresses[0]",
        when: "a virtual address is not allowed",
        parameters: { virtualAddresses: ["192.168.9.1", "fd00:192:168::1"] },
    },
    {
        id: "POD-VIP-002",
        at: "routers.loadbalancer-0.interfaces[1].addresses[0]",
        when: "a virtual address of several Pods is forbidden",
        parameters: { gateways: [1, 2], forbidden: ["192.168.0.0/30"] },
    },
    {
        id: "POD-VIP-002",
        at: "routers.loadbalancer-0.interfaces[1].addresses[0]",
        when: "single addresses of an allowed network are not",
        parameters: { ...byRouter, allowed: [{ prefix: "192.168.0.0/24" }, allowed6] },
    },
    {
        id: "POD-VIP-002",
        at: "routers.loadbalancer-0.interfaces[1].addresses[0]",
        when: "nothing but Pods' own addresses is allowed",
        parameters: { allowed: [] },
    },
    {
        id: "POD-VIP-004",
        at: "routers.rogue-0.bgp.families[0]",
        when: "a Pod announces the virtual address of others, which the policy allows",
        parameters: { hijacks: ["192.168.0.1/32"] },
    },
    {
        id: "POD-VIP-003",
        at: "routers.loadbalancer-0.interfaces[1].addresses[0]",
        when: "a Pod does not redistribute its virtual address",
        change: (draft) => {
            gateway(draft).bgp.families[0]!.redistribute = [];
        },
    },
    {
        id: "POD-VIP-003",
        at: "routers.loadbalancer-0.interfaces[1].addresses[1]",
        when: "a filter of the Pod keeps its virtual address back",
        parameters: { ownAddress: false },
        change: (draft) => {
            const { entries } = gateway(draft).prefixLists.find(({ family }) => family === "ipv6")!;
            entries[0]!.prefix = "fd00:192:168::2/128";
        },
    },
    {
        id: "POD-SRV-001",
        at: "routers.loadbalancer-0.virtualServers[0].address",
        when: "a virtual server is at an address that its Pod does not have",
        change: (draft) => {
            gateway(draft).interfaces[1]!.addresses.shift();
        },
    },
    {
        id: "POD-SRV-002",
        at: "routers.loadbalancer-0.virtualServers[0].workload",
        when: "connections are passed on to a workload that there is not",
        change: (draft) => {
            gateway(draft).virtualServers!.forEach(({ workload }) => {
                workload.name = "webs";
            });
        },
    },
    {
        id: "POD-SRV-002",
        at: "routers.loadbalancer-0.virtualServers[1].workload",
        when: "IPv6 connections are passed on to pods without IPv6",
        change: (draft) => {
            draft.cluster.workloads[0]!.pods.forEach((pod) => {
                pod.addresses = pod.addresses.slice(0, 1);
            });
            draft.checks = draft.checks.filter(({ kind, address }) => kind !== "pod" || !address.includes(":"));
        },
    },
    {
        id: "POD-SRV-003",
        at: "routers.loadbalancer-0.virtualServers[2].port",
        when: "a Pod has one virtual server twice",
        change: (draft) => {
            const { virtualServers } = gateway(draft);
            virtualServers!.push(structuredClone(virtualServers![0]!));
        },
    },
    {
        id: "POD-SRV-004",
        at: "routers.router0.virtualServers",
        when: "a router of its own is to pass connections on",
        change: (draft) => {
            router(draft).virtualServers = gateway(draft).virtualServers!;
        },
    },
    {
        id: "CHK-002",
        at: "checks[0]",
        when: "a virtual address is asked on another port",
        change: (draft) => {
            checkOf(draft, "service").port = 81;
        },
    },
    {
        id: "CHK-005",
        at: "checks[1].through",
        when: "connections should pass through a Pod that there is not",
        change: (draft) => {
            checkOf(draft, "passage").through.push("loadbalancer-7");
        },
    },
    {
        id: "CHK-005",
        at: "checks[1].through",
        when: "connections should pass through no Pod",
        change: (draft) => {
            checkOf(draft, "passage").through = [];
        },
    },
    {
        id: "CHK-006",
        at: "checks[0].clientAddress",
        when: "pods should see a client that a Pod hides",
        change: (draft) => {
            checkOf(draft, "service").clientAddress = "seen";
        },
    },
];

/** Ways to change the lab to which a rule has nothing to say. */
export const podAllowed: readonly Omit<PodCase, "at">[] = [
    {
        id: "ADR-DUP-001",
        when: "the Pods of a workload have a virtual address in common",
        parameters: { gateways: [0, 1, 2, 2] },
    },
    {
        id: "POD-POL-005",
        when: "the administrator takes a part out of what is allowed",
        parameters: { forbidden: ["192.168.0.128/25"] },
    },
    {
        id: "POD-POL-010",
        when: "the client's link is allowed, and the administrator forbids it",
        parameters: { allowed: [{ prefix: "172.16.0.0/16", le: 32 }] },
    },
    {
        id: "BGP-ECMP-006",
        when: "services are cut short as well, which is told",
        parameters: { gateways: [1, 2], multipathRelax: false },
    },
    {
        id: "POD-SEL-004",
        when: "an empty selector means pods that speak no BGP, which is told",
        parameters: { podSelector: {} },
    },
    {
        id: "BGP-NH-001",
        when: "a Pod that peers with the router has its AS, which is told",
        parameters: { ...byRouter, podAsn: 65000 },
    },
    {
        id: "BGP-POL-008",
        when: "a slice is allowed, which is told",
        parameters: { allowed: [allowed4, allowed6, { prefix: "10.244.1.0/24" }] },
    },
    {
        id: "POD-POL-004",
        when: "what is forbidden is inside what is allowed",
        parameters: { forbidden: ["192.168.0.128/25"] },
    },
    {
        id: "BGP-LOOP-001",
        when: "two Pods of one AS meet at the router",
        parameters: { ...byRouter, gateways: [1, 2] },
    },
    {
        id: "POD-SEL-005",
        when: "the selector that should match matches nothing, which is told",
        parameters: { podSelector: { matchLabels: { app: "other" } } },
    },
    {
        id: "BGP-ECMP-006",
        when: "Pods on one node have one virtual address",
        parameters: { gateways: [2, 2], multipathRelax: false },
    },
    {
        id: "CHK-002",
        when: "nobody should answer at another port of a virtual address",
        change: (draft) => {
            draft.checks.push({
                kind: "silence",
                from: "client0",
                address: "192.168.0.1",
                probe: { kind: "tcp", port: 81 },
            });
        },
    },
];
