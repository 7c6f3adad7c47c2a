/** Names and numbers that the plan gives, and that are no parameters. */

import type { Labels } from "../../lab/model";

/** Name of the topology, and of its lab. */
export const name = "ibgp-frr";

/** Name of the kind cluster; its workers from the second on are named like the article's with `-ibgp` in between. */
export const cluster = "k8s-ibgp";
/** Name of the router, as in the article. */
export const router = "bgp-router1";
/** Name of the client, the article's host for management. */
export const client = "k8s-control";

/** Segment that nodes and router share: the nodes' own network. */
export const nodeSegment = "kind";
/** Segment of the clients. */
export const clientSegment = "clients";

/** Interface of the router to the nodes, as in the article. */
export const nodePort = "enp7s0";
/** Interface of the router to the clients. */
export const clientPort = "enp8s0";

/** Number of the router's address in both networks. */
export const routerNumber = 1;
/** Number of the client's address in the nodes' network. */
export const clientNumber = 5;
/** Number of the control plane's address. */
export const controlPlaneNumber = 10;
/** Number before that of the first worker's address. */
export const beforeWorkers = 20;
/** Number of the client's address in its own network. */
export const guestNumber = 233;

/** Labels of the pods, by which the service finds them, as in the article. */
export const appLabels: Labels = { svc: "web1-lb" };
/** Name of the workload, as in the article. */
export const workload = "web1";
/** Port on which the pods of the workload listen. */
export const podPort = 80;
/** Name of Cilium's speaker configuration, and of its peer. */
export const peer = "bgp-router1";
