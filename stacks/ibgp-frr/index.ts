/**
 * Topology `ibgp-frr`: one FRR router on the network of a kind cluster's nodes, internal BGP sessions to all of them, and a
 * client behind the router. Cilium's BGP control plane speaks on the nodes, or the MetalLB that earlier releases had inside.
 */

import { findOrigin } from "../origins";
import type { Topology } from "../topology";
import { limits } from "./limits";
import { cluster, name } from "./names";
import { origins } from "./origins";
import { type IbgpFrr, schema, versions } from "./parameters";
import { planIbgpFrr } from "./plan";

export { type IbgpFrr, planIbgpFrr, schema };

/** The topology as a stack chooses it. */
export const ibgpFrr: Topology<IbgpFrr> = {
    name,
    cluster,
    schema,
    limits,
    versions,
    plan: planIbgpFrr,
    origin: findOrigin(origins),
};
