import { contains, familyOf, lengthOf } from "../address";
import type { Address, Lab } from "../model";
import type { Path } from "../path";
import { onLink, type SessionEnd, sessions } from "../sessions";
import { findSessionSettings, nodeSpeaker } from "../speakers";
import { announcesLink } from "./announced-links";
import { largestGroup } from "./equal-paths";
import { areConnected } from "./internal-peers";
import { rule } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/** A speaker drops routes that went through its own AS: two of one AS that meet only outside it never learn of each other. Pods need not: they announce what others ask for. */
export const ownAsIsNotMetOutside = rule({
    id: "BGP-LOOP-001",
    severity: "error",
    source: "RFC 4271 §9.1.2; RFC 7938 §5.2.1",
    *check(lab) {
        const told = new Set<string>();
        for (const instance of instances(lab)) {
            const takers = externalPeers(lab, instance).filter(
                (peer) => takesRoutes(lab, peer) && isTold(lab, instance, peer),
            );
            for (const peer of takers) {
                const first = takers.find(({ speaker }) => speaker.asn === peer.speaker.asn)!;
                const pair = JSON.stringify([first.node, first.vrf, peer.node, peer.vrf]);
                const arePods = [first, peer].every(({ node }) => lab.routers[node]?.pod !== undefined);
                if (first.node === peer.node || told.has(pair) || arePods || areConnected(lab, first, peer)) {
                    continue;
                }
                told.add(pair);
                yield {
                    at: asnPlace(lab, peer),
                    with: [asnPlace(lab, first)],
                    says: `${first.node} and ${peer.node} both have AS ${peer.speaker.asn} and meet at ${instance.who}: each drops the other's routes, in which it finds its own AS`,
                    fix: "give each an AS of its own",
                };
            }
        }
    },
});

/** What another router announces comes back over several neighbors at once; paths through different ASes are not shared by themselves. */
export const equalWaysAreShared = rule({
    id: "BGP-ECMP-004",
    severity: "warning",
    source: "RFC 7938 §6",
    *check(lab) {
        for (const instance of instances(lab).filter(({ bgp }) => !bgp.multipathRelax)) {
            const found = sharedTargets(lab, instance).find(
                ({ ways: all }) => new Set(all.map(({ speaker }) => speaker.asn)).size > 1,
            );
            if (found !== undefined) {
                const ways = found.ways.map(({ node, speaker }) => `${node} (AS ${speaker.asn})`);
                yield {
                    at: [...instance.place, "bgp", "multipathRelax"],
                    says: `${instance.who} reaches what ${found.target} announces through ${ways.join(" and ")}, but uses one of them: the paths lead through different ASes`,
                    fix: "set multipathRelax to true",
                };
            }
        }
    },
});

/** Ways to another router beyond the largest number of paths carry nothing. */
export const maximumPathsCoverWays = rule({
    id: "BGP-ECMP-005",
    severity: "warning",
    source: "RFC 7938 §6.1; FRR documentation, maximum-paths",
    *check(lab) {
        for (const instance of instances(lab)) {
            const { maximumPaths, multipathRelax } = instance.bgp;
            const counted = sharedTargets(lab, instance).map(({ target, ways }) => ({
                target,
                equal: multipathRelax ? ways.length : largestGroup(ways.map(({ speaker }) => speaker.asn)),
            }));
            const found = counted.find(({ equal }) => equal > maximumPaths);
            if (found !== undefined) {
                yield {
                    at: [...instance.place, "bgp", "maximumPaths"],
                    says: `${instance.who} uses ${maximumPaths} of ${found.equal} equal ways to what ${found.target} announces`,
                    fix: `set maximumPaths to ${found.equal} or more`,
                };
            }
        }
    },
});

/** What is learned outside an AS keeps its next hop inside: whoever takes it there needs a way to it. */
export const nextHopsAreKnownInside = rule({
    id: "BGP-NH-001",
    severity: "error",
    source: "RFC 4271 §5.1.3",
    *check(lab) {
        for (const { session, local, remote } of sessions(lab)) {
            const [found] = [
                ...foreignNextHops(lab, { local, remote }),
                ...foreignNextHops(lab, { local: remote, remote: local }),
            ];
            if (found !== undefined) {
                yield {
                    at: [...found.local.timersPath.slice(0, -1), "families"],
                    with: [asnPlace(lab, local), asnPlace(lab, remote)],
                    says: `${session} is internal: ${found.local.node} passes on routes of ${found.origin.node} with the next hop ${found.origin.address}, which ${found.remote.node} has no route to`,
                    fix: "set nextHopSelf, let the link be announced, or give the two an AS each",
                };
            }
        }
    },
});

interface Direction {
    readonly local: SessionEnd;
    readonly remote: SessionEnd;
}

