import { Container } from "@pulumi/docker/container";
import * as pulumi from "@pulumi/pulumi";
import { claimLabel } from "../provider/schema";
import { hostCapabilities, sidecarProcess } from "../render/docker";
import { type DeviceArgs, onNetworks, processArgs } from "./device";
import { type Revised, Wiring } from "./docker/resources";

/** The container of a Kubernetes node, which somebody else makes. */
export interface NodeContainer {
    /** Its name. */
    readonly name: string;
    /** Identity of the node: a new one gets a new sidecar. */
    readonly id: pulumi.Input<string>;
}

/** Label that makes the sidecar another one when the node is another one; its network mode only names the node. */
const nodeLabel = "bgp-lab.node";

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
        const { claim, container, image, node, wiring, networks } = args;
        super("bgplab:index:NodeSidecar", name, { node: node.name, image }, opts);
        const sidecar = new Container(
            name,
            {
                name: container,
                image,
                networkMode: `container:${node.name}`,
                volumes: [{ fromContainer: node.name, readOnly: true }],
                labels: [
                    { label: claimLabel, value: claim.name },
                    { label: nodeLabel, value: node.id },
                ],
                ...processArgs({ process: sidecarProcess(), capabilities: hostCapabilities }),
            },
            // Docker answers with the node's id where it was given the name.
            { parent: this, deletedWith: claim, dependsOn: claim, ignoreChanges: ["networkMode"] },
        );
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
