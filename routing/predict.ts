/** Predicts what a lab's control plane settles on: a BGP simulator over the model. */

import { familyOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Address, Device, Family, Lab, Prefix, StaticRoute } from "../lab/model";
import { sortedByAddress } from "./bits";
import { type Candidate, type Choice, choose } from "./decision";
import { advertised, exported, imported, type Path, type Peer, type Speaker, speakers } from "./exchange";
import { originatedByNode, originatedByRouter } from "./origination";
import type { BgpRoute, FibRoute, Offer, PredictedDevice, PredictedSession, Prediction } from "./prediction";
import { type Pair, pairs } from "./sessions";
import { connectedRoutes, distinct, type Fib, type Resolver, resolver, withStaticRoutes } from "./tables";

/** Rounds between BGP and the forwarding tables after which routing is said not to come to rest. */
const mostRounds = 64;

/** A router and a network to which it never settles on a route. */
export interface Unrest {
    readonly device: string;
    readonly prefix: Prefix;
}

/** Routing that never comes to rest: next hops that are reached by the very routes that they carry. */
export class UnrestError extends Error {
    constructor(
        lab: string,
        /** The routes that change for ever. */
        readonly routes: readonly Unrest[],
    ) {
        const [first] = routes;
        super(
            `routing in ${lab} does not come to rest: ${first?.device} changes its route to ${first?.prefix} for ever, ` +
                "because the next hop is reached by that route or one that hangs on it; " +
                "give it another way to the next hop, such as a static route or the network of the link",
        );
    }
}

/**
 * The sessions, BGP routes and forwarding tables of a lab at rest.
 *
 * @throws UnrestError when routing does not come to rest
 */
export function predict(lab: Lab): Prediction {
    const tables = startTables(lab);
    const found = pairs(lab, (device) => tables.get(device)!.resolve);
    const network = speakers(lab, found);
    settle(lab, tables, network);
    return {
        sessions: found.map((pair) => describeSession(pair, network)),
        devices: describeDevices(lab, tables, network),
    };
}

/** The forwarding table of a device as far as it is known, with what stays the same in it. */
interface Table {
    readonly connected: Fib;
    readonly staticRoutes: readonly StaticRoute[];
    /** Whether a default route may lead to a next hop. */
    readonly viaDefault: boolean;
    fib: Fib;
    resolve: Resolver;
}

function startTables(lab: Lab): Map<string, Table> {
    return new Map(
        // The kernel of a host or node takes a static route only when its next hop is on-link.
        namedDevices(lab).map(([name, device]) => {
            const viaDefault = lab.routers[name]?.bgp.defaults === "traditional";
            return [name, startTable(device, viaDefault)] as const;
        }),
    );
}

function startTable({ interfaces, staticRoutes }: Device, viaDefault: boolean): Table {
    const connected = connectedRoutes({ interfaces, staticRoutes });
    const fib = withStaticRoutes(connected, staticRoutes, resolver(connected, false));
    return { connected, staticRoutes, viaDefault, fib, resolve: resolver(fib, viaDefault) };
}

/** Lets BGP and the forwarding tables of routers follow each other until neither changes. */
function settle(lab: Lab, tables: ReadonlyMap<string, Table>, network: ReadonlyMap<string, Speaker>): void {
    for (const speaker of network.values()) {
        if (!speaker.imports) {
            originate(speaker, originatedByNode(lab, speaker.name));
        }
    }
    const routers = [...network.values()].filter(({ imports }) => imports);
    let unrest: readonly Unrest[] = [];
    for (let round = 0; round < mostRounds; round += 1) {
        for (const speaker of routers) {
            const { fib, resolve } = tables.get(speaker.name)!;
            originate(speaker, originatedByRouter(lab.routers[speaker.name]!, fib));
            revalidate(speaker, resolve);
        }
        exchange(network, tables);
        unrest = routers.flatMap((speaker) =>
            updateTable(tables.get(speaker.name)!, speaker).map((prefix) => ({ device: speaker.name, prefix })),
        );
        if (unrest.length === 0) {
            return;
        }
    }
    throw new UnrestError(lab.name, unrest);
}

