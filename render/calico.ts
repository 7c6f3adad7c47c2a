import { familyOf } from "../lab/address";
import type { Calico, CalicoPeer, Lab, Prefix } from "../lab/model";
import { isBefore } from "../lab/releases";
import { calicoSelector } from "./calico-selector";
import type {
    BGPConfiguration,
    CalicoApiVersion,
    CalicoBGPPeer,
    GoSeconds,
    IPPool,
    KubernetesObject,
} from "./kubernetes";

/** Choices of the installation that the model leaves open. */
export interface CalicoOptions {
    /** API in which resources are written. @default that of Calico's own definitions, which every installation has */
    readonly apiVersion?: CalicoApiVersion;
}

/** Values of the chart tigera-operator, as far as the lab sets them. */
export interface CalicoValues {
    readonly installation: {
        readonly cni: { readonly type: "Calico"; readonly ipam: { readonly type: "Calico" } };
        readonly calicoNetwork: {
            readonly bgp: "Enabled";
            /** None: the operator leaves the pools to the lab's own IPPools. */
            readonly ipPools: readonly never[];
            readonly nodeAddressAutodetectionV4: { readonly kubernetes: "NodeInternalIP" };
        };
    };
    readonly apiServer: { readonly enabled: false };
    readonly goldmane: { readonly enabled: false };
    readonly whisker: { readonly enabled: false };
}

/** Values for the chart of Calico's operator, whatever its version. The lab needs neither its API server nor its flow logs. */
export function calicoValues(): CalicoValues {
    return {
        installation: {
            cni: { type: "Calico", ipam: { type: "Calico" } },
            calicoNetwork: {
                bgp: "Enabled",
                ipPools: [],
                // Left alone, a node takes the first address that it finds, which may be on another network than its peers.
                nodeAddressAutodetectionV4: { kubernetes: "NodeInternalIP" },
            },
        },
        apiServer: { enabled: false },
        goldmane: { enabled: false },
        whisker: { enabled: false },
    };
}

/**
 * The custom resources that make Calico route what the lab says: pools of pod addresses, its speakers, and their peers
 * beside the mesh. Addresses of services are left to others: no network of theirs is named.
 *
 * @throws Error when the lab has no Calico, or its version cannot do what the lab asks for
 */
export function calicoResources(
    { name, cluster }: Lab,
    { apiVersion = "crd.projectcalico.org/v1" }: CalicoOptions = {},
): readonly KubernetesObject[] {
    const { calico, podCidrs, nodeMask } = cluster;
    if (calico === undefined) {
        throw new Error(`cluster.calico: the lab ${name} has no Calico`);
    }
    return [
        ...podCidrs.map((cidr, index) => pool(apiVersion, calico, cidr, poolName(podCidrs, index), nodeMask)),
        configuration(apiVersion, calico),
        ...calico.peers.map((peer) => bgpPeer(apiVersion, calico, peer)),
    ];
}

/** The first pool of a family is called as Calico calls its own, so that none is made beside it. */
function poolName(podCidrs: readonly Prefix[], index: number): string {
    const family = familyOf(podCidrs[index]!);
    const number = podCidrs.slice(0, index).filter((cidr) => familyOf(cidr) === family).length + 1;
    return `default-${family}-ippool${number === 1 ? "" : `-${number}`}`;
}

function pool(
    apiVersion: CalicoApiVersion,
    { encapsulation, natOutgoing }: Calico,
    cidr: Prefix,
    name: string,
    nodeMask: Lab["cluster"]["nodeMask"],
): IPPool {
    return {
        apiVersion,
        kind: "IPPool",
        metadata: { name },
        spec: {
            cidr,
            blockSize: nodeMask[familyOf(cidr)],
            ipipMode: encapsulation === "ipip" ? "Always" : "Never",
            vxlanMode: encapsulation === "vxlan" ? "Always" : "Never",
            natOutgoing,
            nodeSelector: "all()",
        },
    };
}

function configuration(apiVersion: CalicoApiVersion, { asn, nodeToNodeMesh }: Calico): BGPConfiguration {
    return {
        apiVersion,
        kind: "BGPConfiguration",
        metadata: { name: "default" },
        spec: { asNumber: asn, nodeToNodeMeshEnabled: nodeToNodeMesh, logSeverityScreen: "Info" },
    };
}

function bgpPeer(apiVersion: CalicoApiVersion, { version }: Calico, peer: CalicoPeer): CalicoBGPPeer {
    const { name, address, asn, nodeSelector, timers, gracefulRestartTime } = peer;
    return {
        apiVersion,
        kind: "BGPPeer",
        metadata: { name },
        spec: {
            peerIP: address,
            asNumber: asn,
            ...(nodeSelector === undefined ? {} : { nodeSelector: calicoSelector(nodeSelector) }),
            ...(takesKeepalive(version) ? { keepaliveTime: seconds(timers.keepalive) } : {}),
            ...(gracefulRestartTime === undefined ? {} : { maxRestartTime: seconds(gracefulRestartTime) }),
        },
    };
}

function seconds(count: number): GoSeconds {
    return `${count}s`;
}

/** Whether a BGPPeer says how often it sends keepalives: from 3.32 on (Calico api/pkg/apis/projectcalico/v3/bgppeer.go). */
function takesKeepalive(version: string): boolean {
    return !isBefore(version, 3, 32);
}
