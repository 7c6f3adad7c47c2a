/** Devices, the cluster and links, which several views draw alike. */

import type { Lab } from "../../lab/model";
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

/** The group of the cluster, with what makes its network; nothing when the lab has no nodes. */
export function clusterGroup(lab: Lab, lines: readonly string[]): readonly Group[] {
    const { name, kubernetesVersion, nodes, cilium, calico, metallb } = lab.cluster;
    if (Object.keys(nodes).length === 0) {
        return [];
    }
    const programs = Object.entries({ Cilium: cilium, Calico: calico, MetalLB: metallb })
        .flatMap(([program, installed]) => (installed === undefined ? [] : [`${program} ${installed.version}`]))
        .join(", ");
    return [{ id: clusterId, lines: [`${name}: Kubernetes ${kubernetesVersion}, ${programs}`, ...lines] }];
}

/** Box of a host. */
export function hostBox(lab: Lab, name: string, lines: readonly string[]): Box {
    const tier = tiers(lab).ofDevice(name);
    return { id: deviceId(name), role: "host", lines: [name, ...lines], tier, kin: { name: "hosts" } };
}

/** Box of a router. */
export function routerBox(lab: Lab, name: string, lines: readonly string[]): Box {
    return {
        id: deviceId(name),
        role: "router",
        lines: [name, ...lines],
        tier: tiers(lab).ofDevice(name),
        kin: { name: "routers", asns: [lab.routers[name]!.bgp.asn] },
    };
}

/** Box of a Kubernetes node. */
export function nodeBox(lab: Lab, name: string, lines: readonly string[]): Box {
    return {
        id: deviceId(name),
        group: clusterId,
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
