import type * as pulumi from "@pulumi/pulumi";
import type { Lab as Model } from "../lab/model";
import type { Check } from "../verify/check";

/** Settings of the embedded runtime. */
export interface EmbeddedSettings {
    /** Daemon that speaks BGP for Cilium's agents: `gobgp`, the library Cilium embeds, or `bird`, smaller for large labs. */
    readonly speaker: "gobgp" | "bird";
}

/** How long verification waits. */
export interface VerifySettings {
    /** Seconds until a check that does not hold has failed. @default 30 */
    readonly deadline: number;
}

/** What a runtime gets to build a lab. */
export interface RuntimeArgs {
    /** The lab to build. */
    readonly model: Model;
    /** Everything the running lab must show. */
    readonly checks: readonly Check[];
    /** Settings of the embedded runtime; others do not read them. */
    readonly embedded: EmbeddedSettings;
    /** How to verify the lab once it is built. */
    readonly verify: VerifySettings;
}

/** What a runtime tells about the lab it built. */
export interface RuntimeOutputs {
    /** Number of checks that passed. */
    readonly checksPassed: pulumi.Output<number>;
}

/** A place where labs run. It makes the resources of a lab as children of `parent`; stacks and checks do not know it. */
export type Runtime = (parent: pulumi.Resource, args: RuntimeArgs) => RuntimeOutputs;
