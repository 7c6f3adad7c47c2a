/** Brings a lab to rest, as it is or with something broken in it. */

import { hostPrefix, networkOf } from "../lab/address";
import { routingInstances } from "../lab/instances";
import type { Lab, Prefix } from "../lab/model";
import { announcedPrefixes } from "../lab/services";
import { nodeSpeakers } from "../lab/speakers";
import { endKey } from "./ends";
import { type Forwarder, type Lookup, newForwarder } from "./forwarding";
import { closedByLimits } from "./limits";
import { type PrefixIndex, prefixIndex } from "./prefixes";
import { type Pair, pairs } from "./sessions";
import { type Settled, settle } from "./settle";
import { newSpeakers } from "./speakers";
import { type Place, type Port, placesOf, routeOf, startTable, type Table } from "./tables";
import { UnrestError } from "./unrest";

/** What is not as the model says. */
export interface Conditions {
    /** Interfaces that are down. */
    readonly down: readonly Port[];
    /** Sessions as they are for reasons of their own, by the key of either end. */
    readonly sessions: ReadonlyMap<string, Pair>;
}

/** Everything as the model says. */
export const sound: Conditions = { down: [], sessions: new Map() };

/** A lab at rest. */
export interface Simulation {
    readonly index: PrefixIndex;
    readonly tables: ReadonlyMap<string, Table>;
    readonly pairs: readonly Pair[];
    readonly settled: Settled;
    /** What the tables do with packets. */
    readonly forwarder: Forwarder;
}

/** Rounds between sessions and the routes that lead to their peers after which sessions are said not to come to rest. */
const mostRounds = 16;

/**
 * Finds sessions, BGP routes and forwarding tables that agree with each other. What exceeds the limit of a session closes
 * it for good, and may bring more to others then: all sessions that exceed theirs at rest are closed at once, until none
 * is left.
 *
 * @throws UnrestError when routing does not come to rest
 */
export function simulate(lab: Lab, conditions: Conditions = sound): Simulation {
    let found = settleSessions(lab, conditions);
    let closed = closedByLimits(found.pairs, found.settled);
    let sessions = conditions.sessions;
    while (closed.length > 0) {
        sessions = withEnds(sessions, closed);
        found = settleSessions(lab, { ...conditions, sessions });
        closed = closedByLimits(found.pairs, found.settled);
    }
    return found;
}

/** Adds sessions by the keys of both ends. */
export function withEnds(sessions: Conditions["sessions"], pairs: readonly Pair[]): Conditions["sessions"] {
    const added = pairs.flatMap((pair) => [pair.local, pair.remote!].map((end) => [endKey(end), pair] as const));
    return new Map([...sessions, ...added]);
}

function settleSessions(lab: Lab, conditions: Conditions): Simulation {
    const index = indexOf(lab);
    const places = placesOf(lab, conditions.down);
    const sessions = ({ tables, forwarder }: Start) => withSessions(pairs(lab, tables, forwarder), conditions);
    let { tables, forwarder } = start(places, index);
    let found = sessions({ tables, forwarder });
    for (let round = 0; round < mostRounds; round += 1) {
        const settled = settle(lab, index, tables, newSpeakers(lab, tables, found));
        // A session whose peer is not on a link is up as long as routes lead there and back.
        const now = found.every(isOnLink) ? found : sessions({ tables, forwarder });
        if (sameStates(found, now)) {
            return { index, tables, pairs: now, settled, forwarder };
        }
        found = now;
        ({ tables, forwarder } = start(places, index));
    }
    throw flappingError(lab, found);
}

interface Start {
    readonly tables: ReadonlyMap<string, Table>;
    readonly forwarder: Forwarder;
}

/** The tables before BGP has brought anything, and what they do with packets as they change. */
function start(places: readonly Place[], index: PrefixIndex): Start {
    const tables = new Map(places.map((place) => [place.key, startTable(index, place)]));
    return { tables, forwarder: newForwarder(places, lookupIn(index, tables)) };
}

/** The longest match in tables, as they are when it is asked. */
export function lookupIn(index: PrefixIndex, tables: ReadonlyMap<string, Table>): Lookup {
    return (key, address) => {
        const table = tables.get(key)!;
        const number = index.covering(address).find((each) => routeOf(table, each) !== undefined);
        return number === undefined ? undefined : [index.prefixes[number]!, routeOf(table, number)!];
    };
}

/** A lab never changes, and a sweep asks again and again. */
const indexByLab = new WeakMap<Lab, PrefixIndex>();

function indexOf(lab: Lab): PrefixIndex {
    const index = indexByLab.get(lab) ?? prefixIndex(prefixesOf(lab));
    indexByLab.set(lab, index);
    return index;
}

/** Every prefix that may appear in a table. */
function* prefixesOf(lab: Lab): Generator<Prefix> {
    for (const { interfaces, staticRoutes } of placesOf(lab)) {
        yield* interfaces.flatMap(({ addresses }) => addresses.map(networkOf));
        yield* staticRoutes.map(({ prefix }) => prefix);
    }
    for (const router of Object.values(lab.routers)) {
        yield* routingInstances(router).flatMap(({ bgp }) => bgp.families.flatMap(({ networks }) => networks));
    }
    for (const node of Object.keys(lab.cluster.nodes)) {
        yield* nodeSpeakers(lab, node).flatMap(({ program }) => announcedPrefixes(lab, node, program));
    }
}

/** Puts given sessions in the place of those that were found; each appears once, where its first end stands. */
function withSessions(found: readonly Pair[], { sessions }: Conditions): readonly Pair[] {
    if (sessions.size === 0) {
        return found;
    }
    const placed = new Set<Pair>();
    return found.flatMap((pair) => {
        const given = sessions.get(endKey(pair.local));
        if (given === undefined) {
            return [pair];
        }
        const isNew = !placed.has(given);
        placed.add(given);
        return isNew ? [given] : [];
    });
}

function isOnLink({ local, remote }: Pair): boolean {
    return local.onLink && remote?.onLink === true;
}

function sameStates(before: readonly Pair[], after: readonly Pair[]): boolean {
    return before.length === after.length && before.every(({ state }, place) => state.up === after[place]!.state.up);
}

function flappingError(lab: Lab, found: readonly Pair[]): UnrestError {
    const routes = found
        .filter(({ local, remote }) => remote !== undefined && !(local.onLink && remote.onLink))
        .map(({ local: { place, peerAddress } }) => ({
            device: place.device,
            ...(place.vrf === undefined ? {} : { vrf: place.vrf }),
            prefix: hostPrefix(peerAddress),
        }));
    return new UnrestError(lab.name, routes, "a session to that address hangs on a route that it brings itself");
}
