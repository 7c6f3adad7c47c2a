import { type Narrow, narrowed } from "./narrow-paths";
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

function names(narrow: readonly Narrow[]): string {
    return narrow.map(({ service }) => service.name).join(", ");
}
