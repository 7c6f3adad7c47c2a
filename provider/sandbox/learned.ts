/** Kernel routes of a node that were learned from Pods over BGP. */
import { familyOf, formatAddress, formatSubnet, parseAddress, parseSubnet, type Subnet } from "./addresses";
import { observeNamespace } from "./kernel";
import { inNamespace } from "./namespaces";
import { type Change, change, protocols, withNetlink } from "./netlink";
import type { Operations } from "./protocol";
import { deleteRoute, learnRoute, type ObservedNamespace, type ObservedRoute } from "./rtnetlink";

/** A route that is to be there. */
interface Wanted {
    readonly prefix: string;
    readonly subnet: Subnet;
    readonly via: Buffer;
}

/**
 * Makes the routes with protocol `bgp` of a namespace exactly the given ones. A prefix that has a route of another protocol
 * is left to that: it would win by its administrative distance, too.
 *
 * @param nextHops addresses of the Pods on the node
 * @throws Error when a next hop is no Pod on the node, or the kernel refuses; all other routes are as given then
 */
export function learnRoutes(
    { namespace, routes }: Operations["learnRoutes"][0],
    nextHops: readonly string[],
): Operations["learnRoutes"][1] {
    const problems: string[] = [];
    const pods = new Set(nextHops.map((address) => formatAddress(parseAddress(address))));
    const wanted = Object.entries(routes).flatMap(([prefix, via]): readonly Wanted[] => {
        try {
            return [readRoute(prefix, via, pods)];
        } catch (error) {
            problems.push(`the route to ${prefix} by ${via}: ${(error as Error).message}`);
            return [];
        }
    });
    const observed = observeNamespace(namespace);
    const { missing, surplus } = difference(wanted, observed);
    // What is replaced has gone by the time it is removed, and is never missing in between.
    const changes = [
        ...missing.map((route) => addition(route, namespace)),
        ...surplus.map((route) => deleteRoute(route, `remove the route to ${route.prefix} from ${namespace}`)),
    ];
    if (changes.length > 0) {
        inNamespace(namespace, () => withNetlink(protocols.route, (fd) => change(fd, changes)));
    }
    if (problems.length > 0) {
        throw new Error([`not all routes of ${namespace} can be made:`, ...problems].join("\n"));
    }
    const added = missing.map(({ prefix }) => prefix);
    const replaced = new Set(added);
    return { added, removed: surplus.map(({ prefix }) => prefix).filter((prefix) => !replaced.has(prefix)) };
}

/** @throws Error saying what is wrong with the route */
function readRoute(prefix: string, via: string, pods: ReadonlySet<string>): Wanted {
    const subnet = parseSubnet(prefix);
    const bytes = parseAddress(via);
    if (familyOf(bytes) !== familyOf(subnet.bytes)) {
        throw new Error("prefix and next hop are of different families");
    }
    if (!pods.has(formatAddress(bytes))) {
        throw new Error("no Pod on the node has this address");
    }
    return { prefix: formatSubnet(subnet.bytes, subnet.length), subnet, via: bytes };
}

function difference(
    wanted: readonly Wanted[],
    { routes }: ObservedNamespace,
): { readonly missing: readonly Wanted[]; readonly surplus: readonly ObservedRoute[] } {
    const isLearned = ({ protocol }: ObservedRoute) => protocol === "bgp";
    const taken = new Set(routes.filter((route) => !isLearned(route)).map(({ prefix }) => prefix));
    const learned = routes.filter(isLearned);
    const own = wanted.filter(({ prefix }) => !taken.has(prefix));
    const found = own.map((route) => learned.find((each) => isSame(each, route)));
    const kept = new Set(found);
    return {
        missing: own.filter((_, index) => found[index] === undefined),
        surplus: learned.filter((route) => !kept.has(route)),
    };
}

function isSame({ prefix, nextHops }: ObservedRoute, wanted: Wanted): boolean {
    return prefix === wanted.prefix && nextHops.length === 1 && nextHops[0]?.via === formatAddress(wanted.via);
}

function addition({ prefix, subnet, via }: Wanted, namespace: string): Change {
    return learnRoute(subnet, via, `add the route to ${prefix} by ${formatAddress(via)} in ${namespace}`);
}
