/** Links, addresses, routes and proxy neighbors as rtnetlink messages (linux/rtnetlink.h), and back. */
import { type AddressBytes, families, familyOf, formatAddress, formatSubnet, type Subnet } from "./addresses";
import { errno } from "./native";
import {
    attribute,
    attribute32,
    attributeString,
    type Change,
    dump,
    flags,
    nest,
    parseAttributes,
    type Reply,
} from "./netlink";
import type { InterfaceState, KernelRoute } from "./protocol";

const message = {
    newLink: 16,
    deleteLink: 17,
    getLink: 18,
    newAddress: 20,
    deleteAddress: 21,
    getAddress: 22,
    newRoute: 24,
    deleteRoute: 25,
    getRoute: 26,
    newNeighbor: 28,
    deleteNeighbor: 29,
    getNeighbor: 30,
} as const;

const link = {
    address: 1,
    name: 3,
    mtu: 4,
    peer: 5,
    master: 10,
    operationalState: 16,
    info: 18,
    infoKind: 1,
    infoData: 2,
    alias: 20,
    familySpec: 26,
    namespaceFd: 28,
    transmitQueues: 31,
    receiveQueues: 32,
} as const;
const interfaceUp = 1;
const operationalUp = 6;
const mainTable = 254;
const create = flags.create | flags.exclusive;

/** Protocol numbers of routes that this sandbox treats as static; all others belong to daemons or the kernel. */
const routeProtocols: Readonly<Record<number, string>> = {
    1: "redirect",
    2: "kernel",
    3: "boot",
    4: "static",
    9: "ra",
    11: "zebra",
    12: "bird",
    186: "bgp",
    187: "isis",
    188: "ospf",
    189: "rip",
    191: "nhrp",
    192: "eigrp",
    196: "zstatic",
};
const routeTypes: Readonly<Record<number, string>> = {
    1: "unicast",
    2: "local",
    3: "broadcast",
    4: "anycast",
    5: "multicast",
    6: "blackhole",
    7: "unreachable",
    8: "prohibit",
};

/** An interface to create. */
export interface NewInterface {
    readonly name: string;
    readonly index: number;
    readonly mtu: number;
    /** Descriptor of the network namespace it belongs to. */
    readonly namespace: number;
    /** Six bytes; the kernel makes some up when it is left out. */
    readonly hardwareAddress?: Buffer;
}

function interfaceHeader(index: number, set = 0, mask = 0, family = 0): Buffer {
    const body = Buffer.alloc(16);
    body[0] = family;
    body.writeInt32LE(index, 4);
    body.writeUInt32LE(set, 8);
    body.writeUInt32LE(mask, 12);
    return body;
}

function newInterface({ name, index, mtu, namespace, hardwareAddress }: NewInterface, up: boolean): Buffer {
    return Buffer.concat([
        up ? interfaceHeader(index, interfaceUp, interfaceUp) : interfaceHeader(index),
        attributeString(link.name, name),
        attribute32(link.mtu, mtu),
        attribute32(link.namespaceFd, namespace),
        ...(hardwareAddress === undefined ? [] : [attribute(link.address, hardwareAddress)]),
        // One queue each: by default there are as many as CPUs, which on a large machine is most of the cost of a link.
        attribute32(link.transmitQueues, 1),
        attribute32(link.receiveQueues, 1),
    ]);
}

/**
 * Creates a veth pair, each end in its namespace. `a` is up at once and may become a port of the bridge with index
 * `master`; `b` cannot be brought up in the same message (veth refuses to open before its peer is known).
 */
export function createVeth(a: NewInterface, b: NewInterface, what: string, master?: number): Change {
    const vethPeer = 1;
    const body = Buffer.concat([
        newInterface(a, true),
        ...(master === undefined ? [] : [attribute32(link.master, master)]),
        nest(
            link.info,
            attributeString(link.infoKind, "veth"),
            nest(link.infoData, attribute(vethPeer, newInterface(b, false))),
        ),
    ]);
    return { type: message.newLink, flags: create, body, what };
}

/** Creates a bridge that floods like a switch without spanning tree and multicast snooping. */
export function createBridge(bridge: NewInterface, what: string): Change {
    const data = { stpState: 5, forwardDelay: 1, multicastSnooping: 23 } as const;
    const body = Buffer.concat([
        newInterface(bridge, true),
        nest(
            link.info,
            attributeString(link.infoKind, "bridge"),
            nest(
                link.infoData,
                attribute32(data.forwardDelay, 0),
                attribute32(data.stpState, 0),
                attribute(data.multicastSnooping, Buffer.from([0])),
            ),
        ),
    ]);
    return { type: message.newLink, flags: create, body, what };
}

