import type { Family } from "../../lab/model";
import type { Driver, ObservedRoute, ObservedSession } from "../../verify/driver";
import {
    advertisedRoutes,
    type BgpPath,
    type BgpRoute,
    type BgpSession,
    bgpRoutes,
    bgpSummary,
    type FrrShow,
    refusedRoutes,
} from "./frr-reads";

/** How a runtime reaches its routers. */
export interface RouterAccess {
    /** Asks the bgpd of a router. */
    ask<T>(device: string, read: (bgpd: FrrShow) => Promise<T>): Promise<T>;
    /**
     * Routes that a router's daemons installed in its kernel. Where packets go on in the tables of another VRF, its name
     * stands for the next hop.
     */
    kernelRoutes(device: string, family: Family, vrf?: string): Promise<readonly ObservedRoute[]>;
    /** Addresses, one per family and VRF or more, at which the VRFs of a router reach each other inside it. */
    internalAddresses(device: string): Promise<ReadonlySet<string>>;
}

/** Sessions by neighbor, each with all its families. */
function sessionsOf(summary: readonly BgpSession[]): readonly ObservedSession[] {
    const sessions = new Map<string, ObservedSession>();
    for (const { neighbor, remoteAsn, state, family, uptime } of summary) {
        const known = sessions.get(neighbor)?.families ?? [];
        sessions.set(neighbor, {
            neighbor,
            remoteAsn,
            state,
            families: [...known, family],
            uptime: Math.floor(uptime / 1_000),
        });
    }
    return [...sessions.values()];
}

/** Paths in use: the best one and those that share its load. */
function used({ paths }: BgpRoute): readonly BgpPath[] {
    return paths.filter(({ best, multipath }) => best || multipath);
}

function isLinkLocal(address: string): boolean {
    return /^fe[89ab]/i.test(address);
}

/**
 * Kernel routes with the global address of every next hop: where a path carries a link-local address too (RFC 2545 §3), the
 * kernel's route names that one, which no model knows. Next hops that are reached by way of another router are not in the
 * route's own paths, but that router is in others.
 */
function withGlobalNextHops(kernel: readonly ObservedRoute[], table: readonly BgpRoute[]): readonly ObservedRoute[] {
    const own = new Map(table.map((route) => [route.prefix, used(route)]));
    const all = new Map(
        table.flatMap(({ paths }) => paths.map(({ linkLocal, nextHop }) => [linkLocal ?? "", nextHop] as const)),
    );
    const globalOf = (prefix: string, hop: string) =>
        own.get(prefix)?.find(({ linkLocal }) => linkLocal === hop)?.nextHop ?? all.get(hop) ?? hop;
    return kernel.map(({ prefix, nextHops }) => ({
        prefix,
        nextHops: [...new Set(nextHops.map((hop) => (isLinkLocal(hop) ? globalOf(prefix, hop) : hop)))],
    }));
}

/** Next hops of a route in use; one inside the router stands for a route that another VRF originates. */
function nextHopsOf(route: BgpRoute, family: Family, internal: ReadonlySet<string>): readonly string[] {
    const own = family === "ipv4" ? "0.0.0.0" : "::";
    return used(route).map(({ nextHop }) => (internal.has(nextHop) ? own : nextHop));
}

/** What FRR's tables and the kernel under them say, in the words of the checks. The same for every runtime. */
export function frrTables({
    ask,
    kernelRoutes,
    internalAddresses,
}: RouterAccess): Pick<Driver, "sessions" | "bgpRoutes" | "kernelBgpRoutes" | "offered" | "refused"> {
    const internalTo = async (device: string, vrf: string | undefined): Promise<ReadonlySet<string>> =>
        vrf === undefined ? new Set() : internalAddresses(device);
    return {
        async sessions(device, vrf) {
            const summary = await ask(device, (bgpd) => bgpSummary(bgpd, vrf));
            const internal = await internalTo(device, vrf);
            return sessionsOf(summary.filter(({ neighbor }) => !internal.has(neighbor)));
        },
        async bgpRoutes(device, family, vrf) {
            const routes = await ask(device, (bgpd) => bgpRoutes(bgpd, family, vrf));
            const internal = await internalTo(device, vrf);
            return routes.map((route) => ({
                prefix: route.prefix,
                nextHops: nextHopsOf(route, family, internal),
            }));
        },
        async kernelBgpRoutes(device, family, vrf) {
            const kernel = await kernelRoutes(device, family, vrf);
            return kernel.some(({ nextHops }) => nextHops.some(isLinkLocal))
                ? withGlobalNextHops(kernel, await ask(device, (bgpd) => bgpRoutes(bgpd, family, vrf)))
                : kernel;
        },
        async offered(device, neighbor, family, vrf) {
            const routes = await ask(device, (bgpd) => advertisedRoutes(bgpd, neighbor, family, vrf));
            return routes.map(({ prefix }) => prefix);
        },
        refused: (device, neighbor, family) => ask(device, (bgpd) => refusedRoutes(bgpd, neighbor, family)),
    };
}
