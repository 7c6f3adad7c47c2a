/** Where the values of the planned lab come from. */

import { familyOf } from "../../lab/address";
import type { Path } from "../../lab/path";
import { type Origin, serviceOrigins } from "../origins";
import { families } from "../planning/links";
import { client, clientPort, gateway, nodeSegment, rogue, router } from "./names";
import type { PodGateway } from "./parameters";

/** Where the values of the model come from, the special before the general. */
export const origins: readonly Origin<PodGateway>[] = [
    { model: "topology", config: "cluster" },
    { model: "name", config: "cluster" },
    { model: `segments.${nodeSegment}.subnets.*`, config: "nodeSubnets.$1" },
    { model: `segments.${nodeSegment}`, config: "nodeSubnets" },
    { model: `segments.${router}-${client}.subnets.*`, config: "clientSubnets.$1" },
    { model: `segments.${router}-${client}`, config: "clientSubnets" },
    { model: "segments.*", config: ([segment]) => podOrigin(segment!) ?? ["linkPools"] },
    {
        model: `routers.${router}.interfaces.*.addresses.*`,
        config: ([port, of], parameters) => [portOrigin(port!, parameters), of!],
    },
    { model: `routers.${router}.interfaces.*`, config: ([port], parameters) => [portOrigin(port!, parameters)] },
    { model: `routers.${router}.staticRoutes`, config: "linkPools" },
    { model: `routers.${router}.prefixLists`, config: "allowed" },
    { model: `routers.${router}.bgp.asn`, config: "routerAsn" },
    { model: `routers.${router}.bgp.routerId`, config: "routerId" },
    { model: `routers.${router}.bgp.multipathRelax`, config: "multipathRelax" },
    { model: `routers.${router}.bgp.maximumPaths`, config: "maximumPaths" },
    { model: `routers.${router}.bgp.peerGroups.*.settings.timers`, config: "routerTimers", rest: true },
    { model: `routers.${router}.bgp.peerGroups.*.settings.remoteAs`, config: "selectedAsn" },
    { model: `routers.${router}.bgp.peerGroups`, config: "peering" },
    { model: `routers.${router}.bgp.podNeighbors.*.timers`, config: "routerTimers", rest: true },
    ...selectorOrigins(`routers.${router}.bgp.podNeighbors.*`),
    {
        model: `routers.${router}.bgp.neighbors.*.remoteAsn`,
        config: ([index], parameters) => [isNode(index!, parameters) ? "nodeAsn" : "podAsn"],
    },
    { model: `routers.${router}.bgp.neighbors.*.session.settings.remoteAs`, config: "nodeAsn" },
    { model: `routers.${router}.bgp.neighbors.*.session.settings.timers`, config: "routerTimers", rest: true },
    {
        model: `routers.${router}.bgp.neighbors.*`,
        config: ([index], parameters) => [isNode(index!, parameters) ? "linkPools" : "gateways"],
    },
    { model: `routers.${router}`, config: "routerAsn" },
    { model: "routers.*.interfaces.1.addresses.*", config: "virtualAddresses.$2" },
    { model: "routers.*.interfaces.1", config: "virtualAddresses" },
    { model: "routers.*.interfaces", config: ([pod]) => podOrigin(pod!) ?? ["gateways"] },
    { model: "routers.*.staticRoutes", config: "podCidrs" },
    { model: "routers.*.prefixLists", config: "ownAddress" },
    { model: "routers.*.bgp.asn", config: ([pod]) => (isRogue(pod!) ? ["rogueAsn"] : ["podAsn"]) },
    { model: "routers.*.bgp.routerId", config: "podRouterIds" },
    { model: "routers.*.bgp.families.*.networks.*", config: (steps, parameters) => hijackOrigin(steps, parameters) },
    { model: "routers.*.bgp.families", config: ([pod]) => (isRogue(pod!) ? ["hijacks"] : ["ownAddress"]) },
    { model: "routers.*.bgp.maximumPaths", config: "maximumPaths" },
    { model: "routers.*.bgp.networkImportCheck", config: "hijacks" },
    {
        model: "routers.*.bgp.neighbors.*.remoteAsn",
        // In each family the node comes first, and then the router if it is one.
        config: ([, index], { peering }) => [peering === "router" && Number(index) % 2 === 1 ? "routerAsn" : "nodeAsn"],
    },
    { model: "routers.*.bgp.neighbors.*.session.settings.timers", config: "podTimers", rest: true },
    { model: "routers.*.bgp.neighbors.*.session.settings.families", config: "ownAddress" },
    { model: "routers.*.bgp.neighbors", config: "peering" },
    { model: "routers.*.bgp", config: ([pod]) => (isRogue(pod!) ? ["rogueAsn"] : ["podAsn"]) },
    { model: "routers.*.pod.namespace", config: "namespace" },
    { model: "routers.*.pod.labels", config: "podSelector" },
    { model: "routers.*.virtualServers.*.address", config: "virtualAddresses.$2" },
    { model: "routers.*.virtualServers.*.port", config: "virtualPort" },
    { model: "routers.*.virtualServers", config: "virtualAddresses" },
    { model: "routers.*", config: ([pod]) => podOrigin(pod!) ?? ["gateways"] },
    { model: `hosts.${client}.interfaces.*.addresses.*`, config: "clientSubnets.$2" },
    { model: "hosts", config: "clientSubnets" },
    { model: "cluster.name", config: "cluster" },
    { model: "cluster.kubernetesVersion", config: "kubernetesVersion" },
    { model: "cluster.podCidrs", config: "podCidrs", rest: true },
    { model: "cluster.serviceCidrs", config: "serviceCidrs", rest: true },
    { model: "cluster.nodeMask.ipv4", config: "nodeMask" },
    { model: "cluster.nodeMask.ipv6", config: "nodeMask6" },
    { model: "cluster.nodeSegment", config: "nodeSubnets" },
    { model: "cluster.nodes.*.nodeIp.*", config: "linkPools.$2" },
    { model: "cluster.nodes.*.podCidrs.*", config: "podCidrs.$2" },
    { model: "cluster.nodes.*.interfaces.0.addresses.*", config: "nodeSubnets.$2" },
    { model: "cluster.nodes.*.interfaces.0", config: "nodeSubnets" },
    { model: "cluster.nodes.*.interfaces.1.addresses.*", config: "linkPools.$2" },
    { model: "cluster.nodes.*.interfaces.1", config: "linkPools" },
    { model: "cluster.nodes.*.interfaces.2.addresses.*", config: "podCidrs.$2" },
    { model: "cluster.nodes.*.interfaces.2", config: "podCidrs" },
    { model: "cluster.nodes.*.interfaces", config: "gateways" },
    { model: "cluster.nodes.*.staticRoutes.0", config: "linkPools" },
    { model: "cluster.nodes.*.staticRoutes.1", config: "linkPools" },
    { model: "cluster.nodes.*.staticRoutes", config: "gateways" },
    { model: "cluster.nodes.*.routerId", config: "linkPools" },
    { model: "cluster.nodes", config: "cluster" },
    { model: "cluster.cilium.version", config: "ciliumVersion" },
    { model: "cluster.cilium.nativeRoutingCidrs", config: "nativeRoutingCidrs", rest: true },
    { model: "cluster.cilium.bgp.*.localAsn", config: "nodeAsn" },
    { model: "cluster.cilium.bgp.*.exportPodCidr", config: "exportPodCidr" },
    { model: "cluster.cilium.bgp.*.serviceSelector", config: "serviceSelector", rest: true },
    { model: "cluster.cilium.bgp.*.transit", config: "peering" },
    { model: "cluster.cilium.bgp.*.podNeighbors.*.timers", config: "nodeTimers", rest: true },
    ...selectorOrigins("cluster.cilium.bgp.*.podNeighbors.*"),
    { model: "cluster.cilium.bgp.*.neighbors.*.remoteAsn", config: "routerAsn" },
    { model: "cluster.cilium.bgp.*.neighbors.*.timers", config: "nodeTimers", rest: true },
    { model: "cluster.cilium.bgp.*.neighbors.*.gracefulRestartTime", config: "gracefulRestartTime" },
    { model: "cluster.cilium.bgp.*.neighbors", config: "linkPools" },
    { model: "cluster.cilium", config: "cluster" },
    ...serviceOrigins.filter(({ model }) => model !== "checks"),
    { model: "checks", config: (_, { services }) => [services.length === 0 ? "virtualAddresses" : "services"] },
    { model: "cluster.workloads", config: "replicas" },
];

