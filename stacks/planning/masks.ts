/** Prefix lengths that a topology has a parameter for in each family. */

import type { Family } from "../../lab/model";

/** Length of a link's subnet. */
export function linkMask(
    parameters: { readonly linkMask: number; readonly linkMask6: number },
    family: Family,
): number {
    return family === "ipv4" ? parameters.linkMask : parameters.linkMask6;
}

/** Length of a node's slice of the pod CIDR. */
export function nodeMask(
    parameters: { readonly nodeMask: number; readonly nodeMask6: number },
    family: Family,
): number {
    return family === "ipv4" ? parameters.nodeMask : parameters.nodeMask6;
}
