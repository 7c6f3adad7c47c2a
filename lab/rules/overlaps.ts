import { contains, familyOf, rangeOf } from "../address";
import { clusterRanges } from "../import-policy";
import type { Lab } from "../model";
import { announcedPools } from "../services";
import { devices } from "./devices";
import { networks, type PlacedNetwork } from "./networks";
import { rule } from "./rule";

/** An address must lead to one place: networks of different use share none. Pools inside a network of nodes have rules of their own. */
export const networksAreDisjoint = rule({
    id: "ADR-OVL-001",
    severity: "error",
    source: "RFC 4632 §5.1",
    *check(lab) {
        const exceptions = new Set([
            ...poolPairs(lab),
            ...answeredPairs(lab),
            ...pairsWithinNodes(lab),
            ...overlaps(lab).filter(isApart),
            ...pairsOfPods(lab),
        ]);
        for (const pair of overlaps(lab).filter((candidate) => !exceptions.has(candidate))) {
            const [first, second] = pair;
            yield {
                at: second.place,
                with: [first.place],
                says: `${second.what} overlaps ${first.what}`,
                fix: "use networks that share no address",
            };
        }
    },
});

/** Cilium disables the later one of two pools that share an address (condition PoolConflict), MetalLB refuses both. */
export const poolsAreDisjoint = rule({
    id: "LB-POOL-001",
    severity: "error",
    source: "Cilium documentation, LB IPAM",
    *check(lab) {
        for (const [first, second] of poolPairs(lab)) {
            const outcome = lab.cluster.metallb === undefined ? "Cilium disables one of them" : "MetalLB refuses them";
            yield {
                at: second.place,
                with: [first.place],
                says: `${second.what} overlaps ${first.what}: ${outcome}`,
                fix: "use blocks that share no address",
            };
        }
    },
});

/**
 * Who is on a network takes all its addresses for neighbors and asks for them by ARP or neighbor discovery, which nobody
 * answers for a pool that is announced over BGP only. From behind a router the addresses are reached.
 */
export const poolsInsideNodeNetworksAreAnswered = rule({
    id: "LB-POOL-008",
    severity: "warning",
    source: "RFC 1122 §3.3.1; MetalLB documentation, layer 2 mode",
    *check(lab) {
        for (const [network, pool] of pairsWithinNodes(lab)) {
            yield {
                at: pool.place,
                with: [network.place],
                says: `${pool.what} is inside ${network.what} and announced over BGP only: who is on that network does not reach it`,
                fix: "use a network of its own for the pool, or announce it on layer 2 as well",
            };
        }
    },
});

/** Two networks that share an address, the one that others are planned around first. */
type Pair = readonly [first: PlacedNetwork, second: PlacedNetwork];

/** Loopbacks that are equal have a rule of their own (ADR-DUP-001), and those of VRFs may be inside links of others. */
function isApart([first, second]: Pair): boolean {
    const [loopback, other] = second.kind === "loopback" ? [second, first] : [first, second];
    const isLink = other.kind === "link" || other.kind === "node-segment";
    return loopback.kind === "loopback" && (other.kind === "loopback" || (isLink && loopback.isInVrf === true));
}

function isPool({ kind }: PlacedNetwork): boolean {
    return kind === "pool";
}

function poolPairs(lab: Lab): readonly Pair[] {
    return overlaps(lab).filter((pair) => pair.every(isPool));
}

/** What routers in Pods have of the cluster's own ranges, which has a rule of its own (POD-VIP-001). */
function pairsOfPods(lab: Lab): readonly Pair[] {
    const used = clusterRanges(lab);
    const own = new Set(networks(lab).flatMap(({ isInPod, prefix }) => (isInPod ? [prefix] : [])));
    const told = new Set([...own].filter((address) => used.some(({ prefix }) => contains(prefix, address))));
    return overlaps(lab).filter((pair) => pair.some(({ isInPod, prefix }) => isInPod && told.has(prefix)));
}

/** Pools that nodes answer for on their network, which then holds them (rule MLB-ARP-001). */
function answeredPairs(lab: Lab): readonly Pair[] {
    const answered = announcedPools(lab, "layer2");
    return overlaps(lab).filter(([network, pool]) => {
        const index = isPool(pool) ? pool.place[2] : undefined;
        const name = typeof index === "number" ? lab.cluster.loadBalancerPools[index]?.name : undefined;
        return network.kind === "node-segment" && name !== undefined && answered.has(name);
    });
}

/** Pools inside a network that nodes are on, free of devices' addresses, for which the nodes do not answer. */
function pairsWithinNodes(lab: Lab): readonly Pair[] {
    const answered = new Set(answeredPairs(lab));
    const ofNodes = new Set(
        Object.values(lab.cluster.nodes).flatMap(({ interfaces }) =>
            interfaces.flatMap(({ attachment }) => (attachment.kind === "segment" ? [attachment.segment] : [])),
        ),
    );
    return overlaps(lab)
        .filter((pair) => !answered.has(pair) && isPool(pair[1]) && ofNodes.has(String(pair[0].place[1])))
        .filter(([network, pool]) => network.place[0] === "segments" && contains(network.prefix, pool.prefix))
        .filter(([, pool]) =>
            devices(lab).every(({ addresses }) => !addresses.some(({ address }) => contains(pool.prefix, address))),
        );
}

const pairsByLab = new WeakMap<Lab, readonly Pair[]>();

/** Pairs of networks that share an address, found once for all rules. */
function overlaps(lab: Lab): readonly Pair[] {
    const known = pairsByLab.get(lab) ?? findOverlaps(lab);
    pairsByLab.set(lab, known);
    return known;
}

/** Networks are walked by their first address with those that are not over yet, which are few unless nearly all overlap. */
function findOverlaps(lab: Lab): readonly Pair[] {
    const all = networks(lab).map((network, order) => ({
        network,
        order,
        family: familyOf(network.prefix),
        ...rangeOf(network.prefix),
    }));
    return (["ipv4", "ipv6"] as const).flatMap((family) => {
        const sorted = all
            .filter((candidate) => candidate.family === family)
            .sort((a, b) => compare(a.first, b.first) || compare(b.last, a.last) || a.order - b.order);
        let open: typeof sorted = [];
        return sorted.flatMap((later) => {
            open = open.filter(({ last }) => last >= later.first);
            const pairs = open.map((earlier) =>
                earlier.order < later.order
                    ? ([earlier.network, later.network] as const)
                    : ([later.network, earlier.network] as const),
            );
            open.push(later);
            return pairs;
        });
    });
}

function compare(a: bigint, b: bigint): number {
    return a < b ? -1 : a > b ? 1 : 0;
}
