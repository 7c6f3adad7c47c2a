/**
 * VRFs as network namespaces, for kernels with and without VRF devices: each VRF of a router is a namespace of its own, and
 * FRR speaks BGP in all of them (zebra's VRF backend `netns`). Routes leak over an internal link, on which the VRFs are
 * each other's iBGP peers: they are marked with the route targets of the VRF they leave, and taken by VRFs that import
 * one of these. The next hop stays as it is, since every VRF that takes a route takes the way to its next hop as well. A VRF
 * that leaks has no iBGP neighbors of its own: to them, routes of another VRF would have a next hop inside the router.
 */

import { carries } from "../lab/families";
import { type RoutingInstance, routingInstances } from "../lab/instances";
import type { Address, InterfaceAddress, Neighbor, Router, RouteTarget, Vrf } from "../lab/model";
import { compareText, type RenderedFamily } from "./frr-policy";

/** Interface of every VRF on the internal link. */
export const leakInterface = "vrf-leak";

/** FRR does not redistribute networks of 169.254.0.0/16, so that this one stays inside the router. */
const leakNetwork = "169.254.255";

/** Addresses in the network, without those of the network itself and of broadcasts. */
const mostVrfs = 254;

/** Tag of a route that came from another VRF. It is never sent, and keeps the route from being leaked on. */
const leakedTag = 1;

/** Name of the namespace of a router's VRF. */
export function vrfNamespace(router: string, vrf: string | undefined): string {
    return vrf === undefined ? router : `${router}.${vrf}`;
}

/** Whether routes of a VRF go to another one. */
function leaksTo(from: Vrf, to: Vrf): boolean {
    return from !== to && from.exportTargets.some((target) => to.importTargets.includes(target));
}

/** VRFs with which a VRF shares routes, in either direction. */
function partners(router: Router, vrf: Vrf): readonly Vrf[] {
    return (router.vrfs ?? []).filter((other) => leaksTo(vrf, other) || leaksTo(other, vrf));
}

/** VRFs that leak, or are leaked to. */
export function leakingVrfs(router: Router): readonly Vrf[] {
    return (router.vrfs ?? []).filter((vrf) => partners(router, vrf).length > 0);
}

/**
 * Address of a VRF on the internal link.
 *
 * @throws Error when the router has more VRFs than the link has addresses
 */
export function leakAddress(router: Router, vrf: Vrf): InterfaceAddress {
    return `${leakHost(router, vrf)}/24`;
}

function leakHost({ vrfs = [] }: Router, vrf: Vrf): Address {
    if (vrfs.length > mostVrfs) {
        throw new Error(`a router has at most ${mostVrfs} VRFs as namespaces, but ${vrfs.length} are asked for`);
    }
    return `${leakNetwork}.${vrfs.indexOf(vrf) + 1}`;
}

/** The routing instances of a router with the sessions over which they leak in place of the leaking itself. */
export function leakingInstances(router: Router): readonly RoutingInstance[] {
    const byName = new Map((router.vrfs ?? []).map((vrf) => [vrf.name, vrf]));
    return routingInstances(router).map(({ leaking: _, ...instance }) => {
        const vrf = byName.get(instance.vrf ?? "");
        const own = vrf === undefined ? [] : partners(router, vrf).map((other) => leakSession(router, vrf, other));
        return { ...instance, bgp: { ...instance.bgp, neighbors: [...instance.bgp.neighbors, ...own] } };
    });
}

/** One session carries both families: FRR then sends its link-local address on the interface as the next hop of own IPv6 routes. */
function leakSession(router: Router, vrf: Vrf, other: Vrf): Neighbor {
    const families = (["ipv4", "ipv6"] as const)
        .filter((family) => carries(vrf.bgp, family) && carries(other.bgp, family))
        .map(
            (family): RenderedFamily => ({
                family,
                routeMaps: { in: mapName(vrf, "IN"), out: mapName(vrf, "OUT") },
            }),
        );
    return {
        address: leakHost(router, other),
        remoteAsn: other.bgp.asn,
        session: {
            kind: "own",
            settings: {
                remoteAs: { kind: "asn", asn: other.bgp.asn },
                timers: { holdTime: 60, keepalive: 20, connectRetry: 1 },
                families,
            },
        },
    };
}

function mapName({ name }: Vrf, direction: "IN" | "OUT"): string {
    return `LEAK-${direction}-${name}`;
}

/** Lists of the route targets that VRFs import, line by line in FRR's order. */
export function targetLists(router: Router): string[] {
    const byName = [...leakingVrfs(router)].sort((a, b) => compareText(a.name, b.name));
    return byName.flatMap((vrf) =>
        [...vrf.importTargets].map(
            (target: RouteTarget, index) =>
                `bgp extcommunity-list standard ${listName(vrf)} seq ${5 * (index + 1)} permit rt ${target}`,
        ),
    );
}

function listName({ name }: Vrf): string {
    return `IMPORT-${name}`;
}

/** Route maps of the internal sessions by name, each with its entries as sections of the configuration. */
export function leakRouteMaps(router: Router): ReadonlyMap<string, readonly (readonly string[])[]> {
    return new Map(
        leakingVrfs(router).flatMap((vrf) => [
            [mapName(vrf, "IN"), [importing(vrf)]] as const,
            [mapName(vrf, "OUT"), exporting(vrf)] as const,
        ]),
    );
}

/** A route that was taken loses the targets by which it came: to peers outside they mean nothing, or something else. */
function importing(vrf: Vrf): readonly string[] {
    const name = mapName(vrf, "IN");
    return vrf.importTargets.length === 0
        ? [`route-map ${name} deny 10`, "exit"]
        : [
              `route-map ${name} permit 10`,
              ` match extcommunity ${listName(vrf)}`,
              " set extcommunity none",
              ` set tag ${leakedTag}`,
              "exit",
          ];
}

function exporting(vrf: Vrf): readonly (readonly string[])[] {
    const name = mapName(vrf, "OUT");
    return vrf.exportTargets.length === 0
        ? [[`route-map ${name} deny 10`, "exit"]]
        : [
              [`route-map ${name} deny 5`, ` match tag ${leakedTag}`, "exit"],
              [`route-map ${name} permit 10`, ` set extcommunity rt ${vrf.exportTargets.join(" ")}`, "exit"],
          ];
}
