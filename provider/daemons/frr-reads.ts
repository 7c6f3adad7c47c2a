import type { Family } from "../../lab/model";

/** Where FRR's show commands are asked: a daemon's command socket, or vtysh in a container. */
export interface FrrShow {
    /** What a command that prints JSON prints. @throws Error when it is refused or something else is printed */
    json(command: string): Promise<unknown>;
}

/** A BGP session in one address family, as bgpd reports it (`show bgp summary json`). */
export interface BgpSession {
    readonly neighbor: string;
    readonly family: Family;
    readonly remoteAsn: number;
    /** FRR's name of the state: `Established`, `Active`, `Idle`, `Idle (Admin)`, … */
    readonly state: string;
    /** Milliseconds since the session came up; 0 when it is down. */
    readonly uptime: number;
    readonly prefixesReceived: number;
    /** Prefixes sent; 0 where FRR does not say. */
    readonly prefixesSent: number;
}

/** A prefix in bgpd's table. */
export interface BgpRoute {
    readonly prefix: string;
    readonly paths: readonly BgpPath[];
}

/** One path to a prefix. */
export interface BgpPath {
    /** The global address where an IPv6 path carries two (RFC 2545 §3); unspecified for the router's own routes. */
    readonly nextHop: string;
    /** The link-local address where the path carries it too; that is what the kernel's route then names. */
    readonly linkLocal?: string;
    readonly best: boolean;
    /** Whether the path shares the load of the best one. */
    readonly multipath: boolean;
    readonly valid: boolean;
    /** ASNs as text, nearest first; empty for the router's own routes. */
    readonly asPath: string;
    /** Address of the peer that offered the path; `(unspec)` for the router's own routes. */
    readonly peer: string;
}

/** A prefix that bgpd offers to a peer. */
export interface OfferedRoute {
    readonly prefix: string;
    readonly nextHop: string;
}

/** A route in zebra's table (`show ip route json`). */
export interface ZebraRoute {
    readonly prefix: string;
    /** `connected`, `static`, `bgp`, … */
    readonly protocol: string;
    /** Whether it is the best of the routes to its prefix. */
    readonly selected: boolean;
    /** Whether the kernel has it. */
    readonly installed: boolean;
    readonly nextHops: readonly ZebraNextHop[];
}

/** A next hop of a route in zebra's table. */
export interface ZebraNextHop {
    readonly via?: string;
    readonly dev?: string;
    readonly blackhole: boolean;
    /** Whether the kernel uses it. */
    readonly fib: boolean;
}

const keys: Readonly<Record<Family, string>> = { ipv4: "ipv4Unicast", ipv6: "ipv6Unicast" };

interface PeerJson {
    readonly remoteAs?: number;
    readonly state?: string;
    readonly peerUptimeMsec?: number;
    readonly pfxRcd?: number;
    readonly pfxSnt?: number;
}

/** Words that name a VRF in a command; none for the default one. */
function inVrf(vrf: string | undefined): string {
    return vrf === undefined ? "" : `vrf ${vrf} `;
}

/** Sessions of a VRF, one entry per neighbor and family. */
export async function bgpSummary(bgpd: FrrShow, vrf?: string): Promise<readonly BgpSession[]> {
    const summary = (await bgpd.json(`show bgp ${inVrf(vrf)}summary json`)) as Readonly<
        Record<string, { peers?: object }>
    >;
    return (["ipv4", "ipv6"] as const).flatMap((family) =>
        Object.entries((summary[keys[family]]?.peers ?? {}) as Readonly<Record<string, PeerJson>>).map(
            ([neighbor, peer]) => ({
                neighbor,
                family,
                remoteAsn: peer.remoteAs ?? 0,
                state: peer.state ?? "Unknown",
                uptime: peer.state === "Established" ? (peer.peerUptimeMsec ?? 0) : 0,
                prefixesReceived: peer.pfxRcd ?? 0,
                prefixesSent: peer.pfxSnt ?? 0,
            }),
        ),
    );
}

interface PathJson {
    readonly valid?: boolean;
    /** A flag in the table; an object with its own flag for one prefix. */
    readonly bestpath?: boolean | { readonly overall?: boolean };
    readonly multipath?: boolean;
    readonly path?: string;
    readonly aspath?: { readonly string?: string };
    readonly peerId?: string;
    readonly peer?: { readonly peerId?: string };
    readonly nexthops?: readonly { readonly ip?: string; readonly scope?: string }[];
}

