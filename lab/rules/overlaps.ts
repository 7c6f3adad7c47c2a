import { familyOf, rangeOf } from "../address";
import type { Lab } from "../model";
import { announcedPools } from "../services";
import { networks, type PlacedNetwork } from "./networks";
import { rule } from "./rule";

/** An address must lead to one place: networks of different use share none, but for pools that nodes answer for on their own network. */
export const networksAreDisjoint = rule({
    id: "ADR-OVL-001",
    severity: "error",
    source: "RFC 4632 §5.1",
    *check(lab) {
        for (const [first, second] of overlaps(lab).filter((pair) => !pair.every(isPool) && !isAnswered(lab, pair))) {
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
        for (const [first, second] of overlaps(lab).filter((pair) => pair.every(isPool))) {
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

function isPool({ kind }: PlacedNetwork): boolean {
    return kind === "pool";
}

/** Whether the nodes answer for a pool on their network, which then holds it (rule MLB-ARP-001). */
function isAnswered(lab: Lab, [first, second]: readonly [PlacedNetwork, PlacedNetwork]): boolean {
    const pool = [first, second].find(isPool);
    const index = pool?.place[2];
    const name = typeof index === "number" ? lab.cluster.loadBalancerPools[index]?.name : undefined;
    return first.kind === "node-segment" && name !== undefined && announcedPools(lab, "layer2").has(name);
}

/**
 * Pairs of networks that share an address, the one that others are planned around first. Networks are walked by their
 * first address with those that are not over yet, which are few unless nearly all overlap.
 */
function overlaps(lab: Lab): readonly (readonly [PlacedNetwork, PlacedNetwork])[] {
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
