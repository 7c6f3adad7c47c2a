import type { Lab, Seconds, Timers } from "../model";
import type { Path } from "../path";
import { sessions } from "../sessions";
import { ciliumInstances } from "../speakers";
import { calicoPeers, metallbPeers } from "./peers";
import { podNeighbors } from "./placed-pods";
import { rule } from "./rule";
import { instances } from "./tables";

/** A hold time of one or two seconds must be refused by the peer, and the field in which it is told has 16 bits. */
export const holdTimeIsZeroOrThree = rule({
    id: "BGP-TMR-001",
    severity: "error",
    source: "RFC 4271 §4.2",
    *check(lab) {
        for (const { who, timers, place } of timersOf(lab)) {
            if (timers.holdTime === 1 || timers.holdTime === 2) {
                yield {
                    at: [...place, "holdTime"],
                    says: `${who} has a hold time of ${timers.holdTime} s, which peers must refuse`,
                    fix: "use at least 3 s",
                };
            } else if (timers.holdTime > 65535) {
                yield {
                    at: [...place, "holdTime"],
                    says: `${who} has a hold time of ${timers.holdTime} s, for which an OPEN has no room`,
                    fix: "use at most 65535 s",
                };
            }
        }
    },
});

/** A session lives on keepalives that arrive before the hold time is over. */
export const keepaliveComesBeforeHoldTime = rule({
    id: "BGP-TMR-002",
    severity: "error",
    source: "RFC 4271 §4.4",
    *check(lab) {
        for (const { who, timers, place } of timersOf(lab)) {
            const { holdTime, keepalive } = timers;
            if (holdTime > 0 && (keepalive > holdTime || keepalive === 0)) {
                yield {
                    at: [...place, "keepalive"],
                    with: [[...place, "holdTime"]],
                    says: `${who} sends keepalives ${keepalive === 0 ? "never" : `every ${keepalive} s`}, but holds for ${holdTime} s`,
                    fix: `set keepalive to ${Math.max(1, Math.floor(holdTime / 3))} s, a third of the hold time`,
                };
            }
        }
    },
});

/** With fewer than three keepalives in a hold time, one lost packet may end the session. */
export const keepaliveIsAThird = rule({
    id: "BGP-TMR-003",
    severity: "warning",
    source: "RFC 4271 §4.4",
    *check(lab) {
        for (const { who, timers, place } of timersOf(lab)) {
            const { holdTime, keepalive } = timers;
            if (holdTime >= 3 && keepalive > 0 && keepalive <= holdTime && 3 * keepalive > holdTime) {
                yield {
                    at: [...place, "keepalive"],
                    with: [[...place, "holdTime"]],
                    says: `${who} sends keepalives every ${keepalive} s and holds for ${holdTime} s: fewer than three in a hold time`,
                    fix: `set keepalive to ${Math.floor(holdTime / 3)} s, or holdTime to ${3 * keepalive} s`,
                };
            }
        }
    },
});

/** The smaller hold time of the two ends is in force. */
export const holdTimesAreEqual = rule({
    id: "BGP-TMR-004",
    severity: "info",
    source: "RFC 4271 §4.2",
    *check(lab) {
        for (const { session, local, remote } of sessions(lab)) {
            const [less, more] = local.timers.holdTime < remote.timers.holdTime ? [local, remote] : [remote, local];
            if (less.timers.holdTime !== more.timers.holdTime) {
                yield {
                    at: [...more.timersPath, "holdTime"],
                    with: [[...less.timersPath, "holdTime"]],
                    says: `${session} runs with the smaller hold time: ${less.timers.holdTime} s of ${less.node}, not ${more.timers.holdTime} s of ${more.node}`,
                    fix: "give both ends the hold time you mean",
                };
            }
        }
    },
});

/** Both FRR and Cilium count attempts to connect in whole seconds from 1. */
export const connectRetryIsPositive = rule({
    id: "BGP-TMR-005",
    severity: "error",
    source: "RFC 4271 §8.2.2",
    *check(lab) {
        for (const { who, timers, place } of timersOf(lab)) {
            if (timers.connectRetry < 1) {
                yield {
                    at: [...place, "connectRetry"],
                    says: `${who} has a connect retry time of ${timers.connectRetry} s`,
                    fix: "use at least 1 s",
                };
            }
        }
    },
});

/** Cilium's resource takes no session without keepalives. */
export const ciliumHoldsSomeTime = rule({
    id: "CIL-TMR-001",
    severity: "error",
    source: "Cilium CRD CiliumBGPPeerConfig, holdTimeSeconds",
    *check(lab) {
        for (const { who, timers, place } of ciliumTimers(lab)) {
            if (timers.holdTime === 0) {
                yield {
                    at: [...place, "holdTime"],
                    says: `${who} has a hold time of 0 s, which Cilium's custom resource does not take`,
                    fix: "use at least 3 s",
                };
            }
        }
    },
});

