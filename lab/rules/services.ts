import { contains, familyName, familyOf, isRange, parseAddress, rangeOf, sizeOf } from "../address";
import type { CiliumBgpInstance, Lab, LoadBalancerPool, Service } from "../model";
import { isBefore } from "../releases";
import { selects, serviceLabels } from "../selectors";
import { advertisingNodes, announces, podsOf } from "../services";
import { ciliumInstances } from "../speakers";
import { rule } from "./rule";

const lbIpam = "Cilium documentation, LB IPAM";

/** A pinned address is given only from a pool that serves the service. */
export const addressesComeFromPools = rule({
    id: "LB-POOL-002",
    severity: "error",
    source: lbIpam,
    *check(lab) {
        for (const { service, address, place } of pinned(lab)) {
            if (!serving(lab, service).some(({ blocks }) => blocks.some((block) => contains(block, address)))) {
                yield {
                    at: place,
                    with: [["cluster", "loadBalancerPools"]],
                    says: `${service.name} is pinned to ${address}, which is in no pool that serves it`,
                    fix: "use an address of a pool, or add its network to a pool",
                };
            }
        }
    },
});

/** Before 1.16, Cilium kept the first and last address of a block to itself; before 1.13 it had no pools (rule CIL-VER-001). */
export const edgesOfBlocksAreAllowed = rule({
    id: "LB-POOL-003",
    severity: "error",
    source: "Cilium upgrade notes, 1.16",
    *check(lab) {
        const version = lab.cluster.cilium?.version;
        const isCiliums = lab.cluster.metallb === undefined && lab.cluster.cilium?.metallbBgp === undefined;
        if (!isCiliums || version === undefined || isBefore(version, 1, 13) || !isBefore(version, 1, 16)) {
            return;
        }
        for (const { service, address, place } of pinned(lab)) {
            const block = lab.cluster.loadBalancerPools
                .flatMap(({ blocks }) => blocks)
                .find((candidate) => contains(candidate, address));
            if (block !== undefined && isEdge(block, address)) {
                yield {
                    at: place,
                    with: [["cluster", "cilium", "version"]],
                    says: `${service.name} is pinned to ${address}, the first or last address of ${block}: Cilium ${version} does not give it out`,
                    fix: "use an address in between, or Cilium 1.16 or later",
                };
            }
        }
    },
});

/** Pools are told apart by their names. */
export const poolNamesAreDistinct = rule({
    id: "LB-POOL-004",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        const { loadBalancerPools } = lab.cluster;
        for (const [index, { name }] of loadBalancerPools.entries()) {
            if (loadBalancerPools.findIndex((pool) => pool.name === name) < index) {
                yield {
                    at: ["cluster", "loadBalancerPools", index, "name"],
                    says: `two pools are named ${name}`,
                    fix: "rename one of them, or put all blocks into one pool",
                };
            }
        }
    },
});

/** A pool without blocks gives nothing. */
export const poolsHaveBlocks = rule({
    id: "LB-POOL-005",
    severity: "error",
    source: lbIpam,
    *check(lab) {
        for (const [index, { name, blocks }] of lab.cluster.loadBalancerPools.entries()) {
            if (blocks.length === 0) {
                yield {
                    at: ["cluster", "loadBalancerPools", index, "blocks"],
                    says: `the pool ${name} has no blocks`,
                    fix: "add a network, or remove the pool",
                };
            }
        }
    },
});

/** A pool whose selector matches nothing is a misspelt label more often than a plan. */
export const poolsServeServices = rule({
    id: "LB-POOL-006",
    severity: "warning",
    source: lbIpam,
    *check(lab) {
        const { loadBalancerPools, services } = lab.cluster;
        for (const [index, pool] of loadBalancerPools.entries()) {
            if (pool.serviceSelector !== undefined && !services.some((service) => isServedBy(service, pool))) {
                yield {
                    at: ["cluster", "loadBalancerPools", index, "serviceSelector"],
                    with: [["cluster", "services"]],
                    says: `the pool ${pool.name} serves no service: its selector matches none`,
                    fix: "select by labels that a service has",
                };
            }
        }
    },
});

