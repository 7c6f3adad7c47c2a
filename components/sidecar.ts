import { Container } from "@pulumi/docker/container";
import * as pulumi from "@pulumi/pulumi";
import type { SourceNat } from "../lab/model";
import { claimLabel } from "../provider/schema";
import { hostCapabilities, sidecarProcess } from "../render/docker";
import { processArgs } from "./device";
import type { Claim } from "./docker/resources";

/** A container whose network namespace another one shares. */
export interface SharedContainer {
    /** Its name. */
    readonly name: string;
    /** Its identity: a new container gets a new sidecar. */
    readonly id: pulumi.Input<string>;
}

/** Arguments of the container of a sidecar. */
export interface SidecarArgs {
    /** The lab that the sidecar belongs to. */
    readonly claim: Claim;
    /** Name of the sidecar's own container. */
    readonly container: string;
    /** Reference of its image: a shell and network tools. */
    readonly image: string;
    /** The container whose network namespace it shares, and which tells it when that is another one. */
    readonly shared: SharedContainer;
    /** Source addresses that it hides in that namespace. @default none */
    readonly sourceNat?: readonly SourceNat[];
}

/** Label that makes the sidecar another one when the other container is; its network mode only names that. */
const nodeLabel = "bgp-lab.node";

/** A container in the network namespace of another one, which follows that into a new one. */
export function sidecarContainer(name: string, args: SidecarArgs, parent: pulumi.Resource): Container {
    const { claim, container, image, shared, sourceNat = [] } = args;
    return new Container(
        name,
        {
            name: container,
            image,
            networkMode: `container:${shared.name}`,
            volumes: [{ fromContainer: shared.name, readOnly: true }],
            labels: [
                { label: claimLabel, value: claim.name },
                { label: nodeLabel, value: shared.id },
            ],
            ...processArgs({ process: sidecarProcess(sourceNat), capabilities: hostCapabilities }),
        },
        // Docker answers with the other container's id where it was given the name.
        { parent, deletedWith: claim, dependsOn: claim, ignoreChanges: ["networkMode"] },
    );
}

/** A container beside a router, with what the images of routing daemons lack: source NAT, and tools that ask. */
export class RouterSidecar extends pulumi.ComponentResource {
    /** Name of the sidecar's container. */
    readonly container: pulumi.Output<string>;

    constructor(name: string, args: SidecarArgs, opts?: pulumi.ComponentResourceOptions) {
        super("bgplab:index:RouterSidecar", name, { router: args.shared.name, image: args.image }, opts);
        this.container = sidecarContainer(`${name}-sidecar`, args, this).name;
        this.registerOutputs({ container: this.container });
    }
}
