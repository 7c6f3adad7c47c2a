/** Limits for the sessions of a random lab, such that it does not depend on the order of messages which of them are exceeded. */

import { familyOf } from "../../lab/address";
import type { Address, BgpSpeaker, Family, Lab, Neighbor } from "../../lab/model";
import { type End, endKey } from "../../routing/ends";
import type { Settled } from "../../routing/settle";
import { type Conditions, type Simulation, simulate } from "../../routing/simulate";
import { type Peer, peersByEnd } from "../../routing/speakers";
import { keyOf } from "../../routing/tables";
import { UnrestError } from "../../routing/unrest";

/**
 * How many prefixes an end accepts: fewer than the other end's own ones, or as many as there are. Between the two, a limit
 * may be exceeded on the way only.
 */
export type Wish = "few" | "all";

/**
 * Gives the ends of a lab's sessions their limits.
 *
 * @param down interfaces that are down from the start
 * @param wishes what ends wish for, by the address of their neighbor
 */
export function withLimits(lab: Lab, down: Conditions["down"], wishes: ReadonlyMap<Address, Wish>): Lab {
    const simulation = wishes.size === 0 ? undefined : atRest(lab, down);
    if (simulation === undefined) {
        return lab;
    }
    const limits = limitsOf(simulation, wishes);
    const limited = (device: string, vrf: string | undefined, bgp: BgpSpeaker): BgpSpeaker => ({
        ...bgp,
        neighbors: bgp.neighbors.map((neighbor) =>
            withLimit(neighbor, limits.get(`router ${keyOf(device, vrf)} ${neighbor.address}`)),
        ),
    });
    const routers = Object.entries(lab.routers).map(([name, router]) => [
        name,
        {
            ...router,
            bgp: limited(name, undefined, router.bgp),
            ...(router.vrfs === undefined
                ? {}
                : { vrfs: router.vrfs.map((vrf) => ({ ...vrf, bgp: limited(name, vrf.name, vrf.bgp) })) }),
        },
    ]);
    return { ...lab, routers: Object.fromEntries(routers) };
}

function atRest(lab: Lab, down: Conditions["down"]): Simulation | undefined {
    try {
        return simulate(lab, { down, sessions: new Map() });
    } catch (error) {
        if (error instanceof UnrestError) {
            return undefined;
        }
        throw error;
    }
}

function withLimit(neighbor: Neighbor, maximumPrefixes: number | undefined): Neighbor {
    const { session } = neighbor;
    if (maximumPrefixes === undefined || session.kind !== "own") {
        return neighbor;
    }
    const families = session.settings.families.map((family) => ({ ...family, maximumPrefixes }));
    return { ...neighbor, session: { kind: "own", settings: { ...session.settings, families } } };
}

/** Limits by the keys of ends. */
function limitsOf(
    { index, pairs, settled }: Simulation,
    wishes: ReadonlyMap<Address, Wish>,
): ReadonlyMap<string, number> {
    const peers = peersByEnd(settled.speakers);
    const limitOf = (end: End): number | undefined => {
        const peer = peers.get(endKey(end));
        switch (peer && wishes.get(end.peerAddress)) {
            case "all":
                return index.prefixes.length;
            case "few":
                return fewerThan(sureToCome(peer!, familyOf(end.peerAddress), settled));
            default:
                return undefined;
        }
    };
    const up = pairs.filter(({ state }) => state.up);
    return new Map(
        up.flatMap(({ local, remote }) =>
            [local, remote!].flatMap((end): [string, number][] => {
                const limit = limitOf(end);
                return limit === undefined ? [] : [[endKey(end), limit]];
            }),
        ),
    );
}

/** FRR 8.4 closes a session with the second prefix above the limit: docs/prediction.md. */
function fewerThan(count: number): number | undefined {
    return count > 2 ? count - 2 : undefined;
}

/** Number of prefixes that the other end of a session has itself, and that the filters let through, whatever else there is. */
function sureToCome({ index, other }: Peer, family: Family, { classes }: Settled): number {
    return classes
        .filter(
            ({ family: of, own, outcome }) =>
                of === family &&
                outcome.received[index] !== undefined &&
                own.get(other.speaker.index)?.some(({ usable }) => usable),
        )
        .reduce((sum, { members }) => sum + members.length, 0);
}
