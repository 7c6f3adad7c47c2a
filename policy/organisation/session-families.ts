/** What routers exchange in their sessions, by who is at the other end. */

import { type RoutingInstance, routingInstances } from "../../lab/instances";
import type { Lab, SessionFamily, SessionSettings } from "../../lab/model";
import { formatPath, type Path } from "../../lab/path";
import { directedSessions, type Session } from "../../lab/sessions";
import { findSessionSettings } from "../../lab/speakers";

/** Who is at the other end of a router's session, as parameters name it. */
export const peers = ["nodes", "external", "internal"] as const;

/** `nodes`: a node of the cluster; `external` and `internal`: a router of another AS, or of the same. */
export type Peer = (typeof peers)[number];

/** One address family of a router's session. */
export interface PlacedFamily {
    readonly peer: Peer;
    /** Readable name of one session that has it. */
    readonly session: string;
    readonly family: SessionFamily;
    readonly place: Path;
}

/**
 * The families of every session of a router, those in Pods left out: what they take is theirs, and what they offer is
 * filtered at the other end. Families of a peer group are told once for each kind of peer.
 */
export function sessionFamilies(lab: Lab): readonly PlacedFamily[] {
    const told = new Set<string>();
    return directedSessions(lab).flatMap((session) => {
        const settings = settingsOf(lab, session);
        const peer = peerOf(session);
        const place = session.local.timersPath.slice(0, -1);
        const key = `${peer} ${formatPath(place)}`;
        if (settings === undefined || told.has(key)) {
            return [];
        }
        told.add(key);
        return settings.families.map((family, index): PlacedFamily => {
            return { peer, session: session.session, family, place: [...place, "families", index] };
        });
    });
}

function peerOf({ local, remote }: Session): Peer {
    if (remote.kind === "kubernetes-node") {
        return "nodes";
    }
    return local.speaker.asn === remote.speaker.asn ? "internal" : "external";
}

/** The settings of the local end; nothing when it is no router's, or that of one in a Pod. */
function settingsOf(lab: Lab, { local }: Session): SessionSettings | undefined {
    const router = lab.routers[local.node];
    if (local.kind !== "router" || router === undefined || router.pod !== undefined) {
        return undefined;
    }
    const isOwn = ({ vrf }: RoutingInstance) => vrf === local.vrf;
    const bgp = routingInstances(router).find(isOwn)?.bgp;
    const neighbor = bgp?.neighbors[local.path.at(-1) as number];
    return bgp === undefined || neighbor === undefined ? undefined : findSessionSettings(bgp, neighbor);
}
