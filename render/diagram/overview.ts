/** Everything in one picture: devices, segments with their subnets, BGP sessions and services. */

import { addressOf } from "../../lab/address";
import type { Lab } from "../../lab/model";
import { podsOn } from "../../lab/services";
import { type Box, type Graph, mergedEdges } from "./graph";
import {
    asnLines,
    clusterGroup,
    deviceId,
    hostBox,
    linkEdges,
    nodeBox,
    podNames,
    routerBox,
    routerNames,
    segmentId,
    virtualServerLines,
} from "./parts";
import { announcements, serviceBox, servicesId } from "./services";
import { meshLines, sessionEdges } from "./sessions";
import { tiers } from "./tiers";

/** Draws a lab as a whole. */
export function overview(lab: Lab): Graph {
    const { nodes, nodeSegment, services } = lab.cluster;
    const nodeNetwork = lab.segments[nodeSegment]?.subnets.join(", ");
    const boxes = [
        ...Object.keys(lab.hosts).map((name) => hostBox(lab, name, addressesOf(lab, name))),
        ...routerNames(lab).map((name) => routerBox(lab, name, routerLines(lab, name))),
        ...Object.keys(nodes).map((name) => nodeBox(lab, name, [...asnLines(lab, name), ...podLines(lab, name)])),
        ...podNames(lab).map((name) => routerBox(lab, name, routerLines(lab, name))),
        ...bridgeBoxes(lab).filter(({ id }) => id !== segmentId(nodeSegment)),
        ...services.map((service) => serviceBox(lab, service)),
    ];
    const byId = new Map(boxes.map((box) => [box.id, box]));
    return {
        title: `${lab.name}: devices, sessions and services`,
        groups: [
            ...clusterGroup(lab, [
                ...(nodeNetwork === undefined ? [] : [`node network ${nodeNetwork}`]),
                ...meshLines(lab),
            ]),
            ...(services.length === 0 ? [] : [{ id: servicesId, lines: ["services"] }]),
        ],
        boxes,
        edges: mergedEdges([
            ...linkEdges(lab, boxes),
            ...sessionEdges(lab, ({ node }) => byId.get(deviceId(node))),
            ...services.flatMap((service) => announcements(lab, service, byId)),
        ]),
    };
}

function addressesOf(lab: Lab, host: string): readonly string[] {
    return lab.hosts[host]!.interfaces.flatMap(({ addresses }) => addresses.map(addressOf));
}

function routerLines(lab: Lab, name: string): readonly string[] {
    const router = lab.routers[name]!;
    const { nos, bgp, vrfs = [] } = router;
    return [
        `${nos.toUpperCase()}, AS ${bgp.asn}`,
        ...vrfs.map((vrf) => `VRF ${vrf.name}`),
        ...virtualServerLines(router),
    ];
}

function podLines(lab: Lab, node: string): readonly string[] {
    const pods = podsOn(lab, node).map(({ name }) => name);
    return pods.length === 0 ? [] : [`pods ${pods.join(", ")}`];
}

/** Boxes of the segments that join any number of devices. */
export function bridgeBoxes(lab: Lab): readonly Box[] {
    return Object.entries(lab.segments)
        .filter(([, { kind }]) => kind === "bridge")
        .map(([name, { subnets, mtu }]) => ({
            id: segmentId(name),
            role: "segment",
            lines: [name, ...subnets, ...mtuLines(mtu)],
            tier: tiers(lab).ofSegment(name),
            kin: { name: "segments" },
        }));
}

/** Bytes of the largest packet, where they are not those of Ethernet. */
function mtuLines(mtu: number): readonly string[] {
    return mtu === 1500 ? [] : [`MTU ${mtu}`];
}
