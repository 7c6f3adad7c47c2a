/** The network of a container in which VyOS runs: what others get from a wiring, VyOS in part gives itself. */

import type { Lab } from "../lab/model";
import { defaultVyosVersion, vyosSeries } from "../lab/vyos";
import type { WiringInputs } from "../provider/schema";
import { vyosInterfaceNames } from "./vyos";

/** The part of a wiring that follows from the model. */
type Wiring = Pick<WiringInputs, "interfaces" | "routes" | "forwarding" | "loopback" | "silence">;

/**
 * The wiring of a router, with the names that its interfaces have in VyOS. Loopbacks are left to VyOS, which makes them from
 * its configuration.
 */
export function vyosWiring(lab: Lab, name: string, { loopback: _, ...wiring }: Wiring): Wiring {
    const { interfaces, nosVersion } = lab.routers[name]!;
    const names = vyosInterfaceNames(interfaces, vyosSeries(nosVersion) ?? vyosSeries(defaultVyosVersion)!);
    const renamed = Object.entries(wiring.interfaces).map(([own, spec]) => [names.get(own) ?? own, spec] as const);
    return { ...wiring, interfaces: Object.fromEntries(renamed) };
}
