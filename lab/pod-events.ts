/** What happens to Pods that are routers, and the lab that comes of it: cluster and network do what they would do by themselves. */

import { addressOf, familyOf, formatAddress, hostPrefix, parseAddress, rangeOf } from "./address";
import { findDevice } from "./devices";
import type {
    Address,
    Interface,
    InterfaceAddress,
    KubernetesNode,
    Lab,
    LabelSelector,
    Labels,
    Neighbor,
    PodNeighbor,
    Router,
    TrafficCheck,
} from "./model";
import { nodeEnd, podEnd, podLink, podRoutes, routesToPod } from "./pod-network";
import { matchesPod, nodePort, type PodRouter, podAddress, podPort, podRouters } from "./pods";
import { ciliumInstances, nodeSpeaker } from "./speakers";

/** Something that happens to a Pod, or to a workload of Pods. */
export type PodEvent =
    | {
          /**
           * `restarted`: another Pod of the same name and node with a new address; `deleted`: gone for good; `relabelled`: the
           * labels are gone by which it was somebody's neighbor.
           */
          readonly kind: "restarted" | "deleted" | "relabelled";
          readonly pod: string;
      }
    | { readonly kind: "moved"; readonly pod: string; readonly node: string }
    | { readonly kind: "scaled"; readonly workload: string; readonly replicas: number };

/** A text that names no event of the lab's Pods. */
export class UnknownPodEventError extends Error {
    constructor(
        readonly text: string,
        known: readonly string[],
    ) {
        super(
            known.length === 0
                ? `no event "${text}" in this lab: it has no Pods that are routers`
                : `no event "${text}" in this lab; there are ${known.join(", ")}`,
        );
    }
}

/** Most replicas that a workload is scaled to. */
const mostReplicas = 1000;

/** Numbers in a slice that are tried for a Pod; an IPv6 slice has more than anybody could. */
const mostNumbers = 65_534;

/**
 * The event that a text names: `pod:loadbalancer-0:restarted`, `pod:loadbalancer-0:moved:<node>`,
 * `pod:loadbalancer-0:relabelled`, `pod:loadbalancer-0:deleted`, or `workload:loadbalancer:scaled:2`.
 *
 * @throws UnknownPodEventError that lists what could be meant
 */
export function parsePodEvent(lab: Lab, text: string): PodEvent {
    const event = scaling(lab, text) ?? eventsOfPods(lab).find((each) => formatPodEvent(each) === text);
    if (event === undefined) {
        throw new UnknownPodEventError(text, namedPodEvents(lab));
    }
    return event;
}

/** The text by which `parsePodEvent` finds an event. */
export function formatPodEvent(event: PodEvent): string {
    switch (event.kind) {
        case "moved":
            return `pod:${event.pod}:moved:${event.node}`;
        case "scaled":
            return `workload:${event.workload}:scaled:${event.replicas}`;
        default:
            return `pod:${event.pod}:${event.kind}`;
    }
}

/** The texts of the events that a lab's Pods may meet; of the scales of a workload those next to what it has, and none. */
export function namedPodEvents(lab: Lab): readonly string[] {
    const scales = [...workloadsOf(lab)].flatMap(([workload, { length }]) =>
        [...new Set([0, length - 1, length + 1])].map((replicas): PodEvent => ({ kind: "scaled", workload, replicas })),
    );
    return [...eventsOfPods(lab), ...scales].map(formatPodEvent);
}

function scaling(lab: Lab, text: string): PodEvent | undefined {
    const [, workload = "", replicas = ""] = /^workload:([^:]+):scaled:(\d+)$/.exec(text) ?? [];
    const isKnown = workloadsOf(lab).has(workload) && Number(replicas) <= mostReplicas;
    return isKnown && replicas !== "" ? { kind: "scaled", workload, replicas: Number(replicas) } : undefined;
}