/** Removes an interface, and with a veth its other end. */
export function deleteLink(index: number, what: string): Change {
    return { type: message.deleteLink, flags: 0, body: interfaceHeader(index), what, tolerated: [errno.noDevice] };
}

/** Sets an interface up. */
export function setUp(index: number, what: string): Change {
    return { type: message.newLink, flags: 0, body: interfaceHeader(index, interfaceUp, interfaceUp), what };
}

/** Sets the largest packet of an interface. */
export function setMtu(index: number, mtu: number, what: string): Change {
    const body = Buffer.concat([interfaceHeader(index), attribute32(link.mtu, mtu)]);
    return { type: message.newLink, flags: 0, body, what };
}

/** Attaches an interface to a bridge of its namespace. */
export function setMaster(index: number, master: number, what: string): Change {
    const body = Buffer.concat([interfaceHeader(index), attribute32(link.master, master)]);
    return { type: message.newLink, flags: 0, body, what };
}

function addressBody(index: number, { bytes, length }: Subnet): Buffer {
    const noDuplicateDetection = 0x02;
    const body = Buffer.alloc(8);
    body[0] = familyOf(bytes);
    body[1] = length;
    body[2] = noDuplicateDetection;
    body.writeUInt32LE(index, 4);
    return Buffer.concat([body, attribute(2, bytes), attribute(1, bytes)]);
}

/** Adds an address to an interface, usable at once. */
export function addAddress(index: number, subnet: Subnet, what: string): Change {
    return {
        type: message.newAddress,
        flags: create,
        body: addressBody(index, subnet),
        what,
        tolerated: [errno.exists],
    };
}

/** Removes an address from an interface. */
export function deleteAddress(index: number, subnet: Subnet, what: string): Change {
    return {
        type: message.deleteAddress,
        flags: 0,
        body: addressBody(index, subnet),
        what,
        tolerated: [errno.addressNotAvailable],
    };
}

/** Where a route goes, in the kernel's terms. */
export interface RouteTarget {
    readonly type: "unicast" | "blackhole";
    readonly via?: AddressBytes;
    /** Interface index. */
    readonly index?: number;
}

const protocolNumbers = { static: 4, bgp: 186 } as const;

/**
 * Metric of routes that were learned: greater than that of static ones (0, with IPv6 1024), so that those stay in force, and
 * no two share a place in the table.
 */
const learnedMetric = 2048;

function routeBody(
    { bytes, length }: Subnet,
    { type, via, index }: RouteTarget,
    protocol: keyof typeof protocolNumbers,
): Buffer {
    const scopeLink = 253;
    const family = familyOf(bytes);
    const isOnLink = type === "unicast" && via === undefined && family === families.ipv4;
    const header = Buffer.alloc(12);
    header[0] = family;
    header[1] = length;
    header[4] = mainTable;
    header[5] = protocolNumbers[protocol];
    header[6] = isOnLink ? scopeLink : 0;
    header[7] = type === "blackhole" ? 6 : 1;
    return Buffer.concat([
        header,
        ...(length === 0 ? [] : [attribute(1, bytes)]),
        ...(via === undefined ? [] : [gatewayAttribute(family, via)]),
        ...(index === undefined ? [] : [attribute32(4, index)]),
        ...(protocol === "bgp" ? [attribute32(6, learnedMetric)] : []),
    ]);
}

/** A next hop of the route's own family, or an IPv6 next hop of an IPv4 route (RTA_VIA, RFC 8950's data plane). */
function gatewayAttribute(family: number, via: AddressBytes): Buffer {
    const gateway = 5;
    const viaOtherFamily = 18;
    if (familyOf(via) === family) {
        return attribute(gateway, via);
    }
    const viaFamily = Buffer.alloc(2);
    viaFamily.writeUInt16LE(familyOf(via));
    return attribute(viaOtherFamily, Buffer.concat([viaFamily, via]));
}

/** Adds a static route. */
export function addRoute(subnet: Subnet, target: RouteTarget, what: string): Change {
    return { type: message.newRoute, flags: create, body: routeBody(subnet, target, "static"), what };
}

/** Adds a route that was learned from BGP, in the place of the one that was learned before for the prefix. */
export function learnRoute(subnet: Subnet, via: AddressBytes, what: string): Change {
    const body = routeBody(subnet, { type: "unicast", via }, "bgp");
    return { type: message.newRoute, flags: flags.create | flags.replace, body, what };
}

