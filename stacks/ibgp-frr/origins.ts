/** Where the values of the planned lab come from. */

import { contains } from "../../lab/address";
import { type Origin, serviceOrigins } from "../origins";
import { client, clientSegment, nodeSegment } from "./names";
import { type IbgpFrr, speakerOf } from "./parameters";

/** Where the values of the model come from, the special before the general. */
export const origins: readonly Origin<IbgpFrr>[] = [
    { model: "topology", config: "cluster" },
    { model: "name", config: "cluster" },
    { model: `segments.${nodeSegment}`, config: "nodeSubnet" },
    { model: `segments.${clientSegment}`, config: "clientSubnet" },
    { model: "routers.*.interfaces.0", config: "nodeSubnet" },
    { model: "routers.*.interfaces", config: "clientSubnet" },
    { model: "routers.*.bgp.asn", config: "routerAsn" },
    { model: "routers.*.bgp.routerId", config: "routerId" },
    { model: "routers.*.bgp.multipathRelax", config: "multipathRelax" },
    { model: "routers.*.bgp.maximumPaths", config: "maximumPaths" },
    { model: "routers.*.bgp.neighbors.*.remoteAsn", config: "nodeAsn" },
    { model: "routers.*.bgp.neighbors.*.session.settings.remoteAs", config: "nodeAsn" },
    { model: "routers.*.bgp.neighbors.*.session.settings.timers", config: "routerTimers", rest: true },
    { model: "routers.*.bgp.neighbors.*.session.settings.families.*.maximumPrefixes", config: "maximumPrefixes" },
    // Between two ASes the next hop changes anyway.
    {
        model: "routers.*.bgp.neighbors.*.session.settings.families",
        config: (_, { routerAsn, nodeAsn }) => [nodeAsn === routerAsn ? "nextHopSelf" : "nodeAsn"],
    },
    { model: "routers.*.bgp.neighbors", config: "nodeSubnet" },
    { model: "routers", config: "routerAsn" },
    { model: `hosts.${client}.interfaces.1`, config: "nodeSubnet" },
    { model: "hosts", config: "clientSubnet" },
    { model: "cluster.name", config: "cluster" },
    { model: "cluster.kubernetesVersion", config: "kubernetesVersion" },
    { model: "cluster.podCidrs", config: "podCidr" },
    { model: "cluster.serviceCidrs", config: "serviceCidr" },
    { model: "cluster.nodeMask", config: "nodeMask" },
    { model: "cluster.nodes.*.podCidrs", config: "podCidr" },
    { model: "cluster.nodes.*.interfaces", config: "nodeSubnet" },
    // The nodes' own are distinct: only one that the router is given among them can meet one of theirs.
    {
        model: "cluster.nodes.*.routerId",
        config: (_, { routerId, nodeSubnet }) => [
            routerId !== undefined && contains(nodeSubnet, routerId) ? "routerId" : "nodeSubnet",
        ],
    },
    { model: "cluster.nodes.*.staticRoutes.0", config: "clientSubnet" },
    { model: "cluster.nodes.*.staticRoutes", config: "podCidr" },
    { model: "cluster.nodes", config: "cluster" },
    { model: "cluster.nodeSegment", config: "nodeSubnet" },
    { model: "cluster.cilium.version", config: "ciliumVersion" },
    { model: "cluster.cilium.hubble", config: "hubble", rest: true },
    { model: "cluster.cilium.metallbBgp.peers.*.myAsn", config: "nodeAsn" },
    { model: "cluster.cilium.metallbBgp.peers.*.peerAsn", config: "routerAsn" },
    { model: "cluster.cilium.metallbBgp.peers.*.peerAddress", config: "nodeSubnet" },
    { model: "cluster.cilium.metallbBgp.peers.*.timers", config: "nodeTimers", rest: true },
    { model: "cluster.cilium.bgp.*.localAsn", config: "nodeAsn" },
    { model: "cluster.cilium.bgp.*.serviceSelector", config: "serviceSelector", rest: true },
    { model: "cluster.cilium.bgp.*.neighbors.*.remoteAsn", config: "routerAsn" },
    { model: "cluster.cilium.bgp.*.neighbors.*.timers", config: "nodeTimers", rest: true },
    { model: "cluster.cilium.bgp.*.neighbors.*.gracefulRestartTime", config: "gracefulRestartTime" },
    { model: "cluster.cilium.bgp.*.neighbors.*.address", config: "nodeSubnet" },
    // Where only the article's versions choose the speaker, they are what a person would change.
    {
        model: "cluster.cilium",
        config: (_, parameters) =>
            parameters.ciliumBgp === undefined && speakerOf(parameters) === "metallb" ? ["versions"] : ["ciliumBgp"],
    },
    ...serviceOrigins,
    { model: "cluster.workloads", config: "replicas" },
];
