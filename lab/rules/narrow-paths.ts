/** Services to which routers use fewer paths than there are. */

import type { Asn, Lab, Service } from "../model";
import type { Path } from "../path";
import { announcesService } from "../services";
import { type SessionEnd, sessions } from "../sessions";
import { largestGroup } from "./equal-paths";
import { instances, type PlacedInstance } from "./tables";

/** A service to which a router uses fewer paths than nodes offer it. */
export interface Narrow {
    readonly service: Service;
    /** Nodes that announce the service. */
    readonly announced: number;
    /** Paths that the router uses. */
    readonly usable: number;
    /** Whether it is the number of paths, and not their ASes, that limits them. */
    readonly relaxed: boolean;
}

/** A routing instance with the services to which it uses too few paths. */
export interface NarrowInstance {
    readonly router: string;
    readonly place: Path;
    readonly narrow: readonly Narrow[];
}

/** Asked by several rules. */
const narrowedByLab = new WeakMap<Lab, readonly NarrowInstance[]>();

/** Per routing instance, the services to which it uses fewer paths than nodes offer it. */
export function narrowed(lab: Lab): readonly NarrowInstance[] {
    const known = narrowedByLab.get(lab) ?? findNarrowed(lab);
    narrowedByLab.set(lab, known);
    return known;
}

function findNarrowed(lab: Lab): readonly NarrowInstance[] {
    return instances(lab).map((instance) => ({
        router: instance.who,
        place: [...instance.place, "bgp"],
        narrow: lab.cluster.services.flatMap((service) => narrowing(lab, instance, service)),
    }));
}

function narrowing(lab: Lab, instance: PlacedInstance, service: Service): Narrow[] {
    const { multipathRelax, maximumPaths } = instance.bgp;
    const ases = announcers(lab, instance, service);
    const alike = multipathRelax ? ases.length : largestGroup(ases);
    const usable = Math.min(alike, maximumPaths);
    return usable < ases.length ? [{ service, announced: ases.length, usable, relaxed: alike === ases.length }] : [];
}

/** ASes of the nodes that announce a service to a routing instance, one per node. */
function announcers(lab: Lab, { router, vrf }: PlacedInstance, service: Service): readonly Asn[] {
    const ends = peersOf(lab).get(JSON.stringify([router, vrf])) ?? [];
    const announcing = ends.filter(({ node, program }) => announcesService(lab, node, program!, service));
    return [...new Map(announcing.map(({ node, speaker }) => [node, speaker.asn])).values()];
}

const peersByLab = new WeakMap<Lab, ReadonlyMap<string, readonly SessionEnd[]>>();

/** The nodes' ends of the sessions of each routing instance. */
function peersOf(lab: Lab): ReadonlyMap<string, readonly SessionEnd[]> {
    const cached = peersByLab.get(lab);
    if (cached !== undefined) {
        return cached;
    }
    const peers = new Map<string, SessionEnd[]>();
    for (const { local, remote } of sessions(lab).filter((session) => session.remote.program !== undefined)) {
        const key = JSON.stringify([local.node, local.vrf]);
        const known = peers.get(key);
        if (known === undefined) {
            peers.set(key, [remote]);
        } else {
            known.push(remote);
        }
    }
    peersByLab.set(lab, peers);
    return peers;
}
