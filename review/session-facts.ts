/** What each end of a lab's sessions is configured with, as facts by the place where it is configured. */

import { familyName } from "../lab/address";
import { routingInstances } from "../lab/instances";
import type {
    Address,
    Asn,
    BgpSpeaker,
    Lab,
    Neighbor,
    PrefixList,
    Seconds,
    SessionFamily,
    SessionSettings,
} from "../lab/model";
import {
    findSessionSettings,
    type NodeNeighbor,
    type NodeSpeaker,
    nodeSpeakers,
    type SpeakerProgram,
} from "../lab/speakers";
import { entryText, type Facts, facts, factsIn, joined, noFacts, renamed } from "./facts";

/** What one end is configured with. */
export interface ConfiguredEnd {
    /** Program of a node; absent for a router. */
    readonly program?: SpeakerProgram;
    readonly asn: Asn;
    readonly routerId: Address;
    /** The AS that it expects of its peer. */
    readonly expected: Asn;
    readonly holdTime: Seconds;
    readonly facts: Facts;
    /** Prefix lists that it uses, by the field that names them. */
    readonly filters: ReadonlyMap<string, PrefixList | undefined>;
}

/** The ends of all sessions, by `endName`. */
export type ConfiguredEnds = ReadonlyMap<string, ConfiguredEnd>;

/** The name of an end in `ConfiguredEnds`; `instance` is the VRF of a router or the program of a node. */
export function endName(device: string, instance: string | undefined, peer: Address | undefined): string {
    return JSON.stringify([device, instance ?? "", peer ?? ""]);
}

export function configuredEnds(lab: Lab): ConfiguredEnds {
    const ofRouters = Object.entries(lab.routers).flatMap(([name, router]) =>
        routingInstances(router).flatMap(({ vrf, bgp }) =>
            bgp.neighbors.flatMap((neighbor) => {
                const settings = findSessionSettings(bgp, neighbor);
                return settings === undefined
                    ? []
                    : [
                          [
                              endName(name, vrf, neighbor.address),
                              routerEnd(bgp, neighbor, settings, router.prefixLists),
                          ] as const,
                      ];
            }),
        ),
    );
    const ofNodes = Object.keys(lab.cluster.nodes).flatMap((name) =>
        nodeSpeakers(lab, name).flatMap((speaker) =>
            speaker.neighbors.map(
                (neighbor) => [endName(name, speaker.program, neighbor.address), nodeEnd(speaker, neighbor)] as const,
            ),
        ),
    );
    return new Map([...ofRouters, ...ofNodes]);
}

function routerEnd(
    { asn, routerId }: BgpSpeaker,
    { remoteAsn, session }: Neighbor,
    { remoteAs, families, ...settings }: SessionSettings,
    lists: readonly PrefixList[],
): ConfiguredEnd {
    return {
        asn,
        routerId,
        expected: remoteAs.kind === "asn" ? remoteAs.asn : remoteAsn,
        holdTime: settings.timers.holdTime,
        facts: joined(
            facts(["AS given as", remoteAs.kind === "asn" ? "number" : remoteAs.kind]),
            factsIn(settings),
            familyFacts(families),
            facts(["peer group", session.kind === "group" ? session.group : undefined]),
        ),
        filters: new Map(families.flatMap((family) => filtersOf(family, lists))),
    };
}

function nodeEnd({ program, asn, routerId }: NodeSpeaker, neighbor: NodeNeighbor): ConfiguredEnd {
    const { path: _path, address: _address, remoteAsn, families, pod, ...settings } = neighbor;
    return {
        program,
        asn,
        routerId,
        expected: remoteAsn,
        holdTime: settings.timers.holdTime,
        facts: joined(
            factsIn(settings),
            familyFacts(families.map((family) => ({ family }))),
            facts(["selected as", pod?.neighbor.name]),
        ),
        filters: new Map(),
    };
}

function familyFacts(families: readonly SessionFamily[]): Facts {
    const ofEach = families.map(({ family, ...settings }) =>
        renamed(factsIn(settings), (field) => `${field} (${familyName(family)})`),
    );
    return joined(facts(["families", families.map(({ family }) => familyName(family))]), ...ofEach);
}

function filtersOf(
    { family, prefixListIn, prefixListOut }: SessionFamily,
    lists: readonly PrefixList[],
): readonly (readonly [field: string, list: PrefixList | undefined])[] {
    const named = (direction: string, name: string | undefined) =>
        name === undefined
            ? []
            : [
                  [
                      `prefix list ${direction} (${familyName(family)})`,
                      lists.find((list) => list.name === name && list.family === family),
                  ] as const,
              ];
    return [...named("in", prefixListIn), ...named("out", prefixListOut)];
}

/** The entries of the filters by whose names nothing is seen to change, where their entries do. */
export function filterFacts(before: ConfiguredEnd, after: ConfiguredEnd): readonly [before: Facts, after: Facts] {
    const shared = [...after.filters.keys()].filter(
        (field) => before.filters.get(field)?.name === after.filters.get(field)?.name,
    );
    const accountOf = ({ filters }: ConfiguredEnd) =>
        facts(
            ...shared.map((field) => {
                const list = filters.get(field);
                return [`${field} ${list?.name}`, list?.entries.map(entryText)] as const;
            }),
        );
    return shared.length === 0 ? [noFacts, noFacts] : [accountOf(before), accountOf(after)];
}