function originate(speaker: Speaker, own: ReadonlyMap<Prefix, readonly Candidate[]>): void {
    for (const prefix of new Set([...speaker.own.keys(), ...own.keys()])) {
        const [before, after] = [speaker.own.get(prefix), own.get(prefix)];
        if (JSON.stringify(before) !== JSON.stringify(after)) {
            speaker.dirty.add(prefix);
        }
    }
    speaker.own = own;
}

/** Looks again at the next hops of all received paths. */
function revalidate(speaker: Speaker, resolve: Resolver): void {
    for (const [prefix, paths] of speaker.received) {
        for (const [peer, path] of paths) {
            const valid = reaches(resolve, path.nextHop);
            if (valid !== path.valid) {
                paths.set(peer, { ...path, valid });
                speaker.dirty.add(prefix);
            }
        }
    }
}

/** Zebra refuses IPv4-mapped next hops, which is what IPv6 routes over an IPv4 session get by themselves. */
function reaches(resolve: Resolver, nextHop: Address): boolean {
    return !nextHop.startsWith("::ffff:") && resolve(nextHop).length > 0;
}

/** Decides and announces until no speaker has anything left to decide. */
function exchange(network: ReadonlyMap<string, Speaker>, tables: ReadonlyMap<string, Table>): void {
    const waiting = new Set([...network.values()].filter(({ dirty }) => dirty.size > 0));
    for (const speaker of waiting) {
        waiting.delete(speaker);
        const prefixes = [...speaker.dirty];
        speaker.dirty.clear();
        for (const prefix of prefixes) {
            decide(speaker, prefix);
            announce(speaker, prefix, tables, waiting);
        }
    }
}

function decide(speaker: Speaker, prefix: Prefix): void {
    const paths = [...(speaker.own.get(prefix) ?? []), ...(speaker.received.get(prefix)?.values() ?? [])];
    if (paths.length === 0) {
        speaker.choices.delete(prefix);
    } else {
        speaker.choices.set(prefix, choose(paths, speaker.multipath));
    }
}

/** Sends the best path, or its withdrawal, to every peer that takes routes at all. */
function announce(speaker: Speaker, prefix: Prefix, tables: ReadonlyMap<string, Table>, waiting: Set<Speaker>): void {
    const best = speaker.choices.get(prefix)?.used[0];
    for (const peer of speaker.listeners) {
        const receiver = peer.other.speaker;
        const sent = best === undefined ? undefined : exported(peer, prefix, best);
        const resolve = tables.get(receiver.name)!.resolve;
        const taken =
            sent === undefined ? undefined : imported(peer.other, prefix, sent, (hop) => reaches(resolve, hop));
        if (store(receiver, prefix, peer.other, taken)) {
            receiver.dirty.add(prefix);
            waiting.add(receiver);
        }
    }
}

/** @returns whether the receiver holds something else than before */
function store(receiver: Speaker, prefix: Prefix, from: Peer, path: Path | undefined): boolean {
    const paths = receiver.received.get(prefix) ?? new Map<Peer, Path>();
    const before = paths.get(from);
    if (path === undefined) {
        return paths.delete(from);
    }
    paths.set(from, path);
    receiver.received.set(prefix, paths);
    return before === undefined || !samePath(before, path);
}

function samePath(a: Path, b: Path): boolean {
    return (
        a.nextHop === b.nextHop &&
        a.gateway === b.gateway &&
        a.valid === b.valid &&
        a.origin === b.origin &&
        a.asPath.length === b.asPath.length &&
        a.asPath.every((asn, index) => asn === b.asPath[index])
    );
}

