/** BGP sessions as edges, and what is said of them in words. */

import { familyName } from "../../lab/address";
import type { Family, Lab } from "../../lab/model";
import { loneEnds, type Session, type SessionEnd, sessions } from "../../lab/sessions";
import { findSessionSettings, nodeSpeakers, programNames } from "../../lab/speakers";
import { type Box, between, type Edge } from "./graph";

/** Whether every node has a session with every other, so that the cluster's title says it once. */
function hasMesh({ cluster: { calico, nodes } }: Lab): boolean {
    return calico?.nodeToNodeMesh === true && Object.keys(nodes).length > 1;
}

/** What the cluster's title says of a mesh. */
export function meshLines(lab: Lab): readonly string[] {
    return hasMesh(lab) ? [`Calico: full mesh of iBGP between the nodes, AS ${lab.cluster.calico!.asn}`] : [];
}

/**
 * Sessions, all between two boxes as one edge. Those of the mesh are in the cluster's title.
 *
 * @param boxOf the box of one end; nothing when it is not drawn
 */
export function sessionEdges(lab: Lab, boxOf: (end: SessionEnd) => Box | undefined): readonly Edge[] {
    const byPair = new Map<string, { readonly a: Box; readonly b: Box; readonly sessions: Session[] }>();
    for (const session of sessions(lab).filter(({ local }) => local.path.at(-1) !== "nodeToNodeMesh")) {
        const [a, b] = [boxOf(session.local), boxOf(session.remote)];
        if (a !== undefined && b !== undefined) {
            const id = ["session", ...[a.id, b.id].sort()].join(" ");
            const pair = byPair.get(id) ?? { a, b, sessions: [] };
            pair.sessions.push(session);
            byPair.set(id, pair);
        }
    }
    return [...byPair].map(([id, { a, b, sessions: all }]) => {
        const kind = all.every(isInternal) ? "ibgp" : "ebgp";
        return { ...between(a, b, { id, kind, lines: sessionLines(lab, all) }), facts: asnsText(all) };
    });
}

/** The ASes of sessions, which their ends show. */
function asnsText(all: readonly Session[]): string {
    return [
        ...new Set(all.map(({ local, remote }) => [local.speaker.asn, remote.speaker.asn].sort().join(" "))),
    ].join();
}

function isInternal({ local, remote }: Session): boolean {
    return local.speaker.asn === remote.speaker.asn;
}

/** What sessions between two boxes carry: those that differ by their families only are one line. */
function sessionLines(lab: Lab, all: readonly Session[]): readonly string[] {
    const families = new Map<string, Set<Family>>();
    for (const session of all) {
        const { local, remote } = session;
        const text = `${programText(lab, session)}${isInternal(session) ? "iBGP" : "eBGP"}|${detailsText(lab, session)}`;
        const carried = families.get(text) ?? new Set();
        for (const family of local.families.filter((each) => remote.families.includes(each))) {
            carried.add(family);
        }
        families.set(text, carried);
    }
    return [...families].map(([text, carried]) => {
        const [kind, details = ""] = text.split("|");
        const names = carried.size === 0 ? "without a common family" : [...carried].sort().map(familyName).join(", ");
        return `${kind} ${names}${details}`;
    });
}

/** The program of an end on a node that runs several. */
function programText(lab: Lab, { local, remote }: Session): string {
    return [local, remote]
        .filter(({ node, program }) => program !== undefined && nodeSpeakers(lab, node).length > 1)
        .map(({ program }) => `${programNames[program!]} `)
        .join("");
}

function detailsText(lab: Lab, { local, remote }: Session): string {
    const details = [
        ...clientsOf(lab, local, remote),
        ...clientsOf(lab, remote, local),
        ...(local.bfd !== undefined && remote.bfd !== undefined ? ["BFD"] : []),
        ...refusals(local, remote),
        ...refusals(remote, local),
    ];
    return details.map((detail) => `, ${detail}`).join("");
}

/** Whether one end reflects routes to the other, which is named where it could be either. */
function clientsOf(lab: Lab, end: SessionEnd, other: SessionEnd): readonly string[] {
    if (!reflects(lab, end)) {
        return [];
    }
    return [other.kind === "router" ? `client ${other.node}` : "client"];
}

/** Whether an end of a router takes the other for a client of its route reflector. */
export function reflects(lab: Lab, { node, vrf, path, kind }: SessionEnd): boolean {
    const router = lab.routers[node];
    if (kind !== "router" || router === undefined) {
        return false;
    }
    const bgp = vrf === undefined ? router.bgp : router.vrfs?.find(({ name }) => name === vrf)?.bgp;
    const neighbor = bgp?.neighbors[Number(path.at(-1))];
    const settings = bgp === undefined || neighbor === undefined ? undefined : findSessionSettings(bgp, neighbor);
    return settings?.families.some(({ routeReflectorClient }) => routeReflectorClient === true) ?? false;
}

/** An end that expects another AS than the other end has refuses the session (RFC 4271 §6.2). */
function refusals(end: SessionEnd, other: SessionEnd): readonly string[] {
    return end.remoteAsn === other.speaker.asn
        ? []
        : [`refused: ${end.node} expects AS ${end.remoteAsn}, not ${other.speaker.asn}`];
}

const loneByLab = new WeakMap<Lab, ReadonlyMap<string, readonly string[]>>();

/** Neighbors of a speaker that no device answers for. */
export function loneLines(lab: Lab, device: string, vrf?: string): readonly string[] {
    const known = loneByLab.get(lab) ?? findLone(lab);
    loneByLab.set(lab, known);
    return known.get(`${device} ${vrf ?? ""}`) ?? [];
}

function findLone(lab: Lab): ReadonlyMap<string, readonly string[]> {
    const bySpeaker = new Map<string, string[]>();
    for (const { node, vrf = "", peerAddress, remoteAsn } of loneEnds(lab)) {
        const lines = bySpeaker.get(`${node} ${vrf}`) ?? [];
        lines.push(`neighbor ${peerAddress}, AS ${remoteAsn}: no device answers`);
        bySpeaker.set(`${node} ${vrf}`, lines);
    }
    return bySpeaker;
}
