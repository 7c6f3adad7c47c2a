/** Forwarding tables: connected, static and BGP routes of a routing instance, and how addresses are reached by them. */

import { addressOf, familyOf, lengthOf, networkOf } from "../lab/address";
import { routingInstances } from "../lab/instances";
import type { Address, Device, Interface, Lab, Prefix, StaticRoute } from "../lab/model";
import { hexOf, networkKey, sortedByAddress } from "./bits";
import type { FibRoute, NextHop } from "./prediction";
import type { PrefixIndex } from "./prefixes";

/** The place of a routing instance: a router's VRF, a host or a Kubernetes node. */
export interface Place extends Device {
    /** Unique in the lab. */
    readonly key: string;
    readonly device: string;
    /** VRF of a router; absent for the default one and for what has none. */
    readonly vrf?: string;
    /** Names of the router's VRFs: a next hop that names one of them goes on in that VRF's tables. */
    readonly vrfs: ReadonlySet<string>;
    /** Whether a default route may lead to a next hop (FRR: `ip nht resolve-via-default`). */
    readonly viaDefault: boolean;
    /** Names of the interfaces that are down; they keep their addresses, but no route leads out of them. */
    readonly down: ReadonlySet<string>;
}

/** An interface of a device. */
export interface Port {
    readonly device: string;
    readonly interface: string;
}

/** The key of a place. */
export function keyOf(device: string, vrf?: string): string {
    return vrf === undefined ? device : `${device} ${vrf}`;
}

/** A place in the words of people. */
export function nameOf({ device, vrf }: Pick<Place, "device" | "vrf">): string {
    return vrf === undefined ? device : `${device} (VRF ${vrf})`;
}

/** A lab never changes, and places are compared by identity: each is made once. */
const placesByLab = new WeakMap<Lab, readonly Place[]>();

const noPorts: ReadonlySet<string> = new Set();

/**
 * Every place of a lab that forwards packets, routers first.
 *
 * @param down interfaces that are down
 */
export function placesOf(lab: Lab, down: readonly Port[] = []): readonly Place[] {
    const places = placesByLab.get(lab) ?? collectPlaces(lab);
    placesByLab.set(lab, places);
    return down.length === 0 ? places : places.map((place) => withDown(place, down));
}

function withDown(place: Place, down: readonly Port[]): Place {
    const own = down.filter(({ device }) => device === place.device).map((port) => port.interface);
    return own.length === 0 ? place : { ...place, down: new Set(own) };
}

function collectPlaces({ routers, hosts, cluster }: Lab): readonly Place[] {
    const ofRouters = Object.entries(routers).flatMap(([device, router]) => {
        const vrfs = new Set((router.vrfs ?? []).map(({ name }) => name));
        return routingInstances(router).map(
            ({ vrf, interfaces, staticRoutes, bgp }): Place => ({
                key: keyOf(device, vrf),
                device,
                ...(vrf === undefined ? {} : { vrf }),
                vrfs,
                interfaces,
                staticRoutes,
                viaDefault: bgp.defaults === "traditional",
                down: noPorts,
            }),
        );
    });
    // The kernel of a host or node sends by its default route like by any other.
    const others = [hosts, cluster.nodes].flatMap((kind) =>
        Object.entries<Device>(kind).map(
            ([device, { interfaces, staticRoutes }]): Place => ({
                key: device,
                device,
                vrfs: new Set(),
                interfaces,
                staticRoutes,
                viaDefault: true,
                down: noPorts,
            }),
        ),
    );
    return [...ofRouters, ...others];
}

/** Routes by number of their prefix. */
export type Routes = ReadonlyMap<number, FibRoute>;

/** The forwarding table of a place as far as it is known. */
export interface Table {
    readonly place: Place;
    readonly connected: Routes;
    /** Connected and static routes. */
    base: Routes;
    /** BGP routes by number of their prefix; `base` goes before them. */
    bgp: readonly (FibRoute | undefined)[];
    resolver: Resolver;
}

/** A table of connected routes, and of static routes whose next hops those lead to. */
export function startTable(index: PrefixIndex, place: Place): Table {
    const connected = connectedRoutes(index, place);
    const onLink = newResolver(index, { place: { ...place, viaDefault: false }, base: connected, bgp: [] });
    const base = withStaticRoutes(index, connected, place, onLink);
    const table = { place, connected, base, bgp: [] };
    return { ...table, resolver: newResolver(index, table) };
}

