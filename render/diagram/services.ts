/** Services, the pools of their addresses, and who announces them. */

import type { Lab, LoadBalancerPool, Service } from "../../lab/model";
import { advertisingNodes, poolsOf } from "../../lab/services";
import { type Box, between, type Edge } from "./graph";
import { clusterId, deviceId } from "./parts";
import { tiers } from "./tiers";

/** Id of the group of services. */
export const servicesId = "services";

/** Box of a service. */
export function serviceBox(lab: Lab, service: Service): Box {
    const { namespace, name, port, externalTrafficPolicy, loadBalancerAddresses } = service;
    return {
        id: serviceId(service),
        group: servicesId,
        role: "service",
        lines: [
            `${namespace}/${name}`,
            ...loadBalancerAddresses,
            `port ${port}, ${externalTrafficPolicy}`,
            ...(advertisingNodes(lab, service).length === 0 ? ["announced by no node"] : []),
        ],
        tier: tiers(lab).services,
        kin: { name: "services" },
    };
}

function serviceId({ namespace, name }: Service): string {
    return `service ${namespace}/${name}`;
}

/** Nodes to the services that they announce, or the whole cluster where all do. */
export function announcements(lab: Lab, service: Service, boxes: ReadonlyMap<string, Box>): readonly Edge[] {
    const nodes = advertisingNodes(lab, service);
    const to = serviceId(service);
    if (nodes.length > 0 && nodes.length === Object.keys(lab.cluster.nodes).length) {
        const id = `announcement ${clusterId} ${to}`;
        return [{ id, from: clusterId, to, kind: "announcement", lines: ["announced by every node"] }];
    }
    return nodes.map((node) =>
        between(boxes.get(deviceId(node))!, boxes.get(to)!, { kind: "announcement", lines: [] }),
    );
}

/** Box of a pool. */
export function poolBox(lab: Lab, { name, blocks }: LoadBalancerPool): Box {
    return {
        id: poolId(name),
        group: servicesId,
        role: "pool",
        lines: [`pool ${name}`, ...blocks],
        tier: tiers(lab).pools,
        kin: { name: "pools" },
    };
}

function poolId(name: string): string {
    return `pool ${name}`;
}

/** A service to the pools that hold an address of it. */
export function holdings(lab: Lab, service: Service, boxes: ReadonlyMap<string, Box>): readonly Edge[] {
    const pools = new Set(
        service.loadBalancerAddresses.flatMap((address) => poolsOf(lab, address).map(({ name }) => name)),
    );
    return [...pools].map((pool) =>
        between(boxes.get(serviceId(service))!, boxes.get(poolId(pool))!, { kind: "holds", lines: [] }),
    );
}