/** Until 1.14, Cilium's pools were of networks only. */
export const rangesAreKnown = rule({
    id: "LB-POOL-007",
    severity: "error",
    source: "Cilium release notes, 1.15",
    *check({ cluster: { cilium, metallb, loadBalancerPools } }) {
        const giver = metallb === undefined && cilium?.metallbBgp === undefined ? cilium?.version : undefined;
        if (giver === undefined || !isBefore(giver, 1, 15)) {
            return;
        }
        for (const [index, { name, blocks }] of loadBalancerPools.entries()) {
            for (const [position, block] of blocks.entries()) {
                if (isRange(block)) {
                    yield {
                        at: ["cluster", "loadBalancerPools", index, "blocks", position],
                        with: [["cluster", "cilium", "version"]],
                        says: `the pool ${name} has the range ${block}, but pools of Cilium ${giver} have networks only`,
                        fix: "write networks, or use Cilium 1.15 or later",
                    };
                }
            }
        }
    },
});

/** An address leads to one service; sharing one needs a sharing key, which the lab does not write. */
export const serviceAddressesAreUnique = rule({
    id: "LB-SVC-001",
    severity: "error",
    source: lbIpam,
    *check(lab) {
        const owners = new Map<string, string>();
        for (const { service, address, place } of pinned(lab)) {
            const owner = owners.get(address);
            if (owner !== undefined) {
                yield {
                    at: place,
                    says: `${service.name} and ${owner} are both pinned to ${address}`,
                    fix: "give every service addresses of its own",
                };
            }
            owners.set(address, owner ?? service.name);
        }
    },
});

/** A namespace has one service of a name. */
export const serviceNamesAreDistinct = rule({
    id: "LB-SVC-002",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        const { services } = lab.cluster;
        for (const [index, { namespace, name }] of services.entries()) {
            if (services.findIndex((other) => other.namespace === namespace && other.name === name) < index) {
                yield {
                    at: ["cluster", "services", index, "name"],
                    says: `two services in the namespace ${namespace} are named ${name}`,
                    fix: "rename one of them",
                };
            }
        }
    },
});

/** A service gets one load-balancer address per family. */
export const serviceHasOneAddressPerFamily = rule({
    id: "LB-SVC-003",
    severity: "error",
    source: "Kubernetes documentation, IPv4/IPv6 dual-stack",
    *check(lab) {
        for (const { service, address, place, position } of pinned(lab)) {
            const earlier = service.loadBalancerAddresses.slice(0, position);
            if (earlier.some((other) => familyOf(other) === familyOf(address) && other !== address)) {
                yield {
                    at: place,
                    says: `${service.name} is pinned to a second ${familyName(familyOf(address))} address, ${address}`,
                    fix: "keep one address per family",
                };
            }
        }
    },
});

/** Without pods a service answers nobody. */
export const servicesHavePods = rule({
    id: "LB-SVC-004",
    severity: "error",
    source: "Kubernetes documentation, Service selectors",
    *check(lab) {
        for (const [index, service] of lab.cluster.services.entries()) {
            if (podsOf(lab, service).length === 0) {
                yield {
                    at: ["cluster", "services", index, "selector"],
                    says: `${service.name} has no pods: no workload in ${service.namespace} has its labels`,
                    fix: "select by the labels of a workload in the same namespace",
                };
            }
        }
    },
});

