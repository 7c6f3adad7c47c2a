import type * as pulumi from "@pulumi/pulumi";
import { metallbNamespace } from "../render/metallb";
import { HelmProgram, type HelmProgramArgs } from "./helm-program";

/** Arguments of MetalLB, 0.13 or newer: earlier versions are not configured by custom resources. */
export type MetalLbArgs = HelmProgramArgs;

/** MetalLB, with pools, peers and advertisements configured. Its controller looks at them before the API server takes them. */
export class MetalLb extends HelmProgram {
    constructor(name: string, args: MetalLbArgs, opts?: pulumi.ComponentResourceOptions) {
        const release = { release: "metallb", namespace: metallbNamespace, chartName: "metallb", admits: true };
        super("bgplab:index:MetalLb", name, release, args, opts);
    }
}
