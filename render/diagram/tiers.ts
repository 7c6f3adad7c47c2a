/**
 * Rows of a picture: hosts on top, then routers, those far from the cluster above those near to it, then nodes, and half a
 * row below them the routers in their Pods.
 */

import { namedDevices } from "../../lab/devices";
import type { Device, Lab } from "../../lab/model";

/** Rows of things that are no device. */
export interface Tiers {
    readonly ofDevice: (name: string) => number;
    /** Right above the nodes where they meet others, or else half a row below the highest device. */
    readonly ofSegment: (name: string) => number;
    readonly services: number;
    readonly pools: number;
}

const tiersByLab = new WeakMap<Lab, Tiers>();

/** Rows of a lab. */
export function tiers(lab: Lab): Tiers {
    const known = tiersByLab.get(lab) ?? makeTiers(lab);
    tiersByLab.set(lab, known);
    return known;
}

function makeTiers(lab: Lab): Tiers {
    const attached = devicesBySegment(lab);
    const hops = hopsFromNodes(lab, attached);
    const most = Math.max(1, ...hops.values());
    const ofDevice = (name: string) => {
        if (lab.hosts[name] !== undefined) {
            return 0;
        }
        const router = lab.routers[name];
        if (router?.pod !== undefined) {
            return most + 1.5;
        }
        return router === undefined ? most + 1 : 1 + most - (hops.get(name) ?? most);
    };
    return {
        ofDevice,
        ofSegment: (name) => {
            const on = (attached.get(name) ?? []).map(ofDevice);
            const isAboveNodes = on.includes(most + 1) && on.some((tier) => tier <= most);
            return 0.5 + (isAboveNodes ? most : Math.min(most + 1, ...on));
        },
        services: most + 2,
        pools: most + 3,
    };
}

/** Names of the devices on each segment that exists, each once. */
export function devicesBySegment(lab: Lab): ReadonlyMap<string, readonly string[]> {
    const bySegment = new Map(Object.keys(lab.segments).map((name): [string, string[]] => [name, []]));
    for (const [name, device] of namedDevices(lab)) {
        for (const segment of segmentsOf(device)) {
            bySegment.get(segment)?.push(name);
        }
    }
    return bySegment;
}

/** Segments of a device, each once. */
function segmentsOf({ interfaces }: Device): readonly string[] {
    const names = interfaces.flatMap(({ attachment }) => (attachment.kind === "segment" ? [attachment.segment] : []));
    return [...new Set(names)];
}

/** Segments between each router and the nearest node; a router that no node reaches over routers has none. */
function hopsFromNodes(lab: Lab, attached: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
    const hops = new Map<string, number>();
    const isDevice = (name: string) => lab.routers[name] !== undefined && lab.routers[name].pod === undefined;
    let edge = Object.values(lab.cluster.nodes).flatMap(segmentsOf);
    for (let distance = 1; edge.length > 0; distance++) {
        const found = [...new Set(edge.flatMap((segment) => attached.get(segment) ?? []))].filter(
            (name) => isDevice(name) && !hops.has(name),
        );
        for (const name of found) {
            hops.set(name, distance);
        }
        edge = found.flatMap((name) => segmentsOf(lab.routers[name]!));
    }
    return hops;
}