/** External peers of the local end whose addresses the remote one is told as next hops, and does not know. */
function foreignNextHops(
    lab: Lab,
    { local, remote }: Direction,
): readonly (Direction & { readonly origin: SessionEnd })[] {
    const [from, to] = [instanceOf(lab, local), instanceOf(lab, remote)];
    const settings = from?.bgp.neighbors
        .filter(({ address }) => address === local.peerAddress)
        .map((neighbor) => findSessionSettings(from.bgp, neighbor))[0];
    const isInternal = local.speaker.asn === remote.speaker.asn;
    // Pods of the router's own AS have a rule of their own (POD-ASN-002).
    const isPods = [local, remote].some(({ node }) => lab.routers[node]?.pod !== undefined);
    if (from === undefined || to === undefined || !isInternal || settings === undefined || isPods) {
        return [];
    }
    const kept = settings.families.filter(({ nextHopSelf }) => nextHopSelf !== true).map(({ family }) => family);
    return externalPeers(lab, from)
        .filter(({ address }) => address !== undefined && kept.includes(familyOf(address)))
        .filter(({ address }) => !knows(lab, to, address!))
        .map((origin) => ({ local, remote, origin }));
}

/** Whether a routing instance has a way to an address that is more than a default route, or may learn one. */
function knows(lab: Lab, { interfaces, staticRoutes }: PlacedInstance, address: Address): boolean {
    return (
        onLink({ interfaces, staticRoutes }, address).interface !== undefined ||
        staticRoutes.some(({ prefix }) => lengthOf(prefix) > 0 && contains(prefix, address)) ||
        instances(lab).some((instance) => announcesLink(instance, address))
    );
}

interface SharedTarget {
    /** Router that has something to announce. */
    readonly target: string;
    /** Neighbors that all have a session with it. */
    readonly ways: readonly SessionEnd[];
}

/** Routers behind several neighbors, to which there is no shorter way. */
function sharedTargets(lab: Lab, instance: PlacedInstance): readonly SharedTarget[] {
    const neighbors = externalPeers(lab, instance).filter(({ kind }) => kind === "router");
    const direct = new Set([instance.router, ...neighbors.map(({ node }) => node)]);
    const ways = new Map<string, SessionEnd[]>();
    for (const neighbor of neighbors) {
        for (const { node } of externalPeers(lab, instanceOf(lab, neighbor)!)) {
            ways.set(node, [...(ways.get(node) ?? []), neighbor]);
        }
    }
    return [...ways]
        .filter(([target]) => !direct.has(target) && announcesAnything(lab, target))
        .map(([target, found]) => ({ target, ways: found }))
        .filter(({ ways: found }) => found.length > 1);
}

/** Whether a router has routes that it did not learn from other routers. */
function announcesAnything(lab: Lab, router: string): boolean {
    return instances(lab)
        .filter((instance) => instance.router === router)
        .some(
            ({ bgp }) =>
                bgp.families.some(({ networks, redistribute }) => networks.length + redistribute.length > 0) ||
                peersOf(lab).some(({ local, remote }) => local.node === router && remote.kind !== "router"),
        );
}

function instanceOf(lab: Lab, { node, vrf }: SessionEnd): PlacedInstance | undefined {
    return instances(lab).find((instance) => instance.router === node && instance.vrf === vrf);
}

/** The other ends of a speaker's sessions with other ASes. */
function externalPeers(lab: Lab, { router, vrf, bgp }: PlacedInstance): readonly SessionEnd[] {
    return (peersBySpeaker(lab).get(JSON.stringify([router, vrf])) ?? []).filter(
        ({ speaker }) => speaker.asn !== bgp.asn,
    );
}

const peersByLab = new WeakMap<Lab, ReadonlyMap<string, readonly SessionEnd[]>>();

function peersBySpeaker(lab: Lab): ReadonlyMap<string, readonly SessionEnd[]> {
    const known = peersByLab.get(lab);
    if (known !== undefined) {
        return known;
    }
    const peers = new Map<string, SessionEnd[]>();
    for (const { local, remote } of peersOf(lab)) {
        const key = JSON.stringify([local.node, local.vrf]);
        const own = peers.get(key);
        if (own === undefined) {
            peers.set(key, [remote]);
        } else {
            own.push(remote);
        }
    }
    peersByLab.set(lab, peers);
    return peers;
}

/** Both directions of the sessions that routers have. */
function peersOf(lab: Lab): readonly { readonly local: SessionEnd; readonly remote: SessionEnd }[] {
    return sessions(lab)
        .flatMap(({ local, remote }) => [
            { local, remote },
            { local: remote, remote: local },
        ])
        .filter(({ local }) => local.kind === "router");
}

function takesRoutes(lab: Lab, { node, program }: SessionEnd): boolean {
    return program === undefined || nodeSpeaker(lab, node, program)?.imports === true;
}

/** Whether a speaker offers a peer anything: a filter without a permit holds back every route. */
function isTold(lab: Lab, { router, bgp }: PlacedInstance, peer: SessionEnd): boolean {
    const neighbor = bgp.neighbors.find(({ address }) => address === peer.address);
    const families = neighbor === undefined ? [] : (findSessionSettings(bgp, neighbor)?.families ?? []);
    return families.some(({ prefixListOut }) => {
        const list = lab.routers[router]!.prefixLists.find(({ name }) => name === prefixListOut);
        return list === undefined || list.entries.some(({ action }) => action === "permit");
    });
}

/** Where the AS of a speaker stands in the model. */
function asnPlace(lab: Lab, end: SessionEnd): Path {
    const instance = end.program === undefined ? instanceOf(lab, end) : undefined;
    return instance === undefined ? ["cluster", end.program!, "asn"] : [...instance.place, "bgp", "asn"];
}
