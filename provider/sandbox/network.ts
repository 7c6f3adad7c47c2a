/**
 * What namespaces, links, addresses and routes should be, and how that differs from what the kernel has. The same
 * comparison tells drift in words and drives the repair, so that the two never disagree. Pure: no system calls.
 */

import type { EndSpec } from "../schema";
import { formatAddress, formatSubnet, isLinkLocal6, parseAddress, parseSubnet, type Subnet } from "./addresses";
import type { Drift } from "./protocol";
import type { ObservedInterface, ObservedNamespace, ObservedProxy, ObservedRoute } from "./rtnetlink";

/** A namespace. */
export interface WantedNamespace {
    readonly path: string;
    readonly name: string;
    /** `device`: forwards or not, as said. `pod`: one interface. `bridge`: holds a bridge. */
    readonly kind: "device" | "pod" | "bridge";
    readonly forwarding: boolean;
    /** Interfaces that answer for addresses behind the device. */
    readonly proxyNeighbors: readonly string[];
}

/** A veth pair; `bridge` says that end `b` is a port of the bridge in its namespace. */
export interface WantedLink {
    readonly path: string;
    readonly a: EndSpec;
    readonly b: EndSpec;
    readonly mtu: number;
    readonly bridged: boolean;
}

/** A bridge in its namespace. */
export interface WantedBridge {
    readonly path: string;
    readonly namespace: string;
    readonly mtu: number;
}

/** An address of an interface. */
export interface WantedAddress {
    readonly path: string;
    readonly namespace: string;
    readonly interface: string;
    readonly subnet: Subnet;
}

/** A static route. */
export interface WantedRoute {
    readonly path: string;
    readonly namespace: string;
    readonly subnet: Subnet;
    readonly target:
        | { readonly kind: "via"; readonly via: Buffer; readonly dev?: string }
        | { readonly kind: "dev"; readonly dev: string }
        | { readonly kind: "blackhole" };
}

/** An address for which an interface answers neighbor discovery. */
export interface WantedProxy {
    readonly path: string;
    readonly namespace: string;
    readonly interface: string;
    readonly address: Buffer;
}

/** A part of the network that one request speaks of. */
export interface WantedNetwork {
    readonly namespaces: readonly WantedNamespace[];
    readonly bridges: readonly WantedBridge[];
    readonly links: readonly WantedLink[];
    readonly addresses: readonly WantedAddress[];
    readonly routes: readonly WantedRoute[];
    readonly proxies: readonly WantedProxy[];
    /** Which namespaces and interfaces this part speaks of; what is there besides is foreign, what is outside is ignored. */
    readonly scope: Scope;
}

/** What a part of the network speaks of. */
export interface Scope {
    readonly ownsNamespace: (name: string) => boolean;
    readonly ownsInterface: (namespace: string, name: string) => boolean;
    /** Namespaces to look at, besides those that are wanted. */
    readonly namespaces: readonly string[];
    /** Namespaces whose proxy neighbors this part speaks of. */
    readonly proxied: readonly string[];
    /** Path under which what is foreign in a namespace is reported. */
    readonly pathOf: (namespace: string, what: "interface" | "route" | "namespace", name: string) => string;
}

/** What the kernel has, in the namespaces that a scope looks at. */
export interface ObservedNetwork {
    readonly namespaces: ReadonlyMap<string, ObservedNamespace & { readonly named: boolean }>;
    readonly proxies: ReadonlyMap<string, readonly ObservedProxy[]>;
}

