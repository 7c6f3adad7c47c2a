import { createHash } from "node:crypto";
import { Release } from "@pulumi/kubernetes/helm/v3/release";
import * as pulumi from "@pulumi/pulumi";
import type { Seconds } from "../lab/model";
import type { HelmValues } from "../render/helm";
import type { KubernetesObject } from "../render/kubernetes";
import { Readiness } from "./docker/resources";
import type { KindCluster } from "./kind-cluster";
import { kubernetesObject } from "./kubernetes";
import type { ChartSource } from "./runtime";

/** Arguments of a program that Helm installs, and that custom resources configure. */
export interface HelmProgramArgs {
    /** Where it is installed. */
    readonly cluster: KindCluster;
    /** Where its chart comes from. */
    readonly chart: ChartSource;
    /** Values of the chart. */
    readonly values: HelmValues;
    /** What configures it, as `render/` made it. */
    readonly objects: readonly KubernetesObject[];
    /** Conditions that must hold before those objects can be made, by subject: their definitions, and who admits them. */
    readonly definitions: Readonly<Record<string, unknown>>;
    /** Until the cluster must take the objects. @default 300 */
    readonly timeout?: Seconds;
}

/** What Helm is to install. */
export interface HelmRelease {
    /** Name of the release. */
    readonly release: string;
    readonly namespace: string;
    /** Name of the chart in its repository. */
    readonly chartName: string;
    /** Whether the program itself looks at the objects before the API server takes them. @default false */
    readonly admits?: boolean;
}

/** A program in a cluster, installed by Helm and then configured. That its pods work is for the lab's readiness to say. */
export abstract class HelmProgram extends pulumi.ComponentResource {
    /** The release and all custom resources. */
    readonly resources: readonly pulumi.Resource[];
    /** Seconds until the cluster could take the custom resources. */
    readonly seconds: pulumi.Output<number>;

    protected constructor(
        type: string,
        name: string,
        { release, namespace, chartName, admits = false }: HelmRelease,
        args: HelmProgramArgs,
        opts?: pulumi.ComponentResourceOptions,
    ) {
        const { cluster, chart, values, objects, definitions, timeout = 300 } = args;
        super(type, name, { chart }, opts);
        const inCluster = { parent: this, provider: cluster.provider, deletedWith: cluster.provider };
        const installed = new Release(
            name,
            {
                name: release,
                namespace,
                ...(namespace === "kube-system" ? {} : { createNamespace: true }),
                ...chartArgs(chart, chartName),
                values,
                // Helm waits for too little, and too early: pods of small clusters still start when it returns.
                skipAwait: true,
            },
            inCluster,
        );
        const defined = new Readiness(
            `${name}-definitions`,
            {
                controlPlane: cluster.controlPlane,
                clusterId: cluster.identity,
                checks: definitions,
                ...(admits ? { admits: objects } : {}),
                deadline: timeout,
                subject: createHash("sha256")
                    .update(JSON.stringify([chart, values]))
                    .digest("hex"),
            },
            { parent: this, deletedWith: cluster.provider, dependsOn: installed },
        );
        const configured = objects.map((object) => kubernetesObject(object, { ...inCluster, dependsOn: defined }));
        this.resources = [installed, ...configured];
        this.seconds = defined.seconds;
        this.registerOutputs();
    }
}

function chartArgs(chart: ChartSource, name: string) {
    if (chart.kind === "path") {
        return { chart: chart.path };
    }
    const { repository, version } = chart;
    // A registry of container images has no index in which Helm could look a chart up.
    return repository.startsWith("oci://")
        ? { chart: `${repository}/${name}`, version }
        : { chart: name, version, repositoryOpts: { repo: repository } };
}
