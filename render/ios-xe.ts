/**
 * A router of the lab as Cisco IOS-XE has it, e.g. a CSR1000v: a text for those who have one. Nothing here runs it. The
 * order is that of `show running-config`.
 */

import { addressOf, compareAddresses, familyOf, lengthOf } from "../lab/address";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type {
    Address,
    Interface,
    Lab,
    Neighbor,
    Prefix,
    Router,
    SessionFamily,
    SessionSettings,
    StaticRoute,
    Vrf,
} from "../lab/model";
import { hasMetrics } from "./frr";
import { compareText, prefixLists, routeMapsOf, routeMapsOfSession } from "./frr-policy";
import { interfaceNumbers, isLink, numberOf } from "./interface-names";

/** GigabitEthernet1 is the management port of a CSR1000v; the first link of the lab comes after it. */
const firstLink = 2;

/** Largest `maximum-paths` (Cisco IOS XE, IP Routing: BGP Command Reference). */
const widestMultipath = 32;

/** Names of the interfaces in IOS-XE, by their names in the model. */
type Names = ReadonlyMap<string, string>;

/**
 * What the texts cannot have of a router, in words; empty if it can be written. VRFs are written as `ip vrf`, which
 * knows only IPv4; addresses of IPv6 are left to VyOS and FRR.
 */
export function iosXeObstacles(router: Router): readonly string[] {
    const instances = routingInstances(router);
    const prefixes = [
        ...router.interfaces.flatMap(({ addresses }) => addresses),
        ...instances.flatMap(({ bgp, staticRoutes }) => [
            ...staticRoutes.map(({ prefix }) => prefix),
            ...bgp.neighbors.map(({ address }) => address),
            ...bgp.families.flatMap(({ networks }) => networks),
        ]),
    ];
    const sessions = instances.flatMap((instance) => instance.bgp.neighbors.map((peer) => settingsOf(peer, instance)));
    const obstacles = [
        [prefixes.some((each) => familyOf(each) === "ipv6"), "IPv6"],
        [sessions.some(({ bfd }) => bfd !== undefined), "BFD"],
        [instances.some(({ bgp }) => bgp.ebgpRequiresPolicy), "ebgp-requires-policy"],
        [(router.sourceNat ?? []).length > 0, "source NAT"],
        [router.pod !== undefined, "a Pod around it"],
        [(router.virtualServers ?? []).length > 0, "virtual servers"],
        [instances.some(({ bgp }) => (bgp.podNeighbors ?? []).length > 0), "neighbors by label"],
        [instances.some(({ bgp }) => bgp.networkImportCheck === false), "networks without a route to them"],
    ] as const;
    return obstacles.filter(([present]) => present).map(([, what]) => what);
}

/**
 * The complete configuration of a router.
 *
 * @throws Error if the lab has no such router, or the router has what {@link iosXeObstacles} names
 */
export function iosXeConfig(lab: Lab, routerName: string): string {
    const router = lab.routers[routerName];
    if (router === undefined) {
        throw new Error(`IOS-XE: the lab ${lab.name} has no router ${routerName}`);
    }
    const obstacles = iosXeObstacles(router);
    if (obstacles.length > 0) {
        throw new Error(`routers.${routerName}: the text for IOS-XE cannot have ${obstacles.join(", ")}`);
    }
    const names = iosXeInterfaceNames(router.interfaces);
    const vrfs = [...(router.vrfs ?? [])].sort((a, b) => compareText(a.name, b.name));
    const sections = [
        [`hostname ${routerName}`],
        ...vrfs.map(ipVrf),
        ...[...router.interfaces].sort(byName(names)).map((each) => interfaceBlock(each, names)),
        routerBgp(router, names, hasMetrics(lab)),
        routingInstances(router).flatMap((instance) => staticRoutes(instance, names)),
        prefixLists(router.prefixLists, "ipv4"),
        ...routeMapsOf(router).map(({ name, set }) => [`route-map ${name} permit 10`, ` set ${set}`]),
        ["end"],
    ];
    return sections
        .filter((section) => section.length > 0)
        .map((section) => section.join("\n"))
        .join("\n!\n")
        .concat("\n");
}

