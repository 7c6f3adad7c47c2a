/** The devices of a lab, of whatever kind: the one place that knows where the model keeps them. */

import type { Device, Lab } from "./model";

/** Every router, host and Kubernetes node with its name, in this order; names are unique in a lab (rule NET-NAME-001). */
export function namedDevices(lab: Lab): readonly (readonly [name: string, device: Device])[] {
    return [lab.routers, lab.hosts, lab.cluster.nodes].flatMap((kind) => Object.entries<Device>(kind));
}

/** The device of a name; nothing when the lab has none. */
export function findDevice(lab: Lab, name: string): Device | undefined {
    return lab.routers[name] ?? lab.hosts[name] ?? lab.cluster.nodes[name];
}