/** One difference, with all that its repair needs. `implied` ones follow from another and are not reported. */
export type Difference = { readonly path: string; readonly found: string; readonly implied: boolean } & (
    | { readonly repair: "create-namespace"; readonly namespace: WantedNamespace }
    | { readonly repair: "delete-namespace"; readonly name: string }
    | { readonly repair: "name-namespace"; readonly name: string }
    | { readonly repair: "configure-namespace"; readonly namespace: WantedNamespace }
    | { readonly repair: "create-bridge"; readonly bridge: WantedBridge }
    | { readonly repair: "create-link"; readonly link: WantedLink }
    | { readonly repair: "delete-link"; readonly namespace: string; readonly index: number }
    | { readonly repair: "set-up"; readonly namespace: string; readonly index: number }
    | { readonly repair: "set-mtu"; readonly namespace: string; readonly index: number; readonly mtu: number }
    | { readonly repair: "set-master"; readonly namespace: string; readonly interface: string }
    | {
          readonly repair: "configure-proxy";
          readonly namespace: string;
          readonly interface: string;
          readonly on: boolean;
      }
    | { readonly repair: "add-address"; readonly address: WantedAddress }
    | {
          readonly repair: "delete-address";
          readonly namespace: string;
          readonly index: number;
          readonly subnet: Subnet;
      }
    | { readonly repair: "add-route"; readonly route: WantedRoute }
    | { readonly repair: "delete-route"; readonly namespace: string; readonly route: ObservedRoute }
    | { readonly repair: "add-proxy"; readonly proxy: WantedProxy }
    | { readonly repair: "delete-proxy"; readonly namespace: string; readonly index: number; readonly address: Buffer }
);

/** Name of the bridge inside its namespace. */
export const bridgeName = "br0";

/** All differences, in no particular order. */
export function compare(wanted: WantedNetwork, observed: ObservedNetwork): readonly Difference[] {
    return [
        ...compareNamespaces(wanted, observed),
        ...compareBridges(wanted, observed),
        ...compareLinks(wanted, observed),
        ...compareAddresses(wanted, observed),
        ...compareRoutes(wanted, observed),
        ...compareProxies(wanted, observed),
    ];
}

/** Differences as a person reads them. */
export function describe(differences: readonly Difference[]): readonly Drift[] {
    return differences.filter(({ implied }) => !implied).map(({ path, found }) => ({ path, found }));
}

function* compareNamespaces(wanted: WantedNetwork, observed: ObservedNetwork): Generator<Difference> {
    for (const namespace of wanted.namespaces) {
        yield* compareNamespace(namespace, observed);
    }
    for (const name of unwantedNamespaces(wanted, observed)) {
        const found = `network namespace ${name} is there, but not asked for`;
        const path = wanted.scope.pathOf(name, "namespace", name);
        yield { repair: "delete-namespace", path, found, implied: false, name };
    }
}

function unwantedNamespaces({ namespaces, scope }: WantedNetwork, observed: ObservedNetwork): readonly string[] {
    const wantedNames = new Set(namespaces.map(({ name }) => name));
    return [...observed.namespaces.keys()].filter((name) => scope.ownsNamespace(name) && !wantedNames.has(name));
}

function* compareNamespace(namespace: WantedNamespace, observed: ObservedNetwork): Generator<Difference> {
    const { path, name } = namespace;
    const found = observed.namespaces.get(name);
    if (found === undefined) {
        yield {
            repair: "create-namespace",
            path,
            found: `network namespace ${name} is missing`,
            implied: false,
            namespace,
        };
        return;
    }
    if (!found.named) {
        yield {
            repair: "name-namespace",
            path,
            found: `network namespace ${name} has lost its name`,
            implied: false,
            name,
        };
    }
    const interfaces = [...found.interfaces.values()];
    yield* compareLoopback(namespace, found.interfaces.get("lo"));
    const isForwarding = ({ settings }: ObservedInterface) => settings.forwarding4 && settings.forwarding6;
    const isSilent = ({ settings }: ObservedInterface) => !settings.forwarding4 && !settings.forwarding6;
    const isAsWanted = interfaces.every(namespace.forwarding ? isForwarding : isSilent);
    if (namespace.kind === "device" && !isAsWanted) {
        const state = namespace.forwarding ? "off" : "on";
        const says = `packet forwarding is ${state} in ${name}, or on one of its interfaces`;
        yield {
            repair: "configure-namespace",
            path: `${path}.forwarding`,
            found: says,
            implied: false,
            namespace,
        };
    }
    yield* compareProxySettings(namespace, interfaces);
}

function* compareLoopback({ path, name, kind }: WantedNamespace, lo?: ObservedInterface): Generator<Difference> {
    if (kind !== "bridge" && lo?.up === false) {
        const found = `the loopback of ${name} is down`;
        yield { repair: "set-up", path, found, implied: false, namespace: name, index: lo.index };
    }
}

