/** Routing that never comes to rest. */

import type { Prefix } from "../lab/model";

/** A router and a network to which it never settles on a route. */
export interface Unrest {
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly prefix: Prefix;
}

const circularNextHop =
    "the next hop is reached by that route or one that hangs on it; " +
    "give it another way to the next hop, such as a static route or the network of the link";

/** Routing that changes for ever: next hops that are reached by the very routes that they carry, or preferences in a circle. */
export class UnrestError extends Error {
    constructor(
        lab: string,
        /** The routes that change for ever. */
        readonly routes: readonly Unrest[],
        /** @default next hops that hang on their own routes */
        why: string = circularNextHop,
    ) {
        const [first] = routes;
        const where = first?.vrf === undefined ? first?.device : `${first.device} (VRF ${first.vrf})`;
        super(
            `routing in ${lab} does not come to rest: ${where} changes its route to ${first?.prefix} for ever, ` +
                `because ${why}`,
        );
    }
}
