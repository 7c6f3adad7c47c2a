/** Routers that run in Pods, and the neighbors that select them by label. */

import { addressOf, familyOf } from "./address";
import type { Address, Family, Lab, Labels, PodNeighbor, PodPlacement, Router } from "./model";
import { selects } from "./selectors";

/** A router in a Pod. */
export interface PodRouter {
    readonly name: string;
    readonly pod: PodPlacement;
    readonly router: Router;
}

/** Name of the interface of a node on which Cilium has the node's address in its pod range (CiliumInternalIP). */
export const nodePort = "cilium_host";

/** Name of the interface of a Pod. */
export const podPort = "eth0";

/** The routers of a lab that run in Pods, in the order of the model. */
export function podRouters({ routers }: Lab): readonly PodRouter[] {
    return Object.entries(routers).flatMap(([name, router]) =>
        router.pod === undefined ? [] : [{ name, pod: router.pod, router }],
    );
}

/** Whether a neighbor by label means a Pod. */
export function matchesPod(
    { namespace, selector }: Pick<PodNeighbor, "namespace" | "selector">,
    pod: { readonly namespace: string; readonly labels: Labels },
): boolean {
    return pod.namespace === namespace && selects(selector, pod.labels);
}

/** The address of a Pod's own interface in a family. */
export function podAddress({ interfaces }: Pick<Router, "interfaces">, family: Family): Address | undefined {
    const own = interfaces.find(({ name }) => name === podPort)?.addresses.find((each) => familyOf(each) === family);
    return own === undefined ? undefined : addressOf(own);
}
