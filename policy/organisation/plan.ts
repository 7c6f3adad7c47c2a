/** Everything that a lab plans addresses for, by what it is used for. */

import type { AddressRange, Lab, Prefix } from "../../lab/model";
import type { Path } from "../../lab/path";
import { networks, type PlacedNetwork } from "../../lab/rules/networks";

/** What addresses are used for, as parameters name it. */
export type Use = "pods" | "services" | "nodes" | "links" | "pools" | "loopbacks";

/** A network or range of the plan. */
export interface PlannedNetwork {
    readonly use: Use;
    readonly block: Prefix | AddressRange;
    /** Readable name. */
    readonly what: string;
    readonly place: Path;
}

const useOf: Readonly<Record<PlacedNetwork["kind"], Use>> = {
    "node-segment": "nodes",
    link: "links",
    pods: "pods",
    services: "services",
    pool: "pools",
    loopback: "loopbacks",
};

/** The networks, pools and loopbacks of a well-formed lab. */
export function plannedNetworks(lab: Lab): readonly PlannedNetwork[] {
    return networks(lab).map(({ kind, prefix, what, place }) => ({ use: useOf[kind], block: prefix, what, place }));
}
