import { contains, familyBits, familyOf, hostPrefix, lengthOf, nthAddress, overlaps, rangeOf } from "../address";
import { clusterRanges } from "../import-policy";
import type { AllowedPrefix, Family, ImportPolicy, Lab, Prefix, SessionFamily } from "../model";
import type { Path } from "../path";
import { podRouters } from "../pods";
import { prefixListFilter } from "../prefix-lists";
import { announcedPrefixes } from "../services";
import { directedSessions } from "../sessions";
import { findSessionSettings, nodeInstances } from "../speakers";
import { type AllowedFlaw, allowedFlaw } from "./allowed-prefixes";
import { networks } from "./networks";
import { isTakenOfAny, podNeighbors } from "./placed-pods";
import { rule, type Violation } from "./rule";
import { instances } from "./tables";

/** Lengths of an allowed prefix go up: its own, `le`, bits of an address. */
export const allowedLengthsGoUp = rule({
    id: "POD-POL-001",
    severity: "error",
    source: "FRR documentation, ip prefix-list",
    check: (lab) =>
        flawed(lab, "lengths", ({ prefix, le }) => ({
            says: `Pods may announce ${prefix} up to /${le}, which matches no length`,
            fix: `set le to ${lengthOf(prefix)} to ${familyBits(familyOf(prefix))}, or leave it out`,
        })),
});

/** A default route draws all traffic that has no other way, and is never taken of a Pod; nor is everything allowed at once. */
export const defaultRouteIsNotAllowed = rule({
    id: "POD-POL-002",
    severity: "error",
    source: "RFC 7454 §6.1.6",
    check: (lab) =>
        flawed(lab, "default", ({ prefix, le }) => ({
            says: `Pods may announce ${prefix}${le === undefined ? "" : ` up to /${le}`}: the default route is never taken of Pods, and everything else at once is no policy`,
            fix: "allow the prefixes that Pods are to announce",
        })),
});

/** What the cluster itself uses is never taken of a Pod: allowing it, or exactly what covers it, allows nothing. */
export const allowedIsNotTheClusters = rule({
    id: "POD-POL-003",
    severity: "error",
    source: "RFC 7454 §6.1.4",
    check: (lab) =>
        flawed(lab, "cluster", ({ prefix }, { use, by }) => ({
            says: `Pods may announce ${prefix}, which ${relation(prefix, by)} ${by} of the cluster's ${use}: none of it is ever taken`,
            fix: `allow prefixes outside ${by}`,
        })),
});

/** The administrator's word is the last: allowing what is forbidden, or exactly what covers it, allows nothing. */
export const allowedIsNotForbidden = rule({
    id: "POD-POL-004",
    severity: "error",
    source: "RFC 7454 §6",
    check: (lab) =>
        flawed(lab, "forbidden", ({ prefix }, { by }) => ({
            says: `Pods may announce ${prefix}, which ${relation(prefix, by)} the forbidden ${by}: none of it is ever taken`,
            fix: `allow prefixes outside ${by}, or do not forbid it`,
        })),
});

/** An allowed network may hold ranges of the cluster: they stay refused, which is worth knowing. */
export const allowedHoldsOthers = rule({
    id: "POD-POL-005",
    severity: "info",
    source: "RFC 7454 §6",
    check: (lab) =>
        flawed(lab, "partly", ({ prefix, le }, { use, by }) => ({
            says: `Pods may announce ${prefix} up to /${le}, but not what the cluster uses inside it, such as ${by} for ${use}`,
            fix: "allow less, if less is meant",
        })),
});

/** Only its own node can tell whose address a Pod announces: a router that took them would take those of others. */
export const ownAddressIsTheNodesToTake = rule({
    id: "POD-POL-006",
    severity: "error",
    source: "RFC 7454 §6",
    *check(lab) {
        const found = podNeighbors(lab).filter(
            ({ at, neighbor }) => at === "router" && neighbor.importPolicy.ownAddress,
        );
        for (const { who, place } of found.slice(0, 1)) {
            yield {
                at: [...place, "importPolicy", "ownAddress"],
                with: found.slice(1).map((other) => [...other.place, "importPolicy", "ownAddress"]),
                says: `${who} is to take Pods' own addresses, but cannot tell which Pod has which`,
                fix: "set ownAddress to false, or let the Pods peer with their node",
            };
        }
    },
});

