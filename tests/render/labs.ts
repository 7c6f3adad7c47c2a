/** Labs that several specs of rendering start from. */

import type { Cilium, CiliumBgpInstance, Lab, LoadBalancerPool, MetalLbPeer, Service } from "../../lab/model";
import { planSingleFrr, schema } from "../../stacks/single-frr";

/** The single-frr lab with two workers, and parameters as given. */
export function lab(parameters: Record<string, unknown> = {}): Lab {
    return planSingleFrr(schema.parse({ workers: 2, replicas: 2, ...parameters }));
}

/** The lab with every speaker configuration changed. */
export function withInstances(base: Lab, change: (instance: CiliumBgpInstance) => CiliumBgpInstance): Lab {
    const cilium = base.cluster.cilium!;
    return { ...base, cluster: { ...base.cluster, cilium: { ...cilium, bgp: cilium.bgp.map(change) } } };
}

/** The lab with every service changed. */
export function withServices(base: Lab, change: (service: Service) => Service): Lab {
    return { ...base, cluster: { ...base.cluster, services: base.cluster.services.map(change) } };
}

/** The lab with other pools of load-balancer addresses. */
export function withPools(base: Lab, loadBalancerPools: readonly LoadBalancerPool[]): Lab {
    return { ...base, cluster: { ...base.cluster, loadBalancerPools } };
}

/** The lab with its Cilium changed. */
export function withCilium(base: Lab, change: Partial<Cilium>): Lab {
    return { ...base, cluster: { ...base.cluster, cilium: { ...base.cluster.cilium!, ...change } } };
}

/** The peer of a lab whose Cilium speaks through the MetalLB in it. */
export const betaPeer: MetalLbPeer = {
    name: "router",
    myAsn: 64512,
    peerAsn: 64512,
    peerAddress: "169.254.2.1",
    timers: { holdTime: 90, keepalive: 30, connectRetry: 1 },
    ebgpMultihop: false,
};

/** The lab with IPv4 only, and the MetalLB in Cilium in place of Cilium's own control plane. */
export function withBeta(base: Lab, announce = { announceLoadBalancerIp: true, announcePodCidr: false }): Lab {
    const only = (addresses: readonly string[]) => addresses.filter((address) => !address.includes(":"));
    const single = withServices(base, (each) => ({
        ...each,
        loadBalancerAddresses: only(each.loadBalancerAddresses),
    }));
    return withPools(
        withCilium(single, { bgp: [], metallbBgp: { peers: [betaPeer], ...announce } }),
        base.cluster.loadBalancerPools.map((pool) => ({ ...pool, blocks: only(pool.blocks) })),
    );
}
