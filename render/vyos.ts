/**
 * A router of the lab as VyOS has it: a configuration tree in the syntax of its release, and the two texts of it, the
 * complete `config.boot` and the `set` commands. docs/vyos.md tells what was checked against VyOS's own grammar.
 */

import { addressOf, familyOf } from "../lab/address";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type {
    Address,
    BgpSpeaker,
    Family,
    Interface,
    Lab,
    Neighbor,
    PeerGroup,
    PrefixList,
    Router,
    SessionFamily,
    SessionSettings,
    SourceNat,
    SpeakerFamily,
    StaticRoute,
    Timers,
} from "../lab/model";
import { defaultVyosVersion, type VyosSeries, vyosSeries } from "../lab/vyos";
import { hasMetrics } from "./frr";
import { bfdProfileName, type RouteMap, routeMapsOf, routeMapsOfSession } from "./frr-policy";
import { interfaceNumbers, isLink, numberOf } from "./interface-names";
import { bootText, flag, optional, section, setCommands, tagged, type VyosNode, value } from "./vyos-config";
import { versionFooter } from "./vyos-footer";

/** A user of the router. What is in it is secret, and no part of the model. */
export interface VyosLogin {
    /** Name of the user, e.g. `vyos`. */
    readonly user: string;
    /** The hash of the password as /etc/shadow has it (crypt(5), SHA-512: `$6$<salt>$<hash>`). */
    readonly encryptedPassword: string;
}

/** Name of the user that every image of VyOS has. */
export const vyosUser = "vyos";

/** A router and how its release writes things. */
interface Target {
    readonly name: string;
    readonly router: Router;
    readonly series: VyosSeries;
    /** From 1.4 on, the parts of a configuration moved. */
    readonly modern: boolean;
    /** Whether the best path must not depend on the order in which metrics of several ASes came. */
    readonly comparesMetrics: boolean;
    /** Names of the interfaces in VyOS, by their names in the model. */
    readonly interfaces: ReadonlyMap<string, string>;
}

/** Width of ECMP that VyOS builds FRR with, and so what it takes without `maximum-paths`. */
const compiledMultipath = 256;

/** Timers of a session that says nothing about them (FRR's profile `traditional`, which VyOS runs). */
const defaultTimers: Timers = { keepalive: 60, holdTime: 180, connectRetry: 120 };

/** Routing tables of VRFs, whose numbers VyOS wants to be told (100 to 65535). */
const firstVrfTable = 100;

/** Bytes of the largest packet of an interface that says nothing about it. */
const defaultMtu = 1500;

/**
 * The complete `config.boot` of a router, with the footer by which a newer release knows what it has to migrate.
 *
 * @param login user with a password; without, nobody can log in but over `docker exec`
 * @throws Error if the lab has no such router, or its VyOS is of an unknown release or cannot do what the model asks for
 */
export function vyosConfigBoot(lab: Lab, routerName: string, login?: VyosLogin): string {
    const target = targetOf(lab, routerName);
    const { nosVersion = defaultVyosVersion } = target.router;
    const text = bootText(treeOf(lab, target, login), target.modern ? "always" : "where needed");
    return `${text}\n\n${versionFooter(target.series, nosVersion)}`;
}

/**
 * The same configuration as `set` commands, each line complete.
 *
 * @throws Error as {@link vyosConfigBoot} does
 */
export function vyosSetCommands(lab: Lab, routerName: string, login?: VyosLogin): readonly string[] {
    return setCommands(vyosTree(lab, routerName, login));
}

/**
 * The configuration of a router as a tree.
 *
 * @throws Error as {@link vyosConfigBoot} does
 */
export function vyosTree(lab: Lab, routerName: string, login?: VyosLogin): readonly VyosNode[] {
    return treeOf(lab, targetOf(lab, routerName), login);
}

