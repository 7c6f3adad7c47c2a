/**
 * The decision process of RFC 4271 §9.1.2.2, as FRR carries it out with `bestpath compare-routerid` and `deterministic-med`,
 * and as GoBGP does with `external-compare-router-id`.
 */

import type { Address, Family } from "../lab/model";
import { type Attributes, type Candidate, isUnspecified, sameList } from "./attributes";
import { sortedByAddress } from "./bits";
import type { Speaker } from "./speakers";

/** How a speaker shares load between paths. */
export interface MultipathSettings {
    readonly multipathRelax: boolean;
    readonly maximumPaths: number;
}

/** Whether the next hop of a path can be reached. */
export type Validity = (candidate: Candidate) => boolean;

/** The outcome for one prefix. */
export interface Choice {
    /** All paths, the best first; those that are not valid last. */
    readonly ranked: readonly Candidate[];
    /** The paths in use, the best first; empty when no path is valid. */
    readonly used: readonly Candidate[];
}

/** The next hop of a path as its receiver sees it. */
export function nextHopOf({ attributes, peer }: Candidate, family: Family): Address {
    return attributes.nextHop ?? peer!.other.self[family];
}

/** Where packets are sent: the next hop, or over IPv6 the FRR router that sent the path, by its link-local address. */
export function gatewayOf(candidate: Candidate, family: Family): Address {
    return candidate.attributes.linkLocal ? candidate.peer!.address : nextHopOf(candidate, family);
}

/** Ranks the paths to one prefix and picks those in use. */
export function choose(
    paths: readonly Candidate[],
    family: Family,
    { isGobgp, multipath }: Pick<Speaker, "isGobgp" | "multipath">,
    isValid: Validity,
): Choice {
    const best = bestOf(paths, isGobgp, isValid);
    const compare = isGobgp ? compareAsGobgp : compareCandidates;
    if (best === undefined) {
        return { ranked: [...paths].sort(compare), used: [] };
    }
    const others = paths.filter((path) => path !== best && isValid(path)).sort(compare);
    const rest = paths.filter((path) => path !== best && !isValid(path)).sort(compare);
    return { ranked: [best, ...others, ...rest], used: inUse(best, paths, family, multipath, isValid) };
}

/** The paths in use beside the best one, and that one first. Two paths through one gateway are one way. */
export function inUse(
    best: Candidate,
    paths: readonly Candidate[],
    family: Family,
    settings: MultipathSettings,
    isValid: Validity,
): readonly Candidate[] {
    if (settings.maximumPaths < 2 || best.peer === undefined) {
        return [best];
    }
    const equal = paths.filter((path) => path !== best && sharesLoad(best, path, settings) && isValid(path));
    const first = gatewayOf(best, family);
    const ways = new Map<Address, Candidate>();
    for (const path of equal.sort(compareCandidates)) {
        const gateway = gatewayOf(path, family);
        if (gateway !== first && !ways.has(gateway)) {
            ways.set(gateway, path);
        }
    }
    return [best, ...fewest([...ways.values()], family, settings.maximumPaths - 1)];
}

/** Of more paths than may be used, FRR takes those with the lowest next hops (`bgp_path_info_mpath_cmp`). */
function fewest(paths: readonly Candidate[], family: Family, most: number): readonly Candidate[] {
    return paths.length <= most ? paths : sortedByAddress(paths, (path) => nextHopOf(path, family)).slice(0, most);
}

/**
 * The best of the paths that are valid. To FRR metrics are only compared between paths of one neighbor AS, so that the best of
 * every neighbor AS is found first: otherwise the outcome would depend on the order in which paths came.
 */
export function bestOf(paths: readonly Candidate[], isGobgp: boolean, isValid: Validity): Candidate | undefined {
    if (isGobgp) {
        return lowest(paths, compareAsGobgp, isValid);
    }
    return paths.some(({ attributes }) => attributes.med !== 0)
        ? lowest(bestPerNeighbor(paths, isValid), compareWithMetric, isValid)
        : lowest(paths, compareCandidates, isValid);
}

