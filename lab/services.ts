/** Services, the pods behind them, and the nodes that announce them. */

import type { Address, CiliumBgpInstance, Lab, Pod, Prefix, Service } from "./model";
import { selects, serviceLabels } from "./selectors";
import { nodeInstances } from "./speakers";

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

/** The load-balancer addresses that a node announces: of every selected service that it serves. */
export function advertisedServiceAddresses(lab: Lab, node: string): readonly AdvertisedAddress[] {
    const instances = nodeInstances(lab, node);
    return lab.cluster.services
        .filter((service) => instances.some((instance) => announces(instance, service)))
        .filter((service) => serves(lab, node, service))
        .flatMap((service) => service.loadBalancerAddresses.map((address) => ({ service, address })));
}

/** The nodes that announce a service, in the cluster's order. */
export function advertisingNodes(lab: Lab, service: Service): readonly string[] {
    return Object.keys(lab.cluster.nodes).filter(
        (node) =>
            serves(lab, node, service) && nodeInstances(lab, node).some((instance) => announces(instance, service)),
    );
}

/** The pod CIDR slices that a node announces. */
export function advertisedPodCidrs(lab: Lab, node: string): readonly Prefix[] {
    const exported = nodeInstances(lab, node).some((instance) => instance.exportPodCidr);
    return exported ? (lab.cluster.nodes[node]?.podCidrs ?? []) : [];
}
