import * as pulumi from "@pulumi/pulumi";
import type {
    BridgeSpec,
    ControllerInputs,
    LinkSpec,
    NamespaceSpec,
    NodeInputs,
    RouterInputs,
    SandboxInputs,
    VerificationInputs,
} from "../../provider/schema";
import { types } from "../../provider/schema";

/** Inputs of a resource, where any value may still be an output of another one. */
type Args<T> = { readonly [K in keyof T]: pulumi.Input<T[K]> };

/** A resource that says how often it was made, changed or healed. */
abstract class Revised extends pulumi.CustomResource {
    /** Counts up with every change, healing included. */
    declare readonly revision: pulumi.Output<number>;
}

/** The right to the lab's name on this machine; its delete sweeps whatever still runs under the name. */
export class Claim extends pulumi.CustomResource {
    /** Machine-wide name of the lab. */
    declare readonly name: pulumi.Output<string>;

    constructor(name: string, opts?: pulumi.CustomResourceOptions) {
        super(types.claim, name, { name: undefined }, opts);
    }
}

/** The sandbox in which everything of the lab runs. */
export class Sandbox extends pulumi.CustomResource {
    constructor(name: string, args: Args<SandboxInputs>, opts?: pulumi.CustomResourceOptions) {
        super(types.sandbox, name, args, opts);
    }
}

/** Arguments of the fabric. Its parts are plain data, so that each can be previewed. */
export interface FabricArgs {
    readonly sandbox: pulumi.Input<string>;
    readonly namespaces: Readonly<Record<string, NamespaceSpec>>;
    readonly links: Readonly<Record<string, LinkSpec>>;
    readonly bridges: Readonly<Record<string, BridgeSpec>>;
}

/** All namespaces, links, addresses and static routes of the lab. */
export class Fabric extends Revised {
    constructor(name: string, args: FabricArgs, opts?: pulumi.CustomResourceOptions) {
        super(types.fabric, name, { revision: undefined, ...args }, opts);
    }
}

/** A router: FRR in a namespace of the fabric. */
export class Router extends Revised {
    constructor(name: string, args: Args<RouterInputs>, opts?: pulumi.CustomResourceOptions) {
        super(types.router, name, { revision: undefined, ...args }, opts);
    }
}

/** A Kubernetes node: its speakers, its pods and its service rules. */
export class Node extends Revised {
    constructor(name: string, args: Args<NodeInputs>, opts?: pulumi.CustomResourceOptions) {
        super(types.node, name, { revision: undefined, ...args }, opts);
    }
}

/** The peering controller: keeps the neighbors by label of nodes and routers. */
export class PeeringController extends Revised {
    constructor(name: string, args: Args<ControllerInputs>, opts?: pulumi.CustomResourceOptions) {
        super(types.controller, name, { revision: undefined, ...args }, opts);
    }
}

/** The checks of the lab; fails when one of them does. */
export class Verification extends pulumi.CustomResource {
    /** Number of checks that passed. */
    declare readonly passed: pulumi.Output<number>;

    constructor(name: string, args: Args<VerificationInputs>, opts?: pulumi.CustomResourceOptions) {
        super(types.verification, name, { passed: undefined, ...args }, opts);
    }
}
