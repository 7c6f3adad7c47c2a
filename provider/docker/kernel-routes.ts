import { hostPrefix } from "../../lab/address";
import type { Address, Family } from "../../lab/model";
import type { ObservedRoute } from "../../verify/driver";

/** Number by which FRR marks the routes of bgpd in the kernel (linux/rtnetlink.h, RTPROT_BGP). */
const bgpProtocol = "186";

interface NextHopJson {
    readonly gateway?: string;
    /** An IPv4 route by way of an IPv6 neighbor (RFC 8950). */
    readonly via?: { readonly host?: string };
}

interface RouteJson extends NextHopJson {
    readonly dst: string;
    readonly nexthops?: readonly NextHopJson[];
}

/** The command that prints the BGP routes of a kernel. The number works where no file gives the protocol a name. */
export function kernelRoutesCommand(family: Family, vrf?: string): readonly string[] {
    const version = family === "ipv4" ? "-4" : "-6";
    const table = vrf === undefined ? [] : ["vrf", vrf];
    return ["ip", "-j", "-d", version, "route", "show", ...table, "proto", bgpProtocol];
}

function prefixOf(destination: string, family: Family): string {
    if (destination === "default") {
        return family === "ipv4" ? "0.0.0.0/0" : "::/0";
    }
    return destination.includes("/") ? destination : hostPrefix(destination);
}

function gatewayOf({ gateway, via }: NextHopJson): readonly Address[] {
    const address = gateway ?? via?.host;
    return address === undefined ? [] : [address];
}

/**
 * What `ip -j route` printed. Next hops of one prefix come together or, from older kernels, as routes of their own.
 *
 * @param text the output; empty for no routes
 */
export function parseKernelRoutes(text: string, family: Family): readonly ObservedRoute[] {
    const nextHops = new Map<string, Address[]>();
    for (const route of JSON.parse(text.trim() === "" ? "[]" : text) as readonly RouteJson[]) {
        const prefix = prefixOf(route.dst, family);
        const hops = (route.nexthops ?? [route]).flatMap(gatewayOf);
        nextHops.set(prefix, [...(nextHops.get(prefix) ?? []), ...hops]);
    }
    return [...nextHops].map(([prefix, hops]) => ({ prefix, nextHops: hops }));
}
