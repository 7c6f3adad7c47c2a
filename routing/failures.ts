/** What a fault does to a lab: which sessions fall when, and what routing settles on each time. */

import { namedDevices } from "../lab/devices";
import type { Lab, Seconds } from "../lab/model";
import { describe } from "./describe";
import { type End, endKey } from "./ends";
import type { Fault } from "./faults";
import type { Prediction } from "./prediction";
import type { Pair } from "./sessions";
import { type Conditions, type Simulation, simulate, withEnds } from "./simulate";
import type { Port } from "./tables";

export { type Fault, formatFault, type Manner, parseFault, UnknownFaultError } from "./faults";

/** What routing settles on from a moment on, until the next phase. */
export interface Phase {
    /** Seconds since the fault. */
    readonly after: Seconds;
    readonly prediction: Prediction;
}

/** When a session that was up is noticed to be gone, and until when its routes are kept nevertheless. */
interface Fate {
    readonly pair: Pair;
    /** Seconds since the fault; infinite when nobody ever notices. */
    readonly noticed: Seconds;
    /** Seconds since the fault. */
    readonly keptUntil: Seconds;
    /** Why the session is down. */
    readonly reason: string;
    /** Whether the model itself says so once the routes are gone, unless there is another way to the peer. */
    readonly isTorn: boolean;
}

/**
 * What the control plane settles on after a fault: at once, whenever a hold timer runs out or BFD finds a dead peer, when
 * kept routes are given up, and at last for good. The tables of a device whose daemons do not run are not meant.
 *
 * @throws UnrestError when routing does not come to rest without what failed
 */
export function faultPhases(lab: Lab, fault: Fault): readonly Phase[] {
    const before = simulate(lab);
    const down = downPorts(lab, fault);
    const fates = fatesOf(lab, fault, down, before);
    const moments = new Set([0, ...fates.flatMap(({ noticed, keptUntil }) => [noticed, keptUntil])]);
    let closed = closedIn(before);
    return [...moments]
        .filter(Number.isFinite)
        .sort((a, b) => a - b)
        .map((after) => {
            const simulation = simulate(lab, conditionsAt(down, fates, after, closed));
            closed = closedIn(simulation);
            return { after, prediction: describe(lab, simulation) };
        });
}

/** Sessions that an end has closed for good, which no fault and no repair of it opens again. */
function closedIn({ pairs }: Simulation): readonly Pair[] {
    return pairs.filter(({ closed }) => closed !== undefined);
}

/** What is not as the model says when nothing more comes of a fault. */
export function conditionsAfter(lab: Lab, fault: Fault, before: Simulation): Conditions {
    const down = downPorts(lab, fault);
    const fates = fault.kind === "link" || fault.kind === "node" ? [] : fatesOf(lab, fault, down, before);
    return conditionsAt(down, fates, Number.MAX_VALUE, closedIn(before));
}

/** The interfaces that a fault takes down: with a cable, a device or a Pod, those at the other ends as well. */
function downPorts(lab: Lab, fault: Fault): readonly Port[] {
    switch (fault.kind) {
        case "link":
            return fault.ends;
        case "node":
            return portsOfNode(lab, fault.device);
        case "session":
        case "daemon":
            return [];
    }
}

function portsOfNode(lab: Lab, device: string): readonly Port[] {
    const ports = namedDevices(lab).flatMap(([name, { interfaces }]) =>
        interfaces.map((port) => ({ device: name, interface: port.name, attachment: port.attachment })),
    );
    const cables = new Set(
        ports.flatMap(({ device: owner, attachment }) =>
            owner === device && attachment.kind === "segment" && lab.segments[attachment.segment]?.kind !== "bridge"
                ? [attachment.segment]
                : [],
        ),
    );
    return ports.filter(
        ({ device: owner, attachment }) =>
            owner === device || (attachment.kind === "segment" && cables.has(attachment.segment)),
    );
}

function conditionsAt(
    down: readonly Port[],
    fates: readonly Fate[],
    moment: Seconds,
    closed: readonly Pair[],
): Conditions {
    const decided = fates.flatMap((fate) => pairAt(fate, moment) ?? []);
    return { down, sessions: withEnds(new Map(), [...decided, ...closed]) };
}

/** A session at a moment after the fault; nothing where the model decides. */
function pairAt({ pair, noticed, keptUntil, reason, isTorn }: Fate, moment: Seconds): Pair | undefined {
    if (moment < noticed) {
        return pair;
    }
    const down: Pair = { ...pair, state: { up: false, reason } };
    if (moment < keptUntil) {
        return { ...down, stale: true };
    }
    return isTorn ? undefined : down;
}

