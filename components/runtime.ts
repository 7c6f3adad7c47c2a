import type * as pulumi from "@pulumi/pulumi";
import type { Lab as Model, Seconds } from "../lab/model";

/** Settings of the embedded runtime. */
export interface EmbeddedSettings {
    /** Daemon that speaks BGP for Cilium's agents: `gobgp`, the library Cilium embeds, or `bird`, smaller for large labs. */
    readonly speaker: "gobgp" | "bird";
}

/** Container images of a lab in Docker, as complete references. lab/versions.ts has the defaults, with digests. */
export interface DockerImages {
    /** Nodes of the kind cluster; decides the version of Kubernetes. */
    readonly node: string;
    /** Routers. */
    readonly router: string;
    /** Routers whose operating system is VyOS. There is no public image of it. */
    readonly vyos?: string;
    /** Hosts, and the sidecars of the cluster's nodes: a shell, `ip`, `sysctl` and `curl`. */
    readonly client: string;
    /** Pods: an nginx image whose entrypoint fills /etc/nginx/templates. */
    readonly web: string;
    /** The peering controller of labs with neighbors by label: Node.js 20 or newer. */
    readonly controller: string;
    /** Cilium's agent. @default the one that the chart names */
    readonly cilium?: string;
    /** Cilium's operator. @default the one that the chart names */
    readonly operator?: string;
}

/** Where a Helm chart comes from. */
export type ChartSource =
    /** A repository of charts (`https://…`), or a folder of a registry (`oci://…`). */
    | { readonly kind: "repository"; readonly repository: string; readonly version: string }
    /** A folder, or a packed chart. */
    | { readonly kind: "path"; readonly path: string };

/** A program that Helm installs beside Cilium, or instead of it. */
export interface ProgramSettings {
    readonly chart: ChartSource;
    /** Values of the chart beside those that the lab decides; they win. @default {} */
    readonly values: Readonly<Record<string, unknown>>;
}

/** Settings of the docker runtime. */
export interface DockerSettings {
    readonly images: DockerImages;
    readonly chart: ChartSource;
    /** Values of Cilium's chart beside those that the lab decides; they win. @default {} */
    readonly values: Readonly<Record<string, unknown>>;
    /** MetalLB, in labs that have it. */
    readonly metallb?: ProgramSettings & {
        /** Its images. @default those that the chart names */
        readonly images: { readonly controller?: string; readonly speaker?: string };
    };
    /** Calico, in labs that have it. */
    readonly calico?: ProgramSettings;
    readonly binaries: {
        /** Path or name of the kind program, 0.20 or newer. @default kind */
        readonly kind: string;
    };
    readonly timeouts: {
        /** Until the cluster's API server must answer. @default 300 */
        readonly cluster: Seconds;
        /** Until Cilium and the workload must be ready. @default 300 */
        readonly ready: Seconds;
    };
    /** Whether Cilium serves the addresses of services instead of kube-proxy. @default false */
    readonly kubeProxyReplacement: boolean;
}

/** Where a lab runs, with the settings of that runtime and no other. */
export type RuntimeSettings =
    | { readonly runtime: "netns"; readonly embedded: EmbeddedSettings }
    | { readonly runtime: "docker"; readonly docker: DockerSettings };

/** How long verification waits. */
export interface VerifySettings {
    /** Seconds until a check that does not hold has failed. @default 30 */
    readonly deadline: number;
}

/** What every runtime gets to build a lab. */
export interface RuntimeArgs {
    /** The lab to build. */
    readonly model: Model;
    /** How to verify the lab once it is built. */
    readonly verify: VerifySettings;
}

/** What a runtime tells about the lab it built. */
export interface RuntimeOutputs {
    /** Number of checks that passed. */
    readonly checksPassed: pulumi.Output<number>;
    /** Seconds that each phase took when it last ran, where a lab has phases. */
    readonly timings?: pulumi.Output<Timings>;
    /** Users of routers whose operating system has any, by name of the router. Secret. */
    readonly logins?: pulumi.Output<Readonly<Record<string, Credentials>>>;
}

/** A user and the password, in plain text. */
export interface Credentials {
    readonly user: string;
    readonly password: string;
}

/** Seconds of the phases of a lab. Cluster and routers are made at the same time. */
export interface Timings {
    /** kind made the cluster. */
    readonly kind: Seconds;
    /** Cilium and the workload got ready. */
    readonly cni: Seconds;
    /** Routers started and were configured. */
    readonly routers: Seconds;
    /** From the start of the verification until all sessions were established. */
    readonly sessions: Seconds;
    /** From the start of the verification until a service answered. */
    readonly firstAnswer: Seconds;
}

/**
 * A place where labs run. It makes the resources of a lab as children of `parent`; stacks and checks do not know it.
 *
 * @typeParam Settings what can be set about this runtime
 */
export type Runtime<Settings> = (parent: pulumi.Resource, args: RuntimeArgs & Settings) => RuntimeOutputs;
