/** Which subnets routers announce. */

import { contains, familyOf } from "../address";
import type { Address } from "../model";
import { onLink } from "../sessions";
import type { PlacedInstance } from "./tables";

/** Whether a routing instance announces a network that holds an address: by name, or as a subnet that it is on. */
export function announcesLink({ bgp, interfaces }: PlacedInstance, address: Address): boolean {
    return bgp.families
        .filter(({ family }) => family === familyOf(address))
        .some(
            ({ networks, redistribute }) =>
                networks.some((network) => contains(network, address)) ||
                (redistribute.includes("connected") &&
                    onLink({ interfaces, staticRoutes: [] }, address).interface !== undefined),
        );
}
