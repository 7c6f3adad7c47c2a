import { familyName, familyOf } from "../address";
import type { Address, Lab, LabelSelector } from "../model";
import { podRouters } from "../pods";
import { selects } from "../selectors";
import { directedSessions, loneEnds, type SessionEnd, sessionEnds } from "../sessions";
import { ciliumInstances, findSessionSettings } from "../speakers";
import { devices } from "./devices";
import { doubledPeers } from "./doubled-peers";
import { fieldOf, isByLabel, isOffLink, isOfPod, speakerKey } from "./ends";
import { calicoPeers, metallbPeers } from "./peers";
import { podsWithoutGateway, takenPods } from "./placed-pods";
import { rule } from "./rule";
import { instances } from "./tables";

/** Two ends of a session must name each other's AS. That of neighbors by label has a rule of its own. */
export const peerAsnAgrees = rule({
    id: "BGP-SES-001",
    severity: "error",
    source: "RFC 4271 §6.2",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab).filter((each) => !isOfPod(lab, each.local))) {
            if (local.remoteAsn !== remote.speaker.asn) {
                yield {
                    at: fieldOf(local, "remoteAsn"),
                    says: `${session}: ${local.node} expects AS ${local.remoteAsn}, but ${remote.node} is AS ${remote.speaker.asn}`,
                    fix: `set remoteAsn to ${remote.speaker.asn}, or change the AS of ${remote.node}`,
                };
            }
        }
    },
});

/** A neighbor needs a device with its address that has this end as a neighbor too. */
export const neighborsAnswer = rule({
    id: "BGP-SES-002",
    severity: "error",
    source: "RFC 4271 §8.2.1",
    *check(lab) {
        const owners = new Map(addressOwners(lab));
        const lost = new Set(podsWithoutGateway(lab).map(({ pod }) => pod.name));
        // An end that is not on-link is the cause, and has its own rule; its peer is not at fault.
        const misplaced = new Set(
            sessionEnds(lab)
                .filter(isOffLink)
                .map((end) => end.node),
        );
        // Of a neighbor that is there twice one is answered, and the other has its own rule.
        const answered = new Set(directedSessions(lab).map(({ local }) => speakerKey(local, local.peerAddress)));
        // A configuration that selects no node is the cause, and has a rule of its own.
        const unselected = unselectedPeers(lab);
        const taken = takenPods(lab);
        // Of a Pod that nobody takes for a neighbor it is told why, and of one with the AS of its neighbor, too.
        const isWaiting = ({ node, speaker, remoteAsn }: SessionEnd) =>
            lab.routers[node]?.pod !== undefined && (!taken.has(node) || speaker.asn === remoteAsn);
        const lone = loneEnds(lab).filter(
            (end) => !answered.has(speakerKey(end, end.peerAddress)) && !unselected.has(end.address) && !isWaiting(end),
        );
        for (const end of lone.filter((candidate) => candidate.address !== undefined && !isOffLink(candidate))) {
            const owner = owners.get(end.peerAddress);
            if (owner === end.node || lost.has(end.node)) {
                continue; // rules BGP-SES-013 and POD-LINK-002
            }
            if (owner === undefined) {
                yield {
                    at: fieldOf(end, "address"),
                    says: `${end.node} has the neighbor ${end.peerAddress}, but no device has this address`,
                    fix: "use the address of the peer's interface on the shared segment",
                };
            } else if (!misplaced.has(owner)) {
                yield {
                    at: fieldOf(end, "address"),
                    says: `${end.node} has the neighbor ${end.peerAddress}, but ${owner} has no neighbor ${end.address}`,
                    fix: `add the neighbor ${end.address} to ${owner}, or remove this one`,
                };
            }
        }
    },
});

/** A speaker takes no connection from its own device: MetalLB cannot peer with a router on the node that it runs on. */
export const neighborsAreOthers = rule({
    id: "BGP-SES-013",
    severity: "error",
    source: "RFC 4271 §8.2.1; MetalLB documentation, BGP mode, limitations",
    *check(lab) {
        const owners = new Map(addressOwners(lab));
        for (const end of sessionEnds(lab).filter(({ node, peerAddress }) => owners.get(peerAddress) === node)) {
            yield {
                at: fieldOf(end, "address"),
                says: `${end.node} has the neighbor ${end.peerAddress}, which is its own address`,
                fix: "use the address of the device at the other end",
            };
        }
    },
});