function* compareProxySettings(
    { path, name, kind, proxyNeighbors }: WantedNamespace,
    interfaces: readonly ObservedInterface[],
): Generator<Difference> {
    for (const found of kind === "device" ? interfaces : []) {
        const on = proxyNeighbors.includes(found.name);
        if (found.settings.proxyArp !== on) {
            yield {
                repair: "configure-proxy",
                path: `${path}.proxyNeighbors`,
                found: `proxy ARP is ${on ? "off" : "on"} at ${name}:${found.name}`,
                implied: false,
                namespace: name,
                interface: found.name,
                on,
            };
        }
    }
    const names = new Set(interfaces.map((found) => found.name));
    for (const missing of proxyNeighbors.filter((each) => !names.has(each))) {
        yield {
            repair: "configure-proxy",
            path: `${path}.proxyNeighbors`,
            found: `${name}:${missing} is missing`,
            implied: true,
            namespace: name,
            interface: missing,
            on: true,
        };
    }
}

function* compareBridges({ bridges }: WantedNetwork, observed: ObservedNetwork): Generator<Difference> {
    for (const bridge of bridges) {
        const { path, namespace, mtu } = bridge;
        const found = observed.namespaces.get(namespace)?.interfaces.get(bridgeName);
        if (found === undefined) {
            const implied = !observed.namespaces.has(namespace);
            yield { repair: "create-bridge", path, found: "the bridge is missing", implied, bridge };
            continue;
        }
        yield* compareInterface({ path, namespace, mtu }, found);
    }
}

function* compareInterface(
    { path, namespace, mtu }: { readonly path: string; readonly namespace: string; readonly mtu: number },
    found: ObservedInterface,
): Generator<Difference> {
    const at = `${namespace}:${found.name}`;
    if (!found.up) {
        yield { repair: "set-up", path, found: `${at} is down`, implied: false, namespace, index: found.index };
    }
    if (found.mtu !== mtu) {
        const says = `${at} has MTU ${found.mtu}, not ${mtu}`;
        yield {
            repair: "set-mtu",
            path: `${path}.mtu`,
            found: says,
            implied: false,
            namespace,
            index: found.index,
            mtu,
        };
    }
}

function interfaceAt(observed: ObservedNetwork, end: EndSpec): ObservedInterface | undefined {
    return observed.namespaces.get(end.namespace)?.interfaces.get(end.interface);
}

function* compareLinks(wanted: WantedNetwork, observed: ObservedNetwork): Generator<Difference> {
    const { links, scope } = wanted;
    // What is in a namespace ends with it, all at once; one by one, each link would wait for a grace period of the kernel.
    const dying = new Set(unwantedNamespaces(wanted, observed));
    const wantedEnds = new Set(links.flatMap(({ a, b }) => [endKey(a), endKey(b)]));
    for (const link of links) {
        yield* compareLink(link, observed);
    }
    for (const [namespace, { interfaces }] of observed.namespaces) {
        if (dying.has(namespace)) {
            continue;
        }
        for (const { name, kind, index } of interfaces.values()) {
            const end = { namespace, interface: name };
            if (kind === "veth" && scope.ownsInterface(namespace, name) && !wantedEnds.has(endKey(end))) {
                const found = `interface ${namespace}:${name} is there, but not asked for`;
                const path = scope.pathOf(namespace, "interface", name);
                yield { repair: "delete-link", path, found, implied: false, namespace, index };
            }
        }
    }
}

function endKey({ namespace, interface: name }: EndSpec): string {
    return `${namespace}\0${name}`;
}

/** Interface indices are unique in a sandbox, so that an end's peer index says which cable it is. */
function* compareLink(link: WantedLink, observed: ObservedNetwork): Generator<Difference> {
    const { path, a, b, mtu } = link;
    const [atA, atB] = [interfaceAt(observed, a), interfaceAt(observed, b)];
    const isWired = atA !== undefined && atB !== undefined && atA.peer === atB.index && atB.peer === atA.index;
    if (!isWired) {
        const implied = !observed.namespaces.has(a.namespace) || !observed.namespaces.has(b.namespace);
        yield* removeStrayEnds([a, b], path, observed);
        yield { repair: "create-link", path, found: describeBroken(link, atA, atB), implied, link };
        return;
    }
    yield* compareInterface({ path, namespace: a.namespace, mtu }, atA);
    yield* compareInterface({ path, namespace: b.namespace, mtu }, atB);
    const bridge = observed.namespaces.get(b.namespace)?.interfaces.get(bridgeName);
    if (link.bridged && atB.master !== bridge?.index) {
        const found = `${a.namespace}:${a.interface} is not attached to its bridge`;
        const implied = bridge === undefined;
        yield { repair: "set-master", path, found, implied, namespace: b.namespace, interface: b.interface };
    }
}

