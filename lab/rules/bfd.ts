import type { Bfd, Lab } from "../model";
import type { Path } from "../path";
import { directedSessions, type SessionEnd } from "../sessions";
import { metallbPeers } from "./peers";
import { rule } from "./rule";
import { instances } from "./tables";

/** Intervals and multipliers that FRR's bfdd takes. */
export const bfdIsInRange = rule({
    id: "BGP-BFD-001",
    severity: "error",
    source: "RFC 5880 §4.1; FRR documentation, BFD",
    *check(lab) {
        for (const { who, bfd, place } of bfdOf(lab)) {
            const { detectMultiplier, receiveInterval, transmitInterval } = bfd;
            if (!isWhole(detectMultiplier, 2, 255)) {
                yield {
                    at: [...place, "detectMultiplier"],
                    says: `${who} gives its peer up after ${detectMultiplier} missing BFD packets`,
                    fix: "use 2 to 255",
                };
            }
            for (const [name, interval] of Object.entries({ receiveInterval, transmitInterval })) {
                if (!isWhole(interval, 10, 60000)) {
                    yield {
                        at: [...place, name],
                        says: `${who} has a BFD ${name} of ${interval} ms`,
                        fix: "use 10 to 60000 ms",
                    };
                }
            }
        }
    },
});

/** BFD is there to find a dead peer before the hold time does. */
export const bfdIsFasterThanHoldTime = rule({
    id: "BGP-BFD-002",
    severity: "error",
    source: "RFC 5882 §4.2",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab)) {
            if (local.bfd === undefined || remote.bfd === undefined) {
                continue;
            }
            // The peer's multiplier and the slower of what it sends and this end takes (RFC 5880 §6.8.4).
            const interval = Math.max(local.bfd.receiveInterval, remote.bfd.transmitInterval);
            const detection = remote.bfd.detectMultiplier * interval;
            const holdTime = 1000 * Math.min(local.timers.holdTime, remote.timers.holdTime);
            if (holdTime > 0 && detection >= holdTime) {
                yield {
                    at: [...local.settingsPath, "bfd"],
                    with: [[...remote.settingsPath, "bfd"], local.timersPath],
                    says: `${session}: at ${local.node} BFD finds a dead peer after ${detection} ms, no sooner than the hold time of ${holdTime} ms`,
                    fix: "use shorter intervals, or a longer hold time",
                };
            }
        }
    },
});

/** BFD takes two. Neither Cilium nor Calico speaks it. */
export const bothEndsRunBfd = rule({
    id: "BGP-BFD-003",
    severity: "error",
    source: "RFC 5882 §4.1; Cilium documentation, BGP",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab)) {
            if (local.bfd !== undefined && remote.bfd === undefined) {
                const never = remote.program === "cilium" || remote.program === "calico";
                const name = remote.program === "cilium" ? "Cilium" : "Calico";
                yield {
                    at: local.path,
                    with: [remote.path],
                    says: never
                        ? `${session}: ${local.node} asks for BFD, which ${name} does not speak`
                        : `${session}: ${local.node} asks for BFD, but ${remote.node} does not`,
                    fix: never
                        ? "remove bfd; shorten the hold time instead"
                        : `set bfd at ${remote.node}, or remove it here`,
                };
            }
        }
    },
});

/** Single-hop and multihop BFD use ports of their own: ends that do not agree never hear each other. */
export const bfdTypesAgree = rule({
    id: "BGP-BFD-004",
    severity: "error",
    source: "RFC 5881 §4; RFC 5883 §5; FRR documentation, BFD",
    *check(lab) {
        for (const { session, local, remote } of directedSessions(lab)) {
            const runs = local.bfd !== undefined && remote.bfd !== undefined;
            if (runs && isMultihop(local) && !isMultihop(remote)) {
                yield {
                    at: local.path,
                    with: [remote.path],
                    says: `${session}: ${local.node} runs BFD over several hops, and ${remote.node} over one`,
                    fix: "set ebgpMultihop at both ends, or at none",
                };
            }
        }
    },
});

/** FRR's BFD follows the session: it takes several hops where the session may (bgpd/bgp_bfd.h, PEER_IS_MULTIHOP). */
function isMultihop({ ebgpMultihop = 1, remoteAsn, speaker, interface: port }: SessionEnd): boolean {
    return ebgpMultihop > 1 || (remoteAsn === speaker.asn && port === undefined);
}

function isWhole(value: number, least: number, most: number): boolean {
    return Number.isInteger(value) && value >= least && value <= most;
}

interface PlacedBfd {
    readonly who: string;
    readonly bfd: Bfd;
    readonly place: Path;
}

/** All settings of BFD where they stand. */
function bfdOf(lab: Lab): readonly PlacedBfd[] {
    const routers = instances(lab).flatMap(({ who, bgp, place }) => [
        ...bgp.peerGroups.map(({ name, settings }, index) => ({
            who: `${who}'s peer group ${name}`,
            bfd: settings.bfd,
            place: [...place, "bgp", "peerGroups", index, "settings", "bfd"],
        })),
        ...bgp.neighbors.map(({ address, session }, index) => ({
            who: `${who}'s neighbor ${address}`,
            bfd: session.kind === "own" ? session.settings.bfd : undefined,
            place: [...place, "bgp", "neighbors", index, "session", "settings", "bfd"],
        })),
    ]);
    const metallb = metallbPeers(lab).map(({ who, peer, place }) => ({ who, bfd: peer.bfd, place: [...place, "bfd"] }));
    return [...routers, ...metallb].flatMap(({ bfd, ...placed }) => (bfd === undefined ? [] : [{ ...placed, bfd }]));
}
