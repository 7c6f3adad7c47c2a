import { addressOf, compareAddresses, familyOf } from "../lab/address";
import { carries } from "../lab/families";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type {
    Address,
    BgpSpeaker,
    Family,
    Interface,
    Lab,
    Neighbor,
    PeerGroup,
    Prefix,
    Router,
    RouteTarget,
    SessionFamily,
    SessionSettings,
    StaticRoute,
    Vrf,
} from "../lab/model";
import {
    bfdProfileName,
    bfdProfiles,
    compareText,
    prefixLists,
    routeMapSections,
    routeMapsOf,
    routeMapsOfSession,
} from "./frr-policy";
import { nodePlaceholders } from "./pod-router";
import { leakingInstances, leakRouteMaps, targetLists } from "./vrf-namespaces";

/**
 * Width of ECMP that FRR is built with (`--enable-multipath` of Debian's and the project's own images). It is FRR's
 * default for `maximum-paths`, so FRR does not print it.
 */
const compiledMultipath = 256;

/** Milliseconds that FRR waits for more changes before it sends an update; its default of 1000 is felt in a lab. */
const coalesceTime = 20;

/** What makes VRFs in the kernel: VRF devices, or network namespaces (`zebra --vrfwnetns`). */
export type VrfBackend = "devices" | "namespaces";

/**
 * The complete frr.conf of a router, line by line what FRR 8.4's `show running-config` answers once it is loaded
 * (without the `frr version` line, which would change defaults from release to release). Addresses of interfaces are
 * not in it: they belong to whoever makes the links. It is an integrated configuration, to be loaded by vtysh: a daemon
 * that reads it by itself stops after the first block that it does not know.
 *
 * Of a router in a Pod it is what the Pod is started with, wherever that happens: placeholders stand for the addresses of
 * its node, and its static routes are not in it, because the Pod's network makes them.
 *
 * @param vrfs what VRFs are in the kernel, and so how routes leak between them: through bgpd's VPN table between VRF
 *     devices, over sessions of the VRFs with each other between namespaces
 * @throws Error if the lab has no such router
 */
export function frrConf(lab: Lab, routerName: string, vrfs: VrfBackend = "devices"): string {
    const router = lab.routers[routerName];
    if (router === undefined) {
        throw new Error(`frr.conf: the lab ${lab.name} has no router ${routerName}`);
    }
    const isSplit = vrfs === "namespaces";
    const surroundings = surroundingsOf(lab, router);
    const instances = isSplit ? leakingInstances(router) : routingInstances(router);
    const maps = routeMapSections(router, isSplit ? leakRouteMaps(router) : new Map());
    const sections = [
        globals(router, routerName, maps.length > 0),
        router.pod === undefined ? staticRoutes(router.staticRoutes) : [],
        ...[...(router.vrfs ?? [])].sort((a, b) => compareText(a.name, b.name)).map((vrf) => vrfBlock(vrf, router.bgp)),
        ...instances.map((instance) => routerBgp(instance, router, surroundings)),
        prefixLists(router.prefixLists, "ipv4"),
        prefixLists(router.prefixLists, "ipv6"),
        isSplit ? targetLists(router) : [],
        ...maps,
        ...nexthopTracking(router.bgp).map((line) => [line]),
        bfdProfiles(router),
    ];
    return sections
        .filter((section) => section.length > 0)
        .map((section) => `${section.join("\n")}\n!\n`)
        .join("");
}

function globals(router: Router, name: string, hasRouteMaps: boolean): string[] {
    return [
        `frr defaults ${router.bgp.defaults}`,
        `hostname ${name}`,
        // FRR 8.4 leaves a flapped link's next hop out of a kernel nexthop group: the RIB shows it, the FIB does not.
        "no zebra nexthop kernel enable",
        // Otherwise a route map that changes holds for the routes five seconds later.
        ...(hasRouteMaps ? ["bgp route-map delay-timer 0"] : []),
    ];
}