/** Names of links that VyOS takes as they are: 1.2 only its own, later releases those of systemd, too. */
function isEthernetName(name: string, series: VyosSeries): boolean {
    return (series === "1.2" ? /^(eth|lan)[0-9]+$/ : /^((eth|lan)[0-9]+|(eno|ens|enp|enx).+)$/).test(name);
}

/**
 * What the interfaces of a router are called in VyOS, by their names in the model: `net1` is `eth1`, and a name that VyOS
 * has itself stays. A loopback called `lo` is VyOS's own, others are dummy interfaces, because VyOS has only one loopback
 * and keeps it out of VRFs.
 */
export function vyosInterfaceNames(interfaces: readonly Interface[], series: VyosSeries): ReadonlyMap<string, string> {
    const links = interfaces.filter(isLink);
    const asTheyAre = links.every(({ name }) => isEthernetName(name, series));
    const numbers = interfaceNumbers(links);
    const dummies = interfaceNumbers(interfaces.filter((each) => !isLink(each) && each.name !== "lo"));
    return new Map([
        ["lo", "lo"],
        ...[...numbers].map(([name, number]) => [name, asTheyAre ? name : `eth${number}`] as const),
        ...[...dummies].map(([name, number]) => [name, `dum${number}`] as const),
    ]);
}

function targetOf(lab: Lab, name: string): Target {
    const router = lab.routers[name];
    if (router === undefined) {
        throw new Error(`VyOS: the lab ${lab.name} has no router ${name}`);
    }
    const series = vyosSeries(router.nosVersion);
    if (series === undefined) {
        throw new Error(
            `routers.${name}.nosVersion: ${router.nosVersion} is no release of VyOS that is known; use one of 1.2 to 1.5, e.g. ${defaultVyosVersion}`,
        );
    }
    const interfaces = vyosInterfaceNames(router.interfaces, series);
    // FRR's profile `datacenter` compares them so by itself, but VyOS runs the other one.
    const comparesMetrics = hasMetrics(lab) || router.bgp.defaults === "datacenter";
    const target = { name, router, series, modern: series >= "1.4", comparesMetrics, interfaces };
    refuseWhatIsMissing(target);
    return target;
}

/** What VyOS has no words for, or its older series. */
function refuseWhatIsMissing({ name, router, series, modern }: Target): void {
    const instances = routingInstances(router);
    const foreign = [
        [router.pod !== undefined, "pod", "runs in no Pod"],
        [(router.virtualServers ?? []).length > 0, "virtualServers", "passes no connections on"],
        // Who calls would have VyOS's own timers: a peer group has none there, and who calls has no other place for them.
        [
            instances.some(({ bgp }) => (bgp.podNeighbors ?? []).length > 0),
            "bgp.podNeighbors",
            "has no timers for neighbors by label",
        ],
    ] as const;
    for (const [asked, where, what] of foreign) {
        if (asked) {
            throw new Error(`routers.${name}.${where}: VyOS ${what}; use nos: frr`);
        }
    }
    const missing = [
        [!modern && (router.vrfs ?? []).length > 0, "no BGP in a VRF", "vrfs"],
        [
            !modern && instances.some(({ bgp }) => bgp.ebgpRequiresPolicy),
            "no ebgp-requires-policy",
            "bgp.ebgpRequiresPolicy",
        ],
    ] as const;
    for (const [asked, what, where] of missing) {
        if (asked) {
            throw new Error(`routers.${name}.${where}: VyOS ${series} has ${what}; use nosVersion 1.4 or newer`);
        }
    }
}

function treeOf(lab: Lab, target: Target, login: VyosLogin | undefined): readonly VyosNode[] {
    const { router } = target;
    return [
        section("interfaces", interfaces(lab, target)),
        ...nat(router.sourceNat ?? [], target),
        ...policy(router),
        section(
            "protocols",
            bfd(target),
            bgp(routingInstances(router)[0]!, target),
            statics(router.staticRoutes, target),
        ),
        ...(target.modern ? [section("service", [section("ntp", ntpServers)])] : []),
        section("system", system(target, login)),
        ...optional("vrf", vrfs(target)),
    ];
}

