/**
 * What a lab comes to without some of its links and sessions, worked out from what it came to with them: only what the
 * loss changes is looked at. It says what a simulation from nothing says, and leaves to one what it cannot be sure of.
 */

import { familyOf } from "../lab/address";
import type { Address, Lab } from "../lab/model";
import { type Attributes, sameAttributes } from "./attributes";
import { candidatesOf, DisputeError, type Disturbance, type Outcome, reconverge } from "./converge";
import { gatewayOf, nextHopOf } from "./decision";
import { type End, endKey } from "./ends";
import type { Forwarder } from "./forwarding";
import { closedByLimits } from "./limits";
import type { OwnPaths } from "./origination";
import type { PrefixIndex } from "./prefixes";
import type { Pair } from "./sessions";
import { hasPreferences, type Learning, newLearning, originated, type SettledClass, validityBy } from "./settle";
import { type Conditions, lookupIn, type Simulation, simulate } from "./simulate";
import { type Peer, peersByEnd, type Speaker } from "./speakers";
import {
    differingRoutes,
    newResolver,
    type Place,
    placesOf,
    type Resolver,
    sameResolution,
    sameRoute,
    startTable,
    type Table,
    withStaticRoutes,
} from "./tables";

/** What packets meet in a lab at rest. Tables that nothing has changed in are those of the sound lab. */
export interface Aftermath {
    readonly index: PrefixIndex;
    readonly tables: ReadonlyMap<string, Table>;
    readonly forwarder: Forwarder;
}

/**
 * Prepares for questions of what becomes of a lab.
 *
 * @param before the lab as the model says
 * @returns what it comes to under other conditions; throws UnrestError when it does not come to rest
 */
export function aftermathOf(lab: Lab, before: Simulation): (conditions: Conditions) => Aftermath {
    const baseline = baselineOf(lab, before);
    return (conditions) =>
        (baseline === undefined ? undefined : incremental(lab, baseline, conditions)) ?? simulate(lab, conditions);
}

/** A session that is up in the sound lab, with its two ends. */
interface Session {
    readonly pair: Pair;
    readonly peers: readonly [Peer, Peer];
}

/** What is the same for all questions. */
interface Baseline {
    readonly before: Simulation;
    readonly sessions: readonly Session[];
    /** Sessions by the keys of both ends. */
    readonly sessionsByEnd: ReadonlyMap<string, Session>;
    /** Own paths of routers by the number of their speaker. */
    readonly own: ReadonlyMap<number, OwnPaths>;
    /** For each speaker, by its number, what its table reaches without any BGP route. */
    readonly plain: readonly Resolver[];
    /** The speaker whose routes a table has, by the table's key. */
    readonly learners: ReadonlyMap<string, Speaker>;
    /** What the speakers hold of a prefix that nobody originates. */
    readonly empty: Outcome;
    /** For each speaker, by its number, the places of classes in which it hears of paths by way of an address. */
    readonly waysOf: (speaker: Speaker) => ReadonlyMap<Address, readonly number[]>;
}

/**
 * Nothing where a state at rest may depend on how it was come to: where sessions have preferences, hang on routes, or are
 * closed already, and where next hops are reached by BGP routes.
 */
function baselineOf(lab: Lab, before: Simulation): Baseline | undefined {
    const { index, pairs, settled, tables } = before;
    const { speakers } = settled;
    const ends = pairs.flatMap(({ local, remote }) => [local, remote ?? []].flat());
    const isPlain = ends.every(({ onLink, place }) => onLink && place.down.size === 0);
    if (!isPlain || pairs.some(({ stale, closed }) => stale ?? closed) || hasPreferences(speakers)) {
        return undefined;
    }
    const plainByTable = new Map([...tables.values()].map((table) => [table, plainResolver(index, table)]));
    if (![...plainByTable].every(([table, plain]) => agree(plain, table.resolver, table.resolver))) {
        return undefined;
    }
    const peers = peersByEnd(speakers);
    const peerOf = (end: End) => peers.get(endKey(end))!;
    const sessions = pairs
        .filter(({ state }) => state.up)
        .map((pair): Session => ({ pair, peers: [peerOf(pair.local), peerOf(pair.remote!)] }));
    const routers = speakers.filter(({ program }) => program === undefined);
    const ways = new Map<Speaker, ReadonlyMap<Address, readonly number[]>>();
    return {
        before,
        waysOf: (speaker) => {
            const known = ways.get(speaker) ?? waysOf(speaker, settled.classes);
            ways.set(speaker, known);
            return known;
        },
        sessions,
        sessionsByEnd: new Map(
            sessions.flatMap((session) =>
                [session.pair.local, session.pair.remote!].map((end) => [endKey(end), session] as const),
            ),
        ),
        own: new Map(routers.map((speaker) => [speaker.index, originated(lab, index, speaker.table)])),
        plain: speakers.map(({ table }) => plainByTable.get(table)!),
        learners: new Map(speakers.filter(({ imports }) => imports).map((each) => [each.table.place.key, each])),
        empty: { own: new Map(), received: [], best: new Array(speakers.length).fill(undefined) },
    };
}