/** `external` means another AS, `internal` the same. Pods of their speaker's own AS have a rule of their own. */
export const remoteAsKindFits = rule({
    id: "BGP-SES-004",
    severity: "error",
    source: "RFC 4271 §1.1",
    *check(lab) {
        const pods = new Set(podRouters(lab).map(({ name }) => name));
        for (const { router, who: name, place, bgp } of instances(lab)) {
            for (const [index, neighbor] of bgp.neighbors.entries()) {
                const kind = findSessionSettings(bgp, neighbor)?.remoteAs.kind;
                const same = neighbor.remoteAsn === bgp.asn;
                if (same && (pods.has(router) || neighbor.pod !== undefined)) {
                    continue; // rule POD-ASN-002
                }
                if ((kind === "external" && same) || (kind === "internal" && !same)) {
                    yield {
                        at: [...place, "bgp", "neighbors", index, "remoteAsn"],
                        with: [[...place, "bgp", "asn"]],
                        says: `${name} takes ${neighbor.address} for an ${kind} peer, but it is AS ${neighbor.remoteAsn} and ${name} is AS ${bgp.asn}`,
                        fix: same ? "give the peer another AS" : `give the peer AS ${bgp.asn}`,
                    };
                }
            }
        }
    },
});

/** Routes of a family flow only if both ends activate it. */
export const familiesAgree = rule({
    id: "BGP-SES-005",
    severity: "error",
    source: "RFC 4760 §8",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab)) {
            for (const family of local.families.filter((candidate) => !remote.families.includes(candidate))) {
                yield {
                    at: remote.path,
                    with: [local.path],
                    says: `${session}: ${local.node} activates ${familyName(family)}, but ${remote.node} does not`,
                    fix: `activate ${familyName(family)} at ${remote.node}, or deactivate it at ${local.node}`,
                };
            }
        }
    },
});

/** Without a next hop of its own family a route is valid in BGP and useless in the kernel. */
export const familyFitsTransport = rule({
    id: "BGP-SES-006",
    severity: "error",
    source: "RFC 4760 §3; RFC 8950",
    *check(lab) {
        for (const end of sessionEnds(lab)) {
            for (const family of end.families.filter((candidate) => candidate !== familyOf(end.peerAddress))) {
                yield {
                    at: end.path,
                    says: `${end.node} exchanges ${familyName(family)} routes over its session to ${end.peerAddress}, where they have no usable next hop`,
                    fix: `use a second session over ${familyName(family)}`,
                };
            }
        }
    },
});

/** A speaker has one session per peer address. Two programs of a node that share theirs, and two selectors of a Pod, have rules of their own. */
export const neighborsAreDistinct = rule({
    id: "BGP-SES-007",
    severity: "error",
    source: "RFC 4271 §6.8",
    *check(lab) {
        const seen = new Map<string, SessionEnd>();
        const doubled = new Set(doubledPeers(lab).map(({ router, peer }) => speakerKey(router, peer)));
        for (const end of sessionEnds(lab)) {
            const key = speakerKey(end, end.peerAddress);
            const earlier = seen.get(key);
            if (earlier !== undefined && !doubled.has(key) && !(isByLabel(earlier) && isByLabel(end))) {
                yield {
                    at: fieldOf(end, "address"),
                    says: `${end.node} has the neighbor ${end.peerAddress} twice`,
                    fix: "remove one of them",
                };
            }
            seen.set(key, end);
        }
    },
});

/** A neighbor's settings are its own or those of a group that exists. */
export const peerGroupsExist = rule({
    id: "BGP-REF-001",
    severity: "error",
    source: "FRR documentation, BGP peer groups",
    *check(lab) {
        for (const { who: name, place, bgp } of instances(lab)) {
            const groups = bgp.peerGroups.map((group) => group.name);
            for (const [index, neighbor] of bgp.neighbors.entries()) {
                const { session } = neighbor;
                if (session.kind === "group" && findSessionSettings(bgp, neighbor) === undefined) {
                    yield {
                        at: [...place, "bgp", "neighbors", index, "session", "group"],
                        says: `${name} has no peer group ${session.group}`,
                        fix:
                            groups.length === 0
                                ? `add the peer group ${session.group}`
                                : `use one of ${groups.join(", ")}`,
                    };
                }
            }
        }
    },
});

/** Addresses of routers that only configurations which select no node have as neighbors. */
function unselectedPeers(lab: Lab): ReadonlySet<Address | undefined> {
    const nodes = Object.values(lab.cluster.nodes).map(({ labels }) => labels);
    const isIdle = (selector: LabelSelector | undefined) =>
        selector !== undefined && !nodes.some((labels) => selects(selector, labels));
    return new Set([
        ...ciliumInstances(lab)
            .filter(({ nodeSelector }) => isIdle(nodeSelector))
            .flatMap(({ neighbors }) => neighbors.map(({ address }) => address)),
        ...calicoPeers(lab).flatMap(({ peer }) => (isIdle(peer.nodeSelector) ? [peer.address] : [])),
        ...metallbPeers(lab).flatMap(({ peer }) => (isIdle(peer.nodeSelector) ? [peer.peerAddress] : [])),
    ]);
}

function addressOwners(lab: Lab): readonly (readonly [Address, string])[] {
    return devices(lab).flatMap(({ name, addresses }) => addresses.map(({ address }) => [address, name] as const));
}
