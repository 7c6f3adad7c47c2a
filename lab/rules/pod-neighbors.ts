import { contains, familyName, familyOf, hostPrefix } from "../address";
import type { Family, Lab, PodNeighbor, Workload } from "../model";
import { podAddress, podRouters } from "../pods";
import { isBefore } from "../releases";
import { selects } from "../selectors";
import { configuredAsns } from "./configured-asns";
import { type PlacedPodNeighbor, placedPods, podNeighbors, takenPods } from "./placed-pods";
import { rule } from "./rule";
import { instances } from "./tables";

/** A selector that matches no Pod is a misspelt label, or is there for Pods that come. */
export const podSelectorsMatch = rule({
    id: "POD-SEL-001",
    severity: "warning",
    source: "Kubernetes documentation, labels and selectors",
    *check(lab) {
        for (const { name, namespace, place, who } of idleSelectors(lab)) {
            yield {
                at: [...place, "selector"],
                with: [["routers"]],
                says: `${who}'s neighbors ${name} are no Pod of the lab: the selector matches none in the namespace ${namespace}`,
                fix: "select by labels that Pods with a router have, if they are misspelt",
            };
        }
    },
});

/** A Pod is one neighbor of a speaker: two selectors that match it would each give it their own policy. */
export const podsAreSelectedOnce = rule({
    id: "POD-SEL-002",
    severity: "error",
    source: "RFC 4271 §6.8",
    *check(lab) {
        const owners = new Map<string, PlacedPodNeighbor>();
        const told = new Set<string>();
        for (const placed of podNeighbors(lab)) {
            for (const { family, pod } of meant(placed)) {
                const key = JSON.stringify([placed.place.slice(0, -1), family, pod.name]);
                const owner = owners.get(key);
                const pair = JSON.stringify([owner?.place, placed.place]);
                if (owner !== undefined && !told.has(pair)) {
                    told.add(pair);
                    yield {
                        at: [...placed.place, "selector"],
                        with: [[...owner.place, "selector"]],
                        says: `${pod.name} is selected by ${owner.neighbor.name} and by ${placed.neighbor.name} of ${placed.who}`,
                        fix: "make the selectors disjoint",
                    };
                }
                owners.set(key, owner ?? placed);
            }
        }
    },
});

/** What a selector matches becomes a neighbor: a pod that speaks no BGP would be one with which no session ever comes up. */
export const selectedPodsSpeakBgp = rule({
    id: "POD-SEL-003",
    severity: "error",
    source: "RFC 4271 §8.2.1",
    *check(lab) {
        for (const { who, neighbor, place } of distinct(lab, ({ namespace, selector }) => [namespace, selector])) {
            const silent = silentWorkload(lab, neighbor);
            if (silent !== undefined) {
                yield {
                    at: [...place, "selector"],
                    with: [["cluster", "workloads", lab.cluster.workloads.indexOf(silent), "labels"]],
                    says: `${who}'s selector ${neighbor.name} also matches the pods of ${silent.name}, which speak no BGP`,
                    fix: "select by a label that only Pods with a router have",
                };
            }
        }
    },
});

/** Whoever may make a Pod in the namespace may announce: without requirements a selector asks nothing of it. */
export const podSelectorsAskSomething = rule({
    id: "POD-SEL-004",
    severity: "warning",
    source: "Kubernetes documentation, labels and selectors",
    *check(lab) {
        for (const { who, neighbor, place } of distinct(lab, ({ namespace, selector }) => [namespace, selector])) {
            const { matchLabels = {}, matchExpressions = [] } = neighbor.selector;
            // That it means pods without BGP is worse, and told by itself (POD-SEL-003).
            const isTold = silentWorkload(lab, neighbor) !== undefined;
            if (Object.keys(matchLabels).length + matchExpressions.length === 0 && !isTold) {
                yield {
                    at: [...place, "selector"],
                    says: `${who}'s selector ${neighbor.name} is empty: every Pod of the namespace ${neighbor.namespace} is a neighbor`,
                    fix: "select by a label",
                };
            }
        }
    },
});

