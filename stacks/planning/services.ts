/** Services of a lab. */

import type { Address, Labels, Service } from "../../lab/model";

/** What a stack says of a service. */
export interface ChosenService {
    readonly name: string;
    readonly labels: Labels;
    readonly port: number;
    readonly externalTrafficPolicy: Service["externalTrafficPolicy"];
    readonly addresses: readonly Address[];
}

/** What all services of a lab have in common. */
export type ServiceCommon = Pick<Service, "namespace" | "selector" | "targetPort">;

/** Services in front of the same pods. */
export function planServices(
    chosen: readonly ChosenService[],
    { namespace, selector, targetPort }: ServiceCommon,
): readonly Service[] {
    return chosen.map(({ name, labels, port, externalTrafficPolicy, addresses }) => ({
        namespace,
        name,
        labels,
        selector,
        port,
        targetPort,
        externalTrafficPolicy,
        loadBalancerAddresses: addresses,
    }));
}
