/** What speakers originate: redistributed and announced networks of routers, pods and services of nodes. */

import { contains, familyOf } from "../lab/address";
import type { Address, BgpSpeaker, Family, Lab, Prefix } from "../lab/model";
import { announcedPrefixes } from "../lab/services";
import type { SpeakerProgram } from "../lab/speakers";
import { type Attributes, ownAttributes } from "./attributes";
import type { FibRoute } from "./prediction";
import type { PrefixIndex } from "./prefixes";
import type { Routes } from "./tables";

/** Own paths by number of their prefix. */
export type OwnPaths = ReadonlyMap<number, readonly Attributes[]>;

/** Networks that zebra never redistributes (`zebra_check_addr`): loopback, multicast and link-local ones. */
const neverRedistributed: readonly Prefix[] = ["127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/10"];

/** A router's own paths, given its connected and static routes. */
export function originatedByRouter(index: PrefixIndex, bgp: BgpSpeaker, routes: Routes): OwnPaths {
    const own = new Map<number, Attributes[]>();
    const add = (number: number, path: Attributes) => own.set(number, [...(own.get(number) ?? []), path]);
    for (const prefix of bgp.families.flatMap(({ networks }) => networks)) {
        const number = index.numberOf(prefix)!;
        // `bgp network import-check`: the path is used while the router has a route to that very prefix, not from BGP.
        const usable = bgp.networkImportCheck === false || routes.has(number);
        add(number, { ...ownPath(unspecified(familyOf(prefix)), "igp"), usable });
    }
    for (const [number, route] of routes) {
        const prefix = index.prefixes[number]!;
        if (redistributes(bgp, prefix, route)) {
            add(number, ownPath(route.nextHops[0]?.via ?? unspecified(familyOf(prefix)), "incomplete"));
        }
    }
    return own;
}

/** A node's own paths. */
export function originatedByNode(index: PrefixIndex, lab: Lab, node: string, program: SpeakerProgram): OwnPaths {
    const prefixes = announcedPrefixes(lab, node, program);
    return new Map(
        prefixes.map((prefix) => [index.numberOf(prefix)!, [ownPath(unspecified(familyOf(prefix)), "igp")]]),
    );
}

function redistributes(bgp: BgpSpeaker, prefix: Prefix, { protocol }: FibRoute): boolean {
    const family = bgp.families.find((entry) => entry.family === familyOf(prefix));
    return (
        protocol !== "bgp" &&
        family !== undefined &&
        family.redistribute.includes(protocol) &&
        !neverRedistributed.some((network) => contains(network, prefix))
    );
}

function ownPath(nextHop: Address, origin: Attributes["origin"]): Attributes {
    return { ...ownAttributes, nextHop, origin };
}

/** The next hop of a path that the speaker forwards itself. */
export function unspecified(family: Family): Address {
    return family === "ipv4" ? "0.0.0.0" : "::";
}
