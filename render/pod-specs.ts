/** The Pods of a node, as the embedded runtime makes them. */

import { addressOf, familyOf, lengthOf } from "../lab/address";
import type { Interface, Lab, VirtualServer } from "../lab/model";
import { type PodRouter, podPort, podRouters } from "../lab/pods";
import type { PodSpec, VirtualServerSpec } from "../provider/schema";
import { frrConf } from "./frr";

/**
 * The Pods of a node by name: those of workloads, and those in which routers run.
 *
 * @throws Error if a router's virtual server has no workload
 */
export function podSpecs(lab: Lab, node: string): Record<string, PodSpec> {
    const answering = lab.cluster.workloads.flatMap(({ pods, namespace, labels, port }) =>
        pods
            .filter((pod) => pod.node === node)
            .map((pod): readonly [string, PodSpec] => [
                pod.name,
                { namespace, labels, addresses: pod.addresses, port },
            ]),
    );
    const forwarding = podRouters(lab)
        .filter(({ pod }) => pod.node === node)
        .map((each): readonly [string, PodSpec] => [each.name, routerPod(lab, each)]);
    return Object.fromEntries([...answering, ...forwarding]);
}

/** Of the router's static routes only the next hop of the default ones is told: the Pod's network makes the others. */
function routerPod(lab: Lab, { name, pod, router }: PodRouter): PodSpec {
    const addressesOf = (isMeant: (each: Interface) => boolean) =>
        router.interfaces.filter(isMeant).flatMap(({ addresses }) => addresses.map(addressOf));
    return {
        namespace: pod.namespace,
        labels: pod.labels,
        addresses: addressesOf((each) => each.name === podPort),
        gateways: router.staticRoutes.flatMap(({ prefix, via }) =>
            lengthOf(prefix) === 0 && via.kind === "address" ? [via.address] : [],
        ),
        router: {
            config: frrConf(lab, name),
            loopback: addressesOf(({ attachment }) => attachment.kind === "loopback"),
            virtualServers: (router.virtualServers ?? []).map((server, index) =>
                virtualServerSpec(lab, server, `routers.${name}.virtualServers[${index}]`),
            ),
        },
    };
}

function virtualServerSpec(
    { cluster }: Lab,
    { address, port, workload: { namespace, name } }: VirtualServer,
    place: string,
): VirtualServerSpec {
    const workload = cluster.workloads.find((each) => each.namespace === namespace && each.name === name);
    if (workload === undefined) {
        throw new Error(`${place}.workload: the cluster has no workload ${namespace}/${name}`);
    }
    const addresses = workload.pods.flatMap((pod) => pod.addresses);
    return {
        address,
        port,
        endpoints: addresses.filter((each) => familyOf(each) === familyOf(address)),
        targetPort: workload.port,
    };
}
