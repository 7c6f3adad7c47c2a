import { familyOf, rangeOf } from "../address";
import type { Lab } from "../model";
import { networks, type PlacedNetwork } from "./networks";
import { rule } from "./rule";

/** An address must lead to one place: networks of different use share none. */
export const networksAreDisjoint = rule({
    id: "ADR-OVL-001",
    severity: "error",
    source: "RFC 4632 §5.1",
    *check(lab) {
        for (const [first, second] of overlaps(lab).filter((pair) => !pair.every(({ kind }) => kind === "pool"))) {
            yield {
                at: second.place,
                with: [first.place],
                says: `${second.what} overlaps ${first.what}`,
                fix: "use networks that share no address",
            };
        }
    },
});

/** Cilium disables the later one of two pools that share an address (condition PoolConflict). */
export const poolsAreDisjoint = rule({
    id: "LB-POOL-001",
    severity: "error",
    source: "Cilium documentation, LB IPAM",
    *check(lab) {
        for (const [first, second] of overlaps(lab).filter((pair) => pair.every(({ kind }) => kind === "pool"))) {
            yield {
                at: second.place,
                with: [first.place],
                says: `${second.what} overlaps ${first.what}: Cilium disables one of them`,
                fix: "use blocks that share no address",
            };
        }
    },
});

/**
 * Pairs of networks that share an address, the one that others are planned around first. Two CIDR networks overlap only
 * if one holds the other, so walking them by first address with the enclosing ones on a stack finds all pairs.
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
        const enclosing: typeof sorted = [];
        return sorted.flatMap((inner) => {
            while (enclosing.length > 0 && enclosing.at(-1)!.last < inner.first) {
                enclosing.pop();
            }
            const pairs = enclosing.map((outer) =>
                outer.order < inner.order
                    ? ([outer.network, inner.network] as const)
                    : ([inner.network, outer.network] as const),
            );
            enclosing.push(inner);
            return pairs;
        });
    });
}

function compare(a: bigint, b: bigint): number {
    return a < b ? -1 : a > b ? 1 : 0;
}
