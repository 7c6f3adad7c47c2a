/** What the filters of routers let through between the cluster and the network. */

import {
    contains,
    familyBits,
    familyName,
    familyOf,
    formatPrefix,
    hostPrefix,
    nthAddress,
    parsePrefix,
    prefixesOf,
    rangeOf,
} from "../address";
import type { Family, Lab, Prefix, PrefixList, PrefixListEntry } from "../model";
import type { Path } from "../path";
import { lengthsOf, prefixListFilter } from "../prefix-lists";
import { directedSessions, type SessionEnd } from "../sessions";
import { ciliumInstances, findSessionSettings, nodeSpeaker } from "../speakers";
import { podNeighbors } from "./placed-pods";
import { rule } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/**
 * What a cluster may announce is known: its pods, its services and its load-balancer addresses, and what nodes may take of
 * Pods and pass on. A filter that takes more lets one node that is wrongly configured draw the traffic of others.
 */
export const importsFitTheCluster = rule({
    id: "BGP-POL-009",
    severity: "warning",
    source: "RFC 7454 §6",
    *check(lab) {
        for (const { router, list, place } of usedLists(lab, "prefixListIn", () => true)) {
            const covered = coverage(clusterNetworks(lab), list.family);
            const permits = prefixListFilter(list);
            for (const [index, entry] of list.entries.entries()) {
                const foreign =
                    entry.action === "permit"
                        ? samples(entry).find((prefix) => permits(prefix) && !isCovered(covered, prefix))
                        : undefined;
                if (foreign !== undefined) {
                    yield {
                        at: [...place, "entries", index],
                        with: [
                            ["cluster", "podCidrs"],
                            ["cluster", "loadBalancerPools"],
                        ],
                        says: `${router}'s prefix list ${list.name} lets nodes announce ${foreign}, which is not the cluster's`,
                        fix: `permit the ${familyName(list.family)} networks of its pods and pools only`,
                    };
                }
            }
        }
    },
});

/** Nodes that take routes need ways out of the cluster. Those to its own services, pools and nodes they know better. */
export const exportsLeadOutOfTheCluster = rule({
    id: "BGP-POL-010",
    severity: "warning",
    source: "RFC 7454 §6",
    *check(lab) {
        // What Pods may announce is none of the cluster's own, or there are rules on it.
        const ofPods = new Set(podNeighbors(lab).flatMap(({ neighbor }) => neighbor.importPolicy.allowed.map(textOf)));
        for (const { router, list, place } of usedLists(lab, "prefixListOut", (end) => isExternalTaker(lab, end))) {
            const permits = prefixListFilter({
                ...list,
                entries: list.entries.filter((entry) => !ofPods.has(textOf(entry))),
            });
            const own = ownNetworks(lab, list.family).find((prefix) => permits(prefix) || permits(hostIn(prefix)));
            if (own !== undefined) {
                yield {
                    at: place,
                    says: `${router}'s prefix list ${list.name} offers nodes that take routes ${own}, a network of their own cluster`,
                    fix: "permit the default route, or the networks outside the cluster that nodes need",
                };
            }
        }
    },
});

/** A prefix with its longest length, as prefix lists and policies have it alike. */
function textOf({ prefix, le }: Pick<PrefixListEntry, "prefix" | "le">): string {
    return `${prefix} ${le}`;
}

interface UsedList {
    readonly router: string;
    readonly list: PrefixList;
    /** Where the list stands in the model. */
    readonly place: Path;
}

/** Lists by which routers filter what they exchange with nodes of which a condition holds, each once. */
function usedLists(
    lab: Lab,
    direction: "prefixListIn" | "prefixListOut",
    wanted: (node: SessionEnd) => boolean,
): readonly UsedList[] {
    const used = new Set<PrefixList>();
    const peers = nodesBySpeaker(lab);
    for (const instance of instances(lab)) {
        const { prefixLists } = lab.routers[instance.router]!;
        for (const neighbor of instance.bgp.neighbors) {
            const node = peers.get(speakerAndPeer(instance, neighbor.address));
            const families = findSessionSettings(instance.bgp, neighbor)?.families ?? [];
            const names = node !== undefined && wanted(node) ? families.map((exchanged) => exchanged[direction]) : [];
            for (const list of prefixLists.filter(({ name }) => names.includes(name))) {
                used.add(list);
            }
        }
    }
    return Object.entries(lab.routers).flatMap(([router, { prefixLists }]) =>
        prefixLists.flatMap((list, index) =>
            used.has(list) ? [{ router, list, place: ["routers", router, "prefixLists", index] }] : [],
        ),
    );
}

