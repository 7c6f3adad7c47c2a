import type * as pulumi from "@pulumi/pulumi";
import { HelmProgram, type HelmProgramArgs } from "./helm-program";

/** Arguments of Cilium. Its operator makes the definitions of its custom resources when it starts. */
export type CiliumArgs = HelmProgramArgs;

/** Cilium, with address pools and BGP configured. */
export class Cilium extends HelmProgram {
    constructor(name: string, args: CiliumArgs, opts?: pulumi.ComponentResourceOptions) {
        const release = { release: "cilium", namespace: "kube-system", chartName: "cilium" };
        super("bgplab:index:Cilium", name, release, args, opts);
    }
}
