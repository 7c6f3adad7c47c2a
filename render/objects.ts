/** Reading the objects that a cluster would be given. */

import type { CalicoBGPPeer, KubernetesObject, MetalLbBGPPeer, OfKind } from "./kubernetes";

/** Objects by kind, kept with the list: every node of a lab asks the same one. */
const kindsByList = new WeakMap<readonly KubernetesObject[], ReadonlyMap<string, readonly KubernetesObject[]>>();

/** The objects of one kind in a list. */
export function ofKind<K extends KubernetesObject["kind"]>(
    objects: readonly KubernetesObject[],
    kind: K,
): readonly OfKind<K>[] {
    const kinds = kindsByList.get(objects) ?? groupByKind(objects);
    kindsByList.set(objects, kinds);
    return (kinds.get(kind) ?? []) as readonly OfKind<K>[];
}

function groupByKind(objects: readonly KubernetesObject[]): ReadonlyMap<string, readonly KubernetesObject[]> {
    const kinds = new Map<string, KubernetesObject[]>();
    for (const object of objects) {
        const known = kinds.get(object.kind);
        if (known === undefined) {
            kinds.set(object.kind, [object]);
        } else {
            known.push(object);
        }
    }
    return kinds;
}

/** Whether a peer is MetalLB's. */
export function isMetalLb(peer: OfKind<"BGPPeer">): peer is MetalLbBGPPeer {
    return peer.apiVersion === "metallb.io/v1beta2";
}

/** Whether a peer is Calico's. */
export function isCalico(peer: OfKind<"BGPPeer">): peer is CalicoBGPPeer {
    return !isMetalLb(peer);
}