// interfaces

function interfaces(lab: Lab, { router, interfaces: names }: Target): readonly VyosNode[] {
    const own = router.interfaces.map((each) => interfaceNode(lab, each, names.get(each.name)!));
    // VyOS adds its loopback itself, and shows it.
    return router.interfaces.some(({ name }) => names.get(name) === "lo") ? own : [...own, tagged("loopback", "lo")];
}

function interfaceNode(lab: Lab, { attachment, addresses, vrf }: Interface, name: string): VyosNode {
    const mtu = attachment.kind === "segment" ? lab.segments[attachment.segment]?.mtu : undefined;
    const kind = attachment.kind === "segment" ? "ethernet" : name === "lo" ? "loopback" : "dummy";
    return tagged(
        kind,
        name,
        addresses.flatMap((address) => value("address", address)),
        value("mtu", mtu === defaultMtu ? undefined : mtu),
        value("vrf", vrf),
    );
}

// nat

function nat(rules: readonly SourceNat[], target: Target): readonly VyosNode[] {
    const nodes = rules.map((rule, index) =>
        tagged(
            "rule",
            100 + 10 * index,
            outbound(rule.interface, target),
            [section("source", value("address", rule.source))],
            [section("translation", value("address", "masquerade"))],
        ),
    );
    return optional("nat", optional("source", nodes));
}

/** The way out need not be an interface of the model: it may be the engine's. */
function outbound(name: string, { modern, interfaces: names }: Target): readonly VyosNode[] {
    const own = names.get(name) ?? `eth${numberOf(name) ?? 0}`;
    return modern ? [section("outbound-interface", value("name", own))] : value("outbound-interface", own);
}

// policy

function policy(router: Router): readonly VyosNode[] {
    return optional("policy", router.prefixLists.map(prefixList), routeMapsOf(router).map(routeMap));
}

function prefixList({ name, family, entries }: PrefixList): VyosNode {
    const rules = entries.map(({ sequence, action, prefix, ge, le }) =>
        tagged("rule", sequence, value("action", action), value("prefix", prefix), value("ge", ge), value("le", le)),
    );
    return tagged(family === "ipv4" ? "prefix-list" : "prefix-list6", name, rules);
}

function routeMap({ name, set }: RouteMap): VyosNode {
    const [attribute = "", text] = set.split(" ");
    return tagged("route-map", name, [
        tagged("rule", 10, value("action", "permit"), [section("set", value(attribute, text))]),
    ]);
}

// protocols bfd

function bfd({ router, modern }: Target): readonly VyosNode[] {
    const sessions = routingInstances(router).flatMap(({ bgp: speaker }) => sessionsOf(speaker));
    const nodes = sessions.flatMap(({ address, settings }) => {
        // Before 1.4 intervals belong to a peer that is one hop away; over several hops VyOS's own hold.
        if (settings.bfd === undefined || (!modern && settings.ebgpMultihop !== undefined)) {
            return [];
        }
        const { detectMultiplier, receiveInterval, transmitInterval } = settings.bfd;
        const interval = section(
            "interval",
            value("multiplier", detectMultiplier),
            value("receive", receiveInterval),
            value("transmit", transmitInterval),
        );
        const key = modern ? bfdProfileName(settings.bfd) : address;
        return [[key, tagged(modern ? "profile" : "peer", key, [interval])] as const];
    });
    return optional("bfd", [...new Map(nodes).values()]);
}

/** Every neighbor with the settings that hold for it. */
function sessionsOf({ neighbors, peerGroups }: BgpSpeaker): readonly { address: Address; settings: SessionSettings }[] {
    return neighbors.map(({ address, session }) => ({ address, settings: settingsOf(session, peerGroups) }));
}

