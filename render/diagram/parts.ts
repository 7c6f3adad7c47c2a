/** Devices, the cluster and links, which several views draw alike. */

import type { Lab, PodNeighbor, Router } from "../../lab/model";
import { podRouters } from "../../lab/pods";
import { selectorText } from "../../lab/selectors";
import { podsOn } from "../../lab/services";
import { nodeSpeakers, programNames } from "../../lab/speakers";
import { type Box, between, type Edge, type Group } from "./graph";
import { devicesBySegment, tiers } from "./tiers";

/** Up to this number, things in a line are named; of more, the number is told. */
export const mostNames = 12;

/** Id of the group of the cluster. */
export const clusterId = "cluster";

/** Id of the box of a device. */
export function deviceId(name: string): string {
    return `n ${name}`;
}

/** Id of the box of a segment. */
export function segmentId(name: string): string {
    return `segment ${name}`;
}

/** Id of the group of a node with its forwarding Pods. */
function insideId(node: string): string {
    return `inside ${node}`;
}

/**
 * The group of the cluster, with what makes its network, and in it those of nodes with forwarding Pods; nothing when the
 * lab has no nodes.
 */
export function clusterGroup(lab: Lab, lines: readonly string[]): readonly Group[] {
    const { name, kubernetesVersion, nodes, cilium, calico, metallb } = lab.cluster;
    if (Object.keys(nodes).length === 0) {
        return [];
    }
    const programs = Object.entries({ Cilium: cilium, Calico: calico, MetalLB: metallb })
        .flatMap(([program, installed]) => (installed === undefined ? [] : [`${program} ${installed.version}`]))
        .join(", ");
    return [
        { id: clusterId, lines: [`${name}: Kubernetes ${kubernetesVersion}, ${programs}`, ...lines] },
        ...[...nodesWithPods(lab)].map((node) => ({
            id: insideId(node),
            group: clusterId,
            lines: [`${node} and its Pods`],
        })),
    ];
}

/** Names of the nodes on which routers run in Pods, in the cluster's order. */
function nodesWithPods(lab: Lab): ReadonlySet<string> {
    const nodes = new Set(podRouters(lab).map(({ pod }) => pod.node));
    return new Set(Object.keys(lab.cluster.nodes).filter((name) => nodes.has(name)));
}

/** Names of the routers that are devices of their own; those in Pods are drawn behind their nodes. */
export function routerNames({ routers }: Lab): readonly string[] {
    return Object.keys(routers).filter((name) => routers[name]!.pod === undefined);
}

/** Names of the routers in Pods, in the order of their nodes. */
export function podNames(lab: Lab): readonly string[] {
    const nodes = Object.keys(lab.cluster.nodes);
    return [...podRouters(lab)]
        .sort((a, b) => nodes.indexOf(a.pod.node) - nodes.indexOf(b.pod.node))
        .map(({ name }) => name);
}

/** Box of a host. */
export function hostBox(lab: Lab, name: string, lines: readonly string[]): Box {
    const tier = tiers(lab).ofDevice(name);
    return { id: deviceId(name), role: "host", lines: [name, ...lines], tier, kin: { name: "hosts" } };
}

/** Box of a router; that of one in a Pod is at its node. */
export function routerBox(lab: Lab, name: string, lines: readonly string[]): Box {
    const { pod, bgp } = lab.routers[name]!;
    const box = { id: deviceId(name), role: "router", tier: tiers(lab).ofDevice(name) } as const;
    return pod === undefined
        ? { ...box, lines: [name, ...lines], kin: { name: "routers", asns: [bgp.asn] } }
        : {
              ...box,
              group: insideId(pod.node),
              lines: [name, `Pod of ${pod.workload}`, ...lines],
              kin: { name: "Pods", asns: [bgp.asn] },
          };
}

/** What a router passes on to the pods of workloads: one line for each port and workload. */
export function virtualServerLines({ virtualServers = [] }: Router): readonly string[] {
    const targets = virtualServers.map(({ port, workload }) => `port ${port} to ${workload.name}`);
    return [...new Set(targets)].map((target) => {
        const addresses = virtualServers.filter((_, at) => targets[at] === target).map(({ address }) => address);
        return `passes ${addresses.join(", ")} ${target}`;
    });
}

/** Labels by which a speaker takes Pods for neighbors. */
export function selectorLines(podNeighbors: readonly PodNeighbor[] = []): readonly string[] {
    return [...new Set(podNeighbors.map(({ selector }) => `peers with Pods ${selectorText(selector)}`))];
}

/** Box of a Kubernetes node. */
export function nodeBox(lab: Lab, name: string, lines: readonly string[]): Box {
    return {
        id: deviceId(name),
        group: nodesWithPods(lab).has(name) ? insideId(name) : clusterId,
        role: "node",
        lines: [name, ...lines],
        tier: tiers(lab).ofDevice(name),
        kin: {
            name: "nodes",
            asns: nodeSpeakers(lab, name).map(({ asn }) => asn),
            pods: podsOn(lab, name).length,
        },
    };
}

/** The ASes of a node, with the programs where there are several. */
export function asnLines(lab: Lab, node: string): readonly string[] {
    const speakers = nodeSpeakers(lab, node);
    if (speakers.length === 0) {
        return ["no BGP"];
    }
    return speakers.length === 1
        ? [`AS ${speakers[0]!.asn}`]
        : speakers.map(({ program, asn }) => `${programNames[program]} AS ${asn}`);
}

/** Cables between two devices, and the cables of others to the boxes of segments. */
export function linkEdges(lab: Lab, boxes: readonly Box[]): readonly Edge[] {
    const byId = new Map(boxes.map((box) => [box.id, box]));
    return [...devicesBySegment(lab)].flatMap(([name, devices]): readonly Edge[] => {
        const ends = devices.flatMap((device) => byId.get(deviceId(device)) ?? []);
        const bridge = byId.get(segmentId(name));
        if (bridge !== undefined) {
            return ends.map((end) => between(end, bridge, { kind: "link", lines: [] }));
        }
        const [a, b] = ends;
        const { kind, subnets } = lab.segments[name]!;
        return kind !== "point-to-point" || a === undefined || b === undefined
            ? []
            : [between(a, b, { id: segmentId(name), kind: "link", lines: subnets })];
    });
}
