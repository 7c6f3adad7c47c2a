/** Routes in the kernels' tables that differ: what carries packets, not every path that was considered. */

import { addressOf } from "../lab/address";
import { namedDevices } from "../lab/devices";
import type { Family, Interface, Lab, Prefix } from "../lab/model";
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
    const owners = ownersOf(lab);
    return Object.fromEntries(
        namedDevices(lab).flatMap(([device, { interfaces }]) => {
            const links = new Map(interfaces.map(({ name, attachment }) => [name, linkOf(attachment)]));
            const tables = devices[device]!;
            const others = Object.entries(tables.vrfs ?? {}).map(
                ([vrf, own]) => [`${device} ${vrf}`, { device, vrf, tables: own, links, owners }] as const,
            );
            return [[device, { device, tables, links, owners }] as const, ...others];
        }),
    );
}

function linkOf(attachment: Interface["attachment"]): string {
    return attachment.kind === "segment" ? attachment.segment : attachment.kind;
}

/** The devices of all addresses, by link and address. */
function ownersOf(lab: Lab): ReadonlyMap<string, string> {
    return new Map(
        namedDevices(lab).flatMap(([device, { interfaces }]) =>
            interfaces.flatMap(({ attachment, addresses }) =>
                addresses.map((address) => [`${linkOf(attachment)} ${addressOf(address)}`, device] as const),
            ),
        ),
    );
}

/** Of what is on one side only, the change of the device says enough. */
function both<T>(pairs: readonly (readonly [string, Paired<T>])[]): readonly (readonly [string, T, T])[] {
    return pairs.flatMap(([name, { before, after }]) =>
        before === undefined || after === undefined ? [] : [[name, before, after] as const],
    );
}

/** The tables of one place, with what its interfaces are connected to, and who is there. */
interface Side {
    readonly tables: Tables;
    readonly links: ReadonlyMap<string, string>;
    readonly owners: ReadonlyMap<string, string>;
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

/** A route with its next hops as people call them, in full, and as what they are under whatever address and name. */
interface RouteAt extends RouteFacts {
    readonly full: readonly string[];
    readonly ways: readonly string[];
}

function routeAt({ tables, links, owners }: Side, route: FibRoute, family: Family, prefix: Prefix): RouteAt {
    const { protocol } = route;
    const hops: readonly NextHop[] = route.nextHops;
    const best = protocol === "bgp" ? tables.rib[family][prefix]?.paths.find((path) => path.best) : undefined;
    return {
        protocol,
        nextHops: hops.map(({ via, dev }) => via ?? dev),
        full: hops.map(({ via, dev }) => (via === undefined ? dev : `${via} on ${dev}`)),
        ways: hops
            .map(({ via, dev }) => {
                const link = links.get(dev) ?? dev;
                return `${owners.get(`${link} ${via}`) ?? via} ${link}`;
            })
            .sort(),
        ...(best === undefined ? {} : { asPath: best.asPath }),
    };
}

function effectOf({ before, after }: Paired<RouteAt>): RouteEffect | undefined {
    const [was, is] = [widthOf(before), widthOf(after)];
    if (was !== is && Math.min(was, is) <= 0) {
        return is < was ? "lost" : "gained";
    }
    if (before?.protocol !== after?.protocol) {
        return "moved";
    }
    if (was !== is) {
        return is < was ? "narrower" : "wider";
    }
    if (before?.ways.join() !== after?.ways.join()) {
        return "moved";
    }
    return before?.asPath?.join() === after?.asPath?.join() ? undefined : "path";
}

/** Number of equal paths: none of a blackhole, and less than that where there is no route at all. */
function widthOf(route: RouteAt | undefined): number {
    return route?.ways.length ?? -1;
}

/** Interfaces are named where the gateways alone do not tell the two sides apart. */
function shown({ before, after }: Paired<RouteAt>): Paired<RouteFacts> {
    const isAlike = before?.nextHops.join() === after?.nextHops.join();
    const factsOf = ({ full, ways: _ways, ...facts }: RouteAt): RouteFacts =>
        isAlike && before?.ways.join() !== after?.ways.join() ? { ...facts, nextHops: full } : facts;
    return pairOf(before && factsOf(before), after && factsOf(after));
}