/** The route of a table to the very prefix of a number. */
export function routeOf({ base, bgp }: Pick<Table, "base" | "bgp">, number: number): FibRoute | undefined {
    return base.get(number) ?? bgp[number];
}

/** Networks of a device's own addresses. Link-local IPv6 networks, which every interface has, are left out. */
function connectedRoutes(index: PrefixIndex, { interfaces, down }: Place): Map<number, FibRoute> {
    const routes = new Map<number, FibRoute>();
    for (const { name, attachment, addresses } of interfaces.filter((port) => !down.has(port.name))) {
        const dev = attachment.kind === "loopback" ? "lo" : name;
        for (const address of addresses) {
            const number = index.numberOf(networkOf(address))!;
            if (!routes.has(number)) {
                routes.set(number, { protocol: "connected", blackhole: false, nextHops: [{ dev }] });
            }
        }
    }
    return routes;
}

/**
 * Adds the static routes that can be used: those whose next hop is reached. A connected route to the same prefix wins, a
 * BGP route loses (administrative distances 0, 1 and 20 or 200).
 */
export function withStaticRoutes(
    index: PrefixIndex,
    connected: Routes,
    { staticRoutes, down }: Place,
    resolver: Resolver,
): Routes {
    const result = new Map(connected);
    for (const { prefix, via } of staticRoutes) {
        const number = index.numberOf(prefix)!;
        const known = result.get(number);
        if (known?.protocol === "connected" || (via.kind === "interface" && down.has(via.interface))) {
            continue;
        }
        const route = staticRoute(prefix, via, resolver);
        if (route !== undefined) {
            result.set(number, known?.protocol === "static" ? merged(known, route) : route);
        }
    }
    return result;
}

/** How a table reaches addresses. */
export interface Resolver {
    /**
     * Finds the next hops on the link by which an address is reached; none when it cannot be reached.
     *
     * @param route the route that the address is a gateway of, which must not lead to its own gateway
     */
    readonly resolve: (address: Address, route?: Prefix) => readonly NextHop[];
    /** What was asked so far. */
    readonly asked: ReadonlyMap<Address, Resolution>;
    /** How the table reaches an address, whatever it is for. */
    readonly find: (address: Address) => Resolution;
}

/** How an address is reached: by which prefix of the table, and over which next hops. */
export interface Resolution {
    readonly prefix?: Prefix;
    readonly nextHops: readonly NextHop[];
}

const unreachable: Resolution = { nextHops: [] };

/** A resolver over a table that no longer changes. Next hops behind other routers are followed until they are on-link. */
export function newResolver(index: PrefixIndex, table: Pick<Table, "place" | "base" | "bgp">): Resolver {
    const asked = new Map<Address, Resolution>();
    const find = (address: Address): Resolution => {
        const resolution = asked.get(address) ?? resolveIn(index, table, address);
        asked.set(address, resolution);
        return resolution;
    };
    const resolve = (address: Address, route?: Prefix): readonly NextHop[] => {
        const resolution = find(address);
        return route !== undefined && stopsAt(route, resolution, address) ? [] : resolution.nextHops;
    };
    return { resolve, asked, find };
}

function resolveIn(index: PrefixIndex, table: Pick<Table, "place" | "base" | "bgp">, address: Address): Resolution {
    const number = index.covering(address).find((each) => routeOf(table, each) !== undefined);
    const route = number === undefined ? undefined : routeOf(table, number);
    if (number === undefined || route === undefined || route.blackhole) {
        return unreachable;
    }
    const prefix = index.prefixes[number]!;
    if (lengthOf(prefix) === 0 && !table.place.viaDefault) {
        return unreachable;
    }
    // Next hops in the table are on-link already; a route without gateway delivers to the address itself.
    const onLink = ({ via, dev }: NextHop): NextHop =>
        table.place.vrfs.has(dev) ? { dev } : { via: via ?? address, dev };
    return { prefix, nextHops: route.nextHops.map(onLink) };
}

