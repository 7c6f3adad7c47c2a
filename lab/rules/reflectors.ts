import type { Lab } from "../model";
import { findSessionSettings } from "../speakers";
import { hears, internalPeersOf, isClient, type Member } from "./internal-peers";
import { rule, type Violation } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/** Only internal peers are clients of a reflector; daemons refuse to reflect to others. */
export const clientsAreInternal = rule({
    id: "BGP-RR-001",
    severity: "error",
    source: "RFC 4456 §6",
    *check(lab) {
        for (const instance of instances(lab)) {
            for (const [index, neighbor] of instance.bgp.neighbors.entries()) {
                const settings = findSessionSettings(instance.bgp, neighbor);
                if (settings !== undefined && isClient(settings) && neighbor.remoteAsn !== instance.bgp.asn) {
                    yield {
                        at: [...instance.place, "bgp", "neighbors", index],
                        with: [[...instance.place, "bgp", "asn"]],
                        says: `${instance.who} reflects to ${neighbor.address}, which is AS ${neighbor.remoteAsn} and not its own ${instance.bgp.asn}`,
                        fix: "reflect to internal peers only; external ones are sent internal routes anyway",
                    };
                }
            }
        }
    },
});

/** Internal routes are not passed on to internal peers: without a reflector, speakers that take routes miss those of each other. */
export const takersMissNoRoutes = rule({
    id: "BGP-RR-002",
    severity: "error",
    source: "RFC 4271 §9.2; RFC 4456 §4",
    *check(lab) {
        for (const { reflector, blind, others } of separated(lab).filter(({ blind: { takes } }) => takes)) {
            yield violation(reflector, blind, others, "");
        }
    },
});

/** Speakers that only announce lose nothing without a reflector, but the AS is not whole until somebody takes routes. */
export const announcersAreConnected = rule({
    id: "BGP-RR-003",
    severity: "warning",
    source: "RFC 4271 §9.2; RFC 4456 §4",
    *check(lab) {
        for (const { reflector, blind, others } of separated(lab).filter(({ blind: { takes } }) => !takes)) {
            yield violation(reflector, blind, others, `; ${blind.program} takes no routes, so no packet is lost yet`);
        }
    },
});

function violation(reflector: PlacedInstance, blind: Member, others: readonly Member[], remark: string): Violation {
    const names = others.map(({ name }) => name);
    return {
        at: [...blind.settings, "families"],
        says: `${reflector.who} keeps the routes of its internal peers from each other (${[blind.name, ...names].join(", ")}): they are no clients of a route reflector, and have no sessions with each other${remark}`,
        fix: `make them route-reflector clients of ${reflector.who}, or connect each with each`,
    };
}

interface Separated {
    readonly reflector: PlacedInstance;
    /** The first peer that misses routes; one that takes routes, if there is one. */
    readonly blind: Member;
    /** The peers whose routes it misses. */
    readonly others: readonly Member[];
}

/** Routers that have internal peers which do not learn of each other. */
function separated(lab: Lab): readonly Separated[] {
    return instances(lab).flatMap((reflector): Separated[] => {
        const peers = internalPeersOf(lab, reflector);
        const missing = peers
            .map((blind) => ({ blind, others: peers.filter((other) => !hears(lab, blind, other)) }))
            .filter(({ others }) => others.length > 0);
        const found = missing.find(({ blind }) => blind.takes) ?? missing[0];
        return found === undefined ? [] : [{ reflector, ...found }];
    });
}
