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

/** The two parts of a policy's prefix list: a Pod's own address, where it may be announced, stands between them. */
export interface ImportLayers {
    /** What the administrator forbids. */
    readonly administrator: readonly PrefixListEntry[];
    /** What the cluster uses is denied, then what users may announce is permitted. */
    readonly others: readonly PrefixListEntry[];
}

/**
 * The prefix list of one family, first match first: what the administrator forbids, the Pod's own address, what the cluster
 * uses, and what is allowed; the rest is refused.
 */
export function importEntries(rules: ImportRules, family: Family): readonly PrefixListEntry[] {
    const { policy, own } = rules;
    const { administrator, others } = layers(rules, family);
    const isOwnTaken = own !== undefined && policy.ownAddress && familyOf(own) === family;
    const ownEntry: readonly Entry[] = isOwnTaken ? [{ action: "permit", prefix: hostPrefix(own) }] : [];
    return numbered(distinct([...administrator, ...ownEntry, ...others]));
}

/** The same without any Pod's own address, for speakers that keep those in lists of their own. */
export function importLayers(rules: Omit<ImportRules, "own">, family: Family): ImportLayers {
    const { administrator, others } = layers(rules, family);
    const all = distinct([...administrator, ...others]);
    const first = distinct(administrator).length;
    return { administrator: numbered(all.slice(0, first)), others: numbered(all.slice(first), first) };
}

type Entry = Omit<PrefixListEntry, "sequence">;

function layers(
    { policy, used }: Omit<ImportRules, "own">,
    family: Family,
): Readonly<Record<keyof ImportLayers, readonly Entry[]>> {
    const inFamily = (prefix: Prefix) => familyOf(prefix) === family;
    const allowed = policy.allowed.filter(({ prefix }) => inFamily(prefix));
    const denials = (forbidden: readonly Prefix[]) => denialsOf(forbidden.filter(inFamily), allowed);
    const everything = family === "ipv4" ? "0.0.0.0/0" : "::/0";
    return {
        administrator: denials(policy.forbidden),
        others: [
            ...denials(used),
            { action: "deny", prefix: everything },
            ...allowed.map(({ prefix, le }) => inside("permit", prefix, le)),
        ],
    };
}

/**
 * Denies prefixes with all that is inside them, and with what covers them. Of the latter only those are listed that would
 * otherwise be allowed, since all others are refused anyway.
 */
function denialsOf(forbidden: readonly Prefix[], allowed: readonly AllowedPrefix[]): readonly Entry[] {
    const covering = new Set(
        forbidden.flatMap(covers).filter((prefix) => allowed.some((entry) => permits(entry, prefix))),
    );
    return [
        ...forbidden.map((prefix) => inside("deny", prefix, familyBits(familyOf(prefix)))),
        ...[...covering].map((prefix): Entry => ({ action: "deny", prefix })),
    ];
}

/** Without entries that match what an earlier one does: FRR takes no entry twice. */
function distinct(entries: readonly Entry[]): readonly Entry[] {
    const byMatch = new Map<string, Entry>();
    for (const entry of entries) {
        const match = `${entry.prefix} ${entry.le}`;
        byMatch.set(match, byMatch.get(match) ?? entry);
    }
    return [...byMatch.values()];
}

/** Numbered as FRR numbers them, after as many entries as there are before. */
function numbered(entries: readonly Entry[], before = 0): readonly PrefixListEntry[] {
    return entries.map((entry, index) => ({ sequence: 5 * (before + index + 1), ...entry }));
}

/** A prefix with its more specifics up to a length. */
function inside(action: PrefixListEntry["action"], prefix: Prefix, le?: number): Entry {
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