function describeBroken({ a, b }: WantedLink, atA?: ObservedInterface, atB?: ObservedInterface): string {
    const nameA = `${a.namespace}:${a.interface}`;
    const nameB = `${b.namespace}:${b.interface}`;
    if (atA === undefined && atB === undefined) {
        return `the link between ${nameA} and ${nameB} is missing`;
    }
    return `${nameA} and ${nameB} are not the two ends of one link`;
}

function* removeStrayEnds(ends: readonly EndSpec[], path: string, observed: ObservedNetwork): Generator<Difference> {
    for (const end of ends) {
        const index = interfaceAt(observed, end)?.index;
        if (index !== undefined) {
            const found = `${end.namespace}:${end.interface} leads elsewhere`;
            yield { repair: "delete-link", path, found, implied: true, namespace: end.namespace, index };
        }
    }
}

function* compareAddresses({ addresses, scope }: WantedNetwork, observed: ObservedNetwork): Generator<Difference> {
    const wantedKeys = new Set(addresses.map(addressKey));
    for (const address of addresses) {
        const { path, namespace, interface: name, subnet } = address;
        const at = observed.namespaces.get(namespace)?.interfaces.get(name);
        const text = formatSubnet(subnet.bytes, subnet.length);
        if (at === undefined || !at.addresses.includes(text)) {
            const found = `${text} is missing at ${namespace}:${name}`;
            yield { repair: "add-address", path, found, implied: at === undefined, address };
        }
    }
    for (const [namespace, { interfaces }] of observed.namespaces) {
        for (const found of interfaces.values()) {
            if (scope.ownsInterface(namespace, found.name)) {
                yield* foreignAddresses(namespace, found, wantedKeys, scope);
            }
        }
    }
}

function addressKey(address: { namespace: string; interface: string; subnet: Subnet }): string {
    const { namespace, interface: name, subnet } = address;
    return `${namespace}\0${name}\0${formatSubnet(subnet.bytes, subnet.length)}`;
}

function* foreignAddresses(
    namespace: string,
    { name, index, addresses }: ObservedInterface,
    wantedKeys: ReadonlySet<string>,
    scope: Scope,
): Generator<Difference> {
    for (const text of addresses) {
        const subnet = parseSubnet(text);
        const isWanted = wantedKeys.has(addressKey({ namespace, interface: name, subnet }));
        if (!isWanted && !isKernelsOwn(name, subnet)) {
            const found = `foreign address ${text} at ${namespace}:${name}`;
            const path = scope.pathOf(namespace, "interface", name);
            yield { repair: "delete-address", path, found, implied: false, namespace, index, subnet };
        }
    }
}

/** Addresses the kernel gives by itself: the loopback's, and link-local ones. */
function isKernelsOwn(name: string, { bytes, length }: Subnet): boolean {
    const text = formatSubnet(bytes, length);
    return isLinkLocal6(bytes) || (name === "lo" && (text === "127.0.0.1/8" || text === "::1/128"));
}

function* compareRoutes({ routes, scope }: WantedNetwork, observed: ObservedNetwork): Generator<Difference> {
    const matched = new Set<ObservedRoute>();
    const byPrefix = indexRoutes(observed);
    for (const route of routes) {
        const prefix = formatSubnet(route.subnet.bytes, route.subnet.length);
        const same = byPrefix.get(`${route.namespace}\0${prefix}`)?.find((each) => routeMatches(route, each));
        if (same === undefined) {
            const found = `the route to ${prefix} is missing in ${route.namespace}`;
            yield { repair: "add-route", path: route.path, found, implied: isUnreachable(route, observed), route };
        } else {
            matched.add(same);
        }
    }
    yield* foreignRoutes(scope, observed, matched);
}

function indexRoutes(observed: ObservedNetwork): ReadonlyMap<string, readonly ObservedRoute[]> {
    const byPrefix = new Map<string, ObservedRoute[]>();
    for (const [namespace, { routes }] of observed.namespaces) {
        for (const route of routes.filter(isStatic)) {
            const key = `${namespace}\0${route.prefix}`;
            byPrefix.set(key, [...(byPrefix.get(key) ?? []), route]);
        }
    }
    return byPrefix;
}