function waysOf(speaker: Speaker, classes: readonly SettledClass[]): ReadonlyMap<Address, readonly number[]> {
    const ways = new Map<Address, number[]>();
    classes.forEach(({ family, outcome }, place) => {
        const heard = candidatesOf(speaker, outcome).filter(({ peer }) => peer !== undefined);
        const addresses = heard.flatMap((path) => [nextHopOf(path, family), gatewayOf(path, family)]);
        for (const address of new Set(addresses)) {
            const known = ways.get(address);
            if (known === undefined) {
                ways.set(address, [place]);
            } else {
                known.push(place);
            }
        }
    });
    return ways;
}

function plainResolver(index: PrefixIndex, { place, base }: Pick<Table, "place" | "base">): Resolver {
    return newResolver(index, { place, base, bgp: [] });
}

/** Whether BGP routes change nothing in how addresses are reached that somebody asked for. */
function agree(plain: Resolver, full: Resolver, { asked }: Resolver): boolean {
    return [...asked.keys()].every((address) => sameResolution(plain.find(address), full.find(address)));
}

/** What changes at a place whose interfaces go down. */
interface ChangedPlace {
    readonly place: Place;
    readonly connected: Table["connected"];
    readonly base: Table["base"];
    readonly plain: Resolver;
}

function incremental(lab: Lab, baseline: Baseline, conditions: Conditions): Aftermath | undefined {
    const { index } = baseline.before;
    const places = changedPlaces(lab, baseline, conditions);
    const silent = silentPeers(baseline, places, conditions);
    if (places === undefined || silent === undefined) {
        return undefined;
    }
    const { speakers } = baseline.before.settled;
    const plain = speakers.map(
        ({ table, index: number }) => places.get(table.place.key)?.plain ?? baseline.plain[number]!,
    );
    const classes = changedClasses(lab, baseline, places, silent, plain);
    if (classes === undefined || closesSessions(baseline, silent, classes)) {
        return undefined;
    }
    const tables = changedTables(baseline, places, classes, plain);
    const touched = new Set(classes.flatMap((each) => [...each.touched]));
    const asked = speakers.filter(({ index: number, table }) => touched.has(number) || places.has(table.place.key));
    const isSure = asked.every(({ index: number, table }) =>
        agree(plain[number]!, tables.get(table.place.key)!.resolver, plain[number]!),
    );
    if (!isSure) {
        return undefined;
    }
    const moved = new Map([...places].map(([key, { place }]) => [key, place]));
    return { index, tables, forwarder: baseline.before.forwarder.changed(moved, lookupIn(index, tables)) };
}

/** Rounds in which static routes follow each other; whoever needs more is left to a simulation. */
const mostRounds = 8;

/** Nothing where static routes do not come to rest soon. */
function changedPlaces(
    lab: Lab,
    { before: { index, tables } }: Baseline,
    { down }: Conditions,
): ReadonlyMap<string, ChangedPlace> | undefined {
    const places = down.length === 0 ? [] : placesOf(lab, down).filter((place) => place.down.size > 0);
    const changed = new Map<string, ChangedPlace>();
    for (const place of places) {
        const settled = settledStatics(index, place);
        if (settled === undefined || !tables.has(place.key)) {
            return undefined;
        }
        changed.set(place.key, settled);
    }
    return changed;
}