/** A Pod with neighbors that no speaker selects waits for them. Where a selector matches nothing, that is the cause. */
export const podsAreSelected = rule({
    id: "POD-SEL-005",
    severity: "warning",
    source: "RFC 4271 §8.2.1",
    *check(lab) {
        const known = new Set([...takenPods(lab), ...ofOwnAs(lab)]);
        if (idleSelectors(lab).length > 0) {
            return;
        }
        for (const { name, place, pod, router } of placedPods(lab)) {
            if (router.bgp.neighbors.length > 0 && !known.has(name)) {
                yield {
                    at: [...place, "pod", "labels"],
                    with: [["cluster", "cilium", "bgp"]],
                    says: `${name} has neighbors, but no speaker on ${pod.node} or at a router selects it: nobody takes its routes`,
                    fix: "give it the labels that a selector asks for, or select it",
                };
            }
        }
    },
});

/** The AS that is expected of Pods is that which they have. */
export const podAsnsAgree = rule({
    id: "POD-ASN-001",
    severity: "error",
    source: "RFC 4271 §6.2",
    *check(lab) {
        const told = new Set<string>();
        for (const { who, neighbor, place, pods } of podNeighbors(lab)) {
            const { remoteAs } = neighbor;
            const other = pods.find(({ router }) => remoteAs.kind === "asn" && router.bgp.asn !== remoteAs.asn);
            if (remoteAs.kind === "asn" && other !== undefined && !told.has(other.name)) {
                told.add(other.name);
                yield {
                    at: [...place, "remoteAs", "asn"],
                    with: [["routers", other.name, "bgp", "asn"]],
                    says: `${who} expects AS ${remoteAs.asn} of the Pods ${neighbor.name}, but ${other.name} is AS ${other.router.bgp.asn}`,
                    fix: `expect AS ${other.router.bgp.asn}, or any other AS with external`,
                };
            }
        }
    },
});

/** Sessions with Pods are external: the AS of a Pod is another than that of the speaker that takes it. */
export const podsHaveAnotherAs = rule({
    id: "POD-ASN-002",
    severity: "error",
    source: "FRR documentation, neighbor remote-as external",
    *check(lab) {
        const told = new Set<string>();
        for (const { who, asn, neighbor, pods } of podNeighbors(lab)) {
            const isAsked = neighbor.remoteAs.kind === "external" || neighbor.remoteAs.asn === asn;
            for (const { name, router } of pods.filter((pod) => pod.router.bgp.asn === asn && isAsked)) {
                if (!told.has(name)) {
                    told.add(name);
                    yield {
                        at: ["routers", name, "bgp", "asn"],
                        says: `${name} has AS ${router.bgp.asn}, the own AS of ${who}, whose neighbors by label are external`,
                        fix: "give the Pod an AS of its own",
                    };
                }
            }
        }
    },
});

/** Speakers drop routes that went through their own AS: what a Pod of a router's or another node's AS announces is lost there. */
export const podAsnsAreTheirOwn = rule({
    id: "POD-ASN-003",
    severity: "error",
    source: "RFC 4271 §9.1.2",
    *check(lab) {
        const pods = new Set(podRouters(lab).map(({ name }) => name));
        const others = configuredAsns(lab).filter(({ place }) => !(place[0] === "routers" && pods.has(`${place[1]}`)));
        const direct = new Set(ofOwnAs(lab));
        // Once for each AS: the Pods of a workload have one.
        const told = new Set(podRouters(lab).flatMap((pod) => (direct.has(pod.name) ? [pod.router.bgp.asn] : [])));
        for (const { name, router } of podRouters(lab).filter((pod) => !told.has(pod.router.bgp.asn))) {
            const other = others.find(({ asn }) => asn === router.bgp.asn);
            if (other !== undefined && !told.has(other.asn)) {
                told.add(other.asn);
                yield {
                    at: ["routers", name, "bgp", "asn"],
                    with: [other.place],
                    says: `${name} and ${other.who} both have AS ${router.bgp.asn}: each drops the other's routes, in which it finds its own AS`,
                    fix: "give the Pod an AS of its own",
                };
            }
        }
    },
});

