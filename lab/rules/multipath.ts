import type { BgpSpeaker, Lab, Service } from "../model";
import type { Path } from "../path";
import { advertisingNodes } from "../services";
import { nodeSpeakers } from "../speakers";
import { rule, type Violation } from "./rule";

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

/** Per router, the services to which it uses fewer paths than there are. */
function narrowed(
    lab: Lab,
): readonly { readonly router: string; readonly place: Path; readonly narrow: readonly Narrow[] }[] {
    return Object.entries(lab.routers).map(([router, { bgp }]) => ({
        router,
        place: ["routers", router, "bgp"],
        narrow: lab.cluster.services.flatMap((service) => narrowing(lab, bgp, service)),
    }));
}

function narrowing(lab: Lab, bgp: BgpSpeaker, service: Service): Narrow[] {
    const nodes = advertisingNodes(lab, service);
    const alike = bgp.multipathRelax
        ? nodes.length
        : largestGroup(nodes.map((node) => nodeSpeakers(lab, node)[0]?.asn));
    const usable = Math.min(alike, bgp.maximumPaths);
    return usable < nodes.length ? [{ service, announced: nodes.length, usable, relaxed: alike === nodes.length }] : [];
}

function largestGroup(values: readonly unknown[]): number {
    const counts = new Map<unknown, number>();
    for (const value of values) {
        counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    return Math.max(0, ...counts.values());
}

function names(narrow: readonly Narrow[]): string {
    return narrow.map(({ service }) => service.name).join(", ");
}
