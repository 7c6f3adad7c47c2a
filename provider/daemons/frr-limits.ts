/**
 * Sessions that bgpd has closed because more prefixes came than it accepts. It opens them again when the limit is removed
 * (FRR 8.4 bgpd/bgpd.c, peer_maximum_prefix_unset), but neither when it is raised nor when the peer has fewer to announce.
 */

import { closedByLimit } from "../../verify/driver";
import { bgpVrfsOf, type Entry, flatten } from "./frr-config";
import { bgpSummary } from "./frr-reads";
import type { Vty } from "./vty";

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