/** Graceful restart time is a field of 12 bits; without any time it would be off. */
export const gracefulRestartTimeFits = rule({
    id: "BGP-GR-001",
    severity: "error",
    source: "RFC 4724 §3",
    *check(lab) {
        for (const { who, seconds, place } of restartTimes(lab)) {
            if (seconds < 1 || seconds > largestRestartTime) {
                yield {
                    at: [...place, "gracefulRestartTime"],
                    says: `${who} has a graceful restart time of ${seconds} s`,
                    fix: `use 1 to ${largestRestartTime} s`,
                };
            }
        }
    },
});

/**
 * For the graceful restart time a peer sends traffic to a speaker that may be gone for good. The standard suggests at most
 * the hold time; more is a decision for speakers whose restart takes longer.
 */
export const gracefulRestartIsWithinHoldTime = rule({
    id: "BGP-GR-002",
    severity: "warning",
    source: "RFC 4724 §4",
    *check(lab) {
        for (const { who, seconds, holdTime, place } of restartTimes(lab)) {
            if (holdTime >= 3 && seconds > holdTime && seconds <= largestRestartTime) {
                yield {
                    at: [...place, "gracefulRestartTime"],
                    with: [[...place, "timers", "holdTime"]],
                    says: `${who} has a graceful restart time of ${seconds} s, longer than its hold time of ${holdTime} s: if it is gone for good, its peer goes on sending traffic to it for ${seconds} s`,
                    fix: `set gracefulRestartTime to ${holdTime} s or less, or mean it`,
                };
            }
        }
    },
});

/** The restart time is a field of 12 bits. */
const largestRestartTime = 4095;

interface PlacedRestartTime {
    readonly who: string;
    readonly seconds: Seconds;
    readonly holdTime: Seconds;
    /** Where the neighbor stands in the model. */
    readonly place: Path;
}

/** Graceful restart wherever it is on. */
function restartTimes(lab: Lab): readonly PlacedRestartTime[] {
    const cilium = ciliumInstances(lab).flatMap(({ name, neighbors }, index) =>
        neighbors.map((neighbor, position) => ({
            who: `Cilium's instance ${name}`,
            neighbor,
            place: ["cluster", "cilium", "bgp", index, "neighbors", position],
        })),
    );
    const calico = calicoPeers(lab).map(({ peer, who, place }) => ({ who, neighbor: peer, place }));
    return [...cilium, ...calico].flatMap(({ who, neighbor: { gracefulRestartTime, timers }, place }) =>
        gracefulRestartTime === undefined
            ? []
            : [{ who, seconds: gracefulRestartTime, holdTime: timers.holdTime, place }],
    );
}

interface PlacedTimers {
    readonly who: string;
    readonly timers: Timers;
    readonly place: Path;
}

/** All timers where they stand: those of a peer group once, however many neighbors share them. */
function timersOf(lab: Lab): readonly PlacedTimers[] {
    const routers = instances(lab).flatMap(({ who, place, bgp }): PlacedTimers[] => [
        ...bgp.peerGroups.map(({ name, settings }, index) => ({
            who: `${who}'s peer group ${name}`,
            timers: settings.timers,
            place: [...place, "bgp", "peerGroups", index, "settings", "timers"],
        })),
        ...bgp.neighbors.flatMap(({ address, session }, index) =>
            session.kind === "group"
                ? []
                : [
                      {
                          who: `${who}'s neighbor ${address}`,
                          timers: session.settings.timers,
                          place: [...place, "bgp", "neighbors", index, "session", "settings", "timers"],
                      },
                  ],
        ),
    ]);
    return [...routers, ...podTimers(lab), ...ciliumTimers(lab), ...calicoTimers(lab), ...metallbTimers(lab)];
}

/** Timers of nodes' neighbors by label; a router has those of the peer group. */
function podTimers(lab: Lab): readonly PlacedTimers[] {
    return podNeighbors(lab)
        .filter(({ at }) => at === "node")
        .map(({ who, neighbor: { timers }, place }) => ({ who, timers, place: [...place, "timers"] }));
}

function calicoTimers(lab: Lab): readonly PlacedTimers[] {
    return calicoPeers(lab).map(({ peer, place }) => ({
        who: `Calico's peer ${peer.name}`,
        timers: peer.timers,
        place: [...place, "timers"],
    }));
}

function metallbTimers(lab: Lab): readonly PlacedTimers[] {
    return metallbPeers(lab).map(({ who, peer, place }) => ({ who, timers: peer.timers, place: [...place, "timers"] }));
}

function ciliumTimers(lab: Lab): readonly PlacedTimers[] {
    return ciliumInstances(lab).flatMap(({ name, neighbors }, index) =>
        neighbors.map(({ timers }, position) => ({
            who: `Cilium's instance ${name}`,
            timers,
            place: ["cluster", "cilium", "bgp", index, "neighbors", position, "timers"],
        })),
    );
}