function settledStatics(index: PrefixIndex, place: Place): ChangedPlace | undefined {
    let { connected, base } = startTable(index, place);
    let plain = plainResolver(index, { place, base });
    for (let round = 0; round < mostRounds; round += 1) {
        const next = withStaticRoutes(index, connected, place, plain);
        const after = { base: next, resolver: plainResolver(index, { place, base: next }) };
        if (differingRoutes(index, { base, resolver: plain }, after).length === 0) {
            return { place, connected, base: next, plain: after.resolver };
        }
        ({ base, resolver: plain } = after);
    }
    return undefined;
}

/** The ends of sessions that fall, by their numbers; nothing where one of them is neither up nor simply down. */
function silentPeers(
    { sessions, sessionsByEnd }: Baseline,
    places: ReadonlyMap<string, ChangedPlace> | undefined,
    conditions: Conditions,
): ReadonlyMap<number, Peer> | undefined {
    const isTorn = ({ place, interface: port }: End) =>
        port !== undefined && places?.get(place.key)?.place.down.has(port) === true;
    const given = [...conditions.sessions].map(([key, pair]) => ({ session: sessionsByEnd.get(key), pair }));
    if (given.some(({ session, pair }) => session === undefined || pair.stale === true)) {
        return undefined;
    }
    const decided = new Map(given.map(({ session, pair }) => [session!, pair]));
    const fallen = sessions.filter((session) => {
        const pair = decided.get(session);
        return pair === undefined ? [session.pair.local, session.pair.remote!].some(isTorn) : !pair.state.up;
    });
    return new Map(fallen.flatMap(({ peers }) => peers.map((peer) => [peer.index, peer] as const)));
}

/** A class, of which some speakers may hold other paths than in the sound lab. */
interface ChangedClass extends SettledClass {
    /** Numbers of those speakers. */
    readonly touched: ReadonlySet<number>;
}

const nobody: ReadonlySet<number> = new Set();

/** All classes as they are now; nothing where one of them does not come to rest. */
function changedClasses(
    lab: Lab,
    baseline: Baseline,
    places: ReadonlyMap<string, ChangedPlace>,
    silent: ReadonlyMap<number, Peer>,
    plain: readonly Resolver[],
): readonly ChangedClass[] | undefined {
    const { index, settled } = baseline.before;
    const { speakers, classes } = settled;
    const isValid = validityBy((speaker) => plain[speaker.index]!);
    const settleAgain = (
        members: readonly number[],
        known: Outcome,
        { own, awake }: Pick<Disturbance, "own" | "awake">,
    ): ChangedClass => {
        const prefix = index.prefixes[members[0]!]!;
        const family = familyOf(prefix);
        const { outcome, touched } = reconverge(speakers, prefix, known, { own, silent, awake }, isValid[family]);
        return { family, prefix, members, own, outcome, undecided: [], touched };
    };
    const origins = changedOrigins(lab, baseline, places);
    const astray = speakersAstray(baseline, places, plain);
    const isHeard = ({ received }: Outcome) => [...silent.keys()].some((number) => received[number] !== undefined);
    try {
        const kept = classes.flatMap((each, place): readonly ChangedClass[] => {
            const members = origins.size === 0 ? each.members : each.members.filter((number) => !origins.has(number));
            if (members.length === 0) {
                return [];
            }
            const awake = astray.get(place) ?? nobody;
            return awake.size > 0 || isHeard(each.outcome)
                ? [settleAgain(members, each.outcome, { own: each.own, awake })]
                : [{ ...each, members, touched: nobody }];
        });
        const others = [...origins].map(([number, changes]) => {
            const place = classes.findIndex(({ members }) => members.includes(number));
            const known = classes[place];
            const own = new Map([...(known?.own ?? []), ...changes]);
            const awake = new Set([...(astray.get(place) ?? nobody), ...changes.keys()]);
            return settleAgain([number], known?.outcome ?? baseline.empty, { own, awake });
        });
        return [...kept, ...others];
    } catch (error) {
        if (error instanceof DisputeError) {
            return undefined;
        }
        throw error;
    }
}

/** By the place of a class, the numbers of speakers that hear of paths whose next hops they reach otherwise now. */
function speakersAstray(
    { before: { settled }, plain: plainBefore, waysOf: waysKnownTo }: Baseline,
    places: ReadonlyMap<string, ChangedPlace>,
    plain: readonly Resolver[],
): ReadonlyMap<number, ReadonlySet<number>> {
    const astray = new Map<number, Set<number>>();
    for (const speaker of settled.speakers.filter(({ table }) => places.has(table.place.key))) {
        const { index } = speaker;
        for (const [address, classes] of waysKnownTo(speaker)) {
            const isSame = sameResolution(plainBefore[index]!.find(address), plain[index]!.find(address));
            for (const place of isSame ? [] : classes) {
                astray.set(place, (astray.get(place) ?? new Set()).add(index));
            }
        }
    }
    return astray;
}