/** What zebra and staticd know of a VRF; FRR shows no block without content. */
function vrfBlock({ name, staticRoutes: routes }: Vrf, profile: Pick<BgpSpeaker, "defaults">): string[] {
    const body = [...nexthopTracking(profile), ...staticRoutes(routes)];
    return body.length === 0 ? [] : [`vrf ${name}`, ...body.map((line) => ` ${line}`), "exit-vrf"];
}

function staticRoutes(routes: readonly StaticRoute[]): string[] {
    const sorted = [...routes].sort((a, b) => compareAddresses(a.prefix, b.prefix));
    return (["ipv4", "ipv6"] as const).flatMap((family) =>
        sorted.filter((route) => familyOf(route.prefix) === family).map(staticRoute),
    );
}

function staticRoute(route: StaticRoute): string {
    const keyword = familyOf(route.prefix) === "ipv4" ? "ip" : "ipv6";
    return `${keyword} route ${route.prefix} ${viaText(route.via)}`;
}

/** Where a static route leads, in one word. */
export function viaText(via: StaticRoute["via"]): string {
    switch (via.kind) {
        case "address":
            return via.address;
        case "interface":
            return via.interface;
        case "blackhole":
            return "blackhole";
    }
}

/**
 * Under the traditional profile a default route may lead to a next hop. That is said in full, because it is the default
 * of newer releases only: FRR 8.4 has it off under both profiles.
 */
function nexthopTracking({ defaults }: Pick<BgpSpeaker, "defaults">): string[] {
    return defaults === "traditional" ? ["ip nht resolve-via-default", "ipv6 nht resolve-via-default"] : [];
}

/** What the text of a router takes from the rest of the lab. */
interface Surroundings {
    readonly isMetricTold: boolean;
    readonly podCidrs: readonly Prefix[];
    /** What is written for a peer in place of its address. */
    readonly placeholders: ReadonlyMap<Address, string>;
    /** Whether interfaces have the names of the model, loopbacks included. */
    readonly isPod: boolean;
}

function surroundingsOf(lab: Lab, router: Router): Surroundings {
    return {
        isMetricTold: hasMetrics(lab),
        podCidrs: lab.cluster.podCidrs,
        placeholders: nodePlaceholders(lab, router),
        isPod: router.pod !== undefined,
    };
}

function routerBgp(instance: RoutingInstance, { bgp: { defaults } }: Router, around: Surroundings): string[] {
    const { vrf, bgp } = instance;
    const groups = [...bgp.peerGroups].sort((a, b) => compareText(a.name, b.name));
    // Pods that call are not configured.
    const neighbors = bgp.neighbors
        .filter(({ pod }) => pod === undefined)
        .sort(compareNeighbors)
        .map((peer) => ({ ...peer, name: around.placeholders.get(peer.address) ?? peer.address }));
    return [
        `router bgp ${bgp.asn}${vrf === undefined ? "" : ` vrf ${vrf}`}`,
        // The profile of defaults is one for all instances of a daemon.
        ...speaker({ ...bgp, defaults }, around).map((line) => ` ${line}`),
        ...groups.flatMap((group) => peerGroup(group, instance, around)).map((line) => ` neighbor ${line}`),
        ...neighbors.flatMap((peer) => neighbor(peer, instance, around)).map((line) => ` neighbor ${line}`),
        ...listenRanges(bgp, around).map((line) => ` ${line}`),
        ...addressFamily(instance, "ipv4", groups, neighbors),
        ...addressFamily(instance, "ipv6", groups, neighbors),
        "exit",
    ];
}

/** Whether any router of the lab tells its peers metrics. */
export function hasMetrics({ routers }: Lab): boolean {
    return Object.values(routers).some((router) => routeMapsOf(router).some(({ direction }) => direction === "out"));
}

function speaker(bgp: BgpSpeaker, { isMetricTold }: Surroundings): string[] {
    return [
        `bgp router-id ${bgp.routerId}`,
        ...ebgpRequiresPolicy(bgp),
        // Families are activated one by one, so that the file says for each session what it carries.
        "no bgp default ipv4-unicast",
        ...(bgp.clusterId === undefined ? [] : [`bgp cluster-id ${bgp.clusterId}`]),
        ...(isMetricTold ? deterministicMetrics(bgp) : []),
        `coalesce-time ${coalesceTime}`,
        ...(bgp.multipathRelax ? ["bgp bestpath as-path multipath-relax"] : []),
        // Otherwise the best of two equal eBGP paths is the one that arrived first, and no two runs are alike.
        "bgp bestpath compare-routerid",
        ...(bgp.networkImportCheck === false ? ["no bgp network import-check"] : []),
    ];
}

