/** Where the values of the planned lab come from. */

import { lastHost } from "../../lab/address";
import type { Path } from "../../lab/path";
import { type Origin, serviceOrigins } from "../origins";
import { clientSegment, nodeSegment, router } from "./names";
import type { CalicoMetalLbVrf } from "./parameters";

/** The routing instances of the router, as the parameters name them, in the order of its VRFs. */
const instances = ["calico", "metallb"] as const;

/** Where the values of the model come from, the special before the general. */
export const origins: readonly Origin<CalicoMetalLbVrf>[] = [
    { model: "topology", config: "cluster" },
    { model: "name", config: "cluster" },
    { model: `segments.${nodeSegment}`, config: "nodeSubnet" },
    { model: `segments.${clientSegment}`, config: "clientSubnet" },
    { model: `routers.${router}.interfaces.0`, config: "loopbacks.default" },
    { model: `routers.${router}.interfaces.1`, config: "loopbacks.metallb" },
    { model: `routers.${router}.interfaces.2`, config: "loopbacks.calico" },
    { model: `routers.${router}.interfaces.3`, config: "nodeSubnet" },
    { model: `routers.${router}.interfaces`, config: "clientSubnet" },
    { model: `routers.${router}.bgp.routerId`, config: "routerIds.default" },
    { model: `routers.${router}.bgp.asn`, config: "routerAsn" },
    { model: `routers.${router}.bgp.maximumPaths`, config: "maximumPaths" },
    {
        model: `routers.${router}.bgp.neighbors.*.remoteAsn`,
        config: ([index], parameters) => peerAsn(index!, parameters),
    },
    { model: `routers.${router}.bgp.neighbors.*.session.settings.timers`, config: "routerTimers", rest: true },
    {
        model: `routers.${router}.bgp.neighbors.*.session.settings.families.*.maximumPrefixes`,
        config: ([index], parameters) => ["maximumPrefixes", speakerOf(index!, parameters)],
    },
    { model: `routers.${router}.bgp`, config: "vrfs" },
    { model: `routers.${router}.vrfs.*.bgp.asn`, config: "routerAsn" },
    { model: `routers.${router}.vrfs.*.bgp.routerId`, config: ([vrf]) => ["routerIds", instances[Number(vrf)]!] },
    {
        model: `routers.${router}.vrfs.*.bgp.neighbors.*.remoteAsn`,
        config: ([vrf]) => asnOf(vrf!),
    },
    { model: `routers.${router}.vrfs.*.bgp.neighbors.*.session.settings.timers`, config: "routerTimers", rest: true },
    {
        model: `routers.${router}.vrfs.*.bgp.neighbors.*.session.settings.families.*.maximumPrefixes`,
        config: ([vrf]) => ["maximumPrefixes", instances[Number(vrf)]!],
    },
    { model: `routers.${router}.vrfs.*.bgp.neighbors.*.session.settings.bfd`, config: "bfd", rest: true },
    { model: `routers.${router}.vrfs.*.bgp.neighbors.*.session.settings.ebgpMultihop`, config: "multihop" },
    // What is exchanged has no parameter but the AS that it is exchanged with.
    { model: `routers.${router}.vrfs.*.bgp.neighbors.*.session.settings.families`, config: ([vrf]) => asnOf(vrf!) },
    {
        model: `routers.${router}.vrfs.*.bgp.neighbors`,
        config: ([vrf], parameters) => (isInternal(vrf!, parameters) ? asnOf(vrf!) : ["nodeSubnet"]),
    },
    { model: `routers.${router}.vrfs.*.bgp`, config: "maximumPaths" },
    { model: `routers.${router}.vrfs`, config: "vrfs" },
    { model: "routers", config: "routerAsn" },
    { model: "hosts", config: "clientSubnet" },
    { model: "cluster.name", config: "cluster" },
    { model: "cluster.kubernetesVersion", config: "kubernetesVersion" },
    { model: "cluster.podCidrs", config: "podCidr" },
    { model: "cluster.serviceCidrs", config: "serviceCidr" },
    { model: "cluster.nodeMask", config: "blockSize" },
    { model: "cluster.nodes.*.podCidrs", config: "blocks" },
    { model: "cluster.nodes.*.interfaces", config: "nodeSubnet" },
    { model: "cluster.nodes.*.routerId", config: "nodeSubnet" },
    { model: "cluster.nodes.*.staticRoutes", config: "nodeSubnet" },
    { model: "cluster.nodes", config: "cluster" },
    { model: "cluster.nodeSegment", config: "nodeSubnet" },
    { model: "cluster.calico.version", config: "calicoVersion" },
    { model: "cluster.calico.asn", config: "calicoAsn" },
    { model: "cluster.calico.nodeToNodeMesh", config: "nodeToNodeMesh" },
    { model: "cluster.calico.encapsulation", config: "encapsulation" },
    { model: "cluster.calico.natOutgoing", config: "natOutgoing" },
    { model: "cluster.calico.peers.*.asn", config: "routerAsn" },
    { model: "cluster.calico.peers.*.timers.holdTime", config: "routerTimers.holdTime" },
    { model: "cluster.calico.peers.*.timers", config: "calicoKeepalive" },
    { model: "cluster.calico.peers.*.gracefulRestartTime", config: "gracefulRestartTime" },
    { model: "cluster.calico", config: (_, { vrfs }) => (vrfs ? ["loopbacks", "calico"] : ["vrfs"]) },
    { model: "cluster.metallb.version", config: "metallbVersion" },
    { model: "cluster.metallb.ignoreExcludeLabel", config: "ignoreExcludeLabel" },
    { model: "cluster.metallb.advertisements", config: "pools" },
    { model: "cluster.metallb.peers.*.myAsn", config: "metallbAsn" },
    { model: "cluster.metallb.peers.*.peerAsn", config: "routerAsn" },
    { model: "cluster.metallb.peers.*.bfd", config: "bfd", rest: true },
    { model: "cluster.metallb.peers.*.timers", config: "metallbTimers", rest: true },
    { model: "cluster.metallb", config: (_, parameters) => metallbOrigin(parameters) },
    ...serviceOrigins,
    { model: "cluster.workloads", config: "replicas" },
];

/** Without VRFs the router has Calico's speakers as neighbors first, then MetalLB's. */
function speakerOf(index: Path[number], { workers }: CalicoMetalLbVrf): (typeof instances)[number] {
    return Number(index) <= workers ? "calico" : "metallb";
}

function peerAsn(index: Path[number], parameters: CalicoMetalLbVrf): Path {
    return [`${speakerOf(index, parameters)}Asn`];
}

/** The AS of a VRF's neighbors. */
function asnOf(vrf: Path[number]): Path {
    return [`${instances[Number(vrf)]!}Asn`];
}

/** Whether a VRF has the AS of its neighbors, which is not meant: what is wrong with them then follows from it. */
function isInternal(vrf: Path[number], { routerAsn, calicoAsn, metallbAsn }: CalicoMetalLbVrf): boolean {
    return routerAsn === { calico: calicoAsn, metallb: metallbAsn }[instances[Number(vrf)]!];
}

/** Where Calico is given an address that the router has in MetalLB's VRF, Calico's speakers come between MetalLB's. */
function metallbOrigin({ vrfs, loopbacks, nodeSubnet }: CalicoMetalLbVrf): Path {
    const ofMetalLb = [loopbacks.metallb, lastHost(nodeSubnet)];
    if (!vrfs) {
        return ["vrfs"];
    }
    return ofMetalLb.includes(loopbacks.calico) ? ["loopbacks", "calico"] : ["nodeSubnet"];
}
