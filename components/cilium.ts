import { createHash } from "node:crypto";
import { Release } from "@pulumi/kubernetes/helm/v3/release";
import * as pulumi from "@pulumi/pulumi";
import type { Seconds } from "../lab/model";
import type { KubernetesObject } from "../render/kubernetes";
import { Readiness } from "./docker/resources";
import type { KindCluster } from "./kind-cluster";
import { kubernetesObject } from "./kubernetes";
import type { ChartSource } from "./runtime";

/** Arguments of Cilium. */
export interface CiliumArgs {
    /** Where it is installed. */
    readonly cluster: KindCluster;
    /** Where its Helm chart comes from. */
    readonly chart: ChartSource;
    /** Values of the chart. */
    readonly values: object;
    /** Address pools and BGP: custom resources, as `render/` made them. */
    readonly objects: readonly KubernetesObject[];
    /** Conditions on the definitions of those custom resources, which Cilium's operator makes when it starts; by subject. */
    readonly definitions: Readonly<Record<string, unknown>>;
    /** Until the definitions must be there. @default 300 */
    readonly timeout?: Seconds;
}

/** Cilium, with its BGP control plane configured. That its agents work is for the lab's readiness to say. */
export class Cilium extends pulumi.ComponentResource {
    /** The release and all custom resources. */
    readonly resources: readonly pulumi.Resource[];
    /** Seconds until its definitions were there. */
    readonly seconds: pulumi.Output<number>;

    constructor(name: string, args: CiliumArgs, opts?: pulumi.ComponentResourceOptions) {
        const { cluster, chart, values, objects, definitions, timeout = 300 } = args;
        super("bgplab:index:Cilium", name, { chart }, opts);
        const inCluster = { parent: this, provider: cluster.provider, deletedWith: cluster.provider };
        const release = new Release(
            name,
            {
                name: "cilium",
                namespace: "kube-system",
                ...chartArgs(chart),
                values,
                // Helm waits for too little, and too early: agents of small clusters still start when it returns.
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
                deadline: timeout,
                subject: createHash("sha256")
                    .update(JSON.stringify([chart, values]))
                    .digest("hex"),
            },
            { parent: this, deletedWith: cluster.provider, dependsOn: release },
        );
        const configured = objects.map((object) => kubernetesObject(object, { ...inCluster, dependsOn: defined }));
        this.resources = [release, ...configured];
        this.seconds = defined.seconds;
        this.registerOutputs();
    }
}

function chartArgs(chart: ChartSource) {
    if (chart.kind === "path") {
        return { chart: chart.path };
    }
    const { repository, version } = chart;
    // A registry of container images has no index in which Helm could look a chart up.
    return repository.startsWith("oci://")
        ? { chart: `${repository}/cilium`, version }
        : { chart: "cilium", version, repositoryOpts: { repo: repository } };
}
