import { AddressError, checkBlock, parseAddress, parseInterfaceAddress, parsePrefix } from "../address";
import { largestAsn } from "../asn";
import type { Device, Lab, StaticRoute } from "../model";
import type { Path } from "../path";
import { ciliumInstances } from "../speakers";
import { calicoPeers, metallbPeers } from "./peers";
import { podNeighbors } from "./placed-pods";
import { rule } from "./rule";
import { instances, type PlacedInstance } from "./tables";

interface Text {
    readonly text: string;
    readonly place: Path;
    readonly parse: (text: string) => unknown;
}

/** Addresses have one spelling, so that equal text means equal address. All other rules rely on it and are asked after it. */
export const addressesAreCanonical = rule({
    id: "ADR-FMT-001",
    severity: "error",
    source: "RFC 5952; RFC 4632 §3.1",
    *check(lab) {
        for (const { text, place, parse } of texts(lab)) {
            const error = errorOf(() => parse(text));
            if (error !== undefined) {
                yield { at: place, says: error.says, fix: error.fix };
            }
        }
    },
});

/** An AS number has 32 bits. */
export const asnsHave32Bits = rule({
    id: "BGP-FMT-001",
    severity: "error",
    source: "RFC 6793",
    *check(lab) {
        for (const { asn, place } of asns(lab)) {
            if (!Number.isInteger(asn) || asn < 0 || asn > largestAsn) {
                yield {
                    at: place,
                    says: `${asn} is not a 32-bit AS number`,
                    fix: `use a number from 1 to ${largestAsn}`,
                };
            }
        }
    },
});

/** A route distinguisher or target is a 16-bit AS with a 32-bit number, or a 32-bit AS with a 16-bit number. */
export const routeTargetsAreWellFormed = rule({
    id: "VRF-FMT-001",
    severity: "error",
    source: "RFC 4364 §4.2; RFC 5668",
    *check(lab) {
        for (const { text, place } of targets(lab)) {
            if (!isTarget(text)) {
                yield {
                    at: place,
                    says: `"${text}" is not a route distinguisher or target`,
                    fix: "write it as <AS>:<number>, such as 65000:1",
                };
            }
        }
    },
});

function* targets(lab: Lab): Iterable<{ readonly text: string; readonly place: Path }> {
    for (const { leaking, place } of instances(lab)) {
        if (leaking !== undefined) {
            const { routeDistinguisher, importTargets, exportTargets } = leaking;
            yield { text: routeDistinguisher, place: [...place, "routeDistinguisher"] };
            yield* importTargets.map((text, index) => ({ text, place: [...place, "importTargets", index] }));
            yield* exportTargets.map((text, index) => ({ text, place: [...place, "exportTargets", index] }));
        }
    }
}

/** Six bytes in all, four of them for one of the two numbers. */
function isTarget(text: string): boolean {
    const [, asn, number] = /^(0|[1-9]\d{0,9}):(0|[1-9]\d{0,9})$/.exec(text) ?? [];
    const [first, second] = [Number(asn), Number(number)];
    return first < 2 ** 16 ? second < 2 ** 32 : first < 2 ** 32 && second < 2 ** 16;
}

function errorOf(parse: () => unknown): AddressError | undefined {
    try {
        parse();
        return undefined;
    } catch (error) {
        if (error instanceof AddressError) {
            return error;
        }
        throw error;
    }
}

function* texts(lab: Lab): Iterable<Text> {
    for (const [name, { subnets }] of Object.entries(lab.segments)) {
        yield* list(["segments", name, "subnets"], subnets, parsePrefix);
    }
    for (const [name, router] of Object.entries(lab.routers)) {
        const place: Path = ["routers", name];
        yield* interfaceTexts(place, router);
        for (const [index, { entries }] of router.prefixLists.entries()) {
            yield* list([...place, "prefixLists", index, "entries"], entries, parsePrefix, "prefix");
        }
        yield* list([...place, "sourceNat"], router.sourceNat ?? [], parsePrefix, "source");
        yield* list([...place, "virtualServers"], router.virtualServers ?? [], parseAddress, "address");
    }
    for (const instance of instances(lab)) {
        yield* instanceTexts(instance);
    }
    for (const [name, host] of Object.entries(lab.hosts)) {
        yield* deviceTexts(["hosts", name], host);
    }
    yield* clusterTexts(lab);
    for (const [index, { address }] of lab.checks.entries()) {
        yield { text: address, place: ["checks", index, "address"], parse: parseAddress };
    }
}

function* instanceTexts({ place, staticRoutes, bgp }: PlacedInstance): Iterable<Text> {
    const { routerId, clusterId, neighbors, families } = bgp;
    yield* routeTexts(place, staticRoutes);
    yield { text: routerId, place: [...place, "bgp", "routerId"], parse: parseAddress };
    if (clusterId !== undefined) {
        yield { text: clusterId, place: [...place, "bgp", "clusterId"], parse: parseAddress };
    }
    yield* list([...place, "bgp", "neighbors"], neighbors, parseAddress, "address");
    for (const [index, { networks }] of families.entries()) {
        yield* list([...place, "bgp", "families", index, "networks"], networks, parsePrefix);
    }
}