/** The nodes' ends of sessions by the speaker of the router and the address that it has them under. */
function nodesBySpeaker(lab: Lab): ReadonlyMap<string, SessionEnd> {
    return new Map(
        directedSessions(lab)
            .filter(({ local, remote }) => local.program === undefined && remote.program !== undefined)
            .map(({ local, remote }) => [
                speakerAndPeer({ router: local.node, vrf: local.vrf }, local.peerAddress),
                remote,
            ]),
    );
}

function speakerAndPeer({ router, vrf }: Pick<PlacedInstance, "router" | "vrf">, peer: string): string {
    return JSON.stringify([router, vrf, peer]);
}

/** Whether a node takes routes, and those of another AS: within one AS routes of the cluster are reflected. */
function isExternalTaker(lab: Lab, { node, program, speaker, remoteAsn }: SessionEnd): boolean {
    return speaker.asn !== remoteAsn && nodeSpeaker(lab, node, program!)?.imports === true;
}

function clusterNetworks(lab: Lab): readonly string[] {
    const { podCidrs, serviceCidrs, loadBalancerPools } = lab.cluster;
    const ofPods = ciliumInstances(lab)
        .flatMap(({ podNeighbors = [] }) => podNeighbors)
        .flatMap(({ importPolicy }) => importPolicy.allowed.map(({ prefix }) => prefix));
    return [...podCidrs, ...serviceCidrs, ...loadBalancerPools.flatMap(({ blocks }) => blocks), ...ofPods];
}

/** Networks that nodes reach without a router: services, pools, each other, and with a mesh each other's pods. */
function ownNetworks({ cluster, segments }: Lab, family: Family): readonly Prefix[] {
    const isMesh = cluster.calico?.nodeToNodeMesh === true;
    return (
        [
            ...cluster.serviceCidrs,
            ...cluster.loadBalancerPools.flatMap(({ blocks }) => blocks.flatMap(prefixesOf)),
            ...(segments[cluster.nodeSegment]?.subnets ?? []),
            ...(isMesh ? cluster.podCidrs : []),
        ]
            .filter((prefix) => familyOf(prefix) === family)
            // What overlaps the pods has a rule of its own (ADR-OVL-001).
            .filter((prefix) => isMesh || !cluster.podCidrs.some((cidr) => contains(cidr, prefix)))
    );
}

function hostIn(prefix: Prefix): Prefix {
    return hostPrefix(nthAddress(prefix, 0));
}

/** The first and last networks of the shortest and longest length that an entry matches. */
function samples(entry: PrefixListEntry): readonly Prefix[] {
    const { family, length } = parsePrefix(entry.prefix);
    const { shortest, longest } = lengthsOf(entry);
    const { first, last } = rangeOf(entry.prefix);
    return [shortest, longest]
        .filter((candidate) => candidate >= length && candidate <= familyBits(family))
        .flatMap((candidate) => {
            const size = 1n << BigInt(familyBits(family) - candidate);
            return [first, last + 1n - size].map((value) => formatPrefix({ family, value, length: candidate }));
        });
}

interface Range {
    readonly first: bigint;
    readonly last: bigint;
}

/** The addresses of networks of a family as ranges that do not touch. */
function coverage(blocks: readonly string[], family: Family): readonly Range[] {
    const sorted = blocks
        .filter((block) => familyOf(block) === family)
        .map(rangeOf)
        .sort((a, b) => (a.first < b.first ? -1 : 1));
    const merged: Range[] = [];
    for (const range of sorted) {
        const before = merged.at(-1);
        if (before === undefined || range.first > before.last + 1n) {
            merged.push(range);
        } else if (range.last > before.last) {
            merged[merged.length - 1] = { first: before.first, last: range.last };
        }
    }
    return merged;
}

function isCovered(covered: readonly Range[], prefix: Prefix): boolean {
    const { first, last } = rangeOf(prefix);
    return covered.some((range) => range.first <= first && last <= range.last);
}
