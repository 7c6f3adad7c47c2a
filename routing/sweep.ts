/** The failure sweep: what each single link, node and session that fails takes with it. */

import type { Address, Lab, Prefix } from "../lab/model";
import { type Aftermath, aftermathOf } from "./aftermath";
import { conditionsAfter, type Fault, formatFault } from "./failures";
import { singleFaults } from "./faults";
import type { PrefixIndex } from "./prefixes";
import { ask, type Question, type Reach, reachOf } from "./reach";
import { type Conditions, type Simulation, simulate } from "./simulate";
import { routeOf, sameRoute, type Table } from "./tables";
import { podNamed, traceThrough } from "./trace";
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
    const reached = reach.filter(({ reason }) => reason === undefined).map((each) => watched(lab, before, each));
    const sweep: Sweep = { lab, before, reached, after: aftermathOf(lab, before) };
    return singleFaults(lab).map((fault) => effectOf(sweep, fault));
}

/** What all faults of a sweep share. */
interface Sweep {
    readonly lab: Lab;
    readonly before: Simulation;
    readonly reached: readonly Watched[];
    readonly after: (conditions: Conditions) => Aftermath;
}

/** A question that is answered in the sound lab, with what its packets meet there. */
interface Watched {
    readonly question: Question;
    /** Device that asks, or whose pod does. */
    readonly device: string;
    /** Keys of the places that the packets come to. */
    readonly places: ReadonlySet<string>;
    /** Keys of the places that look for a route, with what they look for. */
    readonly lookups: readonly (readonly [string, Address])[];
}

function watched(lab: Lab, { forwarder }: Simulation, question: Question): Watched {
    const device = deviceOf(lab, question.from);
    const places = new Set([device]);
    const lookups: [string, Address][] = [];
    traceThrough(
        lab,
        {
            ...forwarder,
            lookup: (key, address) => {
                places.add(key);
                lookups.push([key, address]);
                return forwarder.lookup(key, address);
            },
            onSegment: (segment, address) => {
                const place = forwarder.onSegment(segment, address);
                places.add(place?.key ?? device);
                return place;
            },
        },
        question.from,
        question.to,
    );
    return { question, device, places, lookups };
}

function effectOf({ lab, before, reached, after: afterwards }: Sweep, fault: Fault): FailureEffect {
    const name = formatFault(lab, fault);
    const gone = fault.kind === "node" ? fault.device : undefined;
    try {
        const after = afterwards(conditionsAfter(lab, fault, before));
        const routes = lostWidths(before, after, gone);
        const asked = reached.filter((each) => each.device !== gone && mayFare(before, after, each));
        return { fault, name, routes, unreachable: asked.flatMap(({ question }) => lostTarget(lab, after, question)) };
    } catch (error) {
        if (error instanceof UnrestError) {
            return { fault, name, routes: [], unreachable: [], unrest: error.message };
        }
        throw error;
    }
}

/** The node of a pod; a device itself. */
export function deviceOf(lab: Lab, name: string): string {
    return podNamed(lab, name)?.node ?? name;
}

/** Whether packets may fare otherwise than in the sound lab: something is down where they come to, or they find other routes. */
function mayFare(before: Simulation, after: Aftermath, { places, lookups }: Watched): boolean {
    const isChanged = (key: string) => before.tables.get(key) !== after.tables.get(key);
    return (
        [...places].some((key) => before.forwarder.places.get(key) !== after.forwarder.places.get(key)) ||
        lookups.some(([key, address]) => isChanged(key) && !sameMatch(before, after, key, address))
    );
}

function sameMatch(before: Aftermath, after: Aftermath, key: string, address: Address): boolean {
    const [prefix, route] = before.forwarder.lookup(key, address) ?? [];
    const [now, other] = after.forwarder.lookup(key, address) ?? [];
    return prefix === now && sameRoute(route, other);
}

/** Learned routes with fewer next hops, but for those of the device that is gone itself. */
function lostWidths(before: Simulation, after: Aftermath, gone: string | undefined): readonly LostWidth[] {
    return [...before.tables.values()].flatMap((table) => {
        const now = after.tables.get(table.place.key)!;
        const isAsked = table !== now && table.bgp.length > 0 && table.place.device !== gone;
        return isAsked ? lostWidthsOf(before.index, table, now) : [];
    });
}

function lostWidthsOf(index: PrefixIndex, before: Table, after: Table): readonly LostWidth[] {
    const { device, vrf } = before.place;
    return index.inOrder().flatMap((number) => {
        const route = before.bgp[number] === undefined ? undefined : routeOf(before, number);
        if (route?.protocol !== "bgp") {
            return [];
        }
        const [was, is] = [route.nextHops.length, routeOf(after, number)?.nextHops.length ?? 0];
        const prefix = index.prefixes[number]!;
        return is < was ? [{ device, ...(vrf === undefined ? {} : { vrf }), prefix, before: was, after: is }] : [];
    });
}

function lostTarget(lab: Lab, after: Aftermath, question: Question): readonly LostTarget[] {
    const { reason, ...asked } = ask(lab, after, question);
    return reason === undefined ? [] : [{ ...asked, reason }];
}