/** Pods are on no subnet of the speaker's: their sessions take more than one hop, of at most 255. */
export const podsMayBeHopsAway = rule({
    id: "POD-HOP-001",
    severity: "error",
    source: "RFC 4271 §5.1.3; FRR documentation, neighbor ebgp-multihop",
    *check(lab) {
        for (const { who, neighbor, place } of distinct(lab, ({ ebgpMultihop }) => ebgpMultihop)) {
            const { ebgpMultihop: hops, name } = neighbor;
            if (!Number.isInteger(hops) || hops < 2 || hops > 255) {
                yield {
                    at: [...place, "ebgpMultihop"],
                    says: `${who}'s neighbors ${name} may be ${hops} hop${hops === 1 ? "" : "s"} away, but Pods are on no subnet of the speaker`,
                    fix: "use 2 to 255",
                };
            }
        }
    },
});

/** Sessions run between addresses of their family, which Pods have only of the cluster's. */
export const podFamiliesAreTheClusters = rule({
    id: "POD-FAM-001",
    severity: "error",
    source: "RFC 4760 §8; Kubernetes documentation, IPv4/IPv6 dual-stack",
    *check(lab) {
        const known = lab.cluster.podCidrs.map(familyOf);
        for (const { who, neighbor, place } of distinct(lab, ({ families }) => families)) {
            const { families, name } = neighbor;
            const foreign = families.find((family) => !known.includes(family));
            if (families.length === 0 || foreign !== undefined) {
                yield {
                    at: [...place, "families"],
                    with: [["cluster", "podCidrs"]],
                    says:
                        foreign === undefined
                            ? `${who}'s neighbors ${name} exchange no family`
                            : `${who}'s neighbors ${name} exchange ${familyName(foreign)}, but Pods have ${known.map(familyName).join(" and ")} addresses`,
                    fix: `exchange ${known.map(familyName).join(" and ")}`,
                };
            }
        }
    },
});

/** The name is a peer group's in FRR, and part of names in Kubernetes and GoBGP: a DNS label, and one per speaker. */
export const podNeighborNamesAreUsable = rule({
    id: "POD-NAME-003",
    severity: "error",
    source: "Kubernetes documentation, object names; FRR documentation, BGP peer groups",
    *check(lab) {
        for (const { who, neighbor, place } of distinct(lab, ({ name }) => name)) {
            if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(neighbor.name)) {
                yield {
                    at: [...place, "name"],
                    says: `${who} has a selector named "${neighbor.name}", which FRR and Kubernetes cannot be told`,
                    fix: "use at most 63 lower-case letters, digits and '-'",
                };
            }
        }
        const seen = new Set<string>();
        for (const { who, neighbor, place } of podNeighbors(lab)) {
            const key = JSON.stringify([place.slice(0, -1), neighbor.name]);
            if (seen.has(key)) {
                yield {
                    at: [...place, "name"],
                    says: `${who} has two selectors named ${neighbor.name}`,
                    fix: "rename one of them",
                };
            }
            seen.add(key);
        }
    },
});

/** An unpatched Cilium rejects every route that it gets, and passes none on: on a real cluster Pods peer with the router. */
export const ciliumRejectsRoutes = rule({
    id: "POD-CIL-001",
    severity: "error",
    source: "Cilium, pkg/bgp",
    runtime: "docker",
    *check(lab) {
        const instances = lab.cluster.cilium?.bgp ?? [];
        const first = instances.findIndex(({ transit }) => transit === true);
        if (first >= 0) {
            yield {
                at: ["cluster", "cilium", "bgp", first, "transit"],
                says: "Pods peer with nodes that pass their routes on, but the Cilium of a real cluster rejects every route",
                fix: "let the Pods peer with the router, or run the lab in network namespaces",
            };
        }
    },
});