function* clusterTexts(lab: Lab): Iterable<Text> {
    const { cluster } = lab;
    yield* list(["cluster", "podCidrs"], cluster.podCidrs, parsePrefix);
    yield* list(["cluster", "serviceCidrs"], cluster.serviceCidrs, parsePrefix);
    yield* list(["cluster", "cilium", "nativeRoutingCidrs"], cluster.cilium?.nativeRoutingCidrs ?? [], parsePrefix);
    for (const [name, node] of Object.entries(cluster.nodes)) {
        const place: Path = ["cluster", "nodes", name];
        yield* deviceTexts(place, node);
        yield* list([...place, "podCidrs"], node.podCidrs, parsePrefix);
        yield* list([...place, "nodeIp"], node.nodeIp ?? [], parseAddress);
        yield { text: node.routerId, place: [...place, "routerId"], parse: parseAddress };
    }
    for (const [index, { neighbors }] of (cluster.cilium?.bgp ?? []).entries()) {
        yield* list(["cluster", "cilium", "bgp", index, "neighbors"], neighbors, parseAddress, "address");
    }
    for (const { neighbor, place } of podNeighbors(lab)) {
        const { allowed, forbidden } = neighbor.importPolicy;
        yield* list([...place, "importPolicy", "allowed"], allowed, parsePrefix, "prefix");
        yield* list([...place, "importPolicy", "forbidden"], forbidden, parsePrefix);
    }
    for (const { peer, place } of calicoPeers(lab)) {
        yield { text: peer.address, place: [...place, "address"], parse: parseAddress };
    }
    for (const { peer, place } of metallbPeers(lab)) {
        yield { text: peer.peerAddress, place: [...place, "peerAddress"], parse: parseAddress };
    }
    for (const [index, { blocks }] of cluster.loadBalancerPools.entries()) {
        yield* list(["cluster", "loadBalancerPools", index, "blocks"], blocks, checkBlock);
    }
    for (const [index, { loadBalancerAddresses }] of cluster.services.entries()) {
        yield* list(["cluster", "services", index, "loadBalancerAddresses"], loadBalancerAddresses, parseAddress);
    }
    for (const [workload, { pods }] of cluster.workloads.entries()) {
        for (const [index, { addresses }] of pods.entries()) {
            yield* list(["cluster", "workloads", workload, "pods", index, "addresses"], addresses, parseAddress);
        }
    }
}

function* deviceTexts(place: Path, device: Device): Iterable<Text> {
    yield* interfaceTexts(place, device);
    yield* routeTexts(place, device.staticRoutes);
}

function* interfaceTexts(place: Path, { interfaces }: Pick<Device, "interfaces">): Iterable<Text> {
    for (const [index, { addresses }] of interfaces.entries()) {
        yield* list([...place, "interfaces", index, "addresses"], addresses, parseInterfaceAddress);
    }
}

function* routeTexts(place: Path, routes: readonly StaticRoute[]): Iterable<Text> {
    for (const [index, { prefix, via }] of routes.entries()) {
        yield { text: prefix, place: [...place, "staticRoutes", index, "prefix"], parse: parsePrefix };
        if (via.kind === "address") {
            yield {
                text: via.address,
                place: [...place, "staticRoutes", index, "via", "address"],
                parse: parseAddress,
            };
        }
    }
}

/** The texts of a list: its items, or one field of each. */
function list(place: Path, items: readonly string[], parse: Text["parse"]): Iterable<Text>;
function list<Field extends string>(
    place: Path,
    items: readonly Readonly<Record<Field, string>>[],
    parse: Text["parse"],
    field: Field,
): Iterable<Text>;
function* list<Field extends string>(
    place: Path,
    items: readonly (string | Readonly<Record<Field, string>>)[],
    parse: Text["parse"],
    field?: Field,
): Iterable<Text> {
    for (const [index, item] of items.entries()) {
        yield typeof item === "string"
            ? { text: item, place: [...place, index], parse }
            : { text: item[field!], place: [...place, index, field!], parse };
    }
}

function* asns(lab: Lab): Iterable<{ readonly asn: number; readonly place: Path }> {
    for (const { bgp, place } of instances(lab)) {
        yield { asn: bgp.asn, place: [...place, "bgp", "asn"] };
        for (const [index, { remoteAsn }] of bgp.neighbors.entries()) {
            yield { asn: remoteAsn, place: [...place, "bgp", "neighbors", index, "remoteAsn"] };
        }
    }
    for (const [index, instance] of ciliumInstances(lab).entries()) {
        const place: Path = ["cluster", "cilium", "bgp", index];
        yield { asn: instance.localAsn, place: [...place, "localAsn"] };
        for (const [neighbor, { remoteAsn }] of instance.neighbors.entries()) {
            yield { asn: remoteAsn, place: [...place, "neighbors", neighbor, "remoteAsn"] };
        }
    }
    for (const { neighbor, place } of podNeighbors(lab)) {
        if (neighbor.remoteAs.kind === "asn") {
            yield { asn: neighbor.remoteAs.asn, place: [...place, "remoteAs", "asn"] };
        }
    }
    if (lab.cluster.calico !== undefined) {
        yield { asn: lab.cluster.calico.asn, place: ["cluster", "calico", "asn"] };
    }
    for (const { peer, place } of calicoPeers(lab)) {
        yield { asn: peer.asn, place: [...place, "asn"] };
    }
    for (const { peer, place } of metallbPeers(lab)) {
        yield { asn: peer.myAsn, place: [...place, "myAsn"] };
        yield { asn: peer.peerAsn, place: [...place, "peerAsn"] };
    }
}