/** A kernel route with what is needed to remove exactly it. */
export interface ObservedRoute extends KernelRoute {
    /** The kernel's own message, which names the route completely. */
    readonly raw: Buffer;
    /** Indices of the interfaces of its next hops. */
    readonly indices: readonly number[];
}

/** Removes exactly an observed route. */
export function deleteRoute(route: ObservedRoute, what: string): Change {
    return { type: message.deleteRoute, flags: 0, body: route.raw, what, tolerated: [errno.noSuchProcess] };
}

function proxyBody(index: number, address: AddressBytes): Buffer {
    const header = Buffer.alloc(12);
    header[0] = familyOf(address);
    header.writeInt32LE(index, 4);
    header[10] = neighborProxy;
    return Buffer.concat([header, attribute(1, address)]);
}

const neighborProxy = 0x08;

/** Makes an interface answer neighbor discovery for an address behind this namespace. */
export function addProxy(index: number, address: AddressBytes, what: string): Change {
    return {
        type: message.newNeighbor,
        flags: flags.create | flags.replace,
        body: proxyBody(index, address),
        what,
    };
}

/** Ends what `addProxy` began. */
export function deleteProxy(index: number, address: AddressBytes, what: string): Change {
    return {
        type: message.deleteNeighbor,
        flags: 0,
        body: proxyBody(index, address),
        what,
        tolerated: [errno.noEntry],
    };
}

/** Per-interface settings that the kernel reports with a link. */
export interface InterfaceSettings {
    readonly forwarding4: boolean;
    readonly forwarding6: boolean;
    readonly proxyArp: boolean;
}

/** An interface with what only this sandbox needs to know. */
export interface ObservedInterface extends InterfaceState {
    /** `veth`, `bridge`, …; empty for the loopback. */
    readonly kind: string;
    /** Whether packets pass; comes a moment after an interface and its peer are set up (RFC 2863 ifOperStatus). */
    readonly operational: boolean;
    /** Index of the bridge it is a port of. */
    readonly master?: number;
    readonly settings: InterfaceSettings;
}

/** All the kernel has in one namespace, by one socket. */
export interface ObservedNamespace {
    readonly interfaces: ReadonlyMap<string, ObservedInterface>;
    readonly routes: readonly ObservedRoute[];
}

/** Reads the index of each interface of the namespace that the socket belongs to. */
export function readIndices(fd: number): ReadonlyMap<string, number> {
    return new Map(
        dump(fd, message.getLink, interfaceHeader(0), "reading links").map(({ body }) => [
            text(parseAttributes(body.subarray(16)).get(link.name)),
            body.readInt32LE(4),
        ]),
    );
}

/** Reads interfaces, addresses and the main routing tables of the namespace that the socket belongs to. */
export function observe(fd: number): ObservedNamespace {
    const addresses = readAddresses(fd);
    const interfaces = new Map(
        dump(fd, message.getLink, interfaceHeader(0), "reading links")
            .map((reply) => parseLink(reply, addresses))
            .map((found) => [found.name, found]),
    );
    const names = new Map([...interfaces.values()].map(({ index, name }) => [index, name]));
    const routes = [families.ipv4, families.ipv6].flatMap((family) => readRoutes(fd, family, names));
    return { interfaces, routes };
}

function readAddresses(fd: number): ReadonlyMap<number, readonly string[]> {
    const byIndex = new Map<number, string[]>();
    for (const { body } of dump(fd, message.getAddress, Buffer.alloc(8), "reading addresses")) {
        const attributes = parseAttributes(body.subarray(8));
        const bytes = attributes.get(2) ?? attributes.get(1)!;
        const index = body.readUInt32LE(4);
        byIndex.set(index, [...(byIndex.get(index) ?? []), formatSubnet(bytes, body[1]!)]);
    }
    return byIndex;
}

function parseLink({ body }: Reply, addresses: ReadonlyMap<number, readonly string[]>): ObservedInterface {
    const attributes = parseAttributes(body.subarray(16));
    const index = body.readInt32LE(4);
    const info = parseAttributes(attributes.get(link.info) ?? Buffer.alloc(0));
    const peer = attributes.get(link.peer)?.readUInt32LE(0);
    const master = attributes.get(link.master)?.readUInt32LE(0);
    return {
        name: text(attributes.get(link.name)),
        index,
        up: (body.readUInt32LE(8) & interfaceUp) !== 0,
        operational: attributes.get(link.operationalState)?.[0] === operationalUp,
        mtu: attributes.get(link.mtu)?.readUInt32LE(0) ?? 0,
        kind: text(info.get(link.infoKind)),
        addresses: addresses.get(index) ?? [],
        settings: parseSettings(attributes.get(link.familySpec) ?? Buffer.alloc(0)),
        ...(peer === undefined ? {} : { peer }),
        ...(master === undefined ? {} : { master }),
    };
}