/** Own paths that come, go or change, by the numbers of their prefix and of their speaker; empty for those that go. */
type ChangedOrigins = ReadonlyMap<number, ReadonlyMap<number, readonly Attributes[]>>;

function changedOrigins(
    lab: Lab,
    { before: { index, settled }, own }: Baseline,
    places: ReadonlyMap<string, ChangedPlace>,
): ChangedOrigins {
    const changes = new Map<number, Map<number, readonly Attributes[]>>();
    for (const { index: speaker, table } of settled.speakers) {
        const [before, changed] = [own.get(speaker), places.get(table.place.key)];
        if (before === undefined || changed === undefined) {
            continue;
        }
        // What a router originates hangs on its own route to the very prefix only.
        const numbers = new Set(
            [...table.base.keys(), ...changed.base.keys()].filter(
                (number) => !sameRoute(table.base.get(number), changed.base.get(number)),
            ),
        );
        const base = new Map([...changed.base].filter(([number]) => numbers.has(number)));
        const after = originated(lab, index, { place: changed.place, base });
        for (const number of numbers) {
            const [was = [], is = []] = [before.get(number), after.get(number)];
            if (!samePaths(was, is)) {
                changes.set(number, (changes.get(number) ?? new Map()).set(speaker, is));
            }
        }
    }
    return changes;
}

function samePaths(some: readonly Attributes[], others: readonly Attributes[]): boolean {
    return some.length === others.length && some.every((each, place) => sameAttributes(each, others[place]));
}

/** Whether some session gets more than it accepts now. */
function closesSessions(
    { before: { settled }, sessions }: Baseline,
    silent: ReadonlyMap<number, Peer>,
    classes: readonly ChangedClass[],
): boolean {
    const left = sessions.filter(({ peers: [peer] }) => !silent.has(peer.index)).map(({ pair }) => pair);
    return closedByLimits(left, { speakers: settled.speakers, classes }).length > 0;
}

function changedTables(
    { before: { index, tables, settled }, learners }: Baseline,
    places: ReadonlyMap<string, ChangedPlace>,
    classes: readonly ChangedClass[],
    plain: readonly Resolver[],
): ReadonlyMap<string, Table> {
    const isValid = validityBy((speaker) => plain[speaker.index]!);
    const learned = (speaker: Speaker, some: readonly ChangedClass[], routes: Learning["routes"]) => {
        const learning = newLearning(index, speaker, plain[speaker.index]!, isValid, routes);
        for (const each of some) {
            learning.learn(each);
        }
        return learning.routes;
    };
    const changed = new Map(tables);
    for (const [key, { place, connected, base }] of places) {
        const { bgp } = tables.get(key)!;
        changed.set(key, { place, connected, base, bgp, resolver: newResolver(index, { place, base, bgp }) });
    }
    for (const [speaker, some] of classesBySpeaker(settled.speakers, classes)) {
        const table = changed.get(speaker.table.place.key)!;
        const { key } = table.place;
        if (learners.get(key) === speaker) {
            const bgp = learned(speaker, some, [...table.bgp]);
            const isSame = some.every(({ members }) => members.every((each) => sameRoute(bgp[each], table.bgp[each])));
            if (!isSame) {
                changed.set(key, { ...table, bgp, resolver: newResolver(index, { ...table, bgp }) });
            }
        }
    }
    return changed;
}

/** The classes that each speaker may hold other paths of. */
function classesBySpeaker(
    speakers: readonly Speaker[],
    classes: readonly ChangedClass[],
): ReadonlyMap<Speaker, readonly ChangedClass[]> {
    const bySpeaker = new Map<Speaker, ChangedClass[]>();
    for (const each of classes) {
        for (const number of each.touched) {
            const speaker = speakers[number]!;
            const known = bySpeaker.get(speaker);
            if (known === undefined) {
                bySpeaker.set(speaker, [each]);
            } else {
                known.push(each);
            }
        }
    }
    return bySpeaker;
}
