/** Labs that several specs of rendering start from. */

import type { CiliumBgpInstance, Lab, Service } from "../../lab/model";
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
