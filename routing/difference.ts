/** What a change of the lab does to its routing: the difference of two predictions. */

import type { Family, Prefix } from "../lab/model";
import { sortedByAddress } from "./bits";
import type { FibRoute, PredictedSession, Prediction, SessionState, Tables } from "./prediction";

/** The difference of two predictions; empty lists when routing is the same. */
export interface Difference {
    readonly sessions: readonly SessionDifference[];
    readonly routes: readonly RouteDifference[];
}

/** A session that comes, goes, or changes its state or families. */
export interface SessionDifference {
    /** Both ends as they are called, e.g. `router0 169.254.1.1 ↔ worker 169.254.1.2`. */
    readonly session: string;
    /** Absent when the session is new. */
    readonly before?: SessionOutcome;
    /** Absent when the session is gone. */
    readonly after?: SessionOutcome;
}

/** What became of a session. */
export interface SessionOutcome {
    readonly state: SessionState;
    readonly families: readonly Family[];
}

/** A route that comes, goes, or leads elsewhere. */
export interface RouteDifference {
    readonly device: string;
    /** VRF of the router; absent for the default one. */
    readonly vrf?: string;
    readonly prefix: Prefix;
    /** Absent when the route is new. */
    readonly before?: FibRoute;
    /** Absent when the route is gone. */
    readonly after?: FibRoute;
}

/** Compares sessions and forwarding tables: what carries packets, not every path that was considered. */
export function difference(before: Prediction, after: Prediction): Difference {
    return { sessions: sessionDifferences(before, after), routes: routeDifferences(before, after) };
}

function sessionDifferences(before: Prediction, after: Prediction): SessionDifference[] {
    return changes(outcomes(before), outcomes(after)).map(({ key, ...change }) => ({ session: key, ...change }));
}

function outcomes({ sessions }: Prediction): ReadonlyMap<string, SessionOutcome> {
    return new Map(sessions.map((session) => [nameOf(session), { state: session.state, families: session.families }]));
}

function nameOf(session: PredictedSession): string {
    const { local, localInstance, localAddress, remote, remoteInstance, remoteAddress } = session;
    const ends = [
        [local, instanceName(localInstance), localAddress],
        [remote, instanceName(remoteInstance), remoteAddress],
    ];
    return ends.map((end) => end.filter((part) => part !== undefined).join(" ")).join(" ↔ ");
}

/** Cilium's speaker is a node's only one, and goes without saying. */
function instanceName(instance: string | undefined): string | undefined {
    return instance === "cilium" ? undefined : instance;
}

function routeDifferences(before: Prediction, after: Prediction): RouteDifference[] {
    const devices = new Set([...Object.keys(before.devices), ...Object.keys(after.devices)]);
    return [...devices].flatMap((device) => {
        const [old, now] = [before.devices[device], after.devices[device]];
        const vrfs = new Set([...Object.keys(old?.vrfs ?? {}), ...Object.keys(now?.vrfs ?? {})]);
        return [
            ...tableDifferences({ device }, old, now),
            ...[...vrfs].flatMap((vrf) => tableDifferences({ device, vrf }, old?.vrfs?.[vrf], now?.vrfs?.[vrf])),
        ];
    });
}

function tableDifferences(
    where: Pick<RouteDifference, "device" | "vrf">,
    before: Tables | undefined,
    after: Tables | undefined,
): RouteDifference[] {
    const changed = changes(fibOf(before), fibOf(after));
    return sortedByAddress(changed, ({ key }) => key).map(({ key, ...change }) => ({
        ...where,
        prefix: key,
        ...change,
    }));
}

function fibOf(tables: Tables | undefined): ReadonlyMap<string, FibRoute> {
    const { ipv4 = {}, ipv6 = {} } = tables?.fib ?? {};
    return new Map([...Object.entries(ipv4), ...Object.entries(ipv6)]);
}

interface Change<T> {
    readonly key: string;
    readonly before?: T;
    readonly after?: T;
}

/** Entries that are in one map only, or not the same in both. */
function changes<T>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Change<T>[] {
    const keys = new Set([...before.keys(), ...after.keys()]);
    return [...keys].flatMap((key) => {
        const [old, now] = [before.get(key), after.get(key)];
        if (JSON.stringify(old) === JSON.stringify(now)) {
            return [];
        }
        return [{ key, ...(old === undefined ? {} : { before: old }), ...(now === undefined ? {} : { after: now }) }];
    });
}

/**
 * A difference as a person reads it, one line per change: `+` for what comes, `-` for what goes, `~` for what changes.
 *
 * @returns the empty text when nothing differs
 */
export function formatDifference({ sessions, routes }: Difference): string {
    const lines = [
        ...sessions.map(({ session, before, after }) => line(session, before, after, sessionText)),
        ...routes.map(({ device, vrf, prefix, before, after }) => {
            const where = vrf === undefined ? device : `${device} ${vrf}`;
            return line(`${where} ${prefix}`, before, after, routeText);
        }),
    ];
    return lines.map((text) => `${text}\n`).join("");
}

function line<T>(what: string, before: T | undefined, after: T | undefined, text: (value: T) => string): string {
    if (before === undefined) {
        return after === undefined ? "" : `+ ${what}  ${text(after)}`;
    }
    return after === undefined ? `- ${what}  ${text(before)}` : `~ ${what}  ${text(before)} → ${text(after)}`;
}

function sessionText({ state, families }: SessionOutcome): string {
    return state.up ? `up (${families.join(", ")})` : `down: ${state.reason}`;
}

function routeText({ protocol, blackhole, nextHops }: FibRoute): string {
    if (blackhole) {
        return `${protocol} blackhole`;
    }
    const ways = nextHops.map(({ via, dev }) => (via === undefined ? dev : `${via} on ${dev}`));
    return `${protocol} ${ways.join(", ")}`;
}
