/**
 * The Kubernetes objects that a lab is made of, as far as the lab uses them. They are plain data: what is rendered here
 * is applied to a cluster as it is, and read back by the embedded runtime to configure its speakers.
 */

import type { Address, Asn, Family, LabelSelector, Labels, Prefix, Seconds } from "../lab/model";

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
    | CiliumBGPAdvertisement;

/** The objects of one kind. */
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
              readonly blocks: readonly { readonly cidr: Prefix }[];
              /** The first and last address of a block may be used; the default depends on Cilium's version. */
              readonly allowFirstLastIPs: "Yes";
              readonly serviceSelector?: LabelSelector;
          };
}

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
    readonly neighbors: readonly (CiliumTimers & {
        /** Address with /32 or /128. */
        readonly peerAddress: Prefix;
        readonly peerASN: Asn;
        readonly gracefulRestart: CiliumGracefulRestart;
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