function settingsOf(session: Neighbor["session"], groups: readonly PeerGroup[]): SessionSettings {
    if (session.kind === "own") {
        return session.settings;
    }
    const group = groups.find(({ name }) => name === session.group);
    if (group === undefined) {
        throw new Error(`there is no peer group ${session.group}`);
    }
    return group.settings;
}

// protocols bgp

/** The speaker of a routing instance; a router without neighbors and networks still has one in the model. */
function bgp(instance: RoutingInstance, target: Target): readonly VyosNode[] {
    const { modern } = target;
    const speaker = instance.bgp;
    const body = [
        optional("address-family", originations(instance, target)),
        ...(modern ? [speaker.peerGroups.map((group) => peerGroup(group, instance, target))] : []),
        speaker.neighbors.map((each) => neighbor(each, instance, target)),
        [section("parameters", parameters(instance, target))],
        ...(target.series === "1.2" ? [maximumPaths(speaker)] : []),
    ];
    return modern ? [section("bgp", value("system-as", speaker.asn), ...body)] : [tagged("bgp", speaker.asn, ...body)];
}

function originations(instance: RoutingInstance, target: Target): readonly VyosNode[] {
    const { bgp: speaker, leaking } = instance;
    return (["ipv4", "ipv6"] as const)
        .filter((family) => carries(speaker, family))
        .flatMap((family) =>
            optional(
                unicast(family),
                speaker.families.filter((each) => each.family === family).flatMap(origination),
                leaking === undefined ? [] : leaks(leaking),
                target.series === "1.2" ? [] : maximumPaths(speaker),
            ),
        );
}

function unicast(family: Family): string {
    return `${family}-unicast`;
}

/** Whether a speaker has anything to do with a family. */
function carries(speaker: BgpSpeaker, family: Family): boolean {
    const settings = [...sessionsOf(speaker), ...speaker.peerGroups].map((each) => each.settings);
    return [...speaker.families, ...settings.flatMap(({ families }) => families)].some(
        (each) => each.family === family,
    );
}

function origination({ networks, redistribute }: SpeakerFamily): readonly VyosNode[] {
    return [
        ...networks.map((prefix) => tagged("network", prefix)),
        ...optional(
            "redistribute",
            redistribute.map((protocol) => section(protocol)),
        ),
    ];
}

/** What leaks between VRFs goes by way of bgpd's VPN table, under the VRF's route distinguisher (RFC 4364). */
function leaks({
    routeDistinguisher,
    importTargets,
    exportTargets,
}: NonNullable<RoutingInstance["leaking"]>): readonly VyosNode[] {
    const [taken, given] = [importTargets, exportTargets].map((targets) => targets.join(" "));
    const exporting = exportTargets.length > 0;
    return [
        ...(exporting ? [section("export", flag("vpn"))] : []),
        ...(importTargets.length > 0 ? [section("import", flag("vpn"))] : []),
        ...(exporting ? [section("rd", [section("vpn", value("export", routeDistinguisher))])] : []),
        ...optional(
            "route-target",
            optional(
                "vpn",
                taken === given ? value("both", taken || undefined) : [],
                taken === given ? [] : [...value("import", taken || undefined), ...value("export", given || undefined)],
            ),
        ),
    ];
}

function maximumPaths({ maximumPaths: width }: BgpSpeaker): readonly VyosNode[] {
    return width === compiledMultipath ? [] : [section("maximum-paths", value("ebgp", width), value("ibgp", width))];
}