function eventsOfPods(lab: Lab): readonly PodEvent[] {
    return podRouters(lab).flatMap(({ name, pod }): readonly PodEvent[] => {
        const others = Object.keys(lab.cluster.nodes).filter((node) => node !== pod.node);
        return [
            { kind: "restarted", pod: name },
            ...others.map((node) => ({ kind: "moved", pod: name, node }) as const),
            // A router takes whoever calls from the pod CIDRs: labels say nothing to it.
            ...(isCalling(lab, name) ? [] : [{ kind: "relabelled", pod: name } as const]),
            { kind: "deleted", pod: name },
        ];
    });
}

/** Whether a router has the Pod for a neighbor that calls it. */
function isCalling({ routers }: Lab, name: string): boolean {
    return Object.values(routers).some(({ bgp }) => bgp.neighbors.some(({ pod }) => pod === name));
}

/** Pods that are routers by their workload. */
function workloadsOf(lab: Lab): ReadonlyMap<string, readonly PodRouter[]> {
    const workloads = new Map<string, readonly PodRouter[]>();
    for (const each of podRouters(lab)) {
        workloads.set(each.pod.workload, [...(workloads.get(each.pod.workload) ?? []), each]);
    }
    return workloads;
}

/**
 * The lab after an event, to be predicted and verified like any lab. New Pods get the next free number in the slices of
 * their node; checks follow the Pods that are left, and go with the last of them.
 *
 * @param original the lab before the first of several events in a row, after whose Pods new ones are made, and whose checks
 *   come back with the Pods. @default `lab`
 */
export function afterEvent(lab: Lab, event: PodEvent, original: Lab = lab): Lab {
    const changed = changedBy(lab, event, original);
    return { ...changed, checks: original.checks.flatMap((check) => checkAfter(changed, check)) };
}

function changedBy(lab: Lab, event: PodEvent, original: Lab): Lab {
    if (event.kind === "scaled") {
        return scaled(lab, event.workload, event.replicas, original);
    }
    const router = lab.routers[event.pod]!;
    switch (event.kind) {
        case "deleted":
            return withoutPod(lab, event.pod);
        case "relabelled":
            return withRouter(lab, event.pod, unselected(lab, router));
        case "restarted":
            return placed(lab, event.pod, router, router.pod!.node, numberOf(lab, router) + 1n);
        case "moved":
            return placed(lab, event.pod, router, event.node, numberOf(lab, router));
    }
}

function scaled(lab: Lab, workload: string, replicas: number, original: Lab): Lab {
    const present = workloadsOf(lab).get(workload) ?? [];
    const models = workloadsOf(original).get(workload) ?? present;
    let result = lab;
    for (const { name } of present.slice(replicas)) {
        result = withoutPod(result, name);
    }
    for (let missing = replicas - present.length; missing > 0; missing -= 1) {
        result = withReplica(result, workload, models, original);
    }
    return result;
}

/** One more Pod of a workload: as it was in the original lab if there was one of that name, otherwise where fewest are. */
function withReplica(lab: Lab, workload: string, models: readonly PodRouter[], original: Lab): Lab {
    const [first] = models;
    if (first === undefined) {
        return lab;
    }
    const index = firstFree((number) => lab.routers[`${workload}-${number}`] === undefined);
    const name = `${workload}-${index}`;
    const model = models.find((each) => each.name === name) ?? first;
    const node = model.name === name ? model.pod.node : emptiestNode(lab, workload);
    const router = model.name === name ? model.router : { ...first.router, bgp: ofAnother(lab, first.router, index) };
    return placed(withCalls(lab, name, model.name, original), name, router, node, numberOf(original, model.router));
}

/** Every speaker has a BGP identifier of its own. */
function ofAnother({ routers }: Lab, { bgp }: Router, index: number): Router["bgp"] {
    const taken = new Set(Object.values(routers).map((router) => router.bgp.routerId));
    const { value } = parseAddress(bgp.routerId);
    const identifier = (number: number) => formatAddress("ipv4", value + BigInt(number));
    const offset = firstFree((number) => !taken.has(identifier(index + number)));
    return { ...bgp, routerId: identifier(index + offset) };
}