/** On a real cluster the peering controller writes Pods into CiliumBGPClusterConfigs, which Cilium has in cilium.io/v2 from 1.18 on. */
export const ciliumHasClusterConfigs = rule({
    id: "POD-CIL-003",
    severity: "error",
    source: "Cilium release notes, 1.18",
    runtime: "docker",
    *check(lab) {
        const version = lab.cluster.cilium?.version;
        if (version !== undefined && isBefore(version, 1, 18) && podNeighbors(lab).some(({ at }) => at === "node")) {
            yield {
                at: ["cluster", "cilium", "version"],
                says: `Cilium ${version} has no CiliumBGPClusterConfig in cilium.io/v2, in which the peering controller keeps Pods as neighbors`,
                fix: "use Cilium 1.18 or later, or run the lab in network namespaces",
            };
        }
    },
});

/** A Pod calls from its own address, at which alone it is known: towards networks that are not routed natively Cilium hides it. */
export const podsCallFromTheirAddress = rule({
    id: "POD-CIL-004",
    severity: "error",
    source: "Cilium documentation, ipv4NativeRoutingCIDR",
    runtime: "docker",
    *check(lab) {
        const { cilium, podCidrs } = lab.cluster;
        // What is not routed natively of the pods themselves is told of them all (CIL-RTE-003).
        const routed = [...(cilium?.nativeRoutingCidrs ?? []), ...podCidrs];
        const called = podRouters(lab).flatMap(({ router }) => router.bgp.neighbors.map(({ address }) => address));
        const hidden = called.filter((address) => !routed.some((prefix) => contains(prefix, address)));
        if (cilium?.routingMode === "native" && hidden.length > 0) {
            const addresses = [...new Set(hidden)];
            yield {
                at: ["cluster", "cilium", "nativeRoutingCidrs"],
                says: `Pods have the neighbors ${addresses.join(", ")}, towards which Cilium would hide their addresses: no session comes up`,
                fix: `add ${addresses.map(hostPrefix).join(" and ")}, or networks that contain them`,
            };
        }
    },
});

/** Somebody takes what Pods announce: nodes that pass it on, or a router. */
export const podRoutesAreTaken = rule({
    id: "POD-CIL-002",
    severity: "error",
    source: "Cilium, pkg/bgp",
    *check(lab) {
        const all = podNeighbors(lab);
        for (const { name, place, pod } of placedPods(lab)) {
            const own = all.filter(({ pods }) => pods.some((other) => other.name === name));
            if (own.length > 0 && own.every(({ takes }) => !takes)) {
                yield {
                    at: own[0]!.place.slice(0, -2),
                    with: [[...place, "pod"]],
                    says: `${name} peers with ${pod.node} only, whose speaker rejects every route`,
                    fix: "set transit to true, or let the Pod peer with the router",
                };
                return;
            }
        }
    },
});

/** A router takes Pods into the peer group of their name, and the model writes out each that it takes. */
export const podsOfRoutersAreWrittenOut = rule({
    id: "POD-REF-001",
    severity: "error",
    source: "FRR documentation, bgp listen range",
    *check(lab) {
        for (const { who, place, bgp } of instances(lab)) {
            for (const [index, { name }] of (bgp.podNeighbors ?? []).entries()) {
                if (!bgp.peerGroups.some((group) => group.name === name)) {
                    yield {
                        at: [...place, "bgp", "podNeighbors", index, "name"],
                        says: `${who} takes Pods into the peer group ${name}, which it does not have`,
                        fix: `add the peer group ${name}`,
                    };
                }
            }
            for (const [index, { address, remoteAsn, pod, session }] of bgp.neighbors.entries()) {
                const router = pod === undefined ? undefined : lab.routers[pod];
                const group = session.kind === "group" ? session.group : undefined;
                const isPods =
                    router?.pod !== undefined &&
                    podAddress(router, familyOf(address)) === address &&
                    router.bgp.asn === remoteAsn &&
                    bgp.podNeighbors?.some(({ name }) => name === group) === true;
                if (pod !== undefined && !isPods) {
                    yield {
                        at: [...place, "bgp", "neighbors", index, "pod"],
                        says: `${who} has the neighbor ${address} of AS ${remoteAsn} for the Pod ${pod}, which is no Pod at this address, of this AS and in one of its groups of Pods`,
                        fix: "write out the Pods that call, with their address, AS and peer group",
                    };
                }
            }
        }
        yield* missingPods(lab);
    },
});

