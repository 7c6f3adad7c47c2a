/** Where the values of the planned lab come from. */

import type { Path } from "../../lab/path";
import { type Origin, serviceOrigins } from "../origins";
import { management, nodeSegment, portName, spineName, uplink, uplinkPort } from "./names";
import type { LeafSpine } from "./parameters";

/** Where the values of the model come from, the special before the general. */
export const origins: readonly Origin<LeafSpine>[] = [
    { model: "topology", config: "cluster" },
    { model: "name", config: "cluster" },
    { model: `segments.${nodeSegment}`, config: "nodeSubnet" },
    { model: `segments.${management}`, config: "managementSubnet" },
    { model: "segments.*", config: ([segment]) => segmentOrigin(segment!) },
    { model: "routers.*.nos", config: "nos" },
    { model: "routers.*.nosVersion", config: "nosVersion" },
    { model: "routers.*.interfaces.*", config: ([router, port], parameters) => portOrigin(router!, port!, parameters) },
    { model: "routers.*.staticRoutes", config: "managementSubnet" },
    { model: "routers.*.sourceNat", config: "natSource" },
    { model: "routers.*.bgp.asn", config: ([router]) => asnOrigin(router!) },
    { model: "routers.*.bgp.routerId", config: ([router]) => addressOrigin(router!) },
    { model: "routers.*.bgp.multipathRelax", config: "multipathRelax" },
    { model: "routers.*.bgp.maximumPaths", config: "maximumPaths" },
    { model: "routers.*.bgp.families", config: "rackSubnets" },
    {
        model: "routers.*.bgp.neighbors.*.remoteAsn",
        config: ([router, index], parameters) => peerOrigin(router!, index!, parameters).asn,
    },
    {
        model: "routers.*.bgp.neighbors.*.session.settings.timers",
        config: ([router, index], parameters) => peerOrigin(router!, index!, parameters).timers,
        rest: true,
    },
    { model: "routers.*.bgp.neighbors.*.session.settings.bfd", config: "bfd", rest: true },
    { model: "routers.*.bgp.neighbors.*.session.settings.families.*.maximumPrefixes", config: "maximumPrefixes" },
    { model: "routers.*.bgp.neighbors.*.session.settings.families.*", config: "spineAsns" },
    {
        model: "routers.*.bgp.neighbors.*.session.settings.families",
        config: ([router, index], parameters) => peerOrigin(router!, index!, parameters).families,
    },
    {
        model: "routers.*.bgp.neighbors.*",
        config: ([router, index], parameters) => peerOrigin(router!, index!, parameters).address,
    },
    { model: "routers.*", config: ([router]) => asnOrigin(router!) },
    { model: `hosts.${uplink}`, config: "managementSubnet" },
    { model: "cluster.name", config: "cluster" },
    { model: "cluster.kubernetesVersion", config: "kubernetesVersion" },
    { model: "cluster.podCidrs", config: "podCidr" },
    { model: "cluster.serviceCidrs", config: "serviceCidr" },
    { model: "cluster.nodeMask", config: "nodeMask" },
    { model: "cluster.nodes.*.podCidrs", config: "podCidr" },
    { model: "cluster.nodes.*.interfaces.0", config: "nodeSubnet" },
    { model: "cluster.nodes.*.interfaces", config: "rackSubnets" },
    { model: "cluster.nodes.*.routerId", config: "rackSubnets" },
    { model: "cluster.nodes.*.nodeIp", config: "rackSubnets" },
    { model: "cluster.nodes.*.staticRoutes", config: "rackSubnets" },
    { model: "cluster.nodes", config: "cluster" },
    { model: "cluster.nodeSegment", config: "nodeSubnet" },
    { model: "cluster.cilium.version", config: "ciliumVersion" },
    { model: "cluster.cilium.routingMode", config: "nativeRoutingCidr" },
    { model: "cluster.cilium.nativeRoutingCidrs", config: "nativeRoutingCidr" },
    { model: "cluster.cilium.bgp.*.localAsn", config: "leafAsns.$1" },
    { model: "cluster.cilium.bgp.*.exportPodCidr", config: "exportPodCidr" },
    {
        model: "cluster.cilium.bgp.*.serviceSelector",
        config: ([rack], { serviceSelectors }) =>
            serviceSelectors[Number(rack)] === undefined ? ["serviceSelector"] : ["serviceSelectors", rack!],
        rest: true,
    },
    { model: "cluster.cilium.bgp.*.neighbors.*.remoteAsn", config: "leafAsns.$1" },
    { model: "cluster.cilium.bgp.*.neighbors.*.timers", config: "nodeTimers", rest: true },
    { model: "cluster.cilium.bgp.*.neighbors.*.gracefulRestartTime", config: "gracefulRestartTime" },
    { model: "cluster.cilium.bgp.*.neighbors", config: "rackSubnets.$1" },
    { model: "cluster.cilium.bgp", config: "cluster" },
    { model: "cluster.metallb.version", config: "metallbVersion" },
    { model: "cluster.metallb.advertisements", config: "pools" },
    { model: "cluster.metallb", config: "loadBalancer" },
    ...serviceOrigins,
    { model: "cluster.workloads", config: "nodesPerRack" },
];

/** The number of a spine or leaf: spines and leaves are named with their number at the end. */
function numberOf(router: Path[number]): number {
    return Number(String(router).replace(/^\D+/, ""));
}

function isSpine(router: Path[number]): boolean {
    return router === spineName(numberOf(router));
}

function segmentOrigin(segment: Path[number]): Path {
    return String(segment).startsWith("br-") ? ["rackSubnets", numberOf(segment)] : ["linkPool"];
}

function asnOrigin(router: Path[number]): Path {
    return [isSpine(router) ? "spineAsns" : "leafAsns", numberOf(router)];
}

function addressOrigin(router: Path[number]): Path {
    return isSpine(router) ? ["linkPool"] : ["rackSubnets", numberOf(router)];
}

/** Interfaces come in the order in which they are numbered: the uplink, the links, and of a leaf the rack. */
function portOrigin(router: Path[number], port: Path[number], { spines }: LeafSpine): Path {
    const name = portName(Number(port));
    if (name === uplinkPort) {
        return ["managementSubnet"];
    }
    return !isSpine(router) && name === portName(spines + 1) ? addressOrigin(router) : ["linkPool"];
}

/** Where the settings of a session come from. */
interface PeerOrigin {
    readonly asn: Path;
    readonly timers: Path;
    readonly address: Path;
    readonly families: Path;
}

/** Leaves have their nodes first, then the spines. What is exchanged with other ASes has no parameter but these ASes. */
function peerOrigin(router: Path[number], index: Path[number], { nodesPerRack }: LeafSpine): PeerOrigin {
    const number = Number(index);
    const rack = numberOf(router);
    if (!isSpine(router) && number < nodesPerRack) {
        return {
            asn: ["leafAsns", rack],
            timers: ["rackTimers"],
            address: ["rackSubnets", rack],
            families: ["routeReflection"],
        };
    }
    const asn = isSpine(router) ? ["leafAsns", number] : ["spineAsns", number - nodesPerRack];
    return { asn, timers: ["fabricTimers"], address: ["linkPool"], families: asn };
}
