/**
 * What is taken of Pods: the two layers of an import policy, and what the cluster itself uses, as one ordered prefix list.
 * Prediction, the speakers of nodes and the filters of routers all come from here.
 */

import { contains, familyBits, familyOf, hostPrefix, lengthOf, networkOf, parsePrefix, prefixesOf } from "./address";
import type { Address, AllowedPrefix, Family, ImportPolicy, Lab, Prefix, PrefixListEntry } from "./model";

/** Names of the ranges that a cluster uses, for people. */
export type ClusterUse = "pods" | "services" | "nodes" | "load balancers";

/** A range that the cluster itself uses. */
export interface ClusterRange {
    readonly use: ClusterUse;
    readonly prefix: Prefix;
}

/** Everything that the cluster itself uses, and that no Pod may therefore announce; the default routes come on top. */
export function clusterRanges({ cluster }: Lab): readonly ClusterRange[] {
    const nodes = Object.values(cluster.nodes).flatMap(({ interfaces }) =>
        interfaces.flatMap(({ addresses }) => addresses.map(networkOf)),
    );
    const ranges: Readonly<Record<ClusterUse, readonly Prefix[]>> = {
        pods: cluster.podCidrs,
        services: cluster.serviceCidrs,
        nodes: nodes.filter((prefix) => !cluster.podCidrs.some((cidr) => contains(cidr, prefix))),
        "load balancers": cluster.loadBalancerPools.flatMap(({ blocks }) => blocks.flatMap(prefixesOf)),
    };
    return Object.entries(ranges).flatMap(([use, prefixes]) =>
        [...new Set(prefixes)].map((prefix) => ({ use: use as ClusterUse, prefix })),
    );
}

/** What decides about the routes of one Pod, or of all Pods of a selector. */
export interface ImportRules {
    readonly policy: ImportPolicy;
    /** What the cluster uses, from `clusterRanges`. */
    readonly used: readonly Prefix[];
    /** The Pod's address, where its own node decides; only then may it be announced. */
    readonly own?: Address;
}

/**
 * The prefix list of one family, first match first: the Pod's own address, everything that is forbidden, and what is
 * allowed; the rest is refused. Of the prefixes that cover something forbidden only those are listed that would otherwise
 * be allowed, since all others are refused anyway.
 */
export function importEntries({ policy, used, own }: ImportRules, family: Family): readonly PrefixListEntry[] {
    const inFamily = (prefix: Prefix) => familyOf(prefix) === family;
    const forbidden = [...new Set([...used, ...policy.forbidden])].filter(inFamily);
    const allowed = policy.allowed.filter(({ prefix }) => inFamily(prefix));
    const everything = family === "ipv4" ? "0.0.0.0/0" : "::/0";
    const covering = new Set(
        [everything, ...forbidden.flatMap(covers)].filter((prefix) => allowed.some((entry) => permits(entry, prefix))),
    );
    const entries: readonly Omit<PrefixListEntry, "sequence">[] = [
        ...(own !== undefined && policy.ownAddress && familyOf(own) === family
            ? [{ action: "permit" as const, prefix: hostPrefix(own) }]
            : []),
        ...forbidden.map((prefix) => inside("deny", prefix, familyBits(family))),
        ...[...covering].map((prefix) => ({ action: "deny" as const, prefix })),
        ...allowed.map(({ prefix, le }) => inside("permit", prefix, le)),
    ];
    return entries.map((entry, index) => ({ sequence: 5 * (index + 1), ...entry }));
}

/** A prefix with its more specifics up to a length. */
function inside(action: PrefixListEntry["action"], prefix: Prefix, le?: number): Omit<PrefixListEntry, "sequence"> {
    return le === undefined || le === lengthOf(prefix) ? { action, prefix } : { action, prefix, le };
}

function permits({ prefix, le = lengthOf(prefix) }: AllowedPrefix, asked: Prefix): boolean {
    return contains(prefix, asked) && lengthOf(asked) <= le;
}

/** All prefixes that a prefix is inside, the shortest first, itself left out. */
function covers(prefix: Prefix): readonly Prefix[] {
    const { length } = parsePrefix(prefix);
    const address = prefix.slice(0, prefix.indexOf("/"));
    return Array.from({ length }, (_, shorter) => networkOf(`${address}/${shorter}`));
}
