/**
 * The Kubernetes objects that a lab is made of, as far as the lab uses them. They are plain data: what is rendered here
 * is applied to a cluster as it is, and read back by the embedded runtime to configure its speakers.
 */

import type {
    Address,
    AddressRange,
    Asn,
    Family,
    LabelSelector,
    Labels,
    Milliseconds,
    Prefix,
    Seconds,
} from "../lab/model";

/** Any object that the lab renders. */
export type KubernetesObject =
    | Namespace
    | ConfigMap
    | Service
    | Deployment
    | DaemonSet
    | CiliumLoadBalancerIPPool
    | CiliumBGPPeeringPolicy
    | CiliumBGPClusterConfig
    | CiliumBGPPeerConfig
    | CiliumBGPAdvertisement
    | IPAddressPool
    | MetalLbBGPPeer
    | BGPAdvertisement
    | L2Advertisement
    | BFDProfile
    | BGPConfiguration
    | CalicoBGPPeer
    | IPPool;

/** The objects of one kind; MetalLB and Calico each have a kind `BGPPeer`. */
export type OfKind<K extends KubernetesObject["kind"]> = Extract<KubernetesObject, { readonly kind: K }>;

/** Name and labels of an object (meta/v1 ObjectMeta). */
export interface Metadata {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
}

/** A namespace of the cluster. */
export interface Namespace {
    readonly apiVersion: "v1";
    readonly kind: "Namespace";
    readonly metadata: Metadata;
}

/** Files for pods. */
export interface ConfigMap {
    readonly apiVersion: "v1";
    readonly kind: "ConfigMap";
    readonly metadata: Metadata;
    readonly data: Readonly<Record<string, string>>;
}

/** A service of type LoadBalancer, with the addresses it asks for in an annotation. */
export interface Service {
    readonly apiVersion: "v1";
    readonly kind: "Service";
    readonly metadata: Metadata;
    readonly spec: {
        readonly type: "LoadBalancer";
        readonly externalTrafficPolicy: "Cluster" | "Local";
        /** The address that the service asks for, where it is not asked for by an annotation. */
        readonly loadBalancerIP?: Address;
        readonly ipFamilyPolicy: "SingleStack" | "RequireDualStack";
        readonly ipFamilies: readonly ("IPv4" | "IPv6")[];
        readonly selector: Labels;
        readonly ports: readonly {
            readonly name: string;
            readonly protocol: "TCP";
            readonly port: number;
            readonly targetPort: number;
        }[];
    };
}

/** Pods of a workload (core/v1 PodTemplateSpec). */
export interface PodTemplate {
    readonly metadata: { readonly labels: Labels };
    readonly spec: {
        readonly affinity: {
            readonly nodeAffinity: {
                readonly requiredDuringSchedulingIgnoredDuringExecution: {
                    readonly nodeSelectorTerms: readonly {
                        readonly matchExpressions: NonNullable<LabelSelector["matchExpressions"]>;
                    }[];
                };
            };
        };
        readonly tolerations?: readonly {
            readonly key: string;
            readonly operator: "Exists";
            readonly effect: string;
        }[];
        readonly containers: readonly Container[];
        readonly volumes: readonly { readonly name: string; readonly configMap: { readonly name: string } }[];
        readonly terminationGracePeriodSeconds: number;
    };
}

