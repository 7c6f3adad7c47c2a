import * as pulumi from "@pulumi/pulumi";
import { netns } from "./netns";
import type { RuntimeArgs, RuntimeOutputs, RuntimeSettings, Timings } from "./runtime";

/** A lab and where it runs. The model is plain data: it shows in previews and policies can read it. */
export type LabArgs = RuntimeArgs & RuntimeSettings;

/** A Kubernetes BGP lab, built and verified. @see docs/architecture.md */
export class Lab extends pulumi.ComponentResource {
    /** Number of checks that the lab passed. */
    readonly checksPassed: pulumi.Output<number>;
    /** Seconds that each phase took when it last ran, where the runtime has phases. */
    readonly timings: pulumi.Output<Timings> | undefined;
    /** Users of routers whose operating system has any, by name of the router. Secret. */
    readonly logins: RuntimeOutputs["logins"];

    constructor(name: string, args: LabArgs, opts?: pulumi.ComponentResourceOptions) {
        super("bgplab:index:Lab", name, { ...args }, opts);
        const { checksPassed, timings, logins } = build(this, args);
        this.checksPassed = checksPassed;
        this.timings = timings;
        this.logins = logins;
        this.registerOutputs({ checksPassed: this.checksPassed });
    }
}

/** The docker runtime is loaded when a lab asks for it: the packages it needs cost the embedded one start time. */
function build(parent: Lab, args: LabArgs): RuntimeOutputs {
    switch (args.runtime) {
        case "netns":
            return netns(parent, args);
        case "docker": {
            const { docker } = require("./docker") as typeof import("./docker");
            return docker(parent, args);
        }
    }
}
