/**
 * Topology `pod-gateway`: one FRR router with a link to every node of a kind cluster in which Cilium routes natively, Pods
 * that forward and are BGP neighbors by their label, and a client behind the router.
 */

import { findOrigin } from "../origins";
import type { Topology } from "../topology";
import { limits } from "./limits";
import { cluster, name } from "./names";
import { origins } from "./origins";
import { type PodGateway, schema, versions } from "./parameters";
import { planPodGateway } from "./plan";

export { type PodGateway, planPodGateway, schema };

/** The topology as a stack chooses it. */
export const podGateway: Topology<PodGateway> = {
    name,
    cluster,
    schema,
    limits,
    versions,
    plan: planPodGateway,
    origin: findOrigin(origins),
};
