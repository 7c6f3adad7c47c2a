/** Speakers with their ASes, the sessions between them, and what the nodes announce. */

import { routingInstances } from "../../lab/instances";
import type { BgpSpeaker, Lab } from "../../lab/model";
import { advertisedPodCidrs } from "../../lab/services";
import { type SessionEnd, sessionEnds } from "../../lab/sessions";
import { nodeInstances, nodeSpeakers } from "../../lab/speakers";
import { type Box, type Graph, type Group, mergedEdges } from "./graph";
import {
    asnLines,
    clusterGroup,
    deviceId,
    mostNames,
    nodeBox,
    podNames,
    routerBox,
    routerNames,
    selectorLines,
} from "./parts";
import { announcements, holdings, poolBox, serviceBox, servicesId } from "./services";
import { loneLines, meshLines, reflects, sessionEdges } from "./sessions";
import { tiers } from "./tiers";

/** Draws the BGP speakers and sessions of a lab. */
export function bgp(lab: Lab): Graph {
    const speakers = [
        ...routerNames(lab).flatMap((name) => speakerBoxes(lab, name)),
        ...nodeBoxes(lab),
        ...podNames(lab).flatMap((name) => speakerBoxes(lab, name)),
    ];
    const services = lab.cluster.services.map((service) => serviceBox(lab, service));
    const pools = lab.cluster.loadBalancerPools.map((pool) => poolBox(lab, pool));
    const boxes = [...speakers, ...services, ...pools];
    const byId = new Map(boxes.map((box) => [box.id, box]));
    return {
        title: `${lab.name}: BGP speakers and sessions`,
        groups: [
            ...Object.keys(lab.routers).flatMap((name) => routerGroup(lab, name)),
            ...clusterGroup(lab, meshLines(lab)),
            ...(services.length + pools.length === 0 ? [] : [{ id: servicesId, lines: ["load balancing"] }]),
        ],
        boxes,
        edges: mergedEdges([
            ...sessionEdges(lab, ({ node, vrf }) => byId.get(speakerId(node, vrf))),
            ...lab.cluster.services.flatMap((service) => announcements(lab, service, byId)),
            ...lab.cluster.services.flatMap((service) => holdings(lab, service, byId)),
        ]),
    };
}

/** Id of the box of a speaker: the device's own, or that of a VRF. */
export function speakerId(device: string, vrf: string | undefined): string {
    return vrf === undefined ? deviceId(device) : `vrf ${device} ${vrf}`;
}

/** A router with VRFs is a group, in which each VRF is a speaker. */
export function routerGroup(lab: Lab, name: string): readonly Group[] {
    return hasVrfs(lab, name) ? [{ id: `router ${name}`, lines: [name] }] : [];
}

function hasVrfs(lab: Lab, name: string): boolean {
    return (lab.routers[name]!.vrfs ?? []).length > 0;
}

/** The speakers of a router; a default VRF without neighbors is left out where there are others. */
function speakerBoxes(lab: Lab, name: string): readonly Box[] {
    if (!hasVrfs(lab, name)) {
        return [routerBox(lab, name, speakerLines(lab, name, lab.routers[name]!.bgp))];
    }
    return routingInstances(lab.routers[name]!)
        .filter(({ vrf, bgp }) => vrf !== undefined || bgp.neighbors.length > 0)
        .map(({ vrf, bgp: speaker }) => ({
            id: speakerId(name, vrf),
            group: `router ${name}`,
            role: "vrf",
            lines: [vrf === undefined ? "default VRF" : `VRF ${vrf}`, ...speakerLines(lab, name, speaker, vrf)],
            tier: tiers(lab).ofDevice(name),
            kin: { name: "VRFs", asns: [speaker.asn] },
        }));
}

function speakerLines(lab: Lab, router: string, speaker: BgpSpeaker, vrf?: string): readonly string[] {
    const isOwn = (end: SessionEnd) => end.node === router && end.vrf === vrf;
    const isReflector = sessionEnds(lab).some((end) => isOwn(end) && reflects(lab, end));
    const redistributed = [...new Set(speaker.families.flatMap(({ redistribute }) => redistribute))];
    return [
        `AS ${speaker.asn}`,
        `id ${speaker.routerId}`,
        ...(isReflector ? [reflectorText(speaker)] : []),
        ...announced(speaker.families.flatMap(({ networks }) => networks)),
        ...(redistributed.length === 0 ? [] : [`announces ${redistributed.join(" and ")} routes`]),
        ...selectorLines(speaker.podNeighbors),
        ...loneLines(lab, router, vrf),
    ];
}

function reflectorText({ clusterId: cluster }: BgpSpeaker): string {
    return cluster === undefined ? "route reflector" : `route reflector, cluster ${cluster}`;
}

function nodeBoxes(lab: Lab): readonly Box[] {
    return Object.entries(lab.cluster.nodes).map(([name, { routerId }]) => {
        const programs = nodeSpeakers(lab, name).map(({ program }) => program);
        const podCidrs = new Set(programs.flatMap((program) => advertisedPodCidrs(lab, name, program)));
        return nodeBox(lab, name, [
            ...asnLines(lab, name),
            ...(programs.length === 0 ? [] : [`id ${routerId}`]),
            ...announced([...podCidrs]),
            ...nodeInstances(lab, name).flatMap(({ podNeighbors }) => selectorLines(podNeighbors)),
            ...loneLines(lab, name),
        ]);
    });
}

function announced(prefixes: readonly string[]): readonly string[] {
    if (prefixes.length === 0) {
        return [];
    }
    return [`announces ${prefixes.length > mostNames ? `${prefixes.length} networks` : prefixes.join(", ")}`];
}
