import type { Asn, Lab, Service } from "../model";
import type { Path } from "../path";
import { announcesService } from "../services";
import { type SessionEnd, sessions } from "../sessions";
import { largestGroup } from "./equal-paths";
import { rule, type Violation } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/** Without multipath-relax, equal paths through different ASes do not share the load. */
export const multipathCrossesAses = rule({
    id: "BGP-ECMP-001",
    severity: "warning",
    source: "RFC 7938 §6",
    *check(lab) {
        for (const { router, place, narrow } of narrowed(lab)) {
            const services = narrow.filter(
                ({ service, relaxed }) => !relaxed && service.externalTrafficPolicy === "Cluster",
            );
            yield* services.slice(0, 1).map(
                ({ announced, usable }): Violation => ({
                    at: [...place, "multipathRelax"],
                    says: `${router} uses ${usable} of ${announced} paths to ${names(services)}: they lead through different ASes`,
                    fix: "set multipathRelax to true",
                }),
            );
        }
    },
});

/** Nodes beyond the largest number of paths get no traffic. */
export const maximumPathsCoverNodes = rule({
    id: "BGP-ECMP-002",
    severity: "warning",
    source: "FRR documentation, maximum-paths",
    *check(lab) {
        for (const { router, place, narrow } of narrowed(lab)) {
            const services = narrow.filter(
                ({ service, relaxed }) => relaxed && service.externalTrafficPolicy === "Cluster",
            );
            yield* services.slice(0, 1).map(
                ({ announced, usable }): Violation => ({
                    at: [...place, "maximumPaths"],
                    says: `${router} uses ${usable} of ${announced} paths to ${names(services)}`,
                    fix: `set maximumPaths to ${announced} or more`,
                }),
            );
        }
    },
});

/** Under Local a node that gets no traffic has pods that never answer. */
export const localPodsAreReached = rule({
    id: "BGP-ECMP-003",
    severity: "error",
    source: "Kubernetes documentation, externalTrafficPolicy",
    *check(lab) {
        for (const { router, place, narrow } of narrowed(lab)) {
            const services = narrow.filter(({ service }) => service.externalTrafficPolicy === "Local");
            yield* services.slice(0, 1).map(
                ({ announced, usable, relaxed }): Violation => ({
                    at: [...place, relaxed ? "maximumPaths" : "multipathRelax"],
                    says: `${router} uses ${usable} of ${announced} paths to ${names(services)}, whose pods on the other nodes then never answer`,
                    fix: relaxed ? `set maximumPaths to ${announced} or more` : "set multipathRelax to true",
                }),
            );
        }
    },
});

interface Narrow {
    readonly service: Service;
    /** Nodes that announce the service. */
    readonly announced: number;
    /** Paths that the router uses. */
    readonly usable: number;
    /** Whether it is the number of paths, and not their ASes, that limits them. */
    readonly relaxed: boolean;
}

interface NarrowInstance {
    readonly router: string;
    readonly place: Path;
    readonly narrow: readonly Narrow[];
}

/** Asked by three rules. */
const narrowedByLab = new WeakMap<Lab, readonly NarrowInstance[]>();

/** Per routing instance, the services to which it uses fewer paths than nodes offer it. */
function narrowed(lab: Lab): readonly NarrowInstance[] {
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

function names(narrow: readonly Narrow[]): string {
    return narrow.map(({ service }) => service.name).join(", ");
}
