/**
 * Topology `single-frr`: one FRR router with a point-to-point link and two BGP sessions to every node of a kind cluster
 * that runs Cilium's BGP control plane, and a client behind the router.
 */

import { findOrigin } from "../origins";
import type { Topology } from "../topology";
import { limits } from "./limits";
import { cluster, name } from "./names";
import { origins } from "./origins";
import { type SingleFrr, schema, versionSet } from "./parameters";
import { planSingleFrr } from "./plan";

export { planSingleFrr, type SingleFrr, schema };

/** The topology as a stack chooses it. */
export const singleFrr: Topology<SingleFrr> = {
    name,
    cluster,
    schema,
    limits,
    versions: versionSet,
    plan: planSingleFrr,
    origin: findOrigin(origins),
};