/** What no node announces, no client reaches; only a lab in which nothing is selected can mean it. */
export const servicesAreAnnounced = rule({
    id: "CIL-SEL-003",
    severity: "error",
    source: "Cilium documentation, BGP service announcements",
    *check(lab) {
        const instances = ciliumInstances(lab);
        const selecting = instances.findIndex(({ serviceSelector }) => serviceSelector !== undefined);
        for (const [index, service] of lab.cluster.services.entries()) {
            const selected = instances.some((instance) => announces(instance, service));
            if (!selected && selecting >= 0) {
                yield {
                    at: ["cluster", "cilium", "bgp", selecting, "serviceSelector"],
                    with: [["cluster", "services"]],
                    says: `no node announces ${service.name}: no service selector matches its labels`,
                    fix: "select it, or remove the service",
                };
            } else if (selected && podsOf(lab, service).length > 0 && advertisingNodes(lab, service).length === 0) {
                yield {
                    at: ["cluster", "services", index, "externalTrafficPolicy"],
                    says: `no node announces ${service.name}: the nodes that select it have none of its pods`,
                    fix: "use externalTrafficPolicy Cluster, or move a pod",
                };
            }
        }
    },
});

/** An instance whose selector matches no service announces none, and where others announce some nobody means that. */
export const serviceSelectorsMatch = rule({
    id: "CIL-SEL-005",
    severity: "warning",
    source: "Cilium documentation, BGP service announcements",
    *check(lab) {
        const { services } = lab.cluster;
        const instances = ciliumInstances(lab);
        const announcesNone = (instance: CiliumBgpInstance) => !services.some((each) => announces(instance, each));
        // Where all of them announce none, CIL-SEL-003 says it of the services.
        if (instances.every(announcesNone)) {
            return;
        }
        for (const [index, instance] of instances.entries()) {
            if (instance.serviceSelector !== undefined && announcesNone(instance)) {
                yield {
                    at: ["cluster", "cilium", "bgp", index, "serviceSelector"],
                    with: [["cluster", "services"]],
                    says: `Cilium's instance ${instance.name} announces no service: its service selector matches none, but others' do`,
                    fix: "select by labels that a service has, or leave the selector out if none is to be announced",
                };
            }
        }
    },
});

/** The lab predicts what it pins; a service without an address has nothing to announce. */
export const servicesHaveAddresses = rule({
    id: "LB-SVC-005",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const [index, { name, loadBalancerAddresses }] of lab.cluster.services.entries()) {
            if (loadBalancerAddresses.length === 0) {
                yield {
                    at: ["cluster", "services", index, "loadBalancerAddresses"],
                    says: `${name} has no load-balancer address`,
                    fix: "pin one address per family",
                };
            }
        }
    },
});

/** A pod listens where the service sends. */
export const targetPortsAreOpen = rule({
    id: "LB-SVC-006",
    severity: "error",
    source: "Kubernetes documentation, Service",
    *check(lab) {
        for (const [index, service] of lab.cluster.services.entries()) {
            const ports = lab.cluster.workloads
                .filter(({ namespace }) => namespace === service.namespace)
                .filter(({ labels }) => selects({ matchLabels: service.selector }, labels))
                .map(({ port }) => port);
            if (ports.length > 0 && !ports.includes(service.targetPort)) {
                yield {
                    at: ["cluster", "services", index, "targetPort"],
                    says: `${service.name} sends to port ${service.targetPort}, but its pods listen on ${ports.join(", ")}`,
                    fix: `set targetPort to ${ports[0]}`,
                };
            }
        }
    },
});

function pinned(lab: Lab) {
    return lab.cluster.services.flatMap((service, index) =>
        service.loadBalancerAddresses.map((address, position) => ({
            service,
            address,
            position,
            place: ["cluster", "services", index, "loadBalancerAddresses", position],
        })),
    );
}

function isServedBy(service: Service, { serviceSelector }: LoadBalancerPool): boolean {
    return serviceSelector === undefined || selects(serviceSelector, serviceLabels(service));
}

function serving(lab: Lab, service: Service): readonly LoadBalancerPool[] {
    return lab.cluster.loadBalancerPools.filter((pool) => isServedBy(service, pool));
}

function isEdge(block: string, address: string): boolean {
    const { first, last } = rangeOf(block);
    const { value } = parseAddress(address);
    return sizeOf(block) > 2n && (value === first || value === last);
}
