import { addressOf, contains, familyName, familyOf, hostPrefix } from "../address";
import { clusterRanges } from "../import-policy";
import type { Address, Asn, Lab, Workload } from "../model";
import { formatPath, type Path } from "../path";
import { prefixListFilter } from "../prefix-lists";
import { findSessionSettings } from "../speakers";
import { allowedFlaw, isIdle } from "./allowed-prefixes";
import { largestGroup } from "./equal-paths";
import { narrowed } from "./narrow-paths";
import {
    isTaken,
    originatedBy,
    type PlacedPod,
    type PlacedPodNeighbor,
    placedPods,
    podNeighbors,
    virtualServers,
} from "./placed-pods";
import { rule } from "./rule";
import { instances, type PlacedInstance } from "./tables";

/** A virtual address of a Pod is in no range that the cluster uses: it would be refused, and would draw others' traffic. */
export const virtualAddressesAreNotTheClusters = rule({
    id: "POD-VIP-001",
    severity: "error",
    source: "RFC 7454 §6.1.4",
    *check(lab) {
        for (const { pod, address, place, others } of virtualAddresses(lab)) {
            const range = usedBy(lab, address);
            if (range !== undefined) {
                yield {
                    at: place,
                    with: others,
                    says: `${pod.name} has the virtual address ${address}, which is in ${range.prefix} of the cluster's ${range.use}`,
                    fix: `use an address outside ${range.prefix}`,
                };
            }
        }
    },
});

/** Connections come to a virtual address only if the policy lets the Pod announce it. */
export const virtualAddressesAreAllowed = rule({
    id: "POD-VIP-002",
    severity: "error",
    source: "RFC 7454 §6",
    *check(lab) {
        let isNothingAllowed = false;
        for (const { pod, address, place, others } of virtualAddresses(lab)) {
            const takers = usedBy(lab, address) === undefined ? takersOf(lab, pod, address) : [];
            const refusing = takers.find((placed) => isRefused(lab, placed, pod, address));
            // An allowed prefix of which nothing is taken has a rule of its own.
            if (refusing !== undefined && !isToldOfPolicy(lab, refusing, address) && !isNothingAllowed) {
                const { allowed, forbidden } = refusing.neighbor.importPolicy;
                // Where nothing is allowed, the first address tells of all.
                isNothingAllowed = allowed.length === 0;
                const by = forbidden.find((prefix) => contains(prefix, address));
                const short = allowed.find(({ prefix }) => contains(prefix, address));
                yield {
                    at: place,
                    with: [...others, [...refusing.place, "importPolicy"]],
                    says: `${pod.name} has the virtual address ${address}, ${by === undefined ? `which the policy of ${refusing.neighbor.name} does not allow` : `which is in the forbidden ${by}`}: nobody learns of it`,
                    fix:
                        by !== undefined
                            ? `use an address outside ${by}`
                            : short === undefined
                              ? `allow ${hostPrefix(address)}, or use an address that is allowed`
                              : `allow ${short.prefix} with le ${familyOf(address) === "ipv4" ? 32 : 128}`,
                };
            }
        }
    },
});

/** A Pod announces the addresses at which it takes connections. */
export const virtualAddressesAreAnnounced = rule({
    id: "POD-VIP-003",
    severity: "error",
    source: "RFC 4271 §9.4",
    *check(lab) {
        for (const { pod, address, place, others } of virtualAddresses(lab)) {
            if (!announced(lab, pod, address)) {
                yield {
                    at: place,
                    with: [...others, [...pod.place, "bgp", "families"]],
                    says: `${pod.name} has the virtual address ${address}, but does not announce it: it is neither redistributed nor a network, or a filter keeps it back`,
                    fix: "redistribute connected routes, and let prefixListOut permit the address",
                };
            }
        }
    },
});

/**
 * What a policy allows, it allows all Pods that a selector means: one that announces another workload's virtual address
 * draws its traffic.
 */
export const virtualAddressesAreOneWorkloads = rule({
    id: "POD-VIP-004",
    severity: "error",
    source: "RFC 7454 §6",
    *check(lab) {
        for (const { pod: other, address, place } of virtualAddresses(lab)) {
            const prefix = hostPrefix(address);
            const family = familyOf(address);
            const isOthers = ({ pod }: PlacedPod) =>
                pod.workload !== other.pod.workload || pod.namespace !== other.pod.namespace;
            const found = placedPods(lab).find(
                (pod) =>
                    isOthers(pod) &&
                    originatedBy(pod.router, family).includes(prefix) &&
                    takersOf(lab, pod, address).some((placed) => !isRefused(lab, placed, pod, address)),
            );
            const index = found?.router.bgp.families.findIndex((each) => each.family === family);
            if (found !== undefined) {
                yield {
                    at: [...found.place, "bgp", "families", index!],
                    with: [place],
                    says: `${found.name} announces ${prefix}, a virtual address of ${other.name}, and the policy allows it: it draws traffic that is not its own`,
                    fix: "do not announce it, or give the workloads selectors of their own, with what each of them may announce",
                };
            }
        }
    },
});

