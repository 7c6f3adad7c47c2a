/** Internal peers (RFC 4271 §1.1): who hears of whom inside an AS, by sessions and route reflection. */

import type { Lab, SessionSettings } from "../model";
import type { Path } from "../path";
import { type SessionEnd, sessions } from "../sessions";
import { findSessionSettings, nodeSpeaker, programNames } from "../speakers";
import { instances, type PlacedInstance } from "./tables";

/** A speaker as one of its internal peers has it. */
export interface Member {
    /** Tells speakers apart. */
    readonly key: string;
    /** Name of its device. */
    readonly name: string;
    /** Readable name of its program on a Kubernetes node. */
    readonly program?: string;
    /** Whether it takes routes of its peers. */
    readonly takes: boolean;
    /** Where the settings of the peer's session with it stand. */
    readonly settings: Path;
    /** Whether the peer reflects to it. */
    readonly isClient: boolean;
}

/** The internal peers of a router's speaker. */
export function internalPeersOf(lab: Lab, { router, vrf }: PlacedInstance): readonly Member[] {
    return [...(internalPeers(lab).get(keyOf(router, vrf))?.values() ?? [])];
}

/** Whether a speaker learns the routes that another one has itself or from outside the AS. */
export function hears(lab: Lab, listener: Pick<Member, "key">, origin: Pick<Member, "key">): boolean {
    return listener.key === origin.key || hearers(internalPeers(lab), origin.key).has(listener.key);
}

/** Whether the speakers at two ends learn each other's routes inside their AS. */
export function areConnected(lab: Lab, one: SessionEnd, other: SessionEnd): boolean {
    const [first, second] = [{ key: keyOfEnd(one) }, { key: keyOfEnd(other) }];
    return hears(lab, first, second) && hears(lab, second, first);
}

/** Whether a session makes the peer a client of a route reflector. */
export function isClient({ families }: SessionSettings): boolean {
    return families.some(({ routeReflectorClient }) => routeReflectorClient === true);
}

/** Internal peers of every speaker, by the speaker's key and then the peer's. */
type InternalPeers = ReadonlyMap<string, ReadonlyMap<string, Member>>;

const peersByLab = new WeakMap<Lab, InternalPeers>();

function internalPeers(lab: Lab): InternalPeers {
    const known = peersByLab.get(lab) ?? collectPeers(lab);
    peersByLab.set(lab, known);
    return known;
}

function collectPeers(lab: Lab): InternalPeers {
    const clients = clientPaths(lab);
    const graph = new Map<string, Map<string, Member>>();
    const add = (local: SessionEnd, remote: SessionEnd) => {
        const peers = graph.get(keyOfEnd(local)) ?? new Map<string, Member>();
        peers.set(keyOfEnd(remote), {
            key: keyOfEnd(remote),
            name: remote.node,
            ...(remote.program === undefined ? {} : { program: programNames[remote.program] }),
            takes: remote.program === undefined || nodeSpeaker(lab, remote.node, remote.program)?.imports === true,
            settings: local.timersPath.slice(0, -1),
            isClient: clients.has(JSON.stringify(local.path)),
        });
        graph.set(keyOfEnd(local), peers);
    };
    for (const { local, remote } of sessions(lab)) {
        if (local.speaker.asn === remote.speaker.asn) {
            add(local, remote);
            add(remote, local);
        }
    }
    return graph;
}

/** Places of the neighbors that are clients, as text. */
function clientPaths(lab: Lab): ReadonlySet<string> {
    const paths = instances(lab).flatMap(({ place, bgp }) =>
        bgp.neighbors.flatMap((neighbor, index) => {
            const settings = findSessionSettings(bgp, neighbor);
            return settings !== undefined && isClient(settings)
                ? [JSON.stringify([...place, "bgp", "neighbors", index])]
                : [];
        }),
    );
    return new Set(paths);
}

function keyOf(device: string, instance: string | undefined): string {
    return JSON.stringify([device, instance]);
}

function keyOfEnd({ node, program, vrf }: SessionEnd): string {
    return keyOf(node, program ?? vrf);
}

const hearersByGraph = new WeakMap<InternalPeers, Map<string, ReadonlySet<string>>>();

/** The speakers that learn a speaker's own routes. */
function hearers(graph: InternalPeers, origin: string): ReadonlySet<string> {
    const byOrigin = hearersByGraph.get(graph) ?? new Map<string, ReadonlySet<string>>();
    hearersByGraph.set(graph, byOrigin);
    const known = byOrigin.get(origin) ?? flood(graph, origin);
    byOrigin.set(origin, known);
    return known;
}

/** A route of a client goes on to all internal peers, one of another peer to clients only (RFC 4456 §6). */
function flood(graph: InternalPeers, origin: string): ReadonlySet<string> {
    const heard = new Map<string, boolean>();
    const waiting = [...(graph.get(origin)?.keys() ?? [])].map((speaker) => ({ speaker, from: origin }));
    for (const { speaker, from } of waiting) {
        const peers = graph.get(speaker);
        const ofClient = peers?.get(from)?.isClient === true;
        const before = heard.get(speaker);
        if (speaker === origin || before === true || before === ofClient) {
            continue;
        }
        heard.set(speaker, ofClient);
        for (const { key, isClient: client } of peers?.values() ?? []) {
            if (key !== from && (ofClient || client)) {
                waiting.push({ speaker: key, from: speaker });
            }
        }
    }
    return new Set(heard.keys());
}