/** Neighbors by label of which nothing is taken might as well not be there. Of virtual addresses it is told by itself. */
export const policiesAllowSomething = rule({
    id: "POD-POL-007",
    severity: "warning",
    source: "RFC 8212",
    *check(lab) {
        const hasVirtualAddresses = podRouters(lab).some(({ router: { interfaces } }) =>
            interfaces.some(({ attachment, addresses }) => attachment.kind === "loopback" && addresses.length > 0),
        );
        for (const { policy, place, others } of policies(lab)) {
            if (policy.allowed.length === 0 && !policy.ownAddress && !hasVirtualAddresses) {
                yield {
                    at: [...place, "allowed"],
                    with: others.map((other) => [...other, "allowed"]),
                    says: "Pods may announce nothing: every route of theirs is refused",
                    fix: "allow the prefixes that they are to announce",
                };
            }
        }
    },
});

/** A router that Pods call knows nothing of labels: its filter alone keeps them from what the cluster uses. */
export const routersFilterPods = rule({
    id: "POD-POL-008",
    severity: "error",
    source: "RFC 7454 §6; FRR documentation, bgp listen range",
    *check(lab) {
        for (const { place, router, who, bgp } of instances(lab)) {
            const names = new Set((bgp.podNeighbors ?? []).map(({ name }) => name));
            const groups = bgp.peerGroups.map((group, index) => ({ ...group, index }));
            for (const { name, index, settings } of groups.filter((group) => names.has(group.name))) {
                for (const [position, exchanged] of settings.families.entries()) {
                    const taken = foreign(lab, router, exchanged, []);
                    if (taken !== undefined) {
                        yield {
                            at: [
                                ...place,
                                "bgp",
                                "peerGroups",
                                index,
                                "settings",
                                "families",
                                position,
                                "prefixListIn",
                            ],
                            says: `${who} takes ${taken.prefix} of the Pods ${name}, ${taken.use}`,
                            fix: "filter by a list that is made of their import policy",
                        };
                    }
                }
            }
        }
    },
});

/** What a node passes on of Pods is filtered again at the router, which takes of a node what is that node's own: its slice, and the service addresses that it announces. */
export const routersFilterNodesAgain = rule({
    id: "POD-POL-009",
    severity: "warning",
    source: "RFC 7454 §6",
    *check(lab) {
        for (const { local, remote } of directedSessions(lab)) {
            const [instance] = remote.program === "cilium" ? nodeInstances(lab, remote.node) : [];
            const passesOn = instance?.transit === true && (instance.podNeighbors ?? []).length > 0;
            const own = instances(lab).find(({ router, vrf }) => router === local.node && vrf === local.vrf);
            if (!passesOn || own === undefined) {
                continue;
            }
            const neighbor = own.bgp.neighbors.find(({ address }) => address === local.peerAddress);
            const { families = [] } = neighbor === undefined ? {} : (findSessionSettings(own.bgp, neighbor) ?? {});
            for (const [index, exchanged] of families.entries()) {
                const announced = [
                    ...lab.cluster.nodes[remote.node]!.podCidrs,
                    ...announcedPrefixes(lab, remote.node, "cilium"),
                ];
                // Without any list, rule BGP-POL-005 tells.
                const taken =
                    exchanged.prefixListIn === undefined ? undefined : foreign(lab, own.router, exchanged, announced);
                if (taken !== undefined) {
                    yield {
                        at: [...local.settingsPath, "families", index, "prefixListIn"],
                        says: `${own.who} takes ${taken.prefix} of ${remote.node}, which passes on routes of Pods: ${taken.use}`,
                        fix: "take the node's own slice, the service addresses that it announces, and what Pods may announce",
                    };
                }
            }
        }
    },
});

/** What is neither the cluster's nor the Pods', but a link or a loopback of the lab, is for the administrator to forbid. */
export const allowedIsNobodyElses = rule({
    id: "POD-POL-010",
    severity: "warning",
    source: "RFC 7454 §6",
    *check(lab) {
        const own = networks(lab).filter(
            ({ kind, isInPod }) => kind === "link" || (kind === "loopback" && isInPod !== true),
        );
        for (const { policy, place, others } of policies(lab)) {
            for (const [index, { prefix }] of policy.allowed.entries()) {
                const found = own.find(
                    (network) =>
                        overlaps(network.prefix, prefix) &&
                        [network.prefix, hostPrefix(nthAddress(network.prefix, 0))].some((each) =>
                            isTakenOfAny(lab, policy, each),
                        ),
                );
                if (found !== undefined) {
                    yield {
                        at: [...place, "allowed", index],
                        with: [...others.map((other) => [...other, "allowed", index]), found.place],
                        says: `Pods may announce ${prefix}, and so draw the traffic of ${found.what}`,
                        fix: `allow less, or forbid ${found.prefix}`,
                    };
                }
            }
        }
    },
});