function pathOf(path: PathJson): BgpPath {
    const nextHops = path.nexthops ?? [];
    const asPath = path.path ?? path.aspath?.string ?? "";
    const linkLocal = nextHops.find(({ scope }) => scope === "link-local")?.ip;
    return {
        nextHop: (nextHops.find(({ scope }) => scope === "global") ?? nextHops[0])?.ip ?? "",
        ...(linkLocal === undefined ? {} : { linkLocal }),
        best: typeof path.bestpath === "object" ? path.bestpath.overall === true : path.bestpath === true,
        multipath: path.multipath === true,
        valid: path.valid === true,
        asPath: asPath === "Local" ? "" : asPath,
        peer: path.peerId ?? path.peer?.peerId ?? "",
    };
}

/** bgpd's table of a family. */
export async function bgpRoutes(bgpd: FrrShow, family: Family, vrf?: string): Promise<readonly BgpRoute[]> {
    const { routes = {} } = (await bgpd.json(`show bgp ${inVrf(vrf)}${family} unicast json`)) as {
        readonly routes?: Readonly<Record<string, readonly PathJson[]>>;
    };
    return Object.entries(routes).map(([prefix, paths]) => ({ prefix, paths: paths.map(pathOf) }));
}

/** What bgpd has for exactly one prefix; undefined when it has nothing. */
export async function bgpRoute(bgpd: FrrShow, family: Family, prefix: string): Promise<BgpRoute | undefined> {
    const found = (await bgpd.json(`show bgp ${family} unicast ${prefix} json`)) as {
        readonly prefix?: string;
        readonly paths?: readonly PathJson[];
    };
    return found.paths && { prefix: found.prefix ?? prefix, paths: found.paths.map(pathOf) };
}

/** What bgpd offers to a neighbor after its policy. */
export async function advertisedRoutes(
    bgpd: FrrShow,
    neighbor: string,
    family: Family,
    vrf?: string,
): Promise<readonly OfferedRoute[]> {
    const command = `show bgp ${inVrf(vrf)}${family} unicast neighbors ${neighbor} advertised-routes json`;
    const { advertisedRoutes: routes = {} } = (await bgpd.json(command)) as {
        readonly advertisedRoutes?: Readonly<Record<string, { nextHop?: string; nextHopGlobal?: string }>>;
    };
    return Object.entries(routes).map(([prefix, { nextHop, nextHopGlobal }]) => ({
        prefix,
        nextHop: nextHopGlobal ?? nextHop ?? "",
    }));
}

/**
 * Prefixes of a neighbor that bgpd's import policy refuses. Those that went through the own AS are left out: bgpd refuses
 * them in any case, and whether the neighbor sends them at all is not sure.
 *
 * @throws Error when the neighbor's routes are not kept as they came (`soft-reconfiguration inbound`), or there is none
 */
export async function refusedRoutes(bgpd: FrrShow, neighbor: string, family: Family): Promise<readonly string[]> {
    const command = `show bgp ${family} unicast neighbors ${neighbor} filtered-routes json`;
    const {
        warning,
        localAS,
        receivedRoutes = {},
    } = (await bgpd.json(command)) as {
        readonly warning?: string;
        readonly localAS?: number;
        readonly receivedRoutes?: Readonly<Record<string, { readonly path?: string }>>;
    };
    if (warning !== undefined) {
        throw new Error(`"${command}" was answered with: ${warning}`);
    }
    return Object.entries(receivedRoutes)
        .filter(([, { path = "" }]) => !path.split(" ").includes(String(localAS)))
        .map(([prefix]) => prefix);
}

interface ZebraJson {
    readonly protocol?: string;
    readonly selected?: boolean;
    readonly installed?: boolean;
    readonly nexthops?: readonly {
        readonly ip?: string;
        readonly interfaceName?: string;
        readonly blackhole?: boolean;
        readonly fib?: boolean;
    }[];
}

/** zebra's table of a family, with what it installed in the kernel. */
export async function zebraRoutes(zebra: FrrShow, family: Family, vrf?: string): Promise<readonly ZebraRoute[]> {
    const table = (await zebra.json(`show ${family === "ipv4" ? "ip" : "ipv6"} route ${inVrf(vrf)}json`)) as Readonly<
        Record<string, readonly ZebraJson[]>
    >;
    return Object.entries(table).flatMap(([prefix, routes]) =>
        routes.map(({ protocol = "", selected = false, installed = false, nexthops = [] }) => ({
            prefix,
            protocol,
            selected,
            installed,
            nextHops: nexthops.map(({ ip, interfaceName, blackhole = false, fib = false }) => ({
                via: ip,
                dev: interfaceName,
                blackhole,
                fib,
            })),
        })),
    );
}
