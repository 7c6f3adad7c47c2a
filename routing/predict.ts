/** Predicts what a lab's control plane settles on: a BGP simulator over the model. */

import { hostPrefix, networkOf } from "../lab/address";
import { routingInstances } from "../lab/instances";
import type { Lab, Prefix } from "../lab/model";
import { nodeSpeakers } from "../lab/speakers";
import { describe } from "./describe";
import { type Forwarder, type Lookup, newForwarder } from "./forwarding";
import { originatedPrefixes } from "./origination";
import type { Prediction } from "./prediction";
import { type PrefixIndex, prefixIndex } from "./prefixes";
import { type Pair, pairs } from "./sessions";
import { settle } from "./settle";
import { newSpeakers } from "./speakers";
import { placesOf, routeOf, startTable, type Table } from "./tables";
import { UnrestError } from "./unrest";

export { type Unrest, UnrestError } from "./unrest";

/** Rounds between sessions and the routes that lead to their peers after which sessions are said not to come to rest. */
const mostRounds = 16;

/**
 * The sessions, BGP routes and forwarding tables of a lab at rest.
 *
 * @throws UnrestError when routing does not come to rest
 */
export function predict(lab: Lab): Prediction {
    const index = prefixIndex(prefixesOf(lab));
    const first = start(lab, index);
    let found = pairs(lab, first.tables, first.forwarder);
    for (let round = 0; round < mostRounds; round += 1) {
        const { tables, forwarder } = start(lab, index);
        const settled = settle(lab, index, tables, newSpeakers(lab, tables, found));
        // A session whose peer is not on a link is up as long as routes lead there and back.
        const now = pairs(lab, tables, forwarder);
        const flapping = now.filter((pair, place) => pair.state.up !== found[place]?.state.up);
        if (flapping.length === 0) {
            return describe(lab, index, tables, now, settled);
        }
        found = now;
    }
    throw flappingError(lab, found);
}

interface Start {
    readonly tables: ReadonlyMap<string, Table>;
    readonly forwarder: Forwarder;
}

/** The tables before BGP has brought anything, and what they do with packets as they change. */
function start(lab: Lab, index: PrefixIndex): Start {
    const tables = new Map(placesOf(lab).map((place) => [place.key, startTable(index, place)]));
    const lookup: Lookup = (key, address) => {
        const table = tables.get(key)!;
        for (const number of index.covering(address)) {
            const route = routeOf(table, number);
            if (route !== undefined) {
                return [index.prefixes[number]!, route];
            }
        }
        return undefined;
    };
    return { tables, forwarder: newForwarder(lab, lookup) };
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
        yield* nodeSpeakers(lab, node).flatMap(({ program }) => originatedPrefixes(lab, node, program));
    }
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
