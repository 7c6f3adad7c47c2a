/** Routes in the kernels' tables that differ: what carries packets, not every path that was considered. */

import { namedDevices } from "../lab/devices";
import type { Family, Prefix } from "../lab/model";
import type { FibRoute, NextHop, Tables } from "../routing/prediction";
import { byRank, type Paired, pairByName, pairOf } from "./pairing";
import type { RouteChange, RouteEffect, RouteFacts } from "./review";
import type { Revision } from "./revision";

const families: readonly Family[] = ["ipv4", "ipv6"];

/** The effects, the most important first. */
const effects: readonly RouteEffect[] = ["lost", "narrower", "moved", "path", "wider", "gained"];

/** Routes that differ, of devices and VRFs that both revisions have: those that are lost first. */
export function routeChanges(before: Revision, after: Revision): readonly RouteChange[] {
    const [was, is] = [before, after].map(placesOf) as [Places, Places];
    const changes = both(pairByName(was, is)).flatMap(([, one, other]) =>
        tableChanges({ device: one.device, ...(one.vrf === undefined ? {} : { vrf: one.vrf }) }, one, other),
    );
    return byRank(changes, ({ effect }) => effects.indexOf(effect));
}

type Places = Readonly<Record<string, Side & { readonly device: string; readonly vrf?: string }>>;

/** The default instances and VRFs of all devices, by name. */
function placesOf({ lab, outcome }: Revision): Places {
    if (lab === undefined || outcome === undefined) {
        return {};
    }
    const { devices } = outcome.prediction;
    return Object.fromEntries(
        namedDevices(lab).flatMap(([device, { interfaces }]) => {
            const links = new Map(
                interfaces.map(({ name, attachment }) => [
                    name,
                    attachment.kind === "segment" ? attachment.segment : attachment.kind,
                ]),
            );
            const tables = devices[device]!;
            const others = Object.entries(tables.vrfs ?? {}).map(
                ([vrf, own]) => [`${device} ${vrf}`, { device, vrf, tables: own, links }] as const,
            );
            return [[device, { device, tables, links }] as const, ...others];
        }),
    );
}

/** Of what is on one side only, the change of the device says enough. */
function both<T>(pairs: readonly (readonly [string, Paired<T>])[]): readonly (readonly [string, T, T])[] {
    return pairs.flatMap(([name, { before, after }]) =>
        before === undefined || after === undefined ? [] : [[name, before, after] as const],
    );
}

/** The tables of one place, and what its interfaces are connected to. */
interface Side {
    readonly tables: Tables;
    readonly links: ReadonlyMap<string, string>;
}

function tableChanges(where: Pick<RouteChange, "device" | "vrf">, before: Side, after: Side): readonly RouteChange[] {
    return families.flatMap((family) =>
        pairByName(before.tables.fib[family], after.tables.fib[family])
            .filter(([, pair]) => !isOwnNetwork(pair))
            .flatMap(([prefix, { before: was, after: is }]) => {
                const pair = pairOf(
                    was && routeAt(before, was, family, prefix),
                    is && routeAt(after, is, family, prefix),
                );
                const effect = effectOf(pair);
                return effect === undefined ? [] : [{ effect, ...where, prefix, family, ...shown(pair) }];
            }),
    );
}

/** Networks that a device is on come and go with its interfaces, and the change of the device says so. */
function isOwnNetwork({ before, after }: Paired<FibRoute>): boolean {
    return [before, after].every((route) => route === undefined || route.protocol === "connected");
}

/** A route with its next hops as people call them, in full, and as what they are whatever an interface is called. */
interface RouteAt extends RouteFacts {
    readonly full: readonly string[];
    readonly ways: readonly string[];
}

function routeAt({ tables, links }: Side, route: FibRoute, family: Family, prefix: Prefix): RouteAt {
    const { protocol } = route;
    const hops: readonly NextHop[] = route.nextHops;
    const best = protocol === "bgp" ? tables.rib[family][prefix]?.paths.find((path) => path.best) : undefined;
    return {
        protocol,
        nextHops: hops.map(({ via, dev }) => via ?? dev),
        full: hops.map(({ via, dev }) => (via === undefined ? dev : `${via} on ${dev}`)),
        ways: hops.map(({ via, dev }) => `${via} ${links.get(dev) ?? dev}`),
        ...(best === undefined ? {} : { asPath: best.asPath }),
    };
}

function effectOf({ before, after }: Paired<RouteAt>): RouteEffect | undefined {
    const [was, is] = [before?.ways.length ?? 0, after?.ways.length ?? 0];
    if (was !== is) {
        return is === 0 ? "lost" : was === 0 ? "gained" : is < was ? "narrower" : "wider";
    }
    if (before === undefined || after === undefined) {
        return after === undefined ? "lost" : "gained";
    }
    if (before.protocol !== after.protocol || before.ways.join() !== after.ways.join()) {
        return "moved";
    }
    return before.asPath?.join() === after.asPath?.join() ? undefined : "path";
}

/** Interfaces are named where the gateways alone do not tell the two sides apart. */
function shown({ before, after }: Paired<RouteAt>): Paired<RouteFacts> {
    const isAlike = before?.nextHops.join() === after?.nextHops.join();
    const factsOf = ({ full, ways: _ways, ...facts }: RouteAt): RouteFacts =>
        isAlike && before?.ways.join() !== after?.ways.join() ? { ...facts, nextHops: full } : facts;
    return pairOf(before && factsOf(before), after && factsOf(after));
}
