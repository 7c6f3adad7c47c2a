import { contains, familyName, familyOf, lengthOf } from "../address";
import type { Address } from "../model";
import { directedSessions, onLink, sessionEnds } from "../sessions";
import { findSessionSettings } from "../speakers";
import { announcesLink } from "./announced-links";
import { fieldOf, isOffLink, isOfPod } from "./ends";
import { rule } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/** An eBGP peer is directly connected unless the session may take more hops. */
export const peerIsOnLink = rule({
    id: "BGP-SES-003",
    severity: "error",
    source: "RFC 4271 §5.1.3",
    *check(lab) {
        for (const end of sessionEnds(lab).filter(isOffLink)) {
            yield {
                at: fieldOf(end, "address"),
                says: `${end.node} has the neighbor ${end.peerAddress}, which is in no subnet of its interfaces`,
                fix: "use an address of a connected subnet, or set ebgpMultihop",
            };
        }
    },
});

/** The number of hops is a limit of external sessions. Pods of their speaker's own AS have a rule of their own. */
export const multihopIsExternal = rule({
    id: "BGP-SES-008",
    severity: "error",
    source: "RFC 4271 §5.1.3",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab)) {
            const isPods = lab.routers[local.node]?.pod ?? lab.routers[remote.node]?.pod;
            if (local.ebgpMultihop !== undefined && local.speaker.asn === remote.speaker.asn && isPods === undefined) {
                yield {
                    at: local.path,
                    says: `${session} is internal, but has ebgpMultihop`,
                    fix: "remove ebgpMultihop; an internal session may cross any number of hops",
                };
            }
        }
    },
});

/** A peer beyond the own links is found only by a route. The way to a Pod has a rule of its own. */
export const distantPeersAreRouted = rule({
    id: "BGP-SES-010",
    severity: "error",
    source: "RFC 1812 §5.2",
    *check(lab) {
        const all = instances(lab);
        for (const end of sessionEnds(lab).filter((candidate) => candidate.interface === undefined)) {
            const own = all.find(({ router, vrf }) => router === end.node && vrf === end.vrf && end.kind === "router");
            const routes = own?.staticRoutes ?? lab.cluster.nodes[end.node]?.staticRoutes ?? [];
            const isRouted = routes.some(({ prefix }) => contains(prefix, end.peerAddress)) || isOfPod(lab, end);
            if (!isOffLink(end) && !isRouted && !(own !== undefined && leaks(all, own, end.peerAddress))) {
                const where = end.vrf === undefined ? end.node : `${end.node}'s VRF ${end.vrf}`;
                yield {
                    at: fieldOf(end, "address"),
                    says: `${where} has no route to its neighbor ${end.peerAddress}, which is in no subnet of its interfaces`,
                    fix:
                        end.kind === "router"
                            ? "add a static route, or import the route target of the VRF that has the subnet"
                            : "add a static route via the router, such as a default route",
                };
            }
        }
    },
});

/**
 * The profile `datacenter` takes no default route for a way to a neighbor or to a next hop: a router does not connect to a
 * neighbor that it reaches by nothing else, and uses no route with this next hop. That of Pods has a rule of its own.
 */
export const distantPeersAreResolved = rule({
    id: "BGP-SES-012",
    severity: "warning",
    source: "FRR documentation, ip nht resolve-via-default",
    *check(lab) {
        const all = instances(lab);
        for (const end of sessionEnds(lab).filter((candidate) => candidate.interface === undefined)) {
            const own = all.find(({ router, vrf }) => router === end.node && vrf === end.vrf && end.kind === "router");
            const routes = (own?.staticRoutes ?? []).filter(({ prefix }) => contains(prefix, end.peerAddress));
            if (
                own?.bgp.defaults === "datacenter" &&
                lab.routers[own.router]?.pod === undefined &&
                routes.length > 0 &&
                routes.every(({ prefix }) => lengthOf(prefix) === 0) &&
                !all.some((other) => other !== own && announcesLink(other, end.peerAddress))
            ) {
                yield {
                    at: fieldOf(end, "address"),
                    with: [[...own.place, "bgp", "defaults"]],
                    says: `${own.who} reaches its neighbor ${end.peerAddress} by a default route only, which the profile datacenter does not take for a way: it waits to be connected to, and uses no route with this next hop`,
                    fix: "add a static route to the neighbor, or use the profile traditional",
                };
            }
        }
    },
});

/** A session speaks from an interface of its own VRF that has an address of the peer's family. */
export const updateSourcesExist = rule({
    id: "BGP-SES-011",
    severity: "error",
    source: "FRR documentation, neighbor update-source",
    *check(lab) {
        for (const { who, interfaces, bgp, place } of instances(lab)) {
            for (const [index, neighbor] of bgp.neighbors.entries()) {
                const source = findSessionSettings(bgp, neighbor)?.updateSource;
                const family = familyOf(neighbor.address);
                const port = interfaces.find(({ name }) => name === source);
                if (source !== undefined && !port?.addresses.some((text) => familyOf(text) === family)) {
                    const flaw =
                        port === undefined
                            ? "which is no interface of it"
                            : `which has no ${familyName(family)} address`;
                    yield {
                        at: [...place, "bgp", "neighbors", index],
                        says: `${who} speaks to ${neighbor.address} from ${source}, ${flaw}`,
                        fix: `use one of ${interfaces.map(({ name }) => name).join(", ")} with an ${familyName(family)} address`,
                    };
                }
            }
        }
    },
});

/** Whether a VRF takes over the connected subnet of an address from another VRF of its router. */
function leaks(all: readonly PlacedInstance[], into: PlacedInstance, address: Address): boolean {
    return all
        .filter(({ router, vrf }) => router === into.router && vrf !== into.vrf)
        .filter(({ leaking }) => leaking?.exportTargets.some((one) => into.leaking?.importTargets.includes(one)))
        .filter(({ bgp }) => bgp.families.some(({ redistribute }) => redistribute.includes("connected")))
        .some((instance) => onLink(instance, address).interface !== undefined);
}
