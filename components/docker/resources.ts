import * as pulumi from "@pulumi/pulumi";
import type {
    DockerClaimInputs,
    DockerVerificationInputs,
    FrrInputs,
    ReadinessInputs,
    VyosInputs,
    WiringInputs,
} from "../../provider/schema";
import { dockerTypes } from "../../provider/schema";

/** Inputs of a resource, where any value may still be an output of another one. */
type Args<T> = { readonly [K in keyof T]: pulumi.Input<T[K]> };

/** Something that says how often it was made, changed or healed. */
export interface Revised {
    /** Counts up with every change, healing included. */
    readonly revision: pulumi.Output<number>;
}

/** The right to the lab's names on a Docker engine; its delete sweeps whatever carries its label, and the cluster. */
export class Claim extends pulumi.CustomResource {
    /** Value of the label that all containers and networks of the lab carry. */
    declare readonly name: pulumi.Output<string>;

    constructor(name: string, args: Args<DockerClaimInputs>, opts?: pulumi.CustomResourceOptions) {
        super(dockerTypes.claim, name, { name: undefined, ...args }, opts);
    }
}

/** The networks, interfaces, addresses and routes of a container. */
export class Wiring extends pulumi.CustomResource implements Revised {
    declare readonly revision: pulumi.Output<number>;

    constructor(name: string, args: Args<WiringInputs>, opts?: pulumi.CustomResourceOptions) {
        super(dockerTypes.wiring, name, { revision: undefined, ...args }, opts);
    }
}

/** FRR's configuration in a container, applied live. */
export class Frr extends pulumi.CustomResource implements Revised {
    declare readonly revision: pulumi.Output<number>;
    /** Seconds from the start of the container until the router was configured, or that the last change took. */
    declare readonly seconds: pulumi.Output<number>;

    constructor(name: string, args: Args<FrrInputs>, opts?: pulumi.CustomResourceOptions) {
        super(dockerTypes.frr, name, { revision: undefined, seconds: undefined, ...args }, opts);
    }
}

/** VyOS's configuration in a container, loaded and committed live. */
export class Vyos extends pulumi.CustomResource implements Revised {
    declare readonly revision: pulumi.Output<number>;
    /** Seconds from the start of the container until the router was configured, or that the last change took. */
    declare readonly seconds: pulumi.Output<number>;

    constructor(name: string, args: Args<VyosInputs>, opts?: pulumi.CustomResourceOptions) {
        super(dockerTypes.vyos, name, { revision: undefined, seconds: undefined, ...args }, opts);
    }
}

/** Waits until objects of the cluster are as wanted. */
export class Readiness extends pulumi.CustomResource {
    /** Seconds waited. */
    declare readonly seconds: pulumi.Output<number>;

    constructor(name: string, args: Args<ReadinessInputs>, opts?: pulumi.CustomResourceOptions) {
        super(dockerTypes.readiness, name, { seconds: undefined, ...args }, opts);
    }
}

/** The checks of the lab; fails when one of them does. */
export class Verification extends pulumi.CustomResource {
    /** Number of checks that passed. */
    declare readonly passed: pulumi.Output<number>;
    /** Seconds from the start of the verification. */
    declare readonly timings: pulumi.Output<{
        /** Until all sessions were established. */
        readonly sessions: number;
        /** Until a service first answered. */
        readonly firstAnswer: number;
    }>;

    constructor(name: string, args: Args<DockerVerificationInputs>, opts?: pulumi.CustomResourceOptions) {
        super(dockerTypes.verification, name, { passed: undefined, timings: undefined, ...args }, opts);
    }
}
