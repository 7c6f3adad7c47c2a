/** The AS numbers of a lab where they are configured: one for every speaker, or for every set of equal ones. */

import type { Asn, Lab } from "../model";
import type { Path } from "../path";
import { ciliumInstances } from "../speakers";
import { metallbPeers } from "./peers";
import { instances } from "./tables";

/** A speaker's own AS number. */
export interface ConfiguredAsn {
    /** Readable name of the speaker. */
    readonly who: string;
    readonly asn: Asn;
    readonly place: Path;
}

/** The AS numbers of the routers' speakers, then those of the programs on Kubernetes nodes. */
export function configuredAsns(lab: Lab): readonly ConfiguredAsn[] {
    const { calico } = lab.cluster;
    return [
        ...instances(lab).map(({ who, bgp, place }) => ({ who, asn: bgp.asn, place: [...place, "bgp", "asn"] })),
        ...ciliumInstances(lab).map(({ name, localAsn }, index) => ({
            who: `Cilium's instance ${name}`,
            asn: localAsn,
            place: ["cluster", "cilium", "bgp", index, "localAsn"],
        })),
        ...(calico === undefined ? [] : [{ who: "Calico", asn: calico.asn, place: ["cluster", "calico", "asn"] }]),
        ...metallbPeers(lab).map(({ who, peer, place }) => ({ who, asn: peer.myAsn, place: [...place, "myAsn"] })),
    ];
}