function fatesOf(lab: Lab, fault: Fault, down: readonly Port[], before: Simulation = simulate(lab)): readonly Fate[] {
    const up = before.pairs.filter(({ state, remote }) => state.up && remote !== undefined);
    switch (fault.kind) {
        case "link":
        case "node":
            return tornSessions(up, simulate(lab, { down, sessions: new Map() }), down, fault);
        case "session":
            return up
                .filter((pair) => endsOf(pair).some(isShutDown(fault)))
                .map((pair) => ({
                    pair,
                    noticed: 0,
                    keptUntil: 0,
                    reason: `${fault.router} has shut the neighbor ${fault.neighbor} down`,
                    isTorn: false,
                }));
        case "daemon":
            return up.flatMap((pair) => silenced(pair, fault));
    }
}

function endsOf({ local, remote }: Pair): readonly End[] {
    return [local, remote!];
}

function isShutDown({ router, vrf, neighbor }: Extract<Fault, { kind: "session" }>): (end: End) => boolean {
    return ({ place, peerAddress }) => place.device === router && place.vrf === vrf && peerAddress === neighbor;
}

/** Sessions that need what is down. */
function tornSessions(
    up: readonly Pair[],
    after: Simulation,
    down: readonly Port[],
    fault: Extract<Fault, { kind: "link" | "node" }>,
): readonly Fate[] {
    const left = new Map(after.pairs.map((pair) => [endKey(pair.local), pair]));
    const isDown = ({ place, interface: port }: End) =>
        down.some(({ device, interface: name }) => device === place.device && name === port);
    return up.flatMap((pair): Fate[] => {
        const { state, closed } = left.get(endKey(pair.local)) ?? {};
        if (state?.up === true || closed !== undefined) {
            return [];
        }
        const ends = endsOf(pair);
        const reason = state?.reason ?? "the way to the peer is gone";
        // FRR ends an external session with the interface it is on (`bgp fast-external-failover`), and the peering controller
        // takes a Pod that is gone from the speaker of its node.
        const atOnce = ends.some((end) =>
            end.program === undefined
                ? end.onLink && isDown(end)
                : fault.kind === "node" && end.pod?.name === fault.device,
        );
        if (atOnce && pair.local.asn !== pair.remote!.asn) {
            return [{ pair, noticed: 0, keptUntil: 0, reason, isTorn: true }];
        }
        const noticed = Math.max(...ends.map((end) => detectionTime(end, pair)));
        const kept = Math.max(...ends.map((end) => keptAfterSilence(end, pair)));
        return [{ pair, noticed, keptUntil: noticed + kept, reason, isTorn: true }];
    });
}

/** What becomes of a session when the daemon at one of its ends fails. */
function silenced(pair: Pair, fault: Extract<Fault, { kind: "daemon" }>): readonly Fate[] {
    const failed = endsOf(pair).find(
        ({ place, program }) =>
            place.device === fault.device && (fault.program === undefined || program === fault.program),
    );
    if (failed === undefined) {
        return [];
    }
    const daemon = `the BGP daemon of ${failed.name}`;
    if (fault.manner === "killed") {
        // Its connections are closed; who promised to be back has its routes kept so long (RFC 4724 §4.2).
        const reason = `${daemon} was killed`;
        return [{ pair, noticed: 0, keptUntil: failed.restartTime ?? 0, reason, isTorn: false }];
    }
    // A frozen bgpd has a bfdd beside it that goes on answering.
    const isFrozen = fault.manner === "frozen";
    const noticed = isFrozen ? holdTime(pair) : detectionTime(otherEnd(pair, failed), pair);
    const reason = isFrozen ? `${daemon} is frozen` : `the messages of ${failed.name} are lost`;
    return [{ pair, noticed, keptUntil: noticed + keptAfterSilence(failed, pair), reason, isTorn: false }];
}

/**
 * Seconds for which a router keeps the routes of a peer whose hold timer has run out: the peer's restart time where both
 * have said that they want it so (the N bit of RFC 8538, which FRR and Cilium set, and BIRD does not).
 */
function keptAfterSilence(silent: End, pair: Pair): Seconds {
    return silent.program === "cilium" && otherEnd(pair, silent).program === undefined ? (silent.restartTime ?? 0) : 0;
}

function otherEnd({ local, remote }: Pair, end: End): End {
    return end === local ? remote! : local;
}

/** Seconds in which an end finds its silent peer dead: by BFD where both speak it (RFC 5880 §6.8.4), else by the hold time. */
function detectionTime(end: End, pair: Pair): Seconds {
    const other = otherEnd(pair, end);
    if (end.bfd !== undefined && other.bfd !== undefined) {
        const interval = Math.max(end.bfd.receiveInterval, other.bfd.transmitInterval);
        return (other.bfd.detectMultiplier * interval) / 1000;
    }
    return holdTime(pair);
}

/** The lesser of both ends' (RFC 4271 §4.2); infinite when one of them wants none. */
function holdTime({ local, remote }: Pair): Seconds {
    const negotiated = Math.min(local.holdTime, remote!.holdTime);
    return negotiated === 0 ? Number.POSITIVE_INFINITY : negotiated;
}
