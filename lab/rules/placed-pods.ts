/** Neighbors by label and the Pods that they mean, as many rules walk over them. */

import { familyOf, hostPrefix, networkOf } from "../address";
import { clusterRanges, importLayers } from "../import-policy";
import type {
    Address,
    Asn,
    Family,
    ImportPolicy,
    Lab,
    PodNeighbor,
    Prefix,
    PrefixListEntry,
    VirtualServer,
} from "../model";
import type { Path } from "../path";
import { matchesPod, nodePort, type PodRouter, podAddress, podRouters } from "../pods";
import { type Filter, prefixListFilter } from "../prefix-lists";
import { nodeInstances } from "../speakers";
import { instances } from "./tables";

/** A neighbor by label of one speaker, or of the speakers of all nodes that an instance of Cilium's is for. */
export interface PlacedPodNeighbor {
    /** Who takes Pods: a router, which takes those of all nodes, or nodes, each its own. */
    readonly at: "router" | "node";
    /** Readable name of the speaker. */
    readonly who: string;
    readonly asn: Asn;
    readonly neighbor: PodNeighbor;
    /** Where the neighbor stands in the model. */
    readonly place: Path;
    /** The Pods that it means and that a speaker of it can see. */
    readonly pods: readonly PodRouter[];
    /** Whether routes of Pods are taken at all; a Cilium that does not pass routes on rejects each. */
    readonly takes: boolean;
}

const neighborsByLab = new WeakMap<Lab, readonly PlacedPodNeighbor[]>();

/** All neighbors by label, the routers' first. */
export function podNeighbors(lab: Lab): readonly PlacedPodNeighbor[] {
    const placed = neighborsByLab.get(lab) ?? [...ofRouters(lab), ...ofNodes(lab)];
    neighborsByLab.set(lab, placed);
    return placed;
}

function ofRouters(lab: Lab): readonly PlacedPodNeighbor[] {
    return instances(lab).flatMap(({ who, place, bgp }) =>
        (bgp.podNeighbors ?? []).map((neighbor, index) => ({
            at: "router" as const,
            takes: true,
            who,
            asn: bgp.asn,
            neighbor,
            place: [...place, "bgp", "podNeighbors", index],
            pods: podRouters(lab).filter(({ pod }) => matchesPod(neighbor, pod)),
        })),
    );
}

function ofNodes(lab: Lab): readonly PlacedPodNeighbor[] {
    return (lab.cluster.cilium?.bgp ?? []).flatMap((instance, position) =>
        (instance.podNeighbors ?? []).map((neighbor, index) => ({
            at: "node" as const,
            takes: instance.transit === true,
            who: `Cilium's instance ${instance.name}`,
            asn: instance.localAsn,
            neighbor,
            place: ["cluster", "cilium", "bgp", position, "podNeighbors", index],
            pods: podRouters(lab).filter(
                ({ pod }) => nodeInstances(lab, pod.node)[0] === instance && matchesPod(neighbor, pod),
            ),
        })),
    );
}

/** What a policy decides in one family; a large cluster has long lists, which Pods have in common. */
interface PolicyFilter {
    readonly permits: Filter;
    /** Whether the administrator leaves a prefix to the rest of the policy. */
    readonly isLeft: Filter;
}

const filtersByLab = new WeakMap<Lab, Map<string, PolicyFilter>>();

function policyFilter(lab: Lab, policy: ImportPolicy, family: Family): PolicyFilter {
    const filters = filtersByLab.get(lab) ?? new Map<string, PolicyFilter>();
    filtersByLab.set(lab, filters);
    const key = JSON.stringify([policy, family]);
    const filter = filters.get(key) ?? makeFilter(lab, policy, family);
    filters.set(key, filter);
    return filter;
}

function makeFilter(lab: Lab, policy: ImportPolicy, family: Family): PolicyFilter {
    const used = clusterRanges(lab).map(({ prefix }) => prefix);
    const { administrator, others } = importLayers({ policy, used }, family);
    const rest: PrefixListEntry = {
        sequence: 5 * (administrator.length + 1),
        action: "permit",
        ...(family === "ipv4" ? { prefix: "0.0.0.0/0", le: 32 } : { prefix: "::/0", le: 128 }),
    };
    return {
        permits: prefixListFilter({ name: "", family, entries: [...administrator, ...others] }),
        isLeft: prefixListFilter({ name: "", family, entries: [...administrator, rest] }),
    };
}

/** Whether a policy takes a prefix of some Pod, whichever it is: without Pods' own addresses. */
export function isTakenOfAny(lab: Lab, policy: ImportPolicy, prefix: Prefix): boolean {
    return policyFilter(lab, policy, familyOf(prefix)).permits(prefix);
}