/** Pods with one virtual address on several nodes share its load where the router takes paths through different ASes. Where services are cut short as well, it is told of them. */
export const virtualAddressesShareLoad = rule({
    id: "BGP-ECMP-006",
    severity: "warning",
    source: "RFC 7938 §6",
    *check(lab) {
        for (const instance of instances(lab).filter(({ router }) => lab.routers[router]!.pod === undefined)) {
            const { multipathRelax, maximumPaths } = instance.bgp;
            for (const [address, ases] of pathsTo(lab, instance.router)) {
                const alike = multipathRelax ? ases.length : largestGroup(ases);
                const usable = Math.min(alike, maximumPaths);
                const isRelaxed = alike === ases.length;
                if (usable < ases.length && !isToldOfServices(lab, instance, isRelaxed)) {
                    yield {
                        at: [...instance.place, "bgp", isRelaxed ? "maximumPaths" : "multipathRelax"],
                        says: `${instance.who} uses ${usable} of ${ases.length} paths to the virtual address ${address}${isRelaxed ? "" : ": they lead through different ASes"}`,
                        fix: isRelaxed ? `set maximumPaths to ${ases.length} or more` : "set multipathRelax to true",
                    };
                    break;
                }
            }
        }
    },
});

/** A virtual server is at an address of its Pod. */
export const virtualServersHaveTheirAddress = rule({
    id: "POD-SRV-001",
    severity: "error",
    source: "RFC 1122 §3.3.1",
    *check(lab) {
        for (const { pod, server, place } of virtualServers(lab)) {
            const own = pod.router.interfaces.flatMap(({ addresses }) => addresses.map(addressOf));
            if (!own.includes(server.address)) {
                yield {
                    at: [...place, "address"],
                    with: [[...pod.place, "interfaces"]],
                    says: `${pod.name} takes connections at ${server.address}, which is no address of it`,
                    fix: `add it to lo of ${pod.name}, or use one of ${own.join(", ")}`,
                };
            }
        }
    },
});

/** Connections are passed on to pods, which have addresses of the connection's family. */
export const virtualServersHavePods = rule({
    id: "POD-SRV-002",
    severity: "error",
    source: "Kubernetes documentation, Service",
    *check(lab) {
        const told = new Set<string>();
        for (const { pod, server, place } of virtualServers(lab)) {
            const { namespace, name } = server.workload;
            const found = lab.cluster.workloads.find((each) => each.namespace === namespace && each.name === name);
            const flaw = podFlaw(found, server.address);
            const key = `${namespace}/${name} ${flaw}`;
            if (flaw !== undefined && !told.has(key)) {
                told.add(key);
                yield {
                    at: [...place, "workload"],
                    with: [["cluster", "workloads"]],
                    says: `${pod.name} passes connections to ${server.address} on to the workload ${name} in ${namespace}, ${flaw}`,
                    fix: "name a workload with pods in the family of the address",
                };
            }
        }
    },
});

/** A port of an address leads to one workload. */
export const virtualServersAreDistinct = rule({
    id: "POD-SRV-003",
    severity: "error",
    source: "RFC 9293 §3.1",
    *check(lab) {
        const seen = new Set<string>();
        for (const { pod, server, place } of virtualServers(lab)) {
            const { address, port } = server;
            const key = JSON.stringify([pod.name, address, port]);
            const isPort = Number.isInteger(port) && port >= 1 && port <= 65535;
            if (!isPort || seen.has(key)) {
                yield {
                    at: [...place, "port"],
                    says: isPort
                        ? `${pod.name} takes connections at ${address} port ${port} twice`
                        : `${pod.name} takes connections at ${address} port ${port}, which is no TCP port`,
                    fix: isPort ? "remove one of them" : "use 1 to 65535",
                };
            }
            seen.add(key);
        }
    },
});

/** Connections are passed on by what is put into Pods; routers of their own only route. */
export const virtualServersAreInPods = rule({
    id: "POD-SRV-004",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const [name, { pod, virtualServers: servers = [] }] of Object.entries(lab.routers)) {
            if (pod === undefined && servers.length > 0) {
                yield {
                    at: ["routers", name, "virtualServers"],
                    says: `${name} is to take connections and pass them on, but is no router in a Pod`,
                    fix: "let a Pod take them",
                };
            }
        }
    },
});

/** An address of a Pod's loopback, with other Pods that have it as well. */
interface VirtualAddress {
    readonly pod: PlacedPod;
    readonly address: Address;
    readonly place: Path;
    readonly others: readonly Path[];
}

