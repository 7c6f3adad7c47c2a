/** The routing instances of routers, and everything that has a routing table, as many rules walk over them. */

import { type RoutingInstance, routingInstances } from "../instances";
import type { Lab, StaticRoute } from "../model";
import type { Path } from "../path";
import { devices, type PlacedAddress } from "./devices";

/** A routing instance of a router with its place in the model. */
export interface PlacedInstance extends RoutingInstance {
    readonly router: string;
    /** Readable name: `router0`, or `router0's VRF blue`. */
    readonly who: string;
    /** Where the router stands in the model. */
    readonly device: Path;
    /** Where the instance's static routes and speaker stand in the model. */
    readonly place: Path;
}

const instancesByLab = new WeakMap<Lab, readonly PlacedInstance[]>();

/** The routing instances of all routers, in the order of the model. */
export function instances(lab: Lab): readonly PlacedInstance[] {
    const placed = instancesByLab.get(lab) ?? placeInstances(lab);
    instancesByLab.set(lab, placed);
    return placed;
}

function placeInstances(lab: Lab): readonly PlacedInstance[] {
    return Object.entries(lab.routers).flatMap(([router, model]) =>
        routingInstances(model).map((instance): PlacedInstance => {
            const device = ["routers", router];
            const who = instance.vrf === undefined ? router : `${router}'s VRF ${instance.vrf}`;
            return { ...instance, router, who, device, place: [...device, ...instance.place] };
        }),
    );
}

/** What has a routing table of its own: a host, a node, or a routing instance of a router. */
export interface PlacedTable {
    readonly who: string;
    /** Where its static routes stand in the model. */
    readonly place: Path;
    readonly device: Pick<RoutingInstance, "interfaces"> & { readonly staticRoutes: readonly StaticRoute[] };
    readonly addresses: readonly PlacedAddress[];
}

const tablesByLab = new WeakMap<Lab, readonly PlacedTable[]>();

/** All routing tables: the routers', the hosts' and the nodes', in the order of the model. */
export function tables(lab: Lab): readonly PlacedTable[] {
    const placed = tablesByLab.get(lab) ?? placeTables(lab);
    tablesByLab.set(lab, placed);
    return placed;
}

function placeTables(lab: Lab): readonly PlacedTable[] {
    const all = instances(lab);
    return devices(lab).flatMap(({ name, place, device, addresses }): PlacedTable[] => {
        const own = all.filter((instance) => instance.router === name && place[0] === "routers");
        return own.length === 0
            ? [{ who: name, place, device, addresses }]
            : own.map((instance) => ({
                  who: instance.who,
                  place: instance.place,
                  device: instance,
                  addresses: addresses.filter((address) => address.interface.vrf === instance.vrf),
              }));
    });
}
