/** Where the values of the planned lab come from. */

import { familyOf } from "../../lab/address";
import type { Path } from "../../lab/path";
import { type Origin, serviceOrigins } from "../origins";
import { families } from "../planning/links";
import { client, clientPort, router } from "./names";
import type { SingleFrr } from "./parameters";
import { planFilters } from "./plan";

/** Where the values of the model come from, the special before the general. */
export const origins: readonly Origin<SingleFrr>[] = [
    { model: "topology", config: "cluster" },
    { model: "name", config: "cluster" },
    { model: "segments.kind.subnets.*", config: "nodeSubnets.$1" },
    { model: "segments.kind", config: "nodeSubnets" },
    { model: `segments.${router}-${client}.subnets.*`, config: "clientSubnets.$1" },
    { model: `segments.${router}-${client}`, config: "clientSubnets" },
    { model: "segments.*.subnets.*", config: "linkPools.$2" },
    { model: "segments", config: "linkPools" },
    {
        model: `routers.${router}.interfaces.*.addresses.*`,
        config: ([at, of], parameters) => [...linkOrigin(at!, parameters), of!],
    },
    { model: `routers.${router}.interfaces.*`, config: ([at], parameters) => linkOrigin(at!, parameters) },
    { model: `routers.${router}.staticRoutes.*`, config: "labSubnets.$1" },
    {
        model: `routers.${router}.prefixLists.*.entries.*`,
        config: ([list, entry], parameters) => entryOrigin(list!, entry!, parameters),
        rest: true,
    },
    { model: `routers.${router}.prefixLists.2`, config: "importFilter" },
    { model: `routers.${router}.prefixLists.3`, config: "importFilter" },
    { model: `routers.${router}.prefixLists`, config: "exportFilter" },
    { model: `routers.${router}.bgp.asn`, config: "routerAsn" },
    { model: `routers.${router}.bgp.routerId`, config: "routerId" },
    { model: `routers.${router}.bgp.multipathRelax`, config: "multipathRelax" },
    { model: `routers.${router}.bgp.maximumPaths`, config: "maximumPaths" },
    { model: `routers.${router}.bgp.peerGroups.*.settings.timers`, config: "routerTimers", rest: true },
    { model: `routers.${router}.bgp.peerGroups.*.settings.families.*.prefixListIn`, config: "importFilter" },
    { model: `routers.${router}.bgp.peerGroups.*.settings.families.*.maximumPrefixes`, config: "maximumPrefixes" },
    { model: `routers.${router}.bgp.peerGroups.*.settings.families`, config: "exportFilter" },
    { model: `routers.${router}.bgp.neighbors.*.remoteAsn`, config: "nodeAsn" },
    { model: `routers.${router}.bgp.neighbors`, config: "linkPools" },
    { model: `routers.${router}`, config: "routerAsn" },
    { model: `hosts.${client}.interfaces.*.addresses.*`, config: "clientSubnets.$2" },
    { model: "hosts", config: "clientSubnets" },
    { model: "cluster.name", config: "cluster" },
    { model: "cluster.kubernetesVersion", config: "kubernetesVersion" },
    { model: "cluster.podCidrs", config: "podCidrs", rest: true },
    { model: "cluster.serviceCidrs", config: "serviceCidrs", rest: true },
    { model: "cluster.nodeMask.ipv4", config: "nodeMask" },
    { model: "cluster.nodeMask.ipv6", config: "nodeMask6" },
    { model: "cluster.nodes.*.podCidrs.*", config: "podCidrs.$2" },
    { model: "cluster.nodes.*.interfaces.0.addresses.*", config: "nodeSubnets.$2" },
    { model: "cluster.nodes.*.interfaces.1.addresses.*", config: "linkPools.$2" },
    { model: "cluster.nodes.*.routerId", config: "nodeSubnets" },
    { model: "cluster.nodes.*.staticRoutes.*", config: ([, route], parameters) => nodeRouteOrigin(route!, parameters) },
    { model: "cluster.nodes.*.interfaces.1", config: "linkPools" },
    { model: "cluster.nodes.*.interfaces", config: "nodeSubnets" },
    { model: "cluster.nodes", config: "cluster" },
    { model: "cluster.nodeSegment", config: "nodeSubnets" },
    { model: "cluster.cilium.version", config: "ciliumVersion" },
    { model: "cluster.cilium.routingMode", config: "routingMode" },
    { model: "cluster.cilium.nativeRoutingCidrs", config: "podCidrs", rest: true },
    { model: "cluster.cilium.bgp.*.localAsn", config: "nodeAsn" },
    { model: "cluster.cilium.bgp.*.exportPodCidr", config: "exportPodCidr" },
    { model: "cluster.cilium.bgp.*.serviceSelector", config: "serviceSelector", rest: true },
    { model: "cluster.cilium.bgp.*.neighbors.*.remoteAsn", config: "routerAsn" },
    { model: "cluster.cilium.bgp.*.neighbors.*.timers", config: "nodeTimers", rest: true },
    { model: "cluster.cilium.bgp.*.neighbors.*.gracefulRestartTime", config: "gracefulRestartTime" },
    { model: "cluster.cilium.bgp.*.neighbors", config: "linkPools" },
    { model: "cluster.cilium.bgp", config: "cluster" },
    ...serviceOrigins,
    { model: "cluster.workloads", config: "replicas" },
];

/** One interface of the router leads to the client, the others to the nodes. */
function linkOrigin(index: Path[number], { workers }: SingleFrr): Path {
    return [Number(index) === Math.min(workers + 1, clientPort) ? "clientSubnets" : "linkPools"];
}

/** The parameter behind an entry of a prefix list. */
function entryOrigin(list: Path[number], entry: Path[number], parameters: SingleFrr): Path {
    return planFilters(parameters)[Number(list)]?.origins[Number(entry)] ?? ["exportFilter"];
}

/** The parameters behind a node's static routes, in the order in which `planNode` makes them. */
function nodeRouteOrigin(route: Path[number], parameters: SingleFrr): Path {
    const ofFamilies = (...keys: readonly ("labSubnets" | "clientSubnets" | "linkPools")[]) =>
        families.flatMap((family) =>
            keys.map((key): Path => [key, parameters[key].findIndex((prefix) => familyOf(prefix) === family)]),
        );
    const overlay = parameters.podCidrs.map((_, index): Path => ["podCidrs", index]);
    const betweenPods = parameters.routingMode === "tunnel" ? overlay : ofFamilies("linkPools");
    return [...ofFamilies("labSubnets", "clientSubnets"), ...betweenPods][Number(route)] ?? ["labSubnets"];
}