function parameters({ bgp: speaker }: RoutingInstance, { modern, comparesMetrics }: Target): readonly VyosNode[] {
    const announces = speaker.families.some(({ networks }) => networks.length > 0);
    return [
        section(
            "bestpath",
            optional("as-path", flag("multipath-relax", speaker.multipathRelax)),
            // Otherwise the best of two equal eBGP paths is the one that arrived first, and no two runs are alike.
            flag("compare-routerid"),
        ),
        ...value("cluster-id", speaker.clusterId),
        ...(modern ? [] : optional("default", flag("no-ipv4-unicast", !allCarryIpv4(speaker)))),
        ...flag("deterministic-med", comparesMetrics),
        ...flag("ebgp-requires-policy", speaker.ebgpRequiresPolicy),
        // VyOS turns the check off, and would announce a network that is not there.
        ...flag("network-import-check", announces && speaker.networkImportCheck !== false),
        ...value("router-id", speaker.routerId),
    ];
}

/** Before 1.4 every session carries IPv4 unless that is turned off for all of them. */
function allCarryIpv4(speaker: BgpSpeaker): boolean {
    return sessionsOf(speaker).every(({ settings }) => settings.families.some(({ family }) => family === "ipv4"));
}

/** A peer group. Its members have the timers, for which a group has no words. */
function peerGroup({ name, settings }: PeerGroup, instance: RoutingInstance, target: Target): VyosNode {
    const first = instance.bgp.neighbors.find(({ session }) => session.kind === "group" && session.group === name);
    return tagged("peer-group", name, first === undefined ? [] : session(first, settings, instance, target));
}

/** A neighbor. Before 1.4 a group's members could have no timers, so each has the whole of its settings instead. */
function neighbor(peer: Neighbor, instance: RoutingInstance, target: Target): VyosNode {
    const settings = settingsOf(peer.session, instance.bgp.peerGroups);
    const group = target.modern && peer.session.kind === "group" ? peer.session.group : undefined;
    return tagged(
        "neighbor",
        peer.address,
        group === undefined ? session(peer, settings, instance, target) : value("peer-group", group),
        timers(settings.timers),
    );
}

function session(
    { address, remoteAsn }: Neighbor,
    settings: SessionSettings,
    instance: RoutingInstance,
    target: Target,
): readonly VyosNode[] {
    const { remoteAs, ebgpMultihop, updateSource, families } = settings;
    const isExternal = remoteAsn !== instance.bgp.asn;
    return [
        ...optional(
            "address-family",
            families.flatMap((each) => activation(each, target)),
        ),
        ...bfdOf(settings, target),
        // An internal peer may be any number of hops away, and VyOS refuses to be told so.
        ...value("ebgp-multihop", isExternal ? ebgpMultihop : undefined),
        ...value("remote-as", remoteAs.kind === "asn" ? remoteAs.asn : remoteAs.kind),
        ...value("update-source", updateSource && sourceOf(updateSource, address, target)),
    ];
}

/** From 1.4 on nothing is exchanged that is not named; before, IPv4 was exchanged anyhow. */
function activation(settings: SessionFamily, { modern }: Target): readonly VyosNode[] {
    const { family, prefixListIn, prefixListOut, nextHopSelf, routeReflectorClient, maximumPrefixes, keepRefused } =
        settings;
    const maps = routeMapsOfSession(settings);
    const body = [
        ...value("maximum-prefix", maximumPrefixes),
        ...(nextHopSelf === true ? [section("nexthop-self")] : []),
        ...optional("prefix-list", value("import", prefixListIn), value("export", prefixListOut)),
        ...optional(
            "route-map",
            maps.flatMap(({ name, direction }) => value(direction === "in" ? "import" : "export", name)),
        ),
        ...flag("route-reflector-client", routeReflectorClient === true),
        ...(keepRefused === true ? [section("soft-reconfiguration", flag("inbound"))] : []),
    ];
    return body.length === 0 && !modern && family === "ipv4" ? [] : [section(unicast(family), body)];
}

function bfdOf({ bfd: wanted }: SessionSettings, { modern }: Target): readonly VyosNode[] {
    return wanted === undefined ? [] : [section("bfd", modern ? value("profile", bfdProfileName(wanted)) : [])];
}

