/** Who reaches what: services, virtual servers and pods, asked by hosts and by whoever the lab's checks let ask. */

import type { Address, Lab } from "../lab/model";
import type { Simulation } from "./simulate";
import { firstFailure, type Way } from "./trace";

/** Somebody who asks, and the address that is asked. */
export interface Question {
    /** Device or pod that asks. */
    readonly from: string;
    readonly to: Address;
    /** What has the address: `namespace/name` of a service, `virtual server <address>`, or `pod name`. */
    readonly name: string;
}

/** How the packets of one question end. */
export interface Reach extends Question {
    /** How one way ends that does not deliver, in words; absent when every way delivers. */
    readonly reason?: string;
}

/** Every question with its outcome in a lab at rest. */
export function reachOf(lab: Lab, simulation: Simulation): readonly Reach[] {
    return questions(lab).map((question) => ask(lab, simulation, question));
}

/** How the packets of one question end in a lab at rest. */
export function ask(lab: Lab, { forwarder }: Pick<Simulation, "forwarder">, question: Question): Reach {
    const failing = firstFailure(lab, forwarder, question.from, question.to);
    return failing === undefined ? question : { ...question, reason: reasonOf(failing) };
}

function reasonOf({ disposition, detail }: Way): string {
    return `${disposition}: ${detail}`;
}

function questions({ hosts, routers, checks, cluster: { services, workloads } }: Lab): readonly Question[] {
    const ofServices = services.flatMap(({ namespace, name, loadBalancerAddresses }) =>
        loadBalancerAddresses.map((to) => ({ to, name: `${namespace}/${name}` })),
    );
    const virtual = new Set(
        Object.values(routers).flatMap(({ virtualServers = [] }) => virtualServers.map(({ address }) => address)),
    );
    const ofVirtualServers = [...virtual].map((to) => ({ to, name: `virtual server ${to}` }));
    const ofPods = workloads.flatMap(({ pods }) =>
        pods.flatMap(({ name, addresses }) => addresses.map((to) => ({ to, name: `pod ${name}` }))),
    );
    const askers = new Set([...Object.keys(hosts), ...checks.map(({ from }) => from)]);
    return [...askers].flatMap((from) =>
        [...ofServices, ...ofVirtualServers, ...ofPods].map((target) => ({ from, ...target })),
    );
}