/** Whether a neighbor by label takes a prefix of a Pod: its node also the Pod's own address, where that is allowed. */
export function isTaken(
    lab: Lab,
    { at, neighbor: { importPolicy } }: Pick<PlacedPodNeighbor, "at" | "neighbor">,
    router: PodRouter["router"],
    prefix: Prefix,
): boolean {
    const family = familyOf(prefix);
    const own = at === "node" && importPolicy.ownAddress ? podAddress(router, family) : undefined;
    const { permits, isLeft } = policyFilter(lab, importPolicy, family);
    return own !== undefined && hostPrefix(own) === prefix ? isLeft(prefix) : permits(prefix);
}

/** What a Pod's router announces of its own in a family, before any filter. */
export function originatedBy({ bgp, interfaces }: PodRouter["router"], family: Family): readonly Prefix[] {
    const { networks = [], redistribute = [] } = bgp.families.find((each) => each.family === family) ?? {};
    const connected = interfaces.flatMap(({ addresses }) => addresses.map(networkOf));
    const all = new Set([...networks, ...(redistribute.includes("connected") ? connected : [])]);
    return [...all].filter((prefix) => familyOf(prefix) === family);
}

/** A router in a Pod with its place in the model. */
export interface PlacedPod extends PodRouter {
    readonly place: Path;
}

/** The routers in Pods. */
export function placedPods(lab: Lab): readonly PlacedPod[] {
    return podRouters(lab).map((pod) => ({ ...pod, place: ["routers", pod.name] }));
}

/** A Pod whose node has no address for its pods in some family of the Pod. */
export interface PodWithoutGateway {
    readonly pod: PodRouter;
    readonly families: readonly Family[];
}

/** The Pods that do not find their node, because it lacks the address that is their next hop. */
export function podsWithoutGateway(lab: Lab): readonly PodWithoutGateway[] {
    return podRouters(lab).flatMap((pod) => {
        const node = lab.cluster.nodes[pod.pod.node];
        const own = node?.interfaces.find(({ name }) => name === nodePort)?.addresses.map(familyOf) ?? [];
        const families = (["ipv4", "ipv6"] as const).filter(
            (family) => podAddress(pod.router, family) !== undefined && !own.includes(family),
        );
        return node === undefined || families.length === 0 ? [] : [{ pod, families }];
    });
}

/** Names of the Pods that some speaker takes for a neighbor. */
export function takenPods(lab: Lab): ReadonlySet<string> {
    return new Set(
        podNeighbors(lab).flatMap(({ asn, pods }) =>
            pods.filter(({ router }) => router.bgp.asn !== asn).map(({ name }) => name),
        ),
    );
}

const takenByLab = new WeakMap<Lab, Map<string, readonly Prefix[]>>();

/** What a node takes of the Pods that are its neighbors, and passes on. */
export function takenOfPods(lab: Lab, node: string): readonly Prefix[] {
    const byNode = takenByLab.get(lab) ?? new Map<string, readonly Prefix[]>();
    takenByLab.set(lab, byNode);
    const taken = byNode.get(node) ?? findTaken(lab, node);
    byNode.set(node, taken);
    return taken;
}

function findTaken(lab: Lab, node: string): readonly Prefix[] {
    const [instance] = nodeInstances(lab, node);
    if (instance?.transit !== true) {
        return [];
    }
    const taken = podNeighbors(lab)
        .filter(({ at, neighbor }) => at === "node" && instance.podNeighbors?.includes(neighbor) === true)
        .flatMap((placed) =>
            placed.pods
                .filter(({ pod }) => pod.node === node)
                .flatMap(({ router }) =>
                    placed.neighbor.families.flatMap((family) =>
                        originatedBy(router, family).filter((prefix) => isTaken(lab, placed, router, prefix)),
                    ),
                ),
        );
    return [...new Set(taken)];
}

/** A virtual server of a router in a Pod. */
export interface PlacedVirtualServer {
    readonly pod: PlacedPod;
    readonly server: VirtualServer;
    readonly place: Path;
}

/** The virtual servers of routers in Pods. */
export function virtualServers(lab: Lab): readonly PlacedVirtualServer[] {
    return placedPods(lab).flatMap((pod) =>
        (pod.router.virtualServers ?? []).map((server, index) => ({
            pod,
            server,
            place: [...pod.place, "virtualServers", index],
        })),
    );
}

/** The virtual servers at an address and port. */
export function virtualServersAt(lab: Lab, address: Address, port: number): readonly PlacedVirtualServer[] {
    return virtualServers(lab).filter(({ server }) => server.address === address && server.port === port);
}
