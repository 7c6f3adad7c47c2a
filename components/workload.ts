import * as pulumi from "@pulumi/pulumi";
import type { AppliedObject } from "../render/pod-objects";
import type { KindCluster } from "./kind-cluster";
import { kubernetesObject } from "./kubernetes";

/** Arguments of a workload. */
export interface WorkloadArgs {
    /** Where it runs. */
    readonly cluster: KindCluster;
    /** Namespaces, pods' controllers with their files and rights, and services, as `render/` made them. */
    readonly objects: readonly AppliedObject[];
}

/** The pods behind the services, and the services. Nothing waits for them here: their network may come later. */
export class Workload extends pulumi.ComponentResource {
    /** All objects, namespaces first. */
    readonly resources: readonly pulumi.Resource[];

    constructor(name: string, { cluster, objects }: WorkloadArgs, opts?: pulumi.ComponentResourceOptions) {
        super("bgplab:index:Workload", name, {}, opts);
        const inCluster = { parent: this, provider: cluster.provider, deletedWith: cluster.provider };
        const namespaces = new Map<string, pulumi.Resource>();
        this.resources = objects.map((object) => {
            const namespace = namespaces.get(object.metadata.namespace ?? "");
            const made = kubernetesObject(object, { ...inCluster, ...(namespace ? { dependsOn: namespace } : {}) });
            if (object.kind === "Namespace") {
                namespaces.set(object.metadata.name, made);
            }
            return made;
        });
        this.registerOutputs();
    }
}
