import * as pulumi from "@pulumi/pulumi";
import type { Lab as Model } from "../lab/model";
import { predict } from "../routing/predict";
import { planChecks } from "../verify/plan";
import { netns } from "./netns";
import type { EmbeddedSettings, Runtime, VerifySettings } from "./runtime";

/** Where a lab can run. */
export type RuntimeName = "netns";

const runtimes: Readonly<Record<RuntimeName, Runtime>> = { netns };

/** Arguments of a lab. */
export interface LabArgs {
    /** The resolved model, as a stack planned it. Plain data: it shows in previews and policies can read it. */
    readonly model: Model;
    /** Where the lab runs. */
    readonly runtime: RuntimeName;
    /** Settings of the embedded runtime; others do not read them. */
    readonly embedded: EmbeddedSettings;
    /** How the lab is verified when it is built. */
    readonly verify: VerifySettings;
}

/** A Kubernetes BGP lab, built and verified. @see docs/architecture.md */
export class Lab extends pulumi.ComponentResource {
    /** Number of checks that the lab passed. */
    readonly checksPassed: pulumi.Output<number>;

    constructor(name: string, args: LabArgs, opts?: pulumi.ComponentResourceOptions) {
        super("bgplab:index:Lab", name, { ...args }, opts);
        const checks = planChecks(args.model, predict(args.model));
        const outputs = runtimes[args.runtime](this, { ...args, checks });
        this.checksPassed = outputs.checksPassed;
        this.registerOutputs({ checksPassed: this.checksPassed });
    }
}
