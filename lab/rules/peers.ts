/** The peers of Calico's and MetalLB's speakers with their places in the model. */

import type { CalicoPeer, Lab, MetalLbPeer } from "../model";
import type { Path } from "../path";

/** A peer outside the cluster. */
interface PlacedPeer<Peer> {
    readonly peer: Peer;
    /** Readable name, e.g. `MetalLB's peer router0`. */
    readonly who: string;
    readonly place: Path;
}

/** Peers of Calico. */
export function calicoPeers({ cluster: { calico } }: Lab): readonly PlacedPeer<CalicoPeer>[] {
    return place(calico?.peers ?? [], "Calico", ["cluster", "calico", "peers"]);
}

/** Peers of MetalLB, of its own speakers and of those inside Cilium. */
export function metallbPeers({ cluster: { metallb, cilium } }: Lab): readonly PlacedPeer<MetalLbPeer>[] {
    return [
        ...place(metallb?.peers ?? [], "MetalLB", ["cluster", "metallb", "peers"]),
        ...place(cilium?.metallbBgp?.peers ?? [], "Cilium's MetalLB", ["cluster", "cilium", "metallbBgp", "peers"]),
    ];
}

function place<Peer extends { readonly name: string }>(
    peers: readonly Peer[],
    program: string,
    parent: Path,
): readonly PlacedPeer<Peer>[] {
    return peers.map((peer, index) => ({ peer, who: `${program}'s peer ${peer.name}`, place: [...parent, index] }));
}
