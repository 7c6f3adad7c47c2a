/** What was settled on, as plain data. Tables are written out when they are first looked at: a large lab has millions of routes. */

import { familyOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Family, Lab, Prefix } from "../lab/model";
import { type Attributes, type Candidate, defaultLocalPreference } from "./attributes";
import { candidatesOf } from "./converge";
import { type Choice, choose, nextHopOf } from "./decision";
import { type End, endKey } from "./ends";
import { newOffers, type Offers } from "./offers";
import type {
    BgpPath,
    BgpRoute,
    Offer,
    PredictedDevice,
    PredictedSession,
    Prediction,
    Tables,
    UndecidedRoute,
} from "./prediction";
import type { PrefixIndex } from "./prefixes";
import type { Pair } from "./sessions";
import { type Settled, validity } from "./settle";
import type { Simulation } from "./simulate";
import { type Peer, peersByEnd, type Speaker } from "./speakers";
import { keyOf, routeOf, type Table } from "./tables";

/** The prediction of a lab at rest. */
export function describe(lab: Lab, { index, tables, pairs, settled }: Simulation): Prediction {
    const offers = newOffers(index, settled);
    const peers = peersByEnd(settled.speakers);
    const undecided = undecidedRoutes(index, settled);
    const tablesAt = (key: string) => describeTables(index, tables.get(key)!, settled);
    return {
        sessions: pairs.map((pair) => describeSession(pair, peers, offers)),
        devices: Object.fromEntries(
            namedDevices(lab).map(([name]): readonly [string, PredictedDevice] => {
                const vrfs = (lab.routers[name]?.vrfs ?? []).map((vrf) => [vrf.name, tablesAt(keyOf(name, vrf.name))]);
                const others = vrfs.length === 0 ? {} : { vrfs: Object.fromEntries(vrfs) };
                return [name, Object.assign(tablesAt(name), others)];
            }),
        ),
        ...(undecided.length === 0 ? {} : { undecided }),
    };
}

function undecidedRoutes({ prefixes }: PrefixIndex, { classes }: Settled): readonly UndecidedRoute[] {
    return classes.flatMap(({ members, undecided }) =>
        undecided.flatMap(({ table: { place } }) =>
            members.map((number) => ({
                device: place.device,
                ...(place.vrf === undefined ? {} : { vrf: place.vrf }),
                prefix: prefixes[number]!,
            })),
        ),
    );
}

/** An object whose properties are worked out when they are first looked at. */
function lazily<T extends object>(parts: { readonly [K in keyof T]: () => T[K] }): T {
    const result = {} as T;
    for (const [name, work] of Object.entries<() => unknown>(parts)) {
        Object.defineProperty(result, name, {
            enumerable: true,
            configurable: true,
            get: () => {
                const value = work();
                Object.defineProperty(result, name, { value, enumerable: true });
                return value;
            },
        });
    }
    return result;
}

function describeSession(pair: Pair, peers: ReadonlyMap<string, Peer>, offers: Offers): PredictedSession {
    const { local, remote, owner, families, state, closed } = pair;
    const offerOf = (end: End | undefined): Offer => {
        const peer = state.up && end !== undefined ? peers.get(endKey(end)) : undefined;
        return lazily<Offer>({
            ipv4: () => (peer ? offers.sent(peer, "ipv4") : []),
            ipv6: () => (peer ? offers.sent(peer, "ipv6") : []),
        });
    };
    const refusedBy = (end: End | undefined): Offer => {
        const peer = state.up && end !== undefined ? peers.get(endKey(end)) : undefined;
        const of = (family: Family) => (peer && keepsRefused(end!, family) ? offers.refused(peer, family) : []);
        return lazily<Offer>({ ipv4: () => of("ipv4"), ipv6: () => of("ipv6") });
    };
    const isKept = [local, remote].some((end) => end && (keepsRefused(end, "ipv4") || keepsRefused(end, "ipv6")));
    return {
        local: local.place.device,
        ...instanceOf("localInstance", local),
        localAddress: local.address,
        remote: remote?.place.device ?? owner,
        ...instanceOf("remoteInstance", remote),
        remoteAddress: local.peerAddress,
        families,
        state,
        ...(closed === undefined ? {} : { closedBy: closed }),
        offers: { fromLocal: offerOf(local), fromRemote: offerOf(remote) },
        ...(isKept ? { refused: { byLocal: refusedBy(local), byRemote: refusedBy(remote) } } : {}),
    };
}

/** Whether an end can show what it refuses: FRR where it is told to, GoBGP always. */
function keepsRefused({ families, imports, pod, program }: End, family: Family): boolean {
    return program === undefined
        ? families.some((each) => each.family === family && each.keepRefused === true)
        : imports && pod !== undefined;
}

function instanceOf<K extends string>(name: K, end: End | undefined): { readonly [key in K]?: string } {
    const instance = end?.program ?? end?.place.vrf;
    return (instance === undefined ? {} : { [name]: instance }) as { readonly [key in K]?: string };
}

function describeTables(index: PrefixIndex, table: Table, settled: Settled): Tables {
    const speakers = settled.speakers.filter((speaker) => speaker.table === table);
    return lazily<Tables>({
        rib: () => byFamily(index, ribOf(index, speakers, settled)),
        fib: () => byFamily(index, (number) => routeOf(table, number)),
    });
}

/** The BGP routes of the speakers of one place, by number of the prefix. */
function ribOf(
    index: PrefixIndex,
    speakers: readonly Speaker[],
    { classes }: Settled,
): (number: number) => BgpRoute | undefined {
    const routes = new Array<BgpRoute | undefined>(index.prefixes.length).fill(undefined);
    for (const speaker of speakers) {
        for (const { family, members, outcome } of classes) {
            const candidates = candidatesOf(speaker, outcome);
            if (candidates.length > 0) {
                const choice = choose(candidates, family, speaker, validity[family]);
                const route: BgpRoute = { paths: describePaths(choice, family) };
                for (const number of members) {
                    const known = routes[number];
                    routes[number] = known === undefined ? route : { paths: [...known.paths, ...route.paths] };
                }
            }
        }
    }
    return (number) => routes[number];
}

function describePaths({ ranked, used }: Choice, family: Family): readonly BgpPath[] {
    const inUse = new Set(used);
    return ranked.map((path) => ({
        nextHop: nextHopOf(path, family),
        asPath: path.attributes.asPath,
        from: sourceOf(path),
        ...extras(path.attributes),
        valid: validity[family](path),
        best: path === used[0],
        multipath: inUse.has(path),
    }));
}

function sourceOf({ peer }: Candidate): string {
    if (peer === undefined) {
        return "local";
    }
    return peer.leak === undefined ? peer.address : `vrf ${peer.leak}`;
}

/** What is not said where it is as usual. */
function extras({ localPreference, med }: Attributes): Pick<BgpPath, "localPreference" | "med"> {
    return {
        ...(localPreference === defaultLocalPreference ? {} : { localPreference }),
        ...(med === 0 ? {} : { med }),
    };
}

/** Routes by family, in order of address. */
function byFamily<T>(
    { inOrder, prefixes }: PrefixIndex,
    routeTo: (number: number) => T | undefined,
): Record<Family, Record<Prefix, T>> {
    const result: Record<Family, Record<Prefix, T>> = { ipv4: {}, ipv6: {} };
    for (const number of inOrder()) {
        const route = routeTo(number);
        if (route !== undefined) {
            const prefix = prefixes[number]!;
            result[familyOf(prefix)][prefix] = route;
        }
    }
    return result;
}
