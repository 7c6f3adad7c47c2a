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
} from "./frr-reads";

/** How a runtime reaches its routers. */
export interface RouterAccess {
    /** Asks the bgpd of a router. */
    ask<T>(device: string, read: (bgpd: FrrShow) => Promise<T>): Promise<T>;
    /** Routes that a router's daemons installed in its kernel. */
    kernelRoutes(device: string, family: Family): Promise<readonly ObservedRoute[]>;
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
 * kernel's route names that one, which no model knows.
 */
function withGlobalNextHops(kernel: readonly ObservedRoute[], table: readonly BgpRoute[]): readonly ObservedRoute[] {
    const paths = new Map(table.map((route) => [route.prefix, used(route)]));
    return kernel.map(({ prefix, nextHops }) => ({
        prefix,
        nextHops: nextHops.map((hop) => paths.get(prefix)?.find(({ linkLocal }) => linkLocal === hop)?.nextHop ?? hop),
    }));
}

/** What FRR's tables and the kernel under them say, in the words of the checks. The same for every runtime. */
export function frrTables({
    ask,
    kernelRoutes,
}: RouterAccess): Pick<Driver, "sessions" | "bgpRoutes" | "kernelBgpRoutes" | "offered"> {
    return {
        sessions: async (device) => sessionsOf(await ask(device, bgpSummary)),
        async bgpRoutes(device, family) {
            const routes = await ask(device, (bgpd) => bgpRoutes(bgpd, family));
            return routes.map((route) => ({
                prefix: route.prefix,
                nextHops: used(route).map(({ nextHop }) => nextHop),
            }));
        },
        async kernelBgpRoutes(device, family) {
            const kernel = await kernelRoutes(device, family);
            return kernel.some(({ nextHops }) => nextHops.some(isLinkLocal))
                ? withGlobalNextHops(kernel, await ask(device, (bgpd) => bgpRoutes(bgpd, family)))
                : kernel;
        },
        async offered(device, neighbor, family) {
            const routes = await ask(device, (bgpd) => advertisedRoutes(bgpd, neighbor, family));
            return routes.map(({ prefix }) => prefix);
        },
    };
}