/** Prefixes by which the second table differs from the first, as far as anybody asked: connected, static, and next hops. */
export function differingRoutes(
    index: PrefixIndex,
    before: Pick<Table, "base" | "resolver">,
    after: Pick<Table, "base" | "resolver">,
): readonly Prefix[] {
    const numbers = new Set([...before.base.keys(), ...after.base.keys()]);
    const routes = [...numbers].filter((number) => !sameRoute(before.base.get(number), after.base.get(number)));
    const reached = [...before.resolver.asked].flatMap(([address, resolution]) => {
        const now = after.resolver.find(address);
        return sameResolution(resolution, now) ? [] : (resolution.prefix ?? now.prefix ?? []);
    });
    return [...new Set([...routes.map((number) => index.prefixes[number]!), ...reached])];
}

/** Whether an address is reached alike. */
export function sameResolution(a: Resolution, b: Resolution): boolean {
    return a.prefix === b.prefix && sameNextHops(a.nextHops, b.nextHops);
}

/** Whether two routes, or none, forward alike. */
export function sameRoute(a: FibRoute | undefined, b: FibRoute | undefined): boolean {
    if (a === undefined || b === undefined) {
        return a === b;
    }
    return a.protocol === b.protocol && a.blackhole === b.blackhole && sameNextHops(a.nextHops, b.nextHops);
}

function sameNextHops(a: readonly NextHop[], b: readonly NextHop[]): boolean {
    return a.length === b.length && a.every(({ via, dev }, place) => via === b[place]?.via && dev === b[place]?.dev);
}

/** Zebra looks for a gateway from the longest prefix to shorter ones, and gives up where it meets the route itself. */
function stopsAt(route: Prefix, { prefix }: Resolution, gateway: Address): boolean {
    const length = lengthOf(route);
    if (prefix === undefined || lengthOf(prefix) > length || familyOf(route) !== familyOf(gateway)) {
        return false;
    }
    return networkKey(hexOf(gateway), length) === networkKey(hexOf(addressOf(route)), length);
}

function staticRoute(prefix: Prefix, via: StaticRoute["via"], { resolve }: Resolver): FibRoute | undefined {
    switch (via.kind) {
        case "blackhole":
            return { protocol: "static", blackhole: true, nextHops: [] };
        case "interface":
            return { protocol: "static", blackhole: false, nextHops: [{ dev: via.interface }] };
        case "address": {
            const nextHops = resolve(via.address, prefix);
            return nextHops.length === 0 ? undefined : { protocol: "static", blackhole: false, nextHops };
        }
    }
}

/** Static routes to one prefix share the load; a blackhole among them takes no part. */
function merged(known: FibRoute, added: FibRoute): FibRoute {
    if (known.blackhole || added.blackhole) {
        return known.blackhole ? added : known;
    }
    return { protocol: "static", blackhole: false, nextHops: distinct([...known.nextHops, ...added.nextHops]) };
}

/** Next hops without repetitions, in order of address. */
export function distinct(nextHops: readonly NextHop[]): readonly NextHop[] {
    if (nextHops.length < 2) {
        return nextHops;
    }
    const byText = new Map(nextHops.map((nextHop) => [`${nextHop.via} ${nextHop.dev}`, nextHop]));
    const all = [...byText.values()];
    const gateways = all.flatMap(({ via, dev }) => (via === undefined ? [] : [{ via, dev }]));
    return [...all.filter(({ via }) => via === undefined), ...sortedByAddress(gateways, ({ via }) => via)];
}

/** The device's own addresses. */
export function ownAddresses(device: Pick<Device, "interfaces">): ReadonlySet<Address> {
    return new Set(device.interfaces.flatMap(({ addresses }) => addresses.map(addressOf)));
}

/** Interfaces of a device by name; a router has as many as sessions, and each session asks for one. */
const portsByDevice = new WeakMap<object, ReadonlyMap<string, Interface>>();

/** The interface of a device with a name. */
export function portOf(device: Pick<Device, "interfaces">, name: string | undefined): Interface | undefined {
    const ports = portsByDevice.get(device) ?? new Map(device.interfaces.map((port) => [port.name, port]));
    portsByDevice.set(device, ports);
    return name === undefined ? undefined : ports.get(name);
}