/** Where neighbors by label come from: the policy entry by entry, and the selector as it is. */
function selectorOrigins(model: string): readonly Origin<PodGateway>[] {
    return [
        { model: `${model}.namespace`, config: "namespace" },
        { model: `${model}.selector`, config: "podSelector", rest: true },
        { model: `${model}.remoteAs`, config: "selectedAsn" },
        // Named as in the parameters: allowed, forbidden, ownAddress.
        { model: `${model}.importPolicy`, config: () => [], rest: true },
        { model, config: "podSelector" },
    ];
}

function isRogue(pod: Path[number]): boolean {
    return String(pod).startsWith(`${rogue}-`);
}

/** The parameter that places a Pod; nothing for what is no Pod's. */
function podOrigin(name: Path[number]): Path | undefined {
    if (isRogue(name)) {
        return ["hijacks"];
    }
    const [, number] = new RegExp(`^${gateway}-(\\d+)$`).exec(String(name)) ?? [];
    return number === undefined ? undefined : ["gateways", Number(number)];
}

/** One interface of the router leads to the client, the others to the nodes. */
function portOrigin(port: Path[number], { workers }: PodGateway): "clientSubnets" | "linkPools" {
    return Number(port) === Math.min(workers + 1, clientPort) ? "clientSubnets" : "linkPools";
}

/** The router's neighbors are the nodes of both families, then the Pods. */
function isNode(neighbor: Path[number], { workers }: PodGateway): boolean {
    return Number(neighbor) < families.length * (workers + 1);
}

/** The entry of `hijacks` behind a network of one family. */
function hijackOrigin([, family, network]: Path, { hijacks }: PodGateway): Path {
    const ofFamily = hijacks.flatMap((prefix, index) => (familyOf(prefix) === families[Number(family)] ? [index] : []));
    return ["hijacks", ofFamily[Number(network)] ?? 0];
}
