/** The failure sweep: what each single link, node and session that fails takes with it. */

import type { Address, Lab, Prefix } from "../lab/model";
import { type Aftermath, aftermathOf } from "./aftermath";
import { conditionsAfter, type Fault, formatFault } from "./failures";
import { singleFaults } from "./faults";
import { type Branch, type Forwarder, type Lookup, step } from "./forwarding";
import type { PrefixIndex } from "./prefixes";
import { ask, type Question, type Reach, reachOf } from "./reach";
import { type Conditions, type Simulation, simulate } from "./simulate";
import { routeOf, type Table } from "./tables";
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

/** A question that is answered in the sound lab, with where its packets look for a route there. */
interface Watched {
    readonly question: Question;
    /** Device that asks, or whose pod does. */
    readonly device: string;
    /** Places with what they look for. */
    readonly lookups: readonly Sighting[];
}

/** A place that looks for a route to an address, and what comes of it in the sound lab. */
interface Sighting {
    readonly key: string;
    readonly address: Address;
    /** Texts of the next hops with their takers. */
    readonly branches: ReadonlySet<string>;
    /** Keys of the places that this hangs on: its own, and those of the takers. */
    readonly places: readonly string[];
}

function watched(lab: Lab, { forwarder }: Simulation, question: Question): Watched {
    const lookups = new Map<string, Sighting>();
    const lookup: Lookup = (key, address) => {
        lookups.set(`${key} ${address}`, sighting(forwarder, key, address));
        return forwarder.lookup(key, address);
    };
    traceThrough(lab, { ...forwarder, lookup }, question.from, question.to);
    return { question, device: deviceOf(lab, question.from), lookups: [...lookups.values()] };
}

function sighting(forwarder: Forwarder, key: string, address: Address): Sighting {
    const branches = branchesAt(forwarder, key, address);
    const takers = branches.flatMap(({ to }) => to?.key ?? []);
    return { key, address, branches: new Set(branches.map(branchText)), places: [key, ...takers] };
}

function branchesAt(forwarder: Forwarder, key: string, address: Address): readonly Branch[] {
    const taken = step(forwarder, forwarder.places.get(key)!, address);
    return taken.kind === "forwarded" ? taken.branches : [];
}

function branchText({ nextHop: { via, dev }, to }: Branch): string {
    return `${via} ${dev} ${to?.key}`;
}

function effectOf({ lab, before, reached, after: afterwards }: Sweep, fault: Fault): FailureEffect {
    const name = formatFault(lab, fault);
    const gone = fault.kind === "node" ? fault.device : undefined;
    try {
        const after = afterwards(conditionsAfter(lab, fault, before));
        const routes = lostWidths(before, after, gone);
        const changed = changedBy(before, after);
        const asked = reached.filter((each) => each.device !== gone && mayBeLost(after, changed, each));
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

/** Whether packets may be lost: somewhere on their ways there is none left, or another one than in the sound lab. */
function mayBeLost(after: Aftermath, changed: Changed, { lookups }: Watched): boolean {
    return lookups.some(({ key, address, branches, places }) => {
        if (!changed.tables.has(key) && !places.some((each) => changed.places.has(each))) {
            return false;
        }
        const left = branchesAt(after.forwarder, key, address);
        return left.length === 0 || !left.every((branch) => branches.has(branchText(branch)));
    });
}

/** Keys of what a fault changes: tables, and places with interfaces that are down. */
interface Changed {
    readonly tables: ReadonlySet<string>;
    readonly places: ReadonlySet<string>;
}

function changedBy(before: Simulation, after: Aftermath): Changed {
    const keys = [...before.tables.keys()];
    return {
        tables: new Set(keys.filter((key) => before.tables.get(key) !== after.tables.get(key))),
        places: new Set(keys.filter((key) => before.forwarder.places.get(key) !== after.forwarder.places.get(key))),
    };
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
        const learned = before.bgp[number];
        const route = learned === undefined || learned === after.bgp[number] ? undefined : routeOf(before, number);
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
