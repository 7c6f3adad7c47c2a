/** What routers do not take of what nodes announce. */

import { contains, familyBits, familyOf, lengthOf, rangeOf } from "../address";
import type { Lab, Prefix, PrefixList, PrefixListEntry } from "../model";
import type { Path } from "../path";
import { lengthsOf, prefixListFilter } from "../prefix-lists";
import { directedSessions } from "../sessions";
import { findSessionSettings } from "../speakers";
import { announcedBy } from "./announced";
import { takenOfPods } from "./placed-pods";
import { rule } from "./rule";
import { instances } from "./tables";

/**
 * What nodes announce is meant to be reached. An entry without `le` matches its own length only, and so none of the single
 * addresses of a pool.
 */
export const importsTakeWhatNodesAnnounce = rule({
    id: "BGP-POL-011",
    severity: "warning",
    source: "FRR documentation, ip prefix-list",
    *check(lab) {
        for (const { router, list, place, refused } of refusals(lab)) {
            const [first, ...others] = refused;
            const more = others.length === 0 ? "" : ` and ${others.length} more`;
            yield {
                at: place,
                with: [
                    ["cluster", "services"],
                    ["cluster", "loadBalancerPools"],
                ],
                says: `${router}'s prefix list ${list.name} refuses ${first}${more} of what nodes announce: ${router} sends no traffic there`,
                fix: fixOf(list, first),
            };
        }
    },
});

/** What a list refuses of what nodes announce. */
interface Refusal {
    readonly router: string;
    readonly list: PrefixList;
    readonly place: Path;
    readonly refused: readonly [Prefix, ...Prefix[]];
}

/** Lists without a permit, and entries that match no length, are left to the rules on these (BGP-POL-003, BGP-POL-004). */
function refusals(lab: Lab): readonly Refusal[] {
    const found = new Map<PrefixList, { router: string; place: Path; refused: Set<Prefix> }>();
    for (const { local, remote } of directedSessions(lab)) {
        if (local.kind !== "router" || remote.kind !== "kubernetes-node") {
            continue;
        }
        const { prefixLists } = lab.routers[local.node]!;
        const instance = instances(lab).find(({ router, vrf }) => router === local.node && vrf === local.vrf)!;
        const neighbor = instance.bgp.neighbors.find(({ address }) => address === local.peerAddress)!;
        const ofPods = new Set(takenOfPods(lab, remote.node));
        const filters = findSessionSettings(instance.bgp, neighbor)!.families.filter(({ family }) =>
            remote.families.includes(family),
        );
        for (const { family, prefixListIn } of filters) {
            const index = prefixLists.findIndex((each) => each.name === prefixListIn && each.family === family);
            const list = prefixLists[index];
            if (list === undefined || !list.entries.some(permitsSome) || !list.entries.every(matchesSome)) {
                continue;
            }
            const permits = prefixListFilter(list);
            const refused = announcedBy(lab, local, remote).filter(
                (prefix) =>
                    familyOf(prefix) === family &&
                    !permits(prefix) &&
                    (isOfTheCluster(lab, prefix) || ofPods.has(prefix)),
            );
            if (refused.length > 0) {
                const place = ["routers", local.node, "prefixLists", index];
                const known = found.get(list) ?? { router: local.node, place, refused: new Set() };
                found.set(list, { ...known, refused: new Set([...known.refused, ...refused]) });
            }
        }
    }
    return [...found].map(([list, { refused, ...rest }]) => {
        const [first, ...others] = refused;
        return { list, ...rest, refused: [first!, ...others] };
    });
}

function permitsSome({ action }: PrefixListEntry): boolean {
    return action === "permit";
}

function matchesSome(entry: PrefixListEntry): boolean {
    const { shortest, longest } = lengthsOf(entry);
    return shortest <= longest;
}

/** What no pool has is not given out, which is another rule's to tell (LB-POOL-002). */
function isOfTheCluster({ cluster: { podCidrs, loadBalancerPools } }: Lab, prefix: Prefix): boolean {
    const { first, last } = rangeOf(prefix);
    return [...podCidrs, ...loadBalancerPools.flatMap(({ blocks }) => blocks)]
        .filter((block) => familyOf(block) === familyOf(prefix))
        .map(rangeOf)
        .some((range) => range.first <= first && last <= range.last);
}

function fixOf({ entries }: PrefixList, prefix: Prefix): string {
    const around = entries.find(
        (entry) => familyOf(entry.prefix) === familyOf(prefix) && contains(entry.prefix, prefix),
    );
    return around?.action === "permit" && (around.le ?? lengthOf(around.prefix)) < lengthOf(prefix)
        ? `set le to ${familyBits(familyOf(prefix))} in the entry ${around.prefix}`
        : `permit what nodes announce, such as ${prefix}, ahead of entries that deny it`;
}