/** The container of a pod (core/v1 Container). */
export interface Container {
    readonly name: string;
    readonly image: string;
    readonly imagePullPolicy: "IfNotPresent";
    readonly env: readonly {
        readonly name: string;
        readonly valueFrom: { readonly fieldRef: { readonly fieldPath: string } };
    }[];
    readonly ports: readonly { readonly name: string; readonly containerPort: number; readonly protocol: "TCP" }[];
    readonly readinessProbe: {
        readonly tcpSocket: { readonly port: number };
        readonly periodSeconds: number;
    };
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

/** Pods on a node. */
export interface Deployment {
    readonly apiVersion: "apps/v1";
    readonly kind: "Deployment";
    readonly metadata: Metadata;
    readonly spec: {
        readonly replicas: number;
        readonly selector: LabelSelector;
        readonly template: PodTemplate;
    };
}

/** One pod on each of some nodes. */
export interface DaemonSet {
    readonly apiVersion: "apps/v1";
    readonly kind: "DaemonSet";
    readonly metadata: Metadata;
    readonly spec: {
        readonly selector: LabelSelector;
        readonly template: PodTemplate;
    };
}

/** A pool of load-balancer addresses; `cidrs` is what `blocks` was called before Cilium 1.15. */
export interface CiliumLoadBalancerIPPool {
    readonly apiVersion: "cilium.io/v2alpha1" | "cilium.io/v2";
    readonly kind: "CiliumLoadBalancerIPPool";
    readonly metadata: Metadata;
    readonly spec:
        | { readonly cidrs: readonly { readonly cidr: Prefix }[]; readonly serviceSelector?: LabelSelector }
        | {
              readonly blocks: readonly CiliumPoolBlock[];
              /** The first and last address of a prefix may be used; the default depends on Cilium's version. */
              readonly allowFirstLastIPs: "Yes";
              readonly serviceSelector?: LabelSelector;
          };
}

/** Addresses of a pool: a prefix, or the first and last address of a range. */
export type CiliumPoolBlock = { readonly cidr: Prefix } | { readonly start: Address; readonly stop: Address };

/** Timers of a session, in Cilium's names. */
export interface CiliumTimers {
    readonly connectRetryTimeSeconds: Seconds;
    readonly holdTimeSeconds: Seconds;
    readonly keepAliveTimeSeconds: Seconds;
}

/** Graceful restart (RFC 4724), in Cilium's names; without a time Cilium takes 120 s. */
export interface CiliumGracefulRestart {
    readonly enabled: boolean;
    readonly restartTimeSeconds?: Seconds;
}

/** BGP of a set of nodes, in Cilium's first API (up to 1.18). */
export interface CiliumBGPPeeringPolicy {
    readonly apiVersion: "cilium.io/v2alpha1";
    readonly kind: "CiliumBGPPeeringPolicy";
    readonly metadata: Metadata;
    readonly spec: {
        readonly nodeSelector?: LabelSelector;
        readonly virtualRouters: readonly CiliumBGPVirtualRouter[];
    };
}

/** A speaker with its sessions and what it announces. */
export interface CiliumBGPVirtualRouter {
    readonly localASN: Asn;
    readonly exportPodCIDR: boolean;
    readonly serviceSelector?: LabelSelector;
    readonly neighbors: readonly (Partial<CiliumTimers> & {
        /** Address with /32 or /128. */
        readonly peerAddress: Prefix;
        readonly peerASN: Asn;
        /** Absent before Cilium 1.14, as are timers. */
        readonly gracefulRestart?: CiliumGracefulRestart;
        /** Absent before Cilium 1.15, which negotiates both. */
        readonly families?: readonly CiliumFamily[];
    })[];
}

/** An address family in BGP's terms (RFC 4760). */
export interface CiliumFamily {
    readonly afi: Family;
    readonly safi: "unicast";
}

/** Speakers and peers of a set of nodes, in Cilium's second API. */
export interface CiliumBGPClusterConfig {
    readonly apiVersion: "cilium.io/v2";
    readonly kind: "CiliumBGPClusterConfig";
    readonly metadata: Metadata;
    readonly spec: {
        readonly nodeSelector?: LabelSelector;
        readonly bgpInstances: readonly {
            readonly name: string;
            readonly localASN: Asn;
            readonly peers: readonly {
                readonly name: string;
                readonly peerAddress: Address;
                readonly peerASN: Asn;
                readonly peerConfigRef: { readonly name: string };
            }[];
        }[];
    };
}

/** Settings that sessions share, and which advertisements each family carries. */
export interface CiliumBGPPeerConfig {
    readonly apiVersion: "cilium.io/v2";
    readonly kind: "CiliumBGPPeerConfig";
    readonly metadata: Metadata;
    readonly spec: {
        readonly timers: CiliumTimers;
        /** Hops that peers may be away. @default 1 */
        readonly ebgpMultihop?: number;
        /** Interface of the node with the addresses of its sessions. */
        readonly transport?: { readonly sourceInterface: string };
        readonly gracefulRestart: CiliumGracefulRestart;
        readonly families: readonly (CiliumFamily & { readonly advertisements?: LabelSelector })[];
    };
}

/** What is announced. */
export interface CiliumBGPAdvertisement {
    readonly apiVersion: "cilium.io/v2";
    readonly kind: "CiliumBGPAdvertisement";
    readonly metadata: Metadata;
    readonly spec: {
        readonly advertisements: readonly (
            | { readonly advertisementType: "PodCIDR" }
            | {
                  readonly advertisementType: "Service";
                  readonly service: { readonly addresses: readonly ["LoadBalancerIP"] };
                  /** No selector selects nothing. */
                  readonly selector?: LabelSelector;
              }
        )[];
    };
}

/** A duration as Go writes it (metav1.Duration), here always in whole seconds: `90s`. */
export type GoSeconds = `${Seconds}s`;

/** A pool of load-balancer addresses of MetalLB 0.13 and later. */
export interface IPAddressPool {
    readonly apiVersion: "metallb.io/v1beta1";
    readonly kind: "IPAddressPool";
    readonly metadata: Metadata;
    readonly spec: {
        readonly addresses: readonly (Prefix | AddressRange)[];
        /** Services that take their addresses from the pool; absent means all. */
        readonly serviceAllocation?: { readonly serviceSelectors: readonly LabelSelector[] };
    };
}

/** A peer of MetalLB's speakers. */
export interface MetalLbBGPPeer {
    readonly apiVersion: "metallb.io/v1beta2";
    readonly kind: "BGPPeer";
    readonly metadata: Metadata;
    readonly spec: {
        readonly myASN: Asn;
        readonly peerASN: Asn;
        readonly peerAddress: Address;
        readonly holdTime: GoSeconds;
        /** MetalLB's native speaker takes none: it sends a keepalive every third of the hold time. */
        readonly keepaliveTime?: GoSeconds;
        /** Since 0.14.4; not with the native speaker, which waits longer after each attempt. */
        readonly connectTime?: GoSeconds;
        readonly ebgpMultiHop?: true;
        /** Nodes that have the peer, each selector for itself; absent means all. */
        readonly nodeSelectors?: readonly LabelSelector[];
        readonly bfdProfile?: string;
    };
}

/** What is announced to MetalLB's peers. */
export interface BGPAdvertisement {
    readonly apiVersion: "metallb.io/v1beta1";
    readonly kind: "BGPAdvertisement";
    readonly metadata: Metadata;
    readonly spec: {
        /** Names of the pools; an empty list means all of them. */
        readonly ipAddressPools: readonly string[];
    };
}

/** What a node answers ARP and neighbor discovery for. */
export interface L2Advertisement {
    readonly apiVersion: "metallb.io/v1beta1";
    readonly kind: "L2Advertisement";
    readonly metadata: Metadata;
    readonly spec: {
        /** Names of the pools; an empty list means all of them. */
        readonly ipAddressPools: readonly string[];
    };
}

/** Settings of BFD sessions that MetalLB's peers refer to. */
export interface BFDProfile {
    readonly apiVersion: "metallb.io/v1beta1";
    readonly kind: "BFDProfile";
    readonly metadata: Metadata;
    readonly spec: {
        readonly receiveInterval: Milliseconds;
        readonly transmitInterval: Milliseconds;
        readonly detectMultiplier: number;
    };
}

/**
 * Where Calico keeps its resources. `crd.projectcalico.org/v1` takes them in any cluster; `projectcalico.org/v3` is served
 * by Calico's API server, or where it was installed with definitions of that group (from 3.32 on).
 */
export type CalicoApiVersion = "crd.projectcalico.org/v1" | "projectcalico.org/v3";

/** BGP of all of Calico's nodes; only the one of the name `default` counts. */
export interface BGPConfiguration {
    readonly apiVersion: CalicoApiVersion;
    readonly kind: "BGPConfiguration";
    readonly metadata: Metadata;
    readonly spec: {
        readonly asNumber: Asn;
        readonly nodeToNodeMeshEnabled: boolean;
        readonly logSeverityScreen: "Info";
    };
}

/** A peer of Calico's nodes. */
export interface CalicoBGPPeer {
    readonly apiVersion: CalicoApiVersion;
    readonly kind: "BGPPeer";
    readonly metadata: Metadata;
    readonly spec: {
        readonly peerIP: Address;
        readonly asNumber: Asn;
        /** Nodes that have the peer, in Calico's own language; absent means all. */
        readonly nodeSelector?: string;
        /** Since 3.32; before, and without it, a third of BIRD's hold time of 240 s. */
        readonly keepaliveTime?: GoSeconds;
        /** Absent means BIRD's 120 s. */
        readonly maxRestartTime?: GoSeconds;
    };
}

/** A pool of pod addresses. */
export interface IPPool {
    readonly apiVersion: CalicoApiVersion;
    readonly kind: "IPPool";
    readonly metadata: Metadata;
    readonly spec: {
        readonly cidr: Prefix;
        /** Length of the blocks that nodes take from it. */
        readonly blockSize: number;
        readonly ipipMode: "Never" | "Always";
        readonly vxlanMode: "Never" | "Always";
        readonly natOutgoing: boolean;
        readonly nodeSelector: string;
    };
}