/**
 * What the interfaces of a router are called in IOS-XE, by their names in the model: `net0` is `GigabitEthernet2`, the
 * loopback `lo1` is `Loopback1`, and `lo` is `Loopback0`.
 */
export function iosXeInterfaceNames(interfaces: readonly Interface[]): Names {
    const loopbacks = interfaces.filter((each) => !isLink(each));
    return new Map([
        ...[...interfaceNumbers(loopbacks)].map(([name, n]) => [name, `Loopback${n}`] as const),
        ...[...interfaceNumbers(interfaces.filter(isLink))].map(
            ([name, n]) => [name, `GigabitEthernet${n + firstLink}`] as const,
        ),
    ]);
}

/** Loopbacks come first, and among each kind numbers are numbers. */
function byName(names: Names): (a: Interface, b: Interface) => number {
    const number = ({ name }: Interface) => numberOf(names.get(name) ?? "") ?? 0;
    return (a, b) => Number(isLink(a)) - Number(isLink(b)) || number(a) - number(b);
}

function ipVrf({ name, routeDistinguisher, exportTargets, importTargets }: Vrf): string[] {
    return [
        `ip vrf ${name}`,
        ` rd ${routeDistinguisher}`,
        ...exportTargets.map((target) => ` route-target export ${target}`),
        ...importTargets.map((target) => ` route-target import ${target}`),
    ];
}

/** The VRF comes first: joining one takes an interface's addresses away. */
function interfaceBlock({ name, attachment, addresses, vrf }: Interface, names: Names): string[] {
    return [
        `interface ${names.get(name)}`,
        ...(vrf === undefined ? [] : [` ip vrf forwarding ${vrf}`]),
        ...addresses.map(
            (address, index) =>
                ` ip address ${addressOf(address)} ${maskOf(address)}${index === 0 ? "" : " secondary"}`,
        ),
        ...(attachment.kind === "segment" ? [" no shutdown"] : []),
    ];
}

/** The length of a prefix as a mask, e.g. 24 as 255.255.255.0. */
function maskOf(prefix: Prefix): string {
    const length = lengthOf(prefix);
    return [0, 8, 16, 24].map((start) => 256 - 2 ** (8 - Math.min(8, Math.max(0, length - start)))).join(".");
}

function routerBgp(router: Router, names: Names, comparesMetrics: boolean): string[] {
    const [own, ...vrfs] = routingInstances(router);
    const { bgp } = own!;
    const speaks =
        bgp.neighbors.length > 0 ||
        bgp.families.some((each) => each.networks.length > 0 || each.redistribute.length > 0);
    const ordered = vrfs.sort((a, b) => compareText(a.vrf ?? "", b.vrf ?? ""));
    return [
        `router bgp ${bgp.asn}`,
        ` bgp router-id ${bgp.routerId}`,
        " bgp log-neighbor-changes",
        ...(bgp.clusterId === undefined ? [] : [` bgp cluster-id ${bgp.clusterId}`]),
        ...(comparesMetrics ? [" bgp deterministic-med"] : []),
        // Otherwise the best of two equal eBGP paths is the one that arrived first, and no two runs are alike.
        " bgp bestpath compare-routerid",
        ...([own!, ...vrfs].some((each) => each.bgp.multipathRelax) ? [" bgp bestpath as-path multipath-relax"] : []),
        ...(speaks ? [" no bgp default ipv4-unicast", ...sessions(own!, names).map((line) => ` ${line}`)] : []),
        ...(speaks ? family(own!, names) : []),
        ...ordered.flatMap((instance) => family(instance, names)),
    ];
}

/** An address family: of the default VRF, whose sessions stand before it, or of another, with its own. */
function family(instance: RoutingInstance, names: Names): string[] {
    const { bgp, vrf } = instance;
    const lines = [
        ...(vrf === undefined ? [] : [`bgp router-id ${bgp.routerId}`]),
        ...origination(instance),
        ...sorted(instance).flatMap((peer) => [
            ...(vrf === undefined ? [] : session(peer, instance, names)),
            ...activation(peer, instance),
        ]),
        ...maximumPaths(instance),
    ];
    return [
        " !",
        ` address-family ipv4${vrf === undefined ? "" : ` vrf ${vrf}`}`,
        ...lines.map((line) => `  ${line}`),
        " exit-address-family",
    ];
}

