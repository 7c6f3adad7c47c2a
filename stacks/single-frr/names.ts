/** Names and numbers that the plan gives, and that are no parameters. */

import type { Family, Labels } from "../../lab/model";

/** Name of the topology, and of its lab. */
export const name = "single-frr";

/** Name of the kind cluster, as in the article. */
export const cluster = "cilium-bgp-cp";
/** Name of the router. */
export const router = "router0";
/** Name of the host behind the router. */
export const client = "client0";
/** Labels of the pods, by which the services find them. */
export const appLabels: Labels = { app: "app" };
/** Port on which the pods of the workload listen. */
export const podPort = 80;
/** Number of the router's interface to the client: behind the article's four nodes, and the same for any other count. */
export const clientPort = 4;

/** Prefix list of what the router offers to the nodes. */
export const exportNames: Readonly<Record<Family, string>> = { ipv4: "LAB-SUBNET", ipv6: "LAB-SUBNET6" };
/** Prefix list of what the router takes from the nodes. */
export const importNames: Readonly<Record<Family, string>> = { ipv4: "K8S-ROUTES", ipv6: "K8S-ROUTES6" };
/** Peer group of the nodes. */
export const groupNames: Readonly<Record<Family, string>> = { ipv4: "K8S-NODES", ipv6: "K8S-NODES6" };