/** Whether a person or this program set a route, rather than the kernel or a daemon. */
function isStatic({ protocol }: ObservedRoute): boolean {
    return protocol === "static" || protocol === "boot";
}

/** Whether a route is missing because something it needs is: its namespace, or its interface. */
function isUnreachable({ namespace, target }: WantedRoute, observed: ObservedNetwork): boolean {
    const interfaces = observed.namespaces.get(namespace)?.interfaces;
    if (interfaces === undefined) {
        return true;
    }
    if (target.kind === "blackhole") {
        return false;
    }
    if (target.dev !== undefined) {
        return interfaces.get(target.dev)?.up !== true;
    }
    return target.kind === "via" && ![...interfaces.values()].some((each) => each.up && isOnLink(each, target.via));
}

function isOnLink({ addresses }: ObservedInterface, via: Buffer): boolean {
    return addresses.map(parseSubnet).some(({ bytes, length }) => {
        return bytes.length === via.length && sharesPrefix(bytes, via, length);
    });
}

function sharesPrefix(a: Buffer, b: Buffer, length: number): boolean {
    const whole = length >> 3;
    const rest = 0xff & (0xff00 >> (length & 7));
    return a.subarray(0, whole).equals(b.subarray(0, whole)) && ((a[whole] ?? 0) & rest) === ((b[whole] ?? 0) & rest);
}

function routeMatches({ target }: WantedRoute, { type, nextHops }: ObservedRoute): boolean {
    if (target.kind === "blackhole") {
        return type === "blackhole";
    }
    const [hop, ...more] = nextHops;
    if (type !== "unicast" || hop === undefined || more.length > 0) {
        return false;
    }
    const via = target.kind === "via" ? formatAddress(target.via) : undefined;
    return hop.via === via && (target.dev === undefined || hop.dev === target.dev);
}

function* foreignRoutes(
    scope: Scope,
    observed: ObservedNetwork,
    matched: ReadonlySet<ObservedRoute>,
): Generator<Difference> {
    for (const [namespace, { routes }] of observed.namespaces) {
        for (const route of routes.filter((each) => isStatic(each) && !matched.has(each))) {
            const devices = route.nextHops.map(({ dev }) => dev ?? "");
            const isOurs = devices.length === 0 ? scope.ownsInterface(namespace, "") : devices.some(inScope(namespace));
            if (isOurs) {
                const found = `foreign route ${describeRoute(route)} in ${namespace}`;
                const path = scope.pathOf(namespace, "route", route.prefix);
                yield { repair: "delete-route", path, found, implied: false, namespace, route };
            }
        }
    }

    function inScope(namespace: string): (dev: string) => boolean {
        return (dev) => scope.ownsInterface(namespace, dev);
    }
}

function describeRoute({ prefix, type, nextHops }: ObservedRoute): string {
    const hops = nextHops.map(({ via, dev }) => [via && `via ${via}`, dev && `dev ${dev}`].filter(Boolean).join(" "));
    return [type === "unicast" ? prefix : `${type} ${prefix}`, ...hops].join(" ");
}

function* compareProxies({ proxies, scope }: WantedNetwork, observed: ObservedNetwork): Generator<Difference> {
    const kept = new Set<ObservedProxy>();
    for (const proxy of proxies) {
        const at = interfaceAt(observed, proxy);
        const address = formatAddress(proxy.address);
        const same = observed.proxies
            .get(proxy.namespace)
            ?.find((each) => each.index === at?.index && each.address === address);
        if (same === undefined) {
            const found = `${proxy.namespace}:${proxy.interface} does not answer neighbor discovery for ${address}`;
            yield { repair: "add-proxy", path: proxy.path, found, implied: at === undefined, proxy };
        } else {
            kept.add(same);
        }
    }
    for (const [namespace, found] of observed.proxies) {
        for (const { index, address } of found.filter((each) => !kept.has(each))) {
            yield {
                repair: "delete-proxy",
                path: scope.pathOf(namespace, "interface", address),
                found: `${namespace} answers neighbor discovery for ${address}, which is not asked for`,
                implied: false,
                namespace,
                index,
                address: parseAddress(address),
            };
        }
    }
}