function bestPerNeighbor(paths: readonly Candidate[], isValid: Validity): readonly Candidate[] {
    const best = new Map<number | undefined, Candidate>();
    for (const path of paths.filter(isValid)) {
        const neighbor = path.attributes.asPath[0];
        const known = best.get(neighbor);
        if (known === undefined || compareWithMetric(path, known) < 0) {
            best.set(neighbor, path);
        }
    }
    return [...best.values()];
}

type Comparison = (a: Candidate, b: Candidate) => number;

/** Looks at next hops last: most paths are worse anyway. */
function lowest(paths: readonly Candidate[], compare: Comparison, isValid: Validity): Candidate | undefined {
    let best: Candidate | undefined;
    for (const path of paths) {
        if ((best === undefined || compare(path, best) < 0) && isValid(path)) {
            best = path;
        }
    }
    return best;
}

/** The order of preference but for metrics. */
const compareCandidates: Comparison = (a, b) =>
    compareMerit(a, b) || compareKind(a, b) || compareIdentifiers(a, b) || compareClusters(a, b) || compareRanks(a, b);

const compareWithMetric: Comparison = (a, b) =>
    compareMerit(a, b) ||
    compareMetric(a, b) ||
    compareKind(a, b) ||
    compareIdentifiers(a, b) ||
    compareClusters(a, b) ||
    compareRanks(a, b);

/**
 * GoBGP's order (`Destination.sort` in its internal/pkg/table): own paths have no weight, so that a local preference goes
 * before them, and reflection plays no part.
 */
const compareAsGobgp: Comparison = (a, b) =>
    b.attributes.localPreference - a.attributes.localPreference ||
    compareMerit(a, b) ||
    compareMetric(a, b) ||
    compareKind(a, b) ||
    compareTexts(a.peer?.identifier ?? "", b.peer?.identifier ?? "") ||
    compareRanks(a, b);

/** Own paths have FRR's weight of 32768, which goes before all else. */
function compareMerit({ attributes: a, peer: from }: Candidate, { attributes: b, peer: other }: Candidate): number {
    return (
        Number(from !== undefined) - Number(other !== undefined) ||
        b.localPreference - a.localPreference ||
        a.asPath.length - b.asPath.length ||
        rankOfOrigin(a) - rankOfOrigin(b)
    );
}

function rankOfOrigin({ origin }: Attributes): number {
    return origin === "igp" ? 0 : 1;
}

function compareMetric({ attributes: a }: Candidate, { attributes: b }: Candidate): number {
    return a.asPath[0] === b.asPath[0] ? a.med - b.med : 0;
}

/** The metric to the next hop is the same for all, because no lab has an interior protocol that would give one. */
function compareKind(a: Candidate, b: Candidate): number {
    return Number(a.peer?.kind === "ibgp") - Number(b.peer?.kind === "ibgp");
}

/** A reflected path counts with the identifier of the speaker that brought it into the AS (RFC 4456 §9). */
function compareIdentifiers(a: Candidate, b: Candidate): number {
    return compareTexts(identifierOf(a), identifierOf(b));
}

function compareTexts(one: string, other: string): number {
    return one === other ? 0 : one < other ? -1 : 1;
}

function identifierOf({ attributes, peer }: Candidate): string {
    return attributes.originator ?? peer?.identifier ?? "";
}

function compareClusters({ attributes: a }: Candidate, { attributes: b }: Candidate): number {
    return a.clusters.length - b.clusters.length;
}

function compareRanks(a: Candidate, b: Candidate): number {
    return (a.peer?.rank ?? -1) - (b.peer?.rank ?? -1);
}

function sharesLoad(best: Candidate, path: Candidate, { multipathRelax }: MultipathSettings): boolean {
    const [a, b] = [best.peer, path.peer];
    if (a === undefined || b === undefined) {
        return false;
    }
    if (compareMerit(best, path) !== 0 || compareMetric(best, path) !== 0 || a.kind !== b.kind) {
        return false;
    }
    if (multipathRelax) {
        return true;
    }
    return a.kind === "ibgp"
        ? sameList(best.attributes.asPath, path.attributes.asPath)
        : a.other.speaker.asn === b.other.speaker.asn;
}

/** Whether a path is one that another VRF of the router originates, which its tables then carry on. */
export function isLeakedOwn({ attributes, peer }: Candidate): boolean {
    return peer?.leak !== undefined && attributes.nextHop !== undefined && isUnspecified(attributes.nextHop);
}
