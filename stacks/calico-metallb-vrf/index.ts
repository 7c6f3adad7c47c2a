/**
 * Topology `calico-metallb-vrf`: one router with two VRFs that leak into each other, and a kind cluster whose nodes run two
 * speakers: Calico's, which peers with a loopback of one VRF, and MetalLB's, which peers with the other. A client is behind
 * the router.
 */

import { findOrigin } from "../origins";
import type { Topology } from "../topology";
import { limits } from "./limits";
import { cluster, name } from "./names";
import { origins } from "./origins";
import { type CalicoMetalLbVrf, schema, versions } from "./parameters";
import { planCalicoMetalLbVrf } from "./plan";

export { type CalicoMetalLbVrf, planCalicoMetalLbVrf, schema };

/** The topology as a stack chooses it. */
export const calicoMetalLbVrf: Topology<CalicoMetalLbVrf> = {
    name,
    cluster,
    schema,
    limits,
    versions,
    plan: planCalicoMetalLbVrf,
    origin: findOrigin(origins),
};