/** The address of an interface, of the peer's family: a name would leave the choice among several to FRR. */
function sourceOf(name: string, peer: Address, { router, interfaces: names }: Target): string | undefined {
    const own = router.interfaces
        .find((each) => each.name === name)
        ?.addresses.find((each) => familyOf(each) === familyOf(peer));
    return own === undefined ? names.get(name) : addressOf(own);
}

function timers({ keepalive, holdTime, connectRetry }: Timers): readonly VyosNode[] {
    const lasting = keepalive !== defaultTimers.keepalive || holdTime !== defaultTimers.holdTime;
    return optional(
        "timers",
        value("connect", connectRetry === defaultTimers.connectRetry ? undefined : connectRetry),
        value("holdtime", lasting ? holdTime : undefined),
        value("keepalive", lasting ? keepalive : undefined),
    );
}

// protocols static

function statics(routes: readonly StaticRoute[], target: Target): readonly VyosNode[] {
    return optional(
        "static",
        routes.map((route) => staticRoute(route, target)),
    );
}

function staticRoute({ prefix, via }: StaticRoute, { modern, interfaces: names }: Target): VyosNode {
    const suffix = familyOf(prefix) === "ipv4" ? "" : "6";
    switch (via.kind) {
        case "address":
            return tagged(`route${suffix}`, prefix, [tagged("next-hop", via.address)]);
        case "blackhole":
            return tagged(`route${suffix}`, prefix, [section("blackhole")]);
        case "interface": {
            const link = names.get(via.interface) ?? via.interface;
            return modern
                ? tagged(`route${suffix}`, prefix, [tagged("interface", link)])
                : tagged(`interface-route${suffix}`, prefix, [tagged("next-hop-interface", link)]);
        }
    }
}

// system

const ntpServers = [0, 1, 2].map((n) => tagged("server", `${n}.pool.ntp.org`));

function system({ name, router, series, modern }: Target, login: VyosLogin | undefined): readonly VyosNode[] {
    return [
        section("config-management", value("commit-revisions", 100)),
        section("console", [tagged("device", "ttyS0", value("speed", 9600))]),
        ...value("host-name", name),
        ...(modern && router.bgp.defaults === "datacenter" ? nexthopTracking : []),
        ...(login === undefined ? [] : [section("login", [user(login, series)])]),
        ...(modern ? [] : [section("ntp", ntpServers)]),
        section("syslog", [
            section("global", [
                tagged("facility", "all", value("level", "info")),
                // What FRR tells; 1.4 calls the facility by its own name.
                tagged("facility", modern ? "local7" : "protocols", value("level", "debug")),
            ]),
        ]),
    ];
}

/** Next hops that only the default route leads to do not count, as in FRR's profile `datacenter`. */
const nexthopTracking = ["ip", "ipv6"].map((name) => section(name, [section("nht", flag("no-resolve-via-default"))]));

/** Until 1.2 a user had a level, and a configuration said that the password is not there in plain text. */
function user({ user: name, encryptedPassword }: VyosLogin, series: VyosSeries): VyosNode {
    return tagged(
        "user",
        name,
        [
            section(
                "authentication",
                value("encrypted-password", encryptedPassword),
                series === "1.2" ? value("plaintext-password", "") : [],
            ),
        ],
        series === "1.2" ? value("level", "admin") : [],
    );
}

// vrf

function vrfs(target: Target): readonly VyosNode[] {
    const { router } = target;
    return routingInstances(router).flatMap((instance, index) => {
        if (instance.vrf === undefined) {
            return [];
        }
        return [
            tagged(
                "name",
                instance.vrf,
                router.bgp.defaults === "datacenter" ? nexthopTracking : [],
                [section("protocols", bgp(instance, target), statics(instance.staticRoutes, target))],
                value("table", firstVrfTable + index - 1),
            ),
        ];
    });
}
