/** Names and numbers that the plan gives, and that are no parameters. */

import type { Family, Labels } from "../../lab/model";

/** Name of the topology, and of its lab. */
export const name = "pod-gateway";

/** Name of the kind cluster. */
export const cluster = "pod-gateway";
/** Name of the router, as in the article. */
export const router = "router0";
/** Name of the host behind the router. */
export const client = "client0";
/** Name of the network of kind, on which nodes reach each other beside their links. */
export const nodeSegment = "kind";

/** Name of the Deployment of forwarding Pods. */
export const gateway = "loadbalancer";
/** Labels of the forwarding Pods, by which they become neighbors, as in the article. */
export const gatewayLabels: Labels = { app: "loadbalancer" };
/** Name of the Deployment of the Pod that announces what it must not; it has the labels of the forwarding Pods. */
export const rogue = "rogue";
/** Number of the node with that Pod: the first worker. */
export const rogueNode = 1;
/** Name of the Deployment behind the virtual addresses, and behind the services. */
export const workload = "web";
/** Labels of its pods. */
export const workloadLabels: Labels = { app: "web" };
/** Port on which its pods listen. */
export const podPort = 80;

/** Number of a node's own address in its slice of the pod CIDRs, as the article's node had it. */
export const nodeNumber = 69;
/** Number of the first forwarding Pod of a node in its slice, as the article's Pod had it. */
export const firstGateway = 216;

/** Number of the rogue Pod in its node's slice. */
export const rogueNumber = 200;

/** Number of the router's interface to the client: behind the article's three nodes, and the same for any other count. */
export const clientPort = 3;

/** Name of the neighbors by label on nodes. */
export const selectorName = "loadbalancers";
/** Names of the neighbors by label on the router, which are those of its peer groups. */
export const groupNames: Readonly<Record<Family, string>> = { ipv4: "loadbalancers", ipv6: "loadbalancers6" };
/** Prefix lists of what the router offers to nodes and Pods. */
export const offerNames: Readonly<Record<Family, string>> = { ipv4: "TO-CLUSTER", ipv6: "TO-CLUSTER-V6" };
/** Prefix lists of what the router takes of Pods. */
export const podListNames: Readonly<Record<Family, string>> = { ipv4: "FROM-PODS", ipv6: "FROM-PODS-V6" };
/** Prefix lists of what a Pod offers where it keeps its own address to itself. */
export const exportNames: Readonly<Record<Family, string>> = { ipv4: "VIPS", ipv6: "VIPS-V6" };

/** Prefix list of what the router takes of a node. */
export function nodeListName(shortName: string, family: Family): string {
    return `FROM-${shortName.toUpperCase()}${family === "ipv6" ? "-V6" : ""}`;
}
