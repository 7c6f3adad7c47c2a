/**
 * Sessions that bgpd has closed because more prefixes came than it accepts. It opens them again when the limit is removed
 * (FRR 8.4 bgpd/bgpd.c, peer_maximum_prefix_unset), but neither when it is raised nor when the peer has fewer to announce.
 */

import { closedByLimit } from "../../verify/driver";
import { bgpVrfsOf, type Entry, flatten } from "./frr-config";
import { bgpSummary } from "./frr-reads";
import type { Vty } from "./vty";

/** The line of a limit. */
const limit = /^neighbor \S+ maximum-prefix \d/;

/** Milliseconds between two looks at how many prefixes have come. */
const pause = 50;

/** Looks that must be alike for routing to be at rest, and after which it is taken to be. */
const alike = 3;
const mostLooks = 40;

/** A configuration without the limits that another one does not have; all else as it is. */
export function withoutNewLimits(wanted: readonly Entry[], running: readonly Entry[]): readonly Entry[] {
    return wanted.flatMap((entry): readonly Entry[] => {
        const now = running.find(({ line }) => line === entry.line);
        if (entry.body === undefined) {
            return now === undefined && limit.test(entry.line) ? [] : [entry];
        }
        return [{ ...entry, body: withoutNewLimits(entry.body, now?.body ?? []) }];
    });
}

/** Waits until no more prefixes come and go, such as after a filter has changed; for two seconds at most. */
export async function prefixesAtRest(bgpd: Vty, config: readonly Entry[]): Promise<void> {
    let before = "";
    let same = 0;
    for (let look = 0; look < mostLooks && same < alike; look++) {
        const summaries = await Promise.all(bgpVrfsOf(config).map((vrf) => bgpSummary(bgpd, vrf)));
        const now = summaries
            .flat()
            .map(({ prefixesReceived }) => prefixesReceived)
            .join(" ");
        same = now === before ? same + 1 : 0;
        before = now;
        await new Promise((resolve) => setTimeout(resolve, pause));
    }
}

/** A session that bgpd keeps closed. */
export interface ClosedSession {
    readonly vrf?: string;
    readonly neighbor: string;
}

/** The sessions that a bgpd with this configuration keeps closed. */
export async function closedSessions(bgpd: Vty, config: readonly Entry[]): Promise<readonly ClosedSession[]> {
    if (!flatten(config).some((line) => / maximum-prefix \d/.test(line))) {
        return [];
    }
    const found = await Promise.all(
        bgpVrfsOf(config).map(async (vrf) => {
            const sessions = await bgpSummary(bgpd, vrf);
            const closed = sessions.filter(({ state }) => state === closedByLimit).map(({ neighbor }) => neighbor);
            return [...new Set(closed)].map((neighbor) => ({ ...(vrf === undefined ? {} : { vrf }), neighbor }));
        }),
    );
    return found.flat();
}

/**
 * Opens those of the given sessions that bgpd still keeps closed; it closes them again where they exceed their limit.
 *
 * @param closed sessions that were closed before the configuration was loaded, and so are not just being closed
 * @param config what is loaded now
 */
export async function reopenSessions(
    bgpd: Vty,
    closed: readonly ClosedSession[],
    config: readonly Entry[],
): Promise<void> {
    const known = new Set(closed.map(keyOf));
    const still = known.size === 0 ? [] : await closedSessions(bgpd, config);
    for (const { vrf, neighbor } of still.filter((session) => known.has(keyOf(session)))) {
        await bgpd.show(`clear bgp ${vrf === undefined ? "" : `vrf ${vrf} `}${neighbor}`);
    }
}

function keyOf({ vrf, neighbor }: ClosedSession): string {
    return `${vrf ?? ""} ${neighbor}`;
}
