/** Services, the pods behind them, and the nodes that announce them. */

import { contains, hostPrefix } from "./address";
import type {
    Address,
    CiliumBgpInstance,
    Lab,
    LoadBalancerPool,
    MetalLbAdvertisement,
    Pod,
    Prefix,
    Service,
} from "./model";
import { isBefore } from "./releases";
import { selects, serviceLabels } from "./selectors";
import { excludeLabel, nodeInstances, nodeSpeakers, type SpeakerProgram } from "./speakers";

/** A load-balancer address that a node announces. */
export interface AdvertisedAddress {
    readonly service: Service;
    readonly address: Address;
}

/** The pods behind a service, in the order of their workloads. A service without a selector has none. */
export function podsOf(lab: Lab, service: Service): readonly Pod[] {
    if (Object.keys(service.selector).length === 0) {
        return [];
    }
    return lab.cluster.workloads
        .filter((workload) => workload.namespace === service.namespace)
        .filter((workload) => selects({ matchLabels: service.selector }, workload.labels))
        .flatMap((workload) => workload.pods);
}

/** The pods that run on a node. */
export function podsOn(lab: Lab, node: string): readonly Pod[] {
    return lab.cluster.workloads.flatMap((workload) => workload.pods.filter((pod) => pod.node === node));
}

/** Whether a speaker configuration announces a service at all; no selector announces none (Cilium BGP control plane). */
export function announces(instance: CiliumBgpInstance, service: Service): boolean {
    return instance.serviceSelector !== undefined && selects(instance.serviceSelector, serviceLabels(service));
}

/** Whether a node has something to answer for a service: any node under Cluster, one with a pod of it under Local. */
export function serves(lab: Lab, node: string, service: Service): boolean {
    return service.externalTrafficPolicy === "Cluster" || podsOf(lab, service).some((pod) => pod.node === node);
}

/** The load-balancer addresses that a node's speaker of one program announces: of every selected service that it serves. */
export function advertisedServiceAddresses(
    lab: Lab,
    node: string,
    program: SpeakerProgram,
): readonly AdvertisedAddress[] {
    return lab.cluster.services
        .filter((service) => serves(lab, node, service))
        .flatMap((service) =>
            service.loadBalancerAddresses
                .filter((address) => announcesAddress(lab, node, program, service, address))
                .map((address) => ({ service, address })),
        );
}

/** The nodes that announce a service, in the cluster's order; without addresses those that would announce one. */
export function advertisingNodes(lab: Lab, service: Service): readonly string[] {
    const addresses: readonly (Address | undefined)[] =
        service.loadBalancerAddresses.length === 0 ? [undefined] : service.loadBalancerAddresses;
    return Object.keys(lab.cluster.nodes).filter(
        (node) =>
            serves(lab, node, service) &&
            nodeSpeakers(lab, node).some(({ program }) =>
                addresses.some((address) => announcesAddress(lab, node, program, service, address)),
            ),
    );
}

/** Whether a node's speaker of one program announces an address of a service. */
export function announcesService(lab: Lab, node: string, program: SpeakerProgram, service: Service): boolean {
    return (
        serves(lab, node, service) &&
        service.loadBalancerAddresses.some((address) => announcesAddress(lab, node, program, service, address))
    );
}

function announcesAddress(
    lab: Lab,
    node: string,
    program: SpeakerProgram,
    service: Service,
    address: Address | undefined,
): boolean {
    switch (program) {
        case "cilium":
            return (
                nodeInstances(lab, node).some((instance) => announces(instance, service)) ||
                lab.cluster.cilium?.metallbBgp?.announceLoadBalancerIp === true
            );
        case "metallb":
            return !isExcluded(lab, node) && (address === undefined || isInAnnouncedPool(lab, address));
        case "calico":
            return false;
    }
}

/** Whether MetalLB leaves a node out because of its label, which it does since 0.14 (MetalLB pull request 2073). */
export function isExcluded({ cluster: { nodes, metallb } }: Lab, node: string): boolean {
    return (
        nodes[node]?.labels[excludeLabel] !== undefined &&
        metallb?.ignoreExcludeLabel === false &&
        !isBefore(metallb.version, 0, 14)
    );
}

/** Names of the pools that MetalLB makes known in one way. */
export function announcedPools({ cluster: { metallb } }: Lab, kind: MetalLbAdvertisement["kind"]): ReadonlySet<string> {
    const advertisements = metallb?.advertisements ?? [];
    return new Set(advertisements.filter((each) => each.kind === kind).flatMap(({ pools }) => pools));
}

function isInAnnouncedPool(lab: Lab, address: Address): boolean {
    const announced = announcedPools(lab, "bgp");
    return poolsOf(lab, address).some(({ name }) => announced.has(name));
}

/** The pools that hold an address. */
export function poolsOf(lab: Lab, address: Address): readonly LoadBalancerPool[] {
    return lab.cluster.loadBalancerPools.filter(({ blocks }) => blocks.some((block) => contains(block, address)));
}

/** The pod CIDR slices that a node's speaker of one program announces. */
export function advertisedPodCidrs(lab: Lab, node: string, program: SpeakerProgram): readonly Prefix[] {
    const own = lab.cluster.nodes[node]?.podCidrs ?? [];
    switch (program) {
        case "cilium":
            return nodeInstances(lab, node).some((instance) => instance.exportPodCidr) ||
                lab.cluster.cilium?.metallbBgp?.announcePodCidr === true
                ? own
                : [];
        case "calico":
            return own;
        case "metallb":
            return [];
    }
}

/** All prefixes that a node's speaker of one program announces of its own: pod CIDRs, then load-balancer addresses. */
export function announcedPrefixes(lab: Lab, node: string, program: SpeakerProgram): readonly Prefix[] {
    const addresses = advertisedServiceAddresses(lab, node, program).map(({ address }) => hostPrefix(address));
    return [...advertisedPodCidrs(lab, node, program), ...addresses];
}