/** Who calls from the pod CIDRs becomes a member of the peer group of the neighbors by label. */
function listenRanges({ podNeighbors = [] }: BgpSpeaker, { podCidrs }: Surroundings): string[] {
    return podNeighbors.flatMap(({ name, families }) =>
        podCidrs
            .filter((prefix) => families.includes(familyOf(prefix)))
            .map((prefix) => `bgp listen range ${prefix} peer-group ${name}`),
    );
}

/**
 * Metrics of two ASes do not compare, so that the best of three paths otherwise depends on the order in which they came.
 * The datacenter profile has it on.
 */
function deterministicMetrics({ defaults }: BgpSpeaker): string[] {
    return defaults === "traditional" ? ["bgp deterministic-med"] : [];
}

/** FRR prints the setting only where it differs from the profile's default. */
function ebgpRequiresPolicy(bgp: BgpSpeaker): string[] {
    const profileDefault = bgp.defaults === "traditional";
    if (bgp.ebgpRequiresPolicy === profileDefault) {
        return [];
    }
    return [bgp.ebgpRequiresPolicy ? "bgp ebgp-requires-policy" : "no bgp ebgp-requires-policy"];
}

function peerGroup({ name, settings: session }: PeerGroup, instance: RoutingInstance, around: Surroundings): string[] {
    const member = instance.bgp.neighbors.find((peer) => groupOf(peer) === name);
    const family = member === undefined ? session.families[0]?.family : familyOf(member.address);
    return [`${name} peer-group`, ...settings({ name, family, session }, instance, around)];
}

/** A neighbor with what is written for its address. */
type NamedNeighbor = Neighbor & Pick<Peer, "name">;

function neighbor(
    { name, address, session }: NamedNeighbor,
    instance: RoutingInstance,
    around: Surroundings,
): string[] {
    return session.kind === "group"
        ? [`${name} peer-group ${session.group}`]
        : settings({ name, family: familyOf(address), session: session.settings }, instance, around);
}

/** A neighbor or a peer group. */
interface Peer {
    readonly name: string;
    /** Family of the addresses between which the sessions are. */
    readonly family: Family | undefined;
    readonly session: SessionSettings;
}

function settings(
    { name, family, session }: Peer,
    { bgp, interfaces }: RoutingInstance,
    { isPod }: Surroundings,
): string[] {
    const { remoteAs, ebgpMultihop, timers, bfd, updateSource } = session;
    const source = updateSource && (isPod ? updateSource : sourceOf(interfaces, updateSource, family));
    const isInternal = remoteAs.kind === "asn" ? remoteAs.asn === bgp.asn : remoteAs.kind === "internal";
    return [
        `${name} remote-as ${remoteAs.kind === "asn" ? remoteAs.asn : remoteAs.kind}`,
        ...(bfd === undefined ? [] : [`${name} bfd`, `${name} bfd profile ${bfdProfileName(bfd)}`]),
        // An internal peer may be any number of hops away, and FRR keeps no such line for it.
        ...(ebgpMultihop === undefined || isInternal ? [] : [`${name} ebgp-multihop ${ebgpMultihop}`]),
        ...(source === undefined ? [] : [`${name} update-source ${source}`]),
        `${name} timers ${timers.keepalive} ${timers.holdTime}`,
        `${name} timers connect ${timers.connectRetry}`,
    ];
}

/** The address of an interface rather than its name, which a loopback of the model does not have in the kernel. */
function sourceOf(interfaces: readonly Interface[], source: string, family: Family | undefined): string {
    const own = interfaces.find(({ name }) => name === source)?.addresses.find((each) => familyOf(each) === family);
    return own === undefined ? source : addressOf(own);
}