/** A policy with its places: instances of several nodes have one in common. */
interface PlacedPolicy {
    readonly policy: ImportPolicy;
    readonly place: Path;
    readonly others: readonly Path[];
}

/** Different policies of neighbors by label, each once. */
function policies(lab: Lab): readonly PlacedPolicy[] {
    const found = new Map<string, { policy: ImportPolicy; place: Path; others: Path[] }>();
    for (const { neighbor, place: parent } of podNeighbors(lab)) {
        const policy = neighbor.importPolicy;
        const place = [...parent, "importPolicy"];
        const key = JSON.stringify(policy);
        const known = found.get(key);
        if (known === undefined) {
            found.set(key, { policy, place, others: [] });
        } else {
            known.others.push(place);
        }
    }
    return [...found.values()];
}

type Text = Pick<Violation, "says" | "fix">;

/** Tells allowed prefixes with one flaw. */
function* flawed<Kind extends AllowedFlaw["kind"]>(
    lab: Lab,
    kind: Kind,
    tell: (allowed: AllowedPrefix, flaw: Extract<AllowedFlaw, { kind: Kind }>) => Text,
): Iterable<Violation> {
    for (const { policy, place, others } of policies(lab)) {
        for (const [index, allowed] of policy.allowed.entries()) {
            const flaw = allowedFlaw(lab, policy, allowed);
            if (flaw?.kind === kind) {
                const at = (parent: Path) => [...parent, "allowed", index, ...(kind === "lengths" ? ["le"] : [])];
                yield {
                    at: at(place),
                    with: others.map(at),
                    ...tell(allowed, flaw as Extract<AllowedFlaw, { kind: Kind }>),
                };
            }
        }
    }
}

function relation(prefix: Prefix, other: Prefix): string {
    return contains(other, prefix) ? "is inside" : "covers";
}

interface Foreign {
    readonly prefix: Prefix;
    readonly use: string;
}

/**
 * Something that the cluster uses and a filter lets in: a range, its first address, or the default route. What the peer
 * announces of its own is left out.
 */
function foreign(
    lab: Lab,
    router: string,
    { family, prefixListIn }: SessionFamily,
    announced: readonly Prefix[],
): Foreign | undefined {
    const list = lab.routers[router]!.prefixLists.find((each) => each.name === prefixListIn && each.family === family);
    if (prefixListIn !== undefined && list === undefined) {
        return undefined; // rule BGP-POL-001 or BGP-POL-002
    }
    if (list === undefined) {
        return { prefix: everything(family), use: "because there is no filter" };
    }
    const permits = prefixListFilter(list);
    const open = list.entries.filter(({ action }) => action === "permit").map(({ prefix }) => rangeOf(prefix));
    return samplesOf(lab, family).find(
        ({ prefix, first, last }) =>
            open.some((range) => range.first <= first && last <= range.last) &&
            !announced.some((own) => contains(own, prefix)) &&
            permits(prefix),
    );
}

/** A prefix that no filter should let in, with its addresses. */
interface Sample extends Foreign {
    readonly first: bigint;
    readonly last: bigint;
}

const samplesByLab = new WeakMap<Lab, Readonly<Record<Family, readonly Sample[]>>>();

function samplesOf(lab: Lab, family: Family): readonly Sample[] {
    const known = samplesByLab.get(lab) ?? { ipv4: makeSamples(lab, "ipv4"), ipv6: makeSamples(lab, "ipv6") };
    samplesByLab.set(lab, known);
    return known[family];
}

/** The default route, and of each range of the cluster and each node's slice the whole and the first address. */
function makeSamples(lab: Lab, family: Family): readonly Sample[] {
    const ranges = [
        ...clusterRanges(lab).map(({ use, prefix }) => {
            return { prefix, use: `which is the cluster's for ${use}` };
        }),
        ...Object.entries(lab.cluster.nodes).flatMap(([node, { podCidrs }]) =>
            podCidrs.map((prefix) => ({ prefix, use: `which is ${node}'s` })),
        ),
    ].filter(({ prefix }) => familyOf(prefix) === family);
    const all = [
        { prefix: everything(family), use: "which draws everybody's traffic" },
        ...ranges.flatMap((range) => [range, { ...range, prefix: hostPrefix(nthAddress(range.prefix, 0)) }]),
    ];
    return all.map((sample) => ({ ...sample, ...rangeOf(sample.prefix) }));
}

function everything(family: Family): Prefix {
    return family === "ipv4" ? "0.0.0.0/0" : "::/0";
}
