/** The Kubernetes objects of routers that run in pods, and of the program that looks after them. */

import { createHash } from "node:crypto";
import type { Address, LabelSelector, Labels } from "../lab/model";
import type { KubernetesObject, Metadata, PodTemplate } from "./kubernetes";

/** Any object of these. */
export type PodObject =
    | FileMap
    | ClusterIpService
    | ServiceAccount
    | Role
    | RoleBinding
    | ClusterRole
    | ClusterRoleBinding
    | SingleDeployment
    | AgentDaemonSet;

/** Any object that is applied to a cluster. */
export type AppliedObject = KubernetesObject | PodObject;

/** Files for pods, in text or in Base64. */
export interface FileMap {
    readonly apiVersion: "v1";
    readonly kind: "ConfigMap";
    readonly metadata: Metadata;
    readonly data?: Readonly<Record<string, string>>;
    readonly binaryData?: Readonly<Record<string, string>>;
}

/** Label with what files are called, whatever is in them. */
export const filesLabel = "bgp-lab.dev/files";

/**
 * Files under a name that tells them from any others of that name: other files make another pod, which never starts with the
 * old ones.
 */
export function fileMap(namespace: string, name: string, files: Pick<FileMap, "data" | "binaryData">): FileMap {
    const digest = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 8);
    const metadata = { namespace, name: `${name}-${digest}`, labels: { [filesLabel]: name } };
    return { apiVersion: "v1", kind: "ConfigMap", metadata, ...files };
}

/** A service inside the cluster, at addresses that are known beforehand. */
export interface ClusterIpService {
    readonly apiVersion: "v1";
    readonly kind: "Service";
    readonly metadata: Metadata;
    readonly spec: {
        readonly type: "ClusterIP";
        readonly ipFamilyPolicy: "SingleStack" | "RequireDualStack";
        readonly ipFamilies: readonly ("IPv4" | "IPv6")[];
        readonly clusterIP: Address;
        readonly clusterIPs: readonly Address[];
        readonly selector: Labels;
        readonly ports: readonly {
            readonly name: string;
            readonly protocol: "TCP";
            readonly port: number;
            readonly targetPort: number;
        }[];
    };
}

/** Who a program in a pod is to the API server. */
export interface ServiceAccount {
    readonly apiVersion: "v1";
    readonly kind: "ServiceAccount";
    readonly metadata: Metadata;
    readonly automountServiceAccountToken: false;
}

/** What may be done (rbac/v1 PolicyRule). */
export interface PolicyRule {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
}

/** What may be done in a namespace. */
export interface Role {
    readonly apiVersion: "rbac.authorization.k8s.io/v1";
    readonly kind: "Role";
    readonly metadata: Metadata;
    readonly rules: readonly PolicyRule[];
}

/** What may be done with objects that are in no namespace. */
export interface ClusterRole {
    readonly apiVersion: "rbac.authorization.k8s.io/v1";
    readonly kind: "ClusterRole";
    readonly metadata: Metadata;
    readonly rules: readonly PolicyRule[];
}

/** Who may do what a role says. */
interface Binding<Kind extends "Role" | "ClusterRole"> {
    readonly apiVersion: "rbac.authorization.k8s.io/v1";
    readonly kind: `${Kind}Binding`;
    readonly metadata: Metadata;
    readonly roleRef: {
        readonly apiGroup: "rbac.authorization.k8s.io";
        readonly kind: Kind;
        readonly name: string;
    };
    readonly subjects: readonly {
        readonly kind: "ServiceAccount";
        readonly namespace: string;
        readonly name: string;
    }[];
}

export type RoleBinding = Binding<"Role">;
export type ClusterRoleBinding = Binding<"ClusterRole">;

/** One pod, never two at once. */
export interface SingleDeployment {
    readonly apiVersion: "apps/v1";
    readonly kind: "Deployment";
    readonly metadata: Metadata;
    readonly spec: {
        readonly replicas: 1;
        /** The old pod ends before the new one starts. */
        readonly strategy: { readonly type: "Recreate" };
        readonly selector: LabelSelector;
        readonly template: ProgramTemplate;
    };
}

/** One pod on each node of some. */
export interface AgentDaemonSet {
    readonly apiVersion: "apps/v1";
    readonly kind: "DaemonSet";
    readonly metadata: Metadata;
    readonly spec: { readonly selector: LabelSelector; readonly template: ProgramTemplate };
}

/** A pod with a program of the lab's (core/v1 PodTemplateSpec). */
export interface ProgramTemplate {
    readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
    readonly spec: Partial<Pick<PodTemplate["spec"], "affinity" | "tolerations">> & {
        readonly serviceAccountName?: string;
        readonly automountServiceAccountToken: false;
        readonly enableServiceLinks: false;
        readonly hostNetwork?: true;
        readonly securityContext?: PodSecurity;
        readonly initContainers?: readonly ProgramContainer[];
        readonly containers: readonly ProgramContainer[];
        readonly volumes: readonly Volume[];
        readonly terminationGracePeriodSeconds: number;
    };
}

/** What holds for all containers of a pod (core/v1 PodSecurityContext). */
export interface PodSecurity {
    readonly fsGroup?: number;
    readonly seccompProfile?: { readonly type: "RuntimeDefault" };
    readonly sysctls?: readonly { readonly name: string; readonly value: string }[];
}

/** The container of a program (core/v1 Container). */
export interface ProgramContainer {
    readonly name: string;
    readonly image: string;
    readonly imagePullPolicy: "IfNotPresent";
    readonly command: readonly string[];
    readonly env?: readonly EnvironmentVariable[];
    readonly readinessProbe?: {
        readonly tcpSocket?: { readonly port: number };
        readonly exec?: { readonly command: readonly string[] };
        readonly periodSeconds: number;
        readonly timeoutSeconds?: number;
    };
    readonly resources?: {
        readonly requests: Readonly<Record<string, string>>;
        readonly limits: Readonly<Record<string, string>>;
    };
    readonly securityContext: {
        readonly allowPrivilegeEscalation: boolean;
        readonly readOnlyRootFilesystem?: true;
        readonly runAsNonRoot?: true;
        readonly runAsUser?: number;
        readonly runAsGroup?: number;
        readonly capabilities: { readonly drop: readonly ["ALL"]; readonly add?: readonly string[] };
    };
    readonly volumeMounts: readonly {
        readonly name: string;
        readonly mountPath: string;
        readonly readOnly?: true;
    }[];
}

/** A variable with a value, or with one of the pod's own fields. */
export type EnvironmentVariable =
    | { readonly name: string; readonly value: string }
    | { readonly name: string; readonly valueFrom: { readonly fieldRef: { readonly fieldPath: string } } };

/** Where files of a pod come from. */
export type Volume =
    | { readonly name: string; readonly configMap: { readonly name: string; readonly defaultMode?: number } }
    | {
          readonly name: string;
          readonly projected: {
              readonly sources: readonly (
                  | { readonly serviceAccountToken: { readonly path: string; readonly expirationSeconds: number } }
                  | {
                        readonly configMap: {
                            readonly name: string;
                            readonly items: readonly { readonly key: string; readonly path: string }[];
                        };
                    }
              )[];
          };
      }
    | { readonly name: string; readonly emptyDir: { readonly medium?: "Memory" } };
