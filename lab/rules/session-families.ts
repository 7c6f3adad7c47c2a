/** What the sessions of routers say of each address family, as many rules ask. */

import type { SessionFamily, SessionSettings } from "../model";
import type { Path } from "../path";
import type { PlacedInstance } from "./tables";

/** A family of a peer group, or of a neighbor with settings of its own. */
export interface PlacedFamily {
    readonly router: string;
    /** Readable name of the peer group or neighbor. */
    readonly who: string;
    readonly place: Path;
    readonly exchanged: SessionFamily;
    /** Whether peers are in other ASes. */
    readonly external: boolean;
}

/** The families of every peer group and of every neighbor with settings of its own. */
export function sessionFamilies({ router, who: name, place: parent, bgp }: PlacedInstance): readonly PlacedFamily[] {
    const blocks: { readonly who: string; readonly place: Path; readonly settings: SessionSettings }[] = [
        ...bgp.peerGroups.map((group, index) => ({
            who: `${name}'s peer group ${group.name}`,
            place: [...parent, "bgp", "peerGroups", index, "settings"],
            settings: group.settings,
        })),
        ...bgp.neighbors.flatMap(({ address, session }, index) =>
            session.kind === "group"
                ? []
                : [
                      {
                          who: `${name}'s neighbor ${address}`,
                          place: [...parent, "bgp", "neighbors", index, "session", "settings"],
                          settings: session.settings,
                      },
                  ],
        ),
    ];
    return blocks.flatMap(({ who, place, settings }) =>
        settings.families.map((exchanged, index) => ({
            router,
            who,
            place: [...place, "families", index],
            exchanged,
            external: isExternal(settings, bgp.asn),
        })),
    );
}

function isExternal({ remoteAs }: SessionSettings, asn: number): boolean {
    return remoteAs.kind === "external" || (remoteAs.kind === "asn" && remoteAs.asn !== asn);
}
