/** Routers that several programs of a node peer with from one address. */

import { addressOf } from "../address";
import type { Address, Lab } from "../model";
import { type SessionEnd, sessionEnds } from "../sessions";
import { speakerKey } from "./ends";
import { instances } from "./tables";

/** A router that several programs of a node peer with from one address. */
export interface DoubledPeer {
    readonly router: Pick<SessionEnd, "node" | "vrf" | "program">;
    /** Address of the node. */
    readonly peer: Address;
    /** The ends of the programs. */
    readonly ends: readonly SessionEnd[];
}

const doubledByLab = new WeakMap<Lab, readonly DoubledPeer[]>();

/** All of them in a lab. */
export function doubledPeers(lab: Lab): readonly DoubledPeer[] {
    const known = doubledByLab.get(lab) ?? findDoubledPeers(lab);
    doubledByLab.set(lab, known);
    return known;
}

function findDoubledPeers(lab: Lab): readonly DoubledPeer[] {
    const owners = new Map(
        instances(lab).flatMap(({ router, vrf, interfaces }) =>
            interfaces.flatMap(({ addresses }) => addresses.map((text) => [addressOf(text), { node: router, vrf }])),
        ),
    );
    const groups = new Map<string, DoubledPeer>();
    for (const end of sessionEnds(lab).filter(({ program, address }) => program !== undefined && address)) {
        const router = owners.get(end.peerAddress);
        if (router !== undefined) {
            const key = `${speakerKey(router, end.address!)} ${end.node}`;
            groups.set(key, { router, peer: end.address!, ends: [...(groups.get(key)?.ends ?? []), end] });
        }
    }
    return [...groups.values()].filter(({ ends }) => new Set(ends.map(({ program }) => program)).size > 1);
}