/** Finds settings in the per-family arrays of a link (IPV4_DEVCONF_*, DEVCONF_*). */
function parseSettings(spec: Buffer): InterfaceSettings {
    const byFamily = parseAttributes(spec);
    const ipv4 = parseAttributes(byFamily.get(families.ipv4) ?? Buffer.alloc(0)).get(1);
    const ipv6 = parseAttributes(byFamily.get(families.ipv6) ?? Buffer.alloc(0)).get(2);
    const number = (array: Buffer | undefined, position: number) =>
        array === undefined || array.length < position * 4 + 4 ? 0 : array.readInt32LE(position * 4);
    return {
        forwarding4: number(ipv4, 0) !== 0,
        proxyArp: number(ipv4, 2) !== 0,
        forwarding6: number(ipv6, 0) !== 0,
    };
}

function readRoutes(fd: number, family: number, names: ReadonlyMap<number, string>): readonly ObservedRoute[] {
    const filter = Buffer.alloc(12);
    filter[0] = family;
    filter[4] = mainTable;
    return dump(fd, message.getRoute, filter, "reading routes")
        .filter(({ body }) => body[4] === mainTable && !isCloned(body))
        .map(({ body }) => parseRoute(body, names));
}

function isCloned(body: Buffer): boolean {
    return (body.readUInt32LE(8) & 0x200) !== 0;
}

interface RawHop {
    readonly via?: string;
    readonly index: number;
}

function parseRoute(body: Buffer, names: ReadonlyMap<number, string>): ObservedRoute {
    const attributes = parseAttributes(body.subarray(12));
    const bytes = attributes.get(1) ?? Buffer.alloc(body[0] === families.ipv4 ? 4 : 16);
    const type = routeTypes[body[7]!] ?? String(body[7]);
    const hops = type === "unicast" ? parseHops(attributes) : [];
    return {
        prefix: formatSubnet(bytes, body[1]!),
        type,
        protocol: routeProtocols[body[5]!] ?? String(body[5]),
        nextHops: hops.map(({ via, index }) => {
            const dev = names.get(index);
            return { ...(via === undefined ? {} : { via }), ...(dev === undefined ? {} : { dev }) };
        }),
        indices: hops.map(({ index }) => index),
        raw: body,
    };
}

function parseHops(attributes: ReadonlyMap<number, Buffer>): readonly RawHop[] {
    const multipath = attributes.get(9);
    if (multipath === undefined) {
        return [parseHop(attributes, attributes.get(4)?.readUInt32LE(0) ?? 0)];
    }
    const hops: RawHop[] = [];
    for (let at = 0; at + 8 <= multipath.length; ) {
        const length = multipath.readUInt16LE(at);
        const inner = parseAttributes(multipath.subarray(at + 8, at + length));
        hops.push(parseHop(inner, multipath.readInt32LE(at + 4)));
        at += Math.max(8, (length + 3) & ~3);
    }
    return hops;
}

function parseHop(attributes: ReadonlyMap<number, Buffer>, index: number): RawHop {
    const gateway = attributes.get(5) ?? attributes.get(18)?.subarray(2);
    return gateway === undefined ? { index } : { via: formatAddress(gateway), index };
}

/** A neighbor entry by which an interface answers for an address behind the namespace. */
export interface ObservedProxy {
    readonly index: number;
    readonly address: string;
}

/** Reads the proxy entries for IPv6 neighbor discovery. */
export function observeProxies(fd: number): readonly ObservedProxy[] {
    const header = Buffer.alloc(12);
    header[0] = families.ipv6;
    header[10] = neighborProxy;
    return dump(fd, message.getNeighbor, header, "reading proxy neighbors").map(({ body }) => ({
        index: body.readInt32LE(4),
        address: formatAddress(parseAttributes(body.subarray(12)).get(1)!),
    }));
}

function text(bytes: Buffer | undefined): string {
    return bytes === undefined ? "" : bytes.toString("utf8").replace(/\0+$/, "");
}