function sorted({ bgp }: RoutingInstance): readonly Neighbor[] {
    return [...bgp.neighbors].sort((a, b) => compareAddresses(a.address, b.address));
}

function sessions(instance: RoutingInstance, names: Names): string[] {
    return sorted(instance).flatMap((peer) => session(peer, instance, names));
}

/** Peer groups are written out: what a group says holds for each of its members. */
function settingsOf({ session: own }: Neighbor, { bgp }: RoutingInstance): SessionSettings {
    if (own.kind === "own") {
        return own.settings;
    }
    const group = bgp.peerGroups.find(({ name }) => name === own.group);
    if (group === undefined) {
        throw new Error(`there is no peer group ${own.group}`);
    }
    return group.settings;
}

function session(peer: Neighbor, instance: RoutingInstance, names: Names): string[] {
    const { ebgpMultihop, updateSource, timers } = settingsOf(peer, instance);
    const isExternal = peer.remoteAsn !== instance.bgp.asn;
    const usual = timers.keepalive === 60 && timers.holdTime === 180;
    return [
        `remote-as ${peer.remoteAsn}`,
        ...(ebgpMultihop === undefined || !isExternal ? [] : [`ebgp-multihop ${ebgpMultihop}`]),
        ...(updateSource === undefined ? [] : [`update-source ${names.get(updateSource) ?? updateSource}`]),
        ...(usual ? [] : [`timers ${timers.keepalive} ${timers.holdTime}`]),
    ].map((line) => `neighbor ${peer.address} ${line}`);
}

function activation(peer: Neighbor, instance: RoutingInstance): string[] {
    return settingsOf(peer, instance)
        .families.flatMap((each) => ["activate", ...policy(each)])
        .map((line) => `neighbor ${peer.address} ${line}`);
}

function policy(session: SessionFamily): string[] {
    const { prefixListIn, prefixListOut, routeReflectorClient, nextHopSelf, maximumPrefixes, keepRefused } = session;
    return [
        ...(routeReflectorClient === true ? ["route-reflector-client"] : []),
        ...(nextHopSelf === true ? ["next-hop-self"] : []),
        ...(keepRefused === true ? ["soft-reconfiguration inbound"] : []),
        ...(prefixListIn === undefined ? [] : [`prefix-list ${prefixListIn} in`]),
        ...(prefixListOut === undefined ? [] : [`prefix-list ${prefixListOut} out`]),
        ...routeMapsOfSession(session).map(({ name, direction }) => `route-map ${name} ${direction}`),
        ...(maximumPrefixes === undefined ? [] : [`maximum-prefix ${maximumPrefixes}`]),
    ];
}

function origination({ bgp }: RoutingInstance): string[] {
    const networks = bgp.families.flatMap((each) => each.networks).sort(compareAddresses);
    const redistributed = [...new Set(bgp.families.flatMap((each) => each.redistribute))].sort(compareText);
    return [
        ...networks.map((prefix) => `network ${addressOf(prefix)} mask ${maskOf(prefix)}`),
        ...redistributed.map((protocol) => `redistribute ${protocol}`),
    ];
}

/** IOS-XE uses one path unless it is told; only sessions that are there need the other kind of line. */
function maximumPaths({ bgp }: RoutingInstance): string[] {
    const width = Math.min(bgp.maximumPaths, widestMultipath);
    const isInternal = bgp.neighbors.some(({ remoteAsn }) => remoteAsn === bgp.asn);
    return width === 1 ? [] : [`maximum-paths ${width}`, ...(isInternal ? [`maximum-paths ibgp ${width}`] : [])];
}

function staticRoutes({ staticRoutes: routes, vrf }: RoutingInstance, names: Names): string[] {
    const scope = vrf === undefined ? "" : `vrf ${vrf} `;
    return [...routes]
        .sort((a, b) => compareAddresses(a.prefix, b.prefix))
        .map(({ prefix, via }) => `ip route ${scope}${addressOf(prefix)} ${maskOf(prefix)} ${target(via, names)}`);
}

function target(via: StaticRoute["via"], names: Names): Address {
    switch (via.kind) {
        case "address":
            return via.address;
        case "interface":
            return names.get(via.interface) ?? via.interface;
        case "blackhole":
            return "Null0";
    }
}
