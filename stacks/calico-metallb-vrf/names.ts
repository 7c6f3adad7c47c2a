/** Names and numbers that the plan gives, and that are no parameters. */

import type { Labels } from "../../lab/model";

/** Name of the topology, and of its lab. */
export const name = "calico-metallb-vrf";

/** Name of the kind cluster; its workers from the second on are named like the article's with `-vrf` in between. */
export const cluster = "k8s-vrf";
/** Name of the router, as in the article. */
export const router = "csr1000v";
/** Name of the host in the clients' network. */
export const client = "client0";

/** Segment that nodes and router share: the nodes' own network. */
export const nodeSegment = "kind";
/** Cable between router and client. */
export const clientSegment = `${router}-${client}`;

/** VRF of the sessions with MetalLB, which the nodes are in. */
export const metallbVrf = "k8s-metallb";
/** VRF of the sessions with Calico, which the client is in. */
export const calicoVrf = "k8s-calico";
/** What the routes of a VRF carry, and what makes them distinct, as in the article. */
export const metallbTarget = "65000:1";
export const calicoTarget = "65000:2";

/** Loopbacks of the router: of the default VRF, of MetalLB's and of Calico's, which Calico peers with. */
export const loopbacks = ["Loopback0", "Loopback1", "Loopback2"] as const;
/** Interface of the router to the nodes; GigabitEthernet2 in the article. */
export const nodePort = "net0";
/** Interface of the router to the client; GigabitEthernet3 in the article. */
export const clientPort = "net1";

/** Prefix list that denies everything, as in the article. */
export const denyAll = "deny-all-routes";
/** Name of Calico's BGPPeer, as in the article, and of MetalLB's. */
export const calicoPeer = "bgppeer-csr1000v";
export const metallbPeer = "csr1000v";
/** Name of MetalLB's advertisement. */
export const advertisement = "default";

/** Number of the control plane's address in the nodes' network. */
export const controlPlaneNumber = 1;
/** Number before that of the first worker's address. */
export const beforeWorkers = 10;
/** Number of the client's address in its network. */
export const clientNumber = 1;

/** Labels of the pods, by which the service finds them, as in the article. */
export const appLabels: Labels = { app: "nginx" };
/** Name of the workload, as in the article. */
export const workload = "nginx";
/** Port on which the pods of the workload listen. */
export const podPort = 80;
