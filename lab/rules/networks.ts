/** The networks of a lab that share one address space, with their places in the model. */

import { networkOf } from "../address";
import type { Lab, Prefix } from "../model";
import type { Path } from "../path";
import { nodePort } from "../pods";
import { devices } from "./devices";

/** A network and what it is for. */
export interface PlacedNetwork {
    readonly kind: "node-segment" | "link" | "pods" | "services" | "loopback" | "pool";
    readonly prefix: Prefix;
    /** Readable name, e.g. `the pod CIDR 10.100.0.0/16`. */
    readonly what: string;
    readonly place: Path;
    /** Whether it is in a VRF beside the default one, as loopbacks of routers may be. */
    readonly isInVrf?: boolean;
    /** Whether it is an address of a router in a Pod. */
    readonly isInPod?: boolean;
}

const networksByLab = new WeakMap<Lab, readonly PlacedNetwork[]>();

/** All networks, those that others are planned around first. */
export function networks(lab: Lab): readonly PlacedNetwork[] {
    const placed = networksByLab.get(lab) ?? placeNetworks(lab);
    networksByLab.set(lab, placed);
    return placed;
}

function placeNetworks(lab: Lab): readonly PlacedNetwork[] {
    const { nodeSegment, podCidrs, serviceCidrs, loadBalancerPools } = lab.cluster;
    const shared = Object.entries(lab.segments).filter(([, { kind }]) => kind !== "pod-link");
    const segments = shared.flatMap(([name, { subnets }]) =>
        subnets.map((prefix, index): PlacedNetwork => {
            const kind = name === nodeSegment ? "node-segment" : "link";
            const what = `the ${kind === "link" ? "link" : "node network"} ${name} (${prefix})`;
            return { kind, prefix, what, place: ["segments", name, "subnets", index] };
        }),
    );
    return [
        ...segments.filter(({ kind }) => kind === "node-segment"),
        ...podCidrs.map((prefix, index): PlacedNetwork => {
            return { kind: "pods", prefix, what: `the pod CIDR ${prefix}`, place: ["cluster", "podCidrs", index] };
        }),
        ...serviceCidrs.map((prefix, index): PlacedNetwork => {
            return {
                kind: "services",
                prefix,
                what: `the service CIDR ${prefix}`,
                place: ["cluster", "serviceCidrs", index],
            };
        }),
        ...segments.filter(({ kind }) => kind === "link"),
        ...loopbacks(lab),
        ...loadBalancerPools.flatMap(({ name, blocks }, index) =>
            blocks.map((prefix, block): PlacedNetwork => {
                const place = ["cluster", "loadBalancerPools", index, "blocks", block];
                return { kind: "pool", prefix, what: `the pool ${name} (${prefix})`, place };
            }),
        ),
    ];
}

/** Loopbacks of devices; what a node has for its pods is in their range. */
function loopbacks(lab: Lab): readonly PlacedNetwork[] {
    return devices(lab).flatMap(({ name, addresses }) => {
        const isNode = lab.cluster.nodes[name] !== undefined;
        const isInPod = lab.routers[name]?.pod !== undefined;
        return addresses
            .filter(({ interface: { attachment } }) => attachment.kind === "loopback")
            .filter(({ interface: port }) => !(isNode && port.name === nodePort))
            .map(({ text, place, interface: { name: port, vrf } }): PlacedNetwork => {
                const what = `the loopback ${port} of ${name} (${text})`;
                return { kind: "loopback", prefix: networkOf(text), what, place, isInVrf: vrf !== undefined, isInPod };
            });
    });
}