/** @returns the prefixes whose route changed */
function updateTable(table: Table, speaker: Speaker): readonly Prefix[] {
    const base = withStaticRoutes(table.connected, table.staticRoutes, table.resolve);
    for (const [prefix, choice] of speaker.choices) {
        const route = bgpRoute(prefix, choice, table.resolve);
        if (route !== undefined && !base.has(prefix)) {
            base.set(prefix, route);
        }
    }
    const changed = changedPrefixes(table.fib, base);
    if (changed.length > 0) {
        table.fib = base;
        table.resolve = resolver(base, table.viaDefault);
    }
    return changed;
}

/** What a choice puts into the forwarding table; nothing for own prefixes, and for what only leads to itself. */
function bgpRoute(prefix: Prefix, { used }: Choice<Path>, resolve: Resolver): FibRoute | undefined {
    if (used[0] === undefined || used[0].source.kind === "local") {
        return undefined;
    }
    const nextHops = distinct(used.flatMap(({ gateway }) => resolve(gateway, prefix)));
    return nextHops.length === 0 ? undefined : { protocol: "bgp", blackhole: false, nextHops };
}

function changedPrefixes(before: Fib, after: Fib): readonly Prefix[] {
    const gone = [...before.keys()].filter((prefix) => !after.has(prefix));
    const other = [...after].filter(([prefix, route]) => !sameRoute(before.get(prefix), route));
    return [...gone, ...other.map(([prefix]) => prefix)];
}

function sameRoute(a: FibRoute | undefined, b: FibRoute): boolean {
    return (
        a !== undefined &&
        a.protocol === b.protocol &&
        a.blackhole === b.blackhole &&
        a.nextHops.length === b.nextHops.length &&
        a.nextHops.every(({ via, dev }, index) => via === b.nextHops[index]?.via && dev === b.nextHops[index]?.dev)
    );
}

function describeSession(pair: Pair, network: ReadonlyMap<string, Speaker>): PredictedSession {
    const { local, remote, owner, families, state } = pair;
    return {
        local: local.device,
        localAddress: local.address,
        remote: remote?.device ?? owner,
        remoteAddress: local.peerAddress,
        families,
        state,
        offers: {
            fromLocal: offerOf(network.get(local.device), pair, local.peerAddress),
            fromRemote: offerOf(remote && network.get(remote.device), pair, remote?.peerAddress),
        },
    };
}

function offerOf(speaker: Speaker | undefined, { state }: Pair, peerAddress: Address | undefined): Offer {
    const peer = state.up && peerAddress !== undefined ? speaker?.peersByAddress.get(peerAddress) : undefined;
    return { ipv4: peer ? advertised(peer, "ipv4") : [], ipv6: peer ? advertised(peer, "ipv6") : [] };
}

function describeDevices(
    lab: Lab,
    tables: ReadonlyMap<string, Table>,
    network: ReadonlyMap<string, Speaker>,
): Record<string, PredictedDevice> {
    return Object.fromEntries(
        namedDevices(lab).map(([name]) => {
            const speaker = network.get(name);
            const routes = [...(speaker?.choices ?? [])].map(([prefix, choice]) => [prefix, describe(choice)] as const);
            return [name, { rib: byFamily(routes), fib: byFamily([...tables.get(name)!.fib]) }];
        }),
    );
}

function describe({ ranked, used }: Choice<Path>): BgpRoute {
    const inUse = new Set(used);
    return {
        paths: ranked.map((path) => ({
            nextHop: path.nextHop,
            asPath: path.asPath,
            from: path.source.kind === "local" ? "local" : path.source.address,
            valid: path.valid,
            best: path === used[0],
            multipath: inUse.has(path),
        })),
    };
}

/** Routes by family, in order of address. */
function byFamily<T>(routes: readonly (readonly [Prefix, T])[]): Record<Family, Record<Prefix, T>> {
    const sorted = sortedByAddress(routes, ([prefix]) => prefix);
    const own = (family: Family) => Object.fromEntries(sorted.filter(([prefix]) => familyOf(prefix) === family));
    return { ipv4: own("ipv4"), ipv6: own("ipv6") };
}
