/** Routing instances: the default VRF of a router and its others, each with own interfaces, tables and BGP speaker. */

import type { BgpSpeaker, Interface, Router, StaticRoute, Vrf } from "./model";
import type { Path } from "./path";

/** A VRF of a router, the default one included, as if it were a router of its own. */
export interface RoutingInstance {
    /** Name of the VRF; absent for the default one. */
    readonly vrf?: string;
    readonly interfaces: readonly Interface[];
    readonly staticRoutes: readonly StaticRoute[];
    readonly bgp: BgpSpeaker;
    /** What leaks routes into and out of the VRF; the default one leaks nothing. */
    readonly leaking?: Pick<Vrf, "routeDistinguisher" | "importTargets" | "exportTargets">;
    /** Where its static routes and speaker stand in the model, below the router. */
    readonly place: Path;
}

/** A router never changes, and its interfaces are compared by identity of their owner: each instance is made once. */
const instancesByRouter = new WeakMap<Router, readonly RoutingInstance[]>();

/** The routing instances of a router, the default one first. */
export function routingInstances(router: Router): readonly RoutingInstance[] {
    const known = instancesByRouter.get(router) ?? [
        defaultInstance(router),
        ...(router.vrfs ?? []).map(vrfInstance(router)),
    ];
    instancesByRouter.set(router, known);
    return known;
}

function defaultInstance({ interfaces, staticRoutes, bgp }: Router): RoutingInstance {
    return { interfaces: interfaces.filter(({ vrf }) => vrf === undefined), staticRoutes, bgp, place: [] };
}

function vrfInstance({ interfaces }: Router): (vrf: Vrf, index: number) => RoutingInstance {
    return ({ name, staticRoutes, bgp, ...leaking }, index) => ({
        vrf: name,
        interfaces: interfaces.filter(({ vrf }) => vrf === name),
        staticRoutes,
        bgp,
        leaking,
        place: ["vrfs", index],
    });
}
