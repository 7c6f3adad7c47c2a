import { addressOf, contains, familyName, familyOf } from "../address";
import type { Address, Lab } from "../model";
import type { Path } from "../path";
import { directedSessions, loneEnds, onLink, type SessionEnd, sessionEnds } from "../sessions";
import { findSessionSettings, type SpeakerProgram } from "../speakers";
import { devices } from "./devices";
import { rule } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/** Two ends of a session must name each other's AS. */
export const peerAsnAgrees = rule({
    id: "BGP-SES-001",
    severity: "error",
    source: "RFC 4271 §6.2",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab)) {
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
        // An end that is not on-link is the cause, and has its own rule; its peer is not at fault.
        const misplaced = new Set(
            sessionEnds(lab)
                .filter(isOffLink)
                .map((end) => end.node),
        );
        // Of a neighbor that is there twice one is answered, and the other has its own rule.
        const answered = new Set(directedSessions(lab).map(({ local }) => speakerKey(local, local.peerAddress)));
        const lone = loneEnds(lab).filter((end) => !answered.has(speakerKey(end, end.peerAddress)));
        for (const end of lone.filter((candidate) => candidate.address !== undefined && !isOffLink(candidate))) {
            const owner = owners.get(end.peerAddress);
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

/** `external` means another AS, `internal` the same. */
export const remoteAsKindFits = rule({
    id: "BGP-SES-004",
    severity: "error",
    source: "RFC 4271 §1.1",
    *check(lab) {
        for (const { who: name, place, bgp } of instances(lab)) {
            for (const [index, neighbor] of bgp.neighbors.entries()) {
                const kind = findSessionSettings(bgp, neighbor)?.remoteAs.kind;
                const same = neighbor.remoteAsn === bgp.asn;
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
    source: "RFC 4760 §3, RFC 8950",
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

/** A speaker has one session per peer address. Two programs of a node that share theirs have a rule of their own. */
export const neighborsAreDistinct = rule({
    id: "BGP-SES-007",
    severity: "error",
    source: "RFC 4271 §6.8",
    *check(lab) {
        const seen = new Set<string>();
        const doubled = new Set(doubledPeers(lab).map(({ router, peer }) => speakerKey(router, peer)));
        for (const end of sessionEnds(lab)) {
            const key = speakerKey(end, end.peerAddress);
            if (seen.has(key) && !doubled.has(key)) {
                yield {
                    at: fieldOf(end, "address"),
                    says: `${end.node} has the neighbor ${end.peerAddress} twice`,
                    fix: "remove one of them",
                };
            }
            seen.add(key);
        }
    },
});

/**
 * A router has one session per peer address in a VRF, and so one with a node, whatever number of programs speak BGP there:
 * of two connections between one pair of addresses collision detection closes one.
 */
export const nodesSpeakOnce = rule({
    id: "BGP-SES-009",
    severity: "error",
    source: "RFC 4271 §6.8; MetalLB documentation, Calico",
    *check(lab) {
        for (const { router, ends, peer } of doubledPeers(lab)) {
            const programs = ends.map(({ program }) => programNames[program!]).join(" and ");
            const where = router.vrf === undefined ? router.node : `${router.node}'s VRF ${router.vrf}`;
            yield {
                at: ends.at(-1)!.path,
                with: ends.slice(0, -1).map(({ path }) => path),
                says: `${programs} of ${ends[0]!.node} both peer with ${where} from ${peer}, but a router has one session per address and VRF`,
                fix: "give each program a VRF of the router, peer one of them with another router, or let Calico announce the load-balancer addresses (serviceLoadBalancerIPs) beside MetalLB's controller alone",
            };
        }
    },
});

/** A peer beyond the own links is found only by a route. */
export const distantPeersAreRouted = rule({
    id: "BGP-SES-010",
    severity: "error",
    source: "RFC 1812 §5.2",
    *check(lab) {
        const all = instances(lab);
        for (const end of sessionEnds(lab).filter((candidate) => candidate.interface === undefined)) {
            const own = all.find(({ router, vrf }) => router === end.node && vrf === end.vrf && end.kind === "router");
            const routes = own?.staticRoutes ?? lab.cluster.nodes[end.node]?.staticRoutes ?? [];
            const isRouted = routes.some(({ prefix }) => contains(prefix, end.peerAddress));
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

/** Whether a VRF takes over the connected subnet of an address from another VRF of its router. */
function leaks(all: readonly PlacedInstance[], into: PlacedInstance, address: Address): boolean {
    return all
        .filter(({ router, vrf }) => router === into.router && vrf !== into.vrf)
        .filter(({ leaking }) => leaking?.exportTargets.some((one) => into.leaking?.importTargets.includes(one)))
        .filter(({ bgp }) => bgp.families.some(({ redistribute }) => redistribute.includes("connected")))
        .some((instance) => onLink(instance, address).interface !== undefined);
}

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

/** The number of hops is a limit of external sessions. */
export const multihopIsExternal = rule({
    id: "BGP-SES-008",
    severity: "error",
    source: "RFC 4271 §5.1.3",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab)) {
            if (local.ebgpMultihop !== undefined && local.speaker.asn === remote.speaker.asn) {
                yield {
                    at: local.path,
                    says: `${session} is internal, but has ebgpMultihop`,
                    fix: "remove ebgpMultihop; an internal session may cross any number of hops",
                };
            }
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

const programNames: Readonly<Record<SpeakerProgram, string>> = {
    cilium: "Cilium",
    calico: "Calico",
    metallb: "MetalLB",
};

/** A router that several programs of a node peer with from one address. */
interface DoubledPeer {
    readonly router: Pick<SessionEnd, "node" | "vrf" | "program">;
    /** Address of the node. */
    readonly peer: Address;
    /** The ends of the programs. */
    readonly ends: readonly SessionEnd[];
}

const doubledByLab = new WeakMap<Lab, readonly DoubledPeer[]>();

function doubledPeers(lab: Lab): readonly DoubledPeer[] {
    const known = doubledByLab.get(lab) ?? findDoubledPeers(lab);
    doubledByLab.set(lab, known);
    return known;
}

function findDoubledPeers(lab: Lab): readonly DoubledPeer[] {
    const owners = new Map(
        instances(lab).flatMap(({ router, vrf, interfaces }) =>
            interfaces.flatMap(({ addresses }) => addresses.map((text) => [addressOf(text), { node: router, vrf }])),
        ),
    );
    const groups = new Map<string, DoubledPeer>();
    for (const end of sessionEnds(lab).filter(({ program, address }) => program !== undefined && address)) {
        const router = owners.get(end.peerAddress);
        if (router !== undefined) {
            const key = `${speakerKey(router, end.address!)} ${end.node}`;
            groups.set(key, { router, peer: end.address!, ends: [...(groups.get(key)?.ends ?? []), end] });
        }
    }
    return [...groups.values()].filter(({ ends }) => new Set(ends.map(({ program }) => program)).size > 1);
}

/** A peer of one speaker: of a program on a node, or of a router's VRF. */
function speakerKey({ node, vrf, program }: DoubledPeer["router"], peer: Address): string {
    return JSON.stringify([node, vrf, program, peer]);
}

/** What other programs call the fields of a neighbor. The mesh has none: it follows from the nodes. */
const fieldNames: Readonly<Record<string, Readonly<Record<"remoteAsn" | "address", string>>>> = {
    calico: { remoteAsn: "asn", address: "address" },
    metallb: { remoteAsn: "peerAsn", address: "peerAddress" },
    metallbBgp: { remoteAsn: "peerAsn", address: "peerAddress" },
};

/** Where a field of an end's neighbor stands in the model. */
function fieldOf({ path }: SessionEnd, field: "remoteAsn" | "address"): Path {
    const names = fieldNames[String(path.at(-3))];
    return path.at(-1) === "nodeToNodeMesh" ? path : [...path, names?.[field] ?? field];
}

/** Internal peers may be any number of hops away. */
function isOffLink(end: SessionEnd): boolean {
    return end.interface === undefined && end.ebgpMultihop === undefined && end.remoteAsn !== end.speaker.asn;
}

function addressOwners(lab: Lab): readonly (readonly [Address, string])[] {
    return devices(lab).flatMap(({ name, addresses }) => addresses.map(({ address }) => [address, name] as const));
}
