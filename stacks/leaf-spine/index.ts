/**
 * Topology `leaf-spine`: spines, leaves that reflect routes between the Kubernetes nodes of their rack, and a kind cluster
 * whose nodes peer with their leaf through Cilium's BGP control plane.
 */

import { findOrigin } from "../origins";
import type { Topology } from "../topology";
import { limits } from "./limits";
import { cluster, name } from "./names";
import { origins } from "./origins";
import { type LeafSpine, schema, versions } from "./parameters";
import { planLeafSpine } from "./plan";

export { type LeafSpine, planLeafSpine, schema };

/** The topology as a stack chooses it. */
export const leafSpine: Topology<LeafSpine> = {
    name,
    cluster,
    schema,
    limits,
    versions,
    plan: planLeafSpine,
    origin: findOrigin(origins),
};