function firstFree(isFree: (number: number) => boolean): number {
    let number = 0;
    while (!isFree(number)) {
        number += 1;
    }
    return number;
}

/** Of the nodes with the fewest Pods of a workload the first, workers before control planes. */
function emptiestNode(lab: Lab, workload: string): string {
    const nodes = Object.entries(lab.cluster.nodes);
    const workers = nodes.filter(([, { role }]) => role === "worker");
    const others = nodes.filter(([, { role, untainted }]) => role === "control-plane" && untainted === true);
    const eligible = workers.length + others.length > 0 ? [...workers, ...others] : nodes;
    const replicas = workloadsOf(lab).get(workload) ?? [];
    const count = (node: string) => replicas.filter(({ pod }) => pod.node === node).length;
    return eligible.map(([name]) => name).sort((a, b) => count(a) - count(b))[0]!;
}

/** Lets the routers that are called by one Pod be called by another one, too. */
function withCalls(lab: Lab, name: string, model: string, original: Lab): Lab {
    const routers = Object.entries(lab.routers).map(([owner, router]): readonly [string, Router] => {
        const called = original.routers[owner]?.bgp.neighbors.filter(({ pod }) => pod === model) ?? [];
        const neighbors = [...router.bgp.neighbors, ...called.map((each): Neighbor => ({ ...each, pod: name }))];
        return [owner, called.length === 0 ? router : { ...router, bgp: { ...router.bgp, neighbors } }];
    });
    return { ...lab, routers: Object.fromEntries(routers) };
}

/**
 * Puts a Pod on a node with the next free addresses.
 *
 * @param from lowest number that its addresses may have in the node's slices
 */
function placed(lab: Lab, name: string, router: Router, node: string, from: bigint): Lab {
    const bare = detached(lab, name);
    const addresses = freeAddresses(bare, node, from);
    const { interfaces } = bare.cluster.nodes[node]!;
    const own = interfaces.find((port) => port.name === nodePort)?.addresses ?? [];
    const arrived: Router = {
        ...router,
        pod: { ...router.pod!, node },
        interfaces: router.interfaces.map((port) => (port.name === podPort ? podEnd(name, addresses) : port)),
        staticRoutes: podRoutes(own),
        bgp: { ...router.bgp, neighbors: neighborsOn(lab, router, node, own) },
    };
    const attached: KubernetesNode = {
        ...bare.cluster.nodes[node]!,
        interfaces: [...interfaces, nodeEnd(name)],
        staticRoutes: [...bare.cluster.nodes[node]!.staticRoutes, ...routesToPod(name, addresses)],
    };
    const known = withRouter(bare, name, arrived);
    return {
        ...known,
        segments: { ...known.segments, [name]: podLink(addresses) },
        routers: Object.fromEntries(
            Object.entries(known.routers).map(([owner, each]) => [owner, withAddresses(each, name, arrived)]),
        ),
        cluster: { ...known.cluster, nodes: { ...known.cluster.nodes, [node]: attached } },
    };
}

/** A Pod discovers its node and the node's AS; whom else it knows it keeps. */
function neighborsOn(lab: Lab, router: Router, node: string, own: readonly InterfaceAddress[]): readonly Neighbor[] {
    const before = new Set(nodePortAddresses(lab));
    const asn = nodeSpeaker(lab, node, "cilium")?.asn;
    return router.bgp.neighbors.map((neighbor) => {
        const address = own.map(addressOf).find((each) => familyOf(each) === familyOf(neighbor.address));
        const isNode = before.has(neighbor.address) && address !== undefined;
        return isNode ? { ...neighbor, address, remoteAsn: asn ?? neighbor.remoteAsn } : neighbor;
    });
}