function addressFamily(
    { bgp, leaking }: RoutingInstance,
    family: Family,
    groups: readonly PeerGroup[],
    neighbors: readonly NamedNeighbor[],
): string[] {
    const body = [
        ...origination(bgp, family),
        ...groups.flatMap((group) => activation(group.name, group.settings, family)),
        ...neighbors.flatMap((peer) =>
            peer.session.kind === "own" ? activation(peer.name, peer.session.settings, family) : [],
        ),
        ...maximumPaths(bgp),
        ...(leaking !== undefined && carries(bgp, family) ? leaks(leaking) : []),
    ];
    if (body.length === 0) {
        return [];
    }
    return [" !", ` address-family ${family} unicast`, ...body.map((line) => `  ${line}`), " exit-address-family"];
}

/** What leaks between VRFs goes by way of bgpd's VPN table, under the VRF's route distinguisher (RFC 4364). */
function leaks({
    routeDistinguisher,
    importTargets,
    exportTargets,
}: NonNullable<RoutingInstance["leaking"]>): string[] {
    return [
        ...(exportTargets.length === 0 ? [] : [`rd vpn export ${routeDistinguisher}`]),
        ...routeTargets(importTargets, exportTargets),
        ...(exportTargets.length === 0 ? [] : ["export vpn"]),
        ...(importTargets.length === 0 ? [] : ["import vpn"]),
    ];
}

function routeTargets(imported: readonly RouteTarget[], exported: readonly RouteTarget[]): string[] {
    const [taken, given] = [imported.join(" "), exported.join(" ")];
    if (taken === given) {
        return taken === "" ? [] : [`rt vpn both ${taken}`];
    }
    return [...(taken === "" ? [] : [`rt vpn import ${taken}`]), ...(given === "" ? [] : [`rt vpn export ${given}`])];
}

function origination(bgp: BgpSpeaker, family: Family): string[] {
    const own = bgp.families.filter((entry) => entry.family === family);
    const networks = own.flatMap((entry) => entry.networks).sort(compareAddresses);
    const redistributed = own.flatMap((entry) => entry.redistribute).sort(compareText);
    return [
        ...networks.map((prefix) => `network ${prefix}`),
        ...redistributed.map((protocol) => `redistribute ${protocol}`),
    ];
}

function activation(peer: string, session: SessionSettings, family: Family): string[] {
    return session.families
        .filter((entry) => entry.family === family)
        .flatMap((entry) => [`neighbor ${peer} activate`, ...policy(peer, entry)]);
}

function policy(peer: string, session: SessionFamily): string[] {
    const { prefixListIn, prefixListOut, routeReflectorClient, nextHopSelf, maximumPrefixes, keepRefused } = session;
    return [
        ...(routeReflectorClient === true ? [`neighbor ${peer} route-reflector-client`] : []),
        ...(nextHopSelf === true ? [`neighbor ${peer} next-hop-self`] : []),
        ...(keepRefused === true ? [`neighbor ${peer} soft-reconfiguration inbound`] : []),
        ...(maximumPrefixes === undefined ? [] : [`neighbor ${peer} maximum-prefix ${maximumPrefixes}`]),
        ...(prefixListIn === undefined ? [] : [`neighbor ${peer} prefix-list ${prefixListIn} in`]),
        ...(prefixListOut === undefined ? [] : [`neighbor ${peer} prefix-list ${prefixListOut} out`]),
        ...routeMapsOfSession(session).map(({ name, direction }) => `neighbor ${peer} route-map ${name} ${direction}`),
    ];
}

function maximumPaths(bgp: BgpSpeaker): string[] {
    return bgp.maximumPaths === compiledMultipath
        ? []
        : [`maximum-paths ${bgp.maximumPaths}`, `maximum-paths ibgp ${bgp.maximumPaths}`];
}

/** FRR's order of peers: members of groups first, by the group's name, then by address (`peer_cmp` in bgpd.c). */
function compareNeighbors(a: Neighbor, b: Neighbor): number {
    return (
        compareText(a.session.kind, b.session.kind) ||
        compareText(groupOf(a), groupOf(b)) ||
        compareAddresses(a.address, b.address)
    );
}

function groupOf(peer: Neighbor): string {
    return peer.session.kind === "group" ? peer.session.group : "";
}
