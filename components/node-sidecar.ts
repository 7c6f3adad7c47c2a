import * as pulumi from "@pulumi/pulumi";
import { type DeviceArgs, onNetworks } from "./device";
import { type Revised, Wiring } from "./docker/resources";
import { type SharedContainer, sidecarContainer } from "./sidecar";

/** The container of a Kubernetes node, which somebody else makes. */
export type NodeContainer = SharedContainer;

/** Arguments of a sidecar. */
export interface NodeSidecarArgs extends DeviceArgs {
    /** The container whose network namespace the sidecar shares. */
    readonly node: NodeContainer;
}

/** A container in the network namespace of a Kubernetes node: it gives the node its links to the routers, and tools to look. */
export class NodeSidecar extends pulumi.ComponentResource {
    /** Name of the sidecar's container. */
    readonly container: pulumi.Output<string>;
    /** What makes the sidecar work, in the order of making. */
    readonly parts: readonly (pulumi.Resource & Revised)[];

    constructor(name: string, args: NodeSidecarArgs, opts?: pulumi.ComponentResourceOptions) {
        const { node, image, wiring, networks } = args;
        super("bgplab:index:NodeSidecar", name, { node: node.name, image }, opts);
        const sidecar = sidecarContainer(name, { ...args, shared: node }, this);
        const wired = new Wiring(
            name,
            {
                container: node.name,
                agent: sidecar.name,
                agentId: sidecar.id,
                ...wiring,
                interfaces: onNetworks(wiring.interfaces, networks),
            },
            { parent: this, deletedWith: sidecar },
        );
        this.container = sidecar.name;
        this.parts = [wired];
        this.registerOutputs({ container: this.container });
    }
}
