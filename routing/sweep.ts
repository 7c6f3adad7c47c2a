/** The failure sweep: what each single link, node and session that fails takes with it. */

import type { Lab, Prefix } from "../lab/model";
import { afterFault, type Fault, formatFault } from "./failures";
import { singleFaults } from "./faults";
import { ask, type Question, type Reach, reachOf } from "./reach";
import { type Simulation, simulate } from "./simulate";
import { routeOf, type Table } from "./tables";
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
export interface LostTarget extends Question {
    /** How the packets end, in words. */
    readonly reason: string;
}

/**
 * Takes every link, node and session out of a lab, one at a time.
 *
 * @param before the lab while nothing is broken
 * @param reach who reaches what in it
 * @throws UnrestError when the whole lab is not at rest
 */
export function failureSweep(
    lab: Lab,
    before: Simulation = simulate(lab),
    reach: readonly Reach[] = reachOf(lab, before),
): readonly FailureEffect[] {
    const reached = reach.filter(({ reason }) => reason === undefined);
    return singleFaults(lab).map((fault) => effectOf(lab, fault, before, reached));
}

function effectOf(lab: Lab, fault: Fault, before: Simulation, reached: readonly Question[]): FailureEffect {
    const name = formatFault(lab, fault);
    try {
        const after = afterFault(lab, fault, before);
        const routes = lostWidths(before, after, fault.kind === "node" ? fault.device : undefined);
        const asked =
            fault.kind === "node" ? reached.filter(({ from }) => deviceOf(lab, from) !== fault.device) : reached;
        return { fault, name, routes, unreachable: asked.flatMap((question) => lostTarget(lab, after, question)) };
    } catch (error) {
        if (error instanceof UnrestError) {
            return { fault, name, routes: [], unreachable: [], unrest: error.message };
        }
        throw error;
    }
}

/** The node of a pod; a device itself. */
export function deviceOf({ cluster }: Lab, name: string): string {
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

function lostTarget(lab: Lab, after: Simulation, question: Question): readonly LostTarget[] {
    const { reason, ...asked } = ask(lab, after, question);
    return reason === undefined ? [] : [{ ...asked, reason }];
}
