/** What is wrong with a prefix that users may announce. */

import { contains, familyBits, familyOf, lengthOf } from "../address";
import { type ClusterUse, clusterRanges } from "../import-policy";
import type { AllowedPrefix, ImportPolicy, Lab, Prefix } from "../model";

/** Why nothing of an allowed prefix is ever taken, or not all of it. */
export type AllowedFlaw =
    /** `le` is less than the prefix's own length, or more than an address has bits. */
    | { readonly kind: "lengths" }
    /** It is the default route. */
    | { readonly kind: "default" }
    /** A range of the cluster's has it, or it is exactly what covers one. */
    | { readonly kind: "cluster"; readonly by: Prefix; readonly use: ClusterUse }
    /** The administrator forbids it, or it is exactly what covers something forbidden. */
    | { readonly kind: "forbidden"; readonly by: Prefix }
    /** It holds a range of the cluster's, which is refused, and more; what the administrator takes out of it is meant. */
    | { readonly kind: "partly"; readonly by: Prefix; readonly use: ClusterUse };

/** The first flaw of an allowed prefix, or nothing. */
export function allowedFlaw(
    lab: Lab,
    { forbidden }: ImportPolicy,
    { prefix, le }: AllowedPrefix,
): AllowedFlaw | undefined {
    const length = lengthOf(prefix);
    const longest = le ?? length;
    if (longest < length || longest > familyBits(familyOf(prefix))) {
        return { kind: "lengths" };
    }
    if (length === 0) {
        return { kind: "default" };
    }
    const isLost = (range: Prefix) => contains(range, prefix) || (longest === length && contains(prefix, range));
    const ranges = clusterRanges(lab).map(({ prefix: by, use }) => ({ by, use }));
    const own = ranges.find(({ by }) => isLost(by));
    const other = forbidden.find(isLost);
    if (own !== undefined) {
        return { kind: "cluster", ...own };
    }
    if (other !== undefined) {
        return { kind: "forbidden", by: other };
    }
    const part = ranges.find(({ by }) => contains(prefix, by));
    return part === undefined ? undefined : { kind: "partly", ...part };
}

/** Whether nothing of an allowed prefix is ever taken, which rules tell of the prefix itself. */
export function isIdle(flaw: AllowedFlaw | undefined): boolean {
    return flaw !== undefined && flaw.kind !== "partly";
}
