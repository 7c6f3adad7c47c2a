/** What traffic to services and pods must do. */

import type { Lab, Pod, Service, ServiceCheck, TrafficCheck, Workload } from "../../lab/model";
import { podsOf } from "../../lab/services";

/** At every address of a service HTTP must reach every pod; any other port and ping must meet silence. */
export function serviceChecks(lab: Lab, service: Service, from: string): readonly TrafficCheck[] {
    return service.loadBalancerAddresses.flatMap((address): TrafficCheck[] => [
        {
            kind: "service",
            from,
            address,
            port: service.port,
            pods: podsOf(lab, service).map((pod) => pod.name),
            clientAddress: clientAddress(lab, service, from),
        },
        { kind: "silence", from, address, probe: { kind: "ping" } },
        { kind: "silence", from, address, probe: { kind: "tcp", port: otherPort(service) } },
    ]);
}

function clientAddress(lab: Lab, { externalTrafficPolicy }: Service, from: string): ServiceCheck["clientAddress"] {
    if (lab.cluster.nodes[from] !== undefined) {
        return "any";
    }
    return externalTrafficPolicy === "Local" ? "seen" : "hidden";
}

/** A port next to the service's, on which nothing listens. */
function otherPort({ port }: Service): number {
    return port === 65535 ? 65534 : port + 1;
}

/** A pod of a workload must answer at each of its own addresses, and see the asker's. */
export function podChecks(from: string, { port }: Workload, pod: Pod): readonly TrafficCheck[] {
    return pod.addresses.map((address) => ({ kind: "pod", from, pod: pod.name, address, port }));
}