/** The addresses that all nodes have in the pod range. */
function nodePortAddresses({ cluster }: Lab): readonly Address[] {
    return Object.values(cluster.nodes).flatMap(({ interfaces }) =>
        interfaces.filter(({ name }) => name === nodePort).flatMap(({ addresses }) => addresses.map(addressOf)),
    );
}

/** A router that is called by a Pod is called from the Pod's new addresses. */
function withAddresses(router: Router, name: string, pod: Router): Router {
    const { neighbors } = router.bgp;
    if (!neighbors.some((neighbor) => neighbor.pod === name)) {
        return router;
    }
    const moved = neighbors.map((neighbor) => {
        const address = podAddress(pod, familyOf(neighbor.address));
        return neighbor.pod === name && address !== undefined ? { ...neighbor, address } : neighbor;
    });
    return { ...router, bgp: { ...router.bgp, neighbors: moved } };
}

function withRouter(lab: Lab, name: string, router: Router): Lab {
    return { ...lab, routers: { ...lab.routers, [name]: router } };
}

/** A Pod leaves its node: the link goes, with the routes over it. */
function detached(lab: Lab, name: string): Lab {
    const isLink = ({ attachment }: Interface) => attachment.kind === "segment" && attachment.segment === name;
    const nodes = Object.entries(lab.cluster.nodes).map(([node, model]): readonly [string, KubernetesNode] => {
        const gone = new Set(model.interfaces.filter(isLink).map((port) => port.name));
        const interfaces = model.interfaces.filter((port) => !isLink(port));
        const staticRoutes = model.staticRoutes.filter(
            ({ via }) => via.kind !== "interface" || !gone.has(via.interface),
        );
        return [node, gone.size === 0 ? model : { ...model, interfaces, staticRoutes }];
    });
    const { [name]: link, ...segments } = lab.segments;
    return { ...lab, segments, cluster: { ...lab.cluster, nodes: Object.fromEntries(nodes) } };
}

function withoutPod(lab: Lab, name: string): Lab {
    const routers = Object.entries(lab.routers).flatMap(([owner, router]): (readonly [string, Router])[] => {
        const neighbors = router.bgp.neighbors.filter(({ pod }) => pod !== name);
        const isSame = neighbors.length === router.bgp.neighbors.length;
        return owner === name ? [] : [[owner, isSame ? router : { ...router, bgp: { ...router.bgp, neighbors } }]];
    });
    return { ...detached(lab, name), routers: Object.fromEntries(routers) };
}

/** The number that a Pod's addresses have in its node's slices. */
function numberOf(lab: Lab, { interfaces, pod }: Router): bigint {
    const [first = ""] = interfaces.find(({ name }) => name === podPort)?.addresses ?? [];
    const slice = lab.cluster.nodes[pod!.node]!.podCidrs.find((each) => familyOf(each) === familyOf(first));
    return slice === undefined ? 1n : parseAddress(addressOf(first)).value - rangeOf(slice).first;
}

/** One address of each of a node's slices, with the lowest number that is free in all of them, from a number on and then around. */
function freeAddresses(lab: Lab, node: string, from: bigint): readonly InterfaceAddress[] {
    const slices = lab.cluster.nodes[node]!.podCidrs.map((slice) => ({ family: familyOf(slice), ...rangeOf(slice) }));
    const taken = takenAddresses(lab);
    // Neither the first number nor the last one is an address in every family.
    const count = BigInt(Math.min(mostNumbers, ...slices.map(({ first, last }) => Number(last - first) - 1)));
    for (let tried = 0n; tried < count; tried += 1n) {
        const number = ((from - 1n + tried) % count) + 1n;
        const addresses = slices.map(({ family, first }) => formatAddress(family, first + number));
        if (addresses.every((address) => !taken.has(address))) {
            return addresses.map(hostPrefix);
        }
    }
    throw new Error(`${node} has no free address left for a Pod`);
}