/** Virtual addresses, each once: the Pods of a workload have them in common. */
function virtualAddresses(lab: Lab): readonly VirtualAddress[] {
    const found = new Map<Address, { pod: PlacedPod; address: Address; place: Path; others: Path[] }>();
    for (const pod of placedPods(lab)) {
        for (const [index, { attachment, addresses }] of pod.router.interfaces.entries()) {
            for (const [at, text] of attachment.kind === "loopback" ? addresses.entries() : []) {
                const address = addressOf(text);
                const place = [...pod.place, "interfaces", index, "addresses", at];
                const known = found.get(address);
                if (known === undefined) {
                    found.set(address, { pod, address, place, others: [] });
                } else {
                    known.others.push(place);
                }
            }
        }
    }
    return [...found.values()];
}

function usedBy(lab: Lab, address: Address) {
    return clusterRanges(lab).find(({ prefix }) => contains(prefix, address));
}

/** Who takes routes of a Pod in the family of an address. */
function takersOf(lab: Lab, pod: PlacedPod, address: Address): readonly PlacedPodNeighbor[] {
    return podNeighbors(lab).filter(
        ({ takes, pods, neighbor }) =>
            takes && neighbor.families.includes(familyOf(address)) && pods.some(({ name }) => name === pod.name),
    );
}

function isRefused(lab: Lab, placed: PlacedPodNeighbor, pod: PlacedPod, address: Address): boolean {
    return !isTaken(lab, placed, pod.router, hostPrefix(address));
}

function isToldOfPolicy(lab: Lab, { neighbor }: PlacedPodNeighbor, address: Address): boolean {
    const policy = neighbor.importPolicy;
    return policy.allowed.some(
        (allowed) => contains(allowed.prefix, address) && isIdle(allowedFlaw(lab, policy, allowed)),
    );
}

/** Whether a Pod announces an address to at least one of the neighbors that it has in the address's family. */
function announced({ routers }: Lab, { name, router }: PlacedPod, address: Address): boolean {
    const family = familyOf(address);
    const prefix = hostPrefix(address);
    const outgoing = router.bgp.neighbors
        .filter((neighbor) => familyOf(neighbor.address) === family)
        .flatMap((neighbor) => findSessionSettings(router.bgp, neighbor)?.families ?? [])
        .filter((exchanged) => exchanged.family === family);
    const passes = ({ prefixListOut }: (typeof outgoing)[number]) => {
        const list = routers[name]!.prefixLists.find((each) => each.name === prefixListOut && each.family === family);
        return prefixListOut === undefined || (list !== undefined && prefixListFilter(list)(prefix));
    };
    // Without neighbors in the family there is nobody to announce it to, which is not the address's fault.
    return outgoing.length === 0 || (originatedBy(router, family).includes(prefix) && outgoing.some(passes));
}

/** Whether a router uses too few paths to services for the same reason (BGP-ECMP-001 to -003). */
function isToldOfServices(lab: Lab, { place: parent }: PlacedInstance, isRelaxed: boolean): boolean {
    const own = narrowed(lab).find(({ place }) => formatPath(place) === formatPath([...parent, "bgp"]));
    return own?.narrow.some(({ relaxed }) => relaxed === isRelaxed) === true;
}

/** The ASes through which a router has paths to each virtual address: one for each node with Pods that have it, or each Pod. */
function pathsTo(lab: Lab, router: string): ReadonlyMap<Address, readonly Asn[]> {
    const paths = new Map<Address, Map<string, Asn>>();
    for (const { at, asn, place, pods } of podNeighbors(lab).filter(({ takes }) => takes)) {
        if (at === "router" && place[1] !== router) {
            continue;
        }
        for (const pod of pods) {
            for (const text of pod.router.interfaces.flatMap(({ attachment, addresses }) =>
                attachment.kind === "loopback" ? addresses : [],
            )) {
                const address = addressOf(text);
                const known = paths.get(address) ?? new Map<string, Asn>();
                known.set(at === "node" ? pod.pod.node : pod.name, at === "node" ? asn : pod.router.bgp.asn);
                paths.set(address, known);
            }
        }
    }
    return new Map([...paths].map(([address, ways]) => [address, [...ways.values()]]));
}

function podFlaw(workload: Workload | undefined, address: Address): string | undefined {
    if (workload === undefined) {
        return "which does not exist";
    }
    if (workload.pods.length === 0) {
        return "which has no pods";
    }
    const family = familyOf(address);
    const lacking = workload.pods.find(({ addresses }) => !addresses.some((own) => familyOf(own) === family));
    return lacking === undefined ? undefined : `whose pod ${lacking.name} has no ${familyName(family)} address`;
}
