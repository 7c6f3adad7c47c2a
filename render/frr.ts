import { compareAddresses, familyOf } from "../lab/address";
import type {
    BgpSpeaker,
    Family,
    Lab,
    Neighbor,
    PeerGroup,
    PrefixList,
    PrefixListEntry,
    Router,
    SessionFamily,
    SessionSettings,
    StaticRoute,
} from "../lab/model";

/**
 * Width of ECMP that FRR is built with (`--enable-multipath` of Debian's and the project's own images). It is FRR's
 * default for `maximum-paths`, so FRR does not print it.
 */
const compiledMultipath = 256;

/** Milliseconds that FRR waits for more changes before it sends an update; its default of 1000 is felt in a lab. */
const coalesceTime = 20;

/**
 * The complete frr.conf of a router, line by line what FRR 8.4's `show running-config` answers once it is loaded
 * (without the `frr version` line, which would change defaults from release to release). Addresses of interfaces are
 * not in it: they belong to whoever makes the links. It is an integrated configuration, to be loaded by vtysh: a daemon
 * that reads it by itself stops after the first block that it does not know.
 *
 * @throws Error if the lab has no such router
 */
export function frrConf(lab: Lab, routerName: string): string {
    const router = lab.routers[routerName];
    if (router === undefined) {
        throw new Error(`frr.conf: the lab ${lab.name} has no router ${routerName}`);
    }
    const sections = [
        globals(router, routerName),
        staticRoutes(router.staticRoutes),
        routerBgp(router.bgp),
        prefixLists(router.prefixLists, "ipv4"),
        prefixLists(router.prefixLists, "ipv6"),
        ...nexthopTracking(router.bgp),
    ];
    return sections
        .filter((section) => section.length > 0)
        .map((section) => `${section.join("\n")}\n!\n`)
        .join("");
}

function globals(router: Router, name: string): string[] {
    return [
        `frr defaults ${router.bgp.defaults}`,
        `hostname ${name}`,
        // FRR 8.4 leaves a flapped link's next hop out of a kernel nexthop group: the RIB shows it, the FIB does not.
        "no zebra nexthop kernel enable",
    ];
}

function staticRoutes(routes: readonly StaticRoute[]): string[] {
    const sorted = [...routes].sort((a, b) => compareAddresses(a.prefix, b.prefix));
    return (["ipv4", "ipv6"] as const).flatMap((family) =>
        sorted.filter((route) => familyOf(route.prefix) === family).map(staticRoute),
    );
}

function staticRoute(route: StaticRoute): string {
    const keyword = familyOf(route.prefix) === "ipv4" ? "ip" : "ipv6";
    return `${keyword} route ${route.prefix} ${target(route.via)}`;
}

function target(via: StaticRoute["via"]): string {
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
function nexthopTracking(bgp: BgpSpeaker): string[][] {
    return bgp.defaults === "traditional" ? [["ip nht resolve-via-default"], ["ipv6 nht resolve-via-default"]] : [];
}

function routerBgp(bgp: BgpSpeaker): string[] {
    const groups = [...bgp.peerGroups].sort((a, b) => compareText(a.name, b.name));
    const neighbors = [...bgp.neighbors].sort(compareNeighbors);
    return [
        `router bgp ${bgp.asn}`,
        ...speaker(bgp).map((line) => ` ${line}`),
        ...groups.flatMap(peerGroup).map((line) => ` neighbor ${line}`),
        ...neighbors.flatMap(neighbor).map((line) => ` neighbor ${line}`),
        ...addressFamily(bgp, "ipv4", groups, neighbors),
        ...addressFamily(bgp, "ipv6", groups, neighbors),
        "exit",
    ];
}

function speaker(bgp: BgpSpeaker): string[] {
    return [
        `bgp router-id ${bgp.routerId}`,
        ...ebgpRequiresPolicy(bgp),
        // Families are activated one by one, so that the file says for each session what it carries.
        "no bgp default ipv4-unicast",
        `coalesce-time ${coalesceTime}`,
        ...(bgp.multipathRelax ? ["bgp bestpath as-path multipath-relax"] : []),
        // Otherwise the best of two equal eBGP paths is the one that arrived first, and no two runs are alike.
        "bgp bestpath compare-routerid",
    ];
}

/** FRR prints the setting only where it differs from the profile's default. */
function ebgpRequiresPolicy(bgp: BgpSpeaker): string[] {
    const profileDefault = bgp.defaults === "traditional";
    if (bgp.ebgpRequiresPolicy === profileDefault) {
        return [];
    }
    return [bgp.ebgpRequiresPolicy ? "bgp ebgp-requires-policy" : "no bgp ebgp-requires-policy"];
}

function peerGroup(group: PeerGroup): string[] {
    return [`${group.name} peer-group`, ...settings(group.name, group.settings)];
}

function neighbor(peer: Neighbor): string[] {
    return peer.session.kind === "group"
        ? [`${peer.address} peer-group ${peer.session.group}`]
        : settings(peer.address, peer.session.settings);
}

function settings(peer: string, session: SessionSettings): string[] {
    const { remoteAs, ebgpMultihop, timers } = session;
    return [
        `${peer} remote-as ${remoteAs.kind === "asn" ? remoteAs.asn : remoteAs.kind}`,
        ...(ebgpMultihop === undefined ? [] : [`${peer} ebgp-multihop ${ebgpMultihop}`]),
        `${peer} timers ${timers.keepalive} ${timers.holdTime}`,
        `${peer} timers connect ${timers.connectRetry}`,
    ];
}

function addressFamily(
    bgp: BgpSpeaker,
    family: Family,
    groups: readonly PeerGroup[],
    neighbors: readonly Neighbor[],
): string[] {
    const body = [
        ...origination(bgp, family),
        ...groups.flatMap((group) => activation(group.name, group.settings, family)),
        ...neighbors.flatMap((peer) =>
            peer.session.kind === "own" ? activation(peer.address, peer.session.settings, family) : [],
        ),
        ...maximumPaths(bgp),
    ];
    if (body.length === 0) {
        return [];
    }
    return [" !", ` address-family ${family} unicast`, ...body.map((line) => `  ${line}`), " exit-address-family"];
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
    const { prefixListIn, prefixListOut } = session;
    return [
        ...(prefixListIn === undefined ? [] : [`neighbor ${peer} prefix-list ${prefixListIn} in`]),
        ...(prefixListOut === undefined ? [] : [`neighbor ${peer} prefix-list ${prefixListOut} out`]),
    ];
}

function maximumPaths(bgp: BgpSpeaker): string[] {
    return bgp.maximumPaths === compiledMultipath
        ? []
        : [`maximum-paths ${bgp.maximumPaths}`, `maximum-paths ibgp ${bgp.maximumPaths}`];
}

function prefixLists(lists: readonly PrefixList[], family: Family): string[] {
    const keyword = family === "ipv4" ? "ip" : "ipv6";
    return lists
        .filter((list) => list.family === family)
        .flatMap((list) =>
            [...list.entries]
                .sort((a, b) => a.sequence - b.sequence)
                .map((entry) => `${keyword} prefix-list ${list.name} ${prefixListEntry(entry)}`),
        );
}

function prefixListEntry(entry: PrefixListEntry): string {
    const range = [
        ...(entry.ge === undefined ? [] : [`ge ${entry.ge}`]),
        ...(entry.le === undefined ? [] : [`le ${entry.le}`]),
    ];
    return [`seq ${entry.sequence} ${entry.action} ${entry.prefix}`, ...range].join(" ");
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

/** Order of bytes, as strcmp. */
function compareText(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}