/** Pods that a router's selector means, and that are not among its neighbors. */
function* missingPods(lab: Lab) {
    for (const placed of podNeighbors(lab).filter(({ at }) => at === "router")) {
        const bgp = instances(lab).find(({ place }) => JSON.stringify(placed.place).startsWith(prefixOf(place)))!.bgp;
        const missing = meant(placed).find(
            ({ pod, family }) =>
                pod.router.bgp.asn !== placed.asn &&
                !bgp.neighbors.some((neighbor) => neighbor.pod === pod.name && familyOf(neighbor.address) === family),
        );
        if (missing !== undefined) {
            yield {
                at: placed.place,
                says: `${placed.who} selects ${missing.pod.name} as ${placed.neighbor.name}, but has no ${familyName(missing.family)} neighbor for it`,
                fix: "write out the Pod's address among the neighbors",
            };
        }
    }
}

function prefixOf(place: readonly (string | number)[]): string {
    return `${JSON.stringify([...place, "bgp"]).slice(0, -1)},`;
}

/** A workload without routers whose pods a selector means. */
function silentWorkload(lab: Lab, { namespace, selector }: PodNeighbor): Workload | undefined {
    return lab.cluster.workloads.find(
        (workload) => workload.namespace === namespace && selects(selector, workload.labels),
    );
}

/** Neighbors by label that differ in something: of those that are alike in it, which come from one place, the first. */
function distinct(lab: Lab, keyOf: (neighbor: PodNeighbor) => unknown): readonly PlacedPodNeighbor[] {
    const found = new Map<string, PlacedPodNeighbor>();
    for (const placed of podNeighbors(lab)) {
        const key = JSON.stringify(keyOf(placed.neighbor));
        found.set(key, found.get(key) ?? placed);
    }
    return [...found.values()];
}

/** The sessions that a neighbor by label means: one for each family of each of its Pods. */
function meant({ neighbor, pods }: PlacedPodNeighbor) {
    return pods.flatMap((pod) =>
        neighbor.families
            .filter((family: Family) => podAddress(pod.router, family) !== undefined)
            .map((family) => ({ pod, family })),
    );
}

/** Names of Pods that have the AS of the speaker which selects them. */
function ofOwnAs(lab: Lab): readonly string[] {
    return podNeighbors(lab).flatMap(({ asn, pods }) =>
        pods.filter(({ router }) => router.bgp.asn === asn).map(({ name }) => name),
    );
}

type IdleSelector = Pick<PodNeighbor, "name" | "namespace"> & Pick<PlacedPodNeighbor, "place" | "who">;

/**
 * Selectors that match no Pod of the lab. Each node has its own Pods, so that those of nodes are compared with all; of
 * several speakers with one selector the first is told.
 */
function idleSelectors(lab: Lab): readonly IdleSelector[] {
    const told = new Set<string>();
    const pods = podRouters(lab);
    return podNeighbors(lab).flatMap(({ who, place, neighbor }) => {
        const { name, namespace, selector } = neighbor;
        const key = JSON.stringify([namespace, selector]);
        if (told.has(key) || pods.some(({ pod }) => pod.namespace === namespace && selects(selector, pod.labels))) {
            return [];
        }
        told.add(key);
        return [{ who, place, name, namespace }];
    });
}
