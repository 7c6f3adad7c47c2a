/** The failure sweep: what each single link, node and session that fails takes with it. */

import type { Address, Lab, Prefix } from "../lab/model";
import { afterFault, type Fault, formatFault } from "./failures";
import { singleFaults } from "./faults";
import { type Simulation, simulate } from "./simulate";
import { routeOf, type Table } from "./tables";
import { traceThrough, type Way } from "./trace";
import { UnrestError } from "./unrest";

/** What a fault takes with it once routing has come to rest; empty lists when nothing is lost. */
export interface FailureEffect {
    readonly fault: Fault;
    /** The text that names the fault. */
    readonly name: string;
    /** Networks to which a router has fewer next hops than before, or none. */
    readonly routes: readonly LostWidth[];
    /** Service addresses and pods that somebody who asks no longer reaches on every way. */
    readonly unreachable: readonly LostTarget[];
    /** Why routing does not come to rest; absent when it does. */
    readonly unrest?: string;
}

/** A network to which a router has fewer next hops. */
export interface LostWidth {
    readonly device: string;
    readonly vrf?: string;
    readonly prefix: Prefix;
    /** Number of next hops before the fault, and after it. */
    readonly before: number;
    readonly after: number;
}

/** An address that is no longer reached. */
export interface LostTarget {
    /** Device or pod that asks. */
    readonly from: string;
    readonly to: Address;
    /** The service or pod that has the address. */
    readonly name: string;
    /** How the packets end, in words. */
    readonly reason: string;
}

/** Takes every link, node and session out of a lab, one at a time. @throws UnrestError when the whole lab is not at rest */
export function failureSweep(lab: Lab): readonly FailureEffect[] {
    const before = simulate(lab);
    const targets = reachableTargets(lab, before);
    return singleFaults(lab).map((fault) => effectOf(lab, fault, before, targets));
}

function effectOf(lab: Lab, fault: Fault, before: Simulation, targets: readonly Target[]): FailureEffect {
    const name = formatFault(lab, fault);
    try {
        const after = afterFault(lab, fault, before);
        const routes = lostWidths(before, after, fault.kind === "node" ? fault.device : undefined);
        const asked =
            fault.kind === "node" ? targets.filter(({ from }) => deviceOf(lab, from) !== fault.device) : targets;
        return { fault, name, routes, unreachable: asked.flatMap((target) => lostTarget(lab, after, target)) };
    } catch (error) {
        if (error instanceof UnrestError) {
            return { fault, name, routes: [], unreachable: [], unrest: error.message };
        }
        throw error;
    }
}

/** The node of a pod; a device itself. */
function deviceOf({ cluster }: Lab, name: string): string {
    return cluster.workloads.flatMap(({ pods }) => pods).find((pod) => pod.name === name)?.node ?? name;
}

/** Learned routes with fewer next hops, but for those of the device that is gone itself. */
function lostWidths(before: Simulation, after: Simulation, gone: string | undefined): readonly LostWidth[] {
    const tables = [...before.tables.values()].filter(({ place, bgp }) => bgp.length > 0 && place.device !== gone);
    return tables.flatMap((table) => lostWidthsOf(before, table, after.tables.get(table.place.key)!));
}

function lostWidthsOf({ index }: Simulation, before: Table, after: Table): readonly LostWidth[] {
    const { device, vrf } = before.place;
    return index.inOrder().flatMap((number) => {
        const route = routeOf(before, number);
        const [was, is] = [route?.nextHops.length ?? 0, routeOf(after, number)?.nextHops.length ?? 0];
        const prefix = index.prefixes[number]!;
        return route?.protocol === "bgp" && is < was
            ? [{ device, ...(vrf === undefined ? {} : { vrf }), prefix, before: was, after: is }]
            : [];
    });
}

type Target = Pick<LostTarget, "from" | "to" | "name">;

/** What hosts, and whoever the lab's checks let ask, reach on every way while nothing is broken. */
function reachableTargets(lab: Lab, before: Simulation): readonly Target[] {
    const { services, workloads } = lab.cluster;
    const ofServices = services.flatMap(({ name, loadBalancerAddresses }) =>
        loadBalancerAddresses.map((to) => ({ to, name: `service ${name}` })),
    );
    const ofPods = workloads.flatMap(({ pods }) =>
        pods.flatMap(({ name, addresses }) => addresses.map((to) => ({ to, name: `pod ${name}` }))),
    );
    const sources = new Set([...Object.keys(lab.hosts), ...lab.checks.map(({ from }) => from)]);
    return [...sources]
        .flatMap((from) => [...ofServices, ...ofPods].map((target) => ({ from, ...target })))
        .filter((target) => failingWay(lab, before, target) === undefined);
}

function failingWay(lab: Lab, { forwarder }: Simulation, { from, to }: Target): Way | undefined {
    return traceThrough(lab, forwarder, from, to).ways.find(({ disposition }) => disposition !== "delivered");
}

function lostTarget(lab: Lab, after: Simulation, target: Target): readonly LostTarget[] {
    const way = failingWay(lab, after, target);
    return way === undefined ? [] : [{ ...target, reason: `${way.disposition}: ${way.detail}` }];
}
