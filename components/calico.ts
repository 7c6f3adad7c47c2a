import type * as pulumi from "@pulumi/pulumi";
import { HelmProgram, type HelmProgramArgs } from "./helm-program";

/** Arguments of Calico. Its operator makes the definitions of its custom resources, or the chart does. */
export type CalicoArgs = HelmProgramArgs;

/** Calico by its operator, with address pools and BGP configured. */
export class Calico extends HelmProgram {
    constructor(name: string, args: CalicoArgs, opts?: pulumi.ComponentResourceOptions) {
        const release = { release: "calico", namespace: "tigera-operator", chartName: "tigera-operator" };
        super("bgplab:index:Calico", name, release, args, opts);
    }
}
