/** VRFs of the routers with their interfaces, the routes that leak between them, and the programs that peer into them. */

import { type RoutingInstance, routingInstances } from "../../lab/instances";
import type { Lab, RouteTarget } from "../../lab/model";
import { type SessionEnd, sessions } from "../../lab/sessions";
import { programNames, type SpeakerProgram } from "../../lab/speakers";
import { routerGroup, speakerId } from "./bgp";
import { type Box, type Edge, type Graph, mergedEdges } from "./graph";
import { mostNames } from "./parts";
import { interfaceText } from "./physical";
import { sessionEdges } from "./sessions";

/** Draws the VRFs of a lab, or says that it has none. */
export function vrf(lab: Lab): Graph {
    const routers = Object.keys(lab.routers).filter((name) => (lab.routers[name]!.vrfs ?? []).length > 0);
    const title = `${lab.name}: VRFs`;
    if (routers.length === 0) {
        return { title, groups: [], boxes: [noVrfs], edges: [] };
    }
    const vrfs = routers.flatMap((name) => vrfBoxes(lab, name));
    const ids = new Set(vrfs.map(({ id }) => id));
    const peers = peerBoxes(lab, ids);
    const byId = new Map([...vrfs, ...peers].map((box) => [box.id, box]));
    return {
        title,
        groups: routers.flatMap((name) => routerGroup(lab, name)),
        boxes: [...peers, ...vrfs],
        edges: mergedEdges([
            ...routers.flatMap((name) => leaks(routingInstances(lab.routers[name]!), name)),
            ...sessionEdges(lab, (end) => byId.get(endId(end, ids))).filter(({ from, to }) => from !== to),
        ]),
    };
}

const noVrfs: Box = {
    id: "note",
    role: "note",
    lines: ["No router of this lab has a VRF beside the default one."],
    tier: 0,
};

function vrfBoxes(lab: Lab, name: string): readonly Box[] {
    return routingInstances(lab.routers[name]!).map((instance) => ({
        id: speakerId(name, instance.vrf),
        group: `router ${name}`,
        role: "vrf",
        lines: vrfLines(instance),
        tier: 1,
    }));
}

function vrfLines({ vrf: name, bgp, interfaces, leaking }: RoutingInstance): readonly string[] {
    return [
        name === undefined ? "default VRF" : `VRF ${name}`,
        `AS ${bgp.asn}`,
        `id ${bgp.routerId}`,
        ...(leaking === undefined
            ? []
            : [
                  `RD ${leaking.routeDistinguisher}`,
                  `exports ${targetsText(leaking.exportTargets)}`,
                  `imports ${targetsText(leaking.importTargets)}`,
              ]),
        ...(interfaces.length > mostNames ? [`${interfaces.length} interfaces`] : interfaces.map(interfaceText)),
    ];
}

function targetsText(targets: readonly RouteTarget[]): string {
    return targets.length === 0 ? "nothing" : `RT ${targets.join(", ")}`;
}

/** Who speaks from outside to a VRF: routers without VRFs, and each program on the nodes as one box. */
function peerBoxes(lab: Lab, vrfs: ReadonlySet<string>): readonly Box[] {
    const ends = new Map<string, SessionEnd[]>();
    for (const { local, remote } of sessions(lab)) {
        const pair = [local, remote];
        if (pair.some((end) => vrfs.has(endId(end, vrfs)))) {
            for (const end of pair.filter((each) => !vrfs.has(endId(each, vrfs)))) {
                ends.set(endId(end, vrfs), [...(ends.get(endId(end, vrfs)) ?? []), end]);
            }
        }
    }
    return [...ends].map(([id, [first, ...others]]) => peerBox(id, first!, [first!, ...others]));
}

/** A VRF, a program of the nodes, or the router itself. */
function endId({ node, vrf: name, program }: SessionEnd, vrfs: ReadonlySet<string>): string {
    const own = speakerId(node, name);
    return vrfs.has(own) || program === undefined ? own : `program ${program}`;
}

function peerBox(id: string, { node, program }: SessionEnd, ends: readonly SessionEnd[]): Box {
    const asns = [...new Set(ends.map(({ speaker }) => speaker.asn))];
    const asnText = `AS ${asns.length > mostNames ? `${asns[0]} and ${asns.length - 1} others` : asns.join(", ")}`;
    return program === undefined
        ? { id, role: "router", lines: [node, asnText], tier: 0, kin: { name: "routers", asns } }
        : { id, role: "node", lines: [programTitle(program, ends), asnText], tier: 0 };
}

function programTitle(program: SpeakerProgram, ends: readonly SessionEnd[]): string {
    const nodes = new Set(ends.map(({ node }) => node)).size;
    return `${programNames[program]} on ${nodes === 1 ? "1 node" : `${nodes} nodes`}`;
}

/** Arrows from each VRF to those that take over its routes, with the route targets that both name. */
function leaks(instances: readonly RoutingInstance[], router: string): readonly Edge[] {
    return instances.flatMap((from) =>
        instances.flatMap((to): readonly Edge[] => {
            const imported = to.leaking?.importTargets ?? [];
            const targets = (from.leaking?.exportTargets ?? []).filter((target) => imported.includes(target));
            if (from === to || targets.length === 0) {
                return [];
            }
            const [a, b] = [speakerId(router, from.vrf), speakerId(router, to.vrf)];
            return [{ id: `leak ${a} ${b}`, from: a, to: b, kind: "leak", lines: targets.map((each) => `RT ${each}`) }];
        }),
    );
}
