/** Forwarding tables: connected, static and BGP routes of a device, and the longest match in them. */

import { addressOf, familyOf, lengthOf, networkOf } from "../lab/address";
import type { Address, Device, Family, Interface, Prefix, StaticRoute } from "../lab/model";
import { hexOf, networkKey, sortedByAddress } from "./bits";
import type { FibRoute, NextHop } from "./prediction";

/** Routes by prefix. */
export type Fib = ReadonlyMap<Prefix, FibRoute>;

/** Networks of a device's own addresses. Link-local IPv6 networks, which every interface has, are left out. */
export function connectedRoutes(device: Device): Map<Prefix, FibRoute> {
    const routes = new Map<Prefix, FibRoute>();
    for (const { name, attachment, addresses } of device.interfaces) {
        const dev = attachment.kind === "loopback" ? "lo" : name;
        for (const address of addresses) {
            const prefix = networkOf(address);
            if (!routes.has(prefix)) {
                routes.set(prefix, { protocol: "connected", blackhole: false, nextHops: [{ dev }] });
            }
        }
    }
    return routes;
}

/**
 * Adds the static routes that can be used: those whose next hop `table` leads to. A connected route to the same prefix
 * wins, a BGP route loses (administrative distances 0, 1 and 20 or 200).
 */
export function withStaticRoutes(table: Fib, routes: readonly StaticRoute[], resolve: Resolver): Map<Prefix, FibRoute> {
    const result = new Map(table);
    for (const { prefix, via } of routes) {
        const known = result.get(prefix);
        if (known?.protocol === "connected") {
            continue;
        }
        const route = staticRoute(prefix, via, resolve);
        if (route !== undefined) {
            result.set(prefix, known?.protocol === "static" ? merged(known, route) : route);
        }
    }
    return result;
}

/**
 * Finds the next hops on the link by which an address is reached; none when it cannot be reached.
 *
 * @param route the route that the address is a gateway of, which must not lead to its own gateway
 */
export type Resolver = (address: Address, route?: Prefix) => readonly NextHop[];

/**
 * A resolver over a table. Next hops behind other routers are followed until they are on-link.
 *
 * @param viaDefault whether a default route may lead to a next hop (FRR: `ip nht resolve-via-default`)
 */
export function resolver(table: Fib, viaDefault: boolean): Resolver {
    let find: LongestMatch | undefined;
    const known = new Map<Address, Resolution>();
    return (address, route) => {
        find ??= longestMatch(table);
        const resolution = known.get(address) ?? resolveIn(find, address, viaDefault);
        known.set(address, resolution);
        return route !== undefined && stopsAt(route, resolution, address) ? [] : resolution.nextHops;
    };
}

/** How an address is reached: by which prefix of the table, and over which next hops. */
interface Resolution {
    readonly prefix?: Prefix;
    readonly nextHops: readonly NextHop[];
}

function resolveIn(find: LongestMatch, address: Address, viaDefault: boolean): Resolution {
    const [prefix, route] = find(address) ?? [];
    if (prefix === undefined || route === undefined || route.blackhole) {
        return { nextHops: [] };
    }
    if (lengthOf(prefix) === 0 && !viaDefault) {
        return { nextHops: [] };
    }
    // Next hops in the table are on-link already; a route without gateway delivers to the address itself.
    return { prefix, nextHops: route.nextHops.map(({ via, dev }) => ({ via: via ?? address, dev })) };
}

/** Zebra looks for a gateway from the longest prefix to shorter ones, and gives up where it meets the route itself. */
function stopsAt(route: Prefix, { prefix }: Resolution, gateway: Address): boolean {
    const length = lengthOf(route);
    if (prefix === undefined || lengthOf(prefix) > length || familyOf(route) !== familyOf(gateway)) {
        return false;
    }
    return networkKey(hexOf(gateway), length) === networkKey(hexOf(addressOf(route)), length);
}

/** The most specific route that covers an address. */
type LongestMatch = (address: Address) => readonly [Prefix, FibRoute] | undefined;

/** Prepares a table for many questions. */
function longestMatch(table: Fib): LongestMatch {
    const byNetwork = new Map<string, readonly [Prefix, FibRoute]>();
    const lengths: Record<Family, Set<number>> = { ipv4: new Set(), ipv6: new Set() };
    for (const entry of table) {
        const [prefix] = entry;
        const length = lengthOf(prefix);
        lengths[familyOf(prefix)].add(length);
        byNetwork.set(networkKey(hexOf(addressOf(prefix)), length), entry);
    }
    const longestFirst = {
        ipv4: [...lengths.ipv4].sort((a, b) => b - a),
        ipv6: [...lengths.ipv6].sort((a, b) => b - a),
    };
    return (address) => {
        const hex = hexOf(address);
        for (const length of longestFirst[familyOf(address)]) {
            const entry = byNetwork.get(networkKey(hex, length));
            if (entry !== undefined) {
                return entry;
            }
        }
        return undefined;
    };
}

function staticRoute(prefix: Prefix, via: StaticRoute["via"], resolve: Resolver): FibRoute | undefined {
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
    const byText = new Map(nextHops.map((nextHop) => [`${nextHop.via} ${nextHop.dev}`, nextHop]));
    const all = [...byText.values()];
    const gateways = all.flatMap(({ via, dev }) => (via === undefined ? [] : [{ via, dev }]));
    return [...all.filter(({ via }) => via === undefined), ...sortedByAddress(gateways, ({ via }) => via)];
}

/** The device's own addresses. */
export function ownAddresses(device: Device): ReadonlySet<Address> {
    return new Set(device.interfaces.flatMap(({ addresses }) => addresses.map(addressOf)));
}

/** Interfaces of a device by name; a router has as many as sessions, and each session asks for one. */
const portsByDevice = new WeakMap<Device, ReadonlyMap<string, Interface>>();

/** The interface of a device with a name. */
export function portOf(device: Device, name: string | undefined): Interface | undefined {
    const ports = portsByDevice.get(device) ?? new Map(device.interfaces.map((port) => [port.name, port]));
    portsByDevice.set(device, ports);
    return name === undefined ? undefined : ports.get(name);
}