function takenAddresses(lab: Lab): ReadonlySet<Address> {
    const pods = lab.cluster.workloads.flatMap((workload) => workload.pods.flatMap(({ addresses }) => addresses));
    const routers = podRouters(lab).flatMap(({ router }) => router.interfaces.flatMap(({ addresses }) => addresses));
    return new Set([...pods, ...routers.map(addressOf), ...nodePortAddresses(lab)]);
}

/** A Pod without the labels by which anybody selects it. */
function unselected(lab: Lab, router: Router): Router {
    const pod = router.pod!;
    const selectors = ciliumInstances(lab)
        .flatMap(({ podNeighbors = [] }) => podNeighbors)
        .filter((neighbor) => matchesPod(neighbor, pod));
    const labels = selectors.reduce((left, { selector }) => withoutMatch(left, selector), pod.labels);
    return { ...router, pod: { ...pod, labels } };
}

/** Takes away a label that a selector wants; where it only wants some not to be there, one of those is given. */
function withoutMatch(labels: Labels, { matchLabels = {}, matchExpressions = [] }: LabelSelector): Labels {
    const wanted = [
        ...Object.keys(matchLabels),
        ...matchExpressions.filter(({ operator }) => operator === "In" || operator === "Exists").map(({ key }) => key),
    ];
    if (wanted.length > 0) {
        return Object.fromEntries(Object.entries(labels).filter(([key]) => !wanted.includes(key)));
    }
    const unwanted = matchExpressions.map(({ key, values: [value = ""] = [] }) => [key, value] as const);
    return { ...labels, ...Object.fromEntries(unwanted) };
}

/** A check as it is for the Pods that are there; none where nobody is left to ask or to answer. */
function checkAfter(lab: Lab, check: TrafficCheck): readonly TrafficCheck[] {
    if (findDevice(lab, check.from) === undefined && !isWorkloadPod(lab, check.from)) {
        return [];
    }
    if (check.kind !== "service" && check.kind !== "passage") {
        return [check];
    }
    const isService = lab.cluster.services.some(({ loadBalancerAddresses }) =>
        loadBalancerAddresses.includes(check.address),
    );
    const through = forwardingPods(lab, check.address, check.port);
    if (isService) {
        return [check];
    }
    return through.length === 0 ? [] : [check.kind === "passage" ? { ...check, through } : check];
}

function isWorkloadPod({ cluster }: Lab, name: string): boolean {
    return cluster.workloads.some(({ pods }) => pods.some((pod) => pod.name === name));
}

/**
 * The Pods that connections to a virtual server pass through: of several on one node only the one whose route the node
 * takes, which is that with the lowest BGP identifier for a node's speaker, and that with the lowest address otherwise.
 */
export function forwardingPods(lab: Lab, address: Address, port: number): readonly string[] {
    const family = familyOf(address);
    const serving = podRouters(lab).filter(
        (each) =>
            each.router.virtualServers?.some((server) => server.address === address && server.port === port) === true &&
            isNeighbor(lab, each),
    );
    const numeric = (text: Address | undefined) => (text === undefined ? 0n : parseAddress(text).value);
    const rank = ({ name, router }: PodRouter) =>
        isCalling(lab, name) ? numeric(podAddress(router, family)) : numeric(router.bgp.routerId);
    return serving
        .filter((each) =>
            serving.every((other) => other === each || other.pod.node !== each.pod.node || rank(each) < rank(other)),
        )
        .map(({ name }) => name);
}

/** Whether somebody has the Pod for a neighbor and takes its routes. */
function isNeighbor(lab: Lab, { name, pod }: PodRouter): boolean {
    const selects = (neighbor: PodNeighbor) => matchesPod(neighbor, pod);
    const path = nodeSpeaker(lab, pod.node, "cilium")?.path ?? [];
    const instance = ciliumInstances(lab)[Number(path.at(-1))];
    return isCalling(lab, name) || (instance?.transit === true && instance.podNeighbors?.some(selects) === true);
}
