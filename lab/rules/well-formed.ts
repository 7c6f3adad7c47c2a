import { AddressError, checkBlock, parseAddress, parseInterfaceAddress, parsePrefix } from "../address";
import { largestAsn } from "../asn";
import type { Device, Lab } from "../model";
import type { Path } from "../path";
import { ciliumInstances } from "../speakers";
import { rule } from "./rule";

interface Text {
    readonly text: string;
    readonly place: Path;
    readonly parse: (text: string) => unknown;
}

/** Addresses have one spelling, so that equal text means equal address. All other rules rely on it and are asked after it. */
export const addressesAreCanonical = rule({
    id: "ADR-FMT-001",
    severity: "error",
    source: "RFC 5952, RFC 4632 §3.1",
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
        yield* deviceTexts(place, router);
        yield { text: router.bgp.routerId, place: [...place, "bgp", "routerId"], parse: parseAddress };
        yield* list([...place, "bgp", "neighbors"], router.bgp.neighbors, parseAddress, "address");
        for (const [index, { entries }] of router.prefixLists.entries()) {
            yield* list([...place, "prefixLists", index, "entries"], entries, parsePrefix, "prefix");
        }
        for (const [index, { networks }] of router.bgp.families.entries()) {
            yield* list([...place, "bgp", "families", index, "networks"], networks, parsePrefix);
        }
    }
    for (const [name, host] of Object.entries(lab.hosts)) {
        yield* deviceTexts(["hosts", name], host);
    }
    yield* clusterTexts(lab);
    for (const [index, { address }] of lab.checks.entries()) {
        yield { text: address, place: ["checks", index, "address"], parse: parseAddress };
    }
}

function* clusterTexts({ cluster }: Lab): Iterable<Text> {
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
    for (const [index, { addresses }] of device.interfaces.entries()) {
        yield* list([...place, "interfaces", index, "addresses"], addresses, parseInterfaceAddress);
    }
    for (const [index, { prefix, via }] of device.staticRoutes.entries()) {
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
    for (const [name, { bgp }] of Object.entries(lab.routers)) {
        yield { asn: bgp.asn, place: ["routers", name, "bgp", "asn"] };
        for (const [index, { remoteAsn }] of bgp.neighbors.entries()) {
            yield { asn: remoteAsn, place: ["routers", name, "bgp", "neighbors", index, "remoteAsn"] };
        }
    }
    for (const [index, instance] of ciliumInstances(lab).entries()) {
        const place: Path = ["cluster", "cilium", "bgp", index];
        yield { asn: instance.localAsn, place: [...place, "localAsn"] };
        for (const [neighbor, { remoteAsn }] of instance.neighbors.entries()) {
            yield { asn: remoteAsn, place: [...place, "neighbors", neighbor, "remoteAsn"] };
        }
    }
}
