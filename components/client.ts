import * as pulumi from "@pulumi/pulumi";
import { hostCapabilities, hostProcess } from "../render/docker";
import { type DeviceArgs, deviceContainer, deviceWiring } from "./device";
import type { Revised } from "./docker/resources";

/** Arguments of a client. */
export type ClientArgs = DeviceArgs;

/** A host that only sends and receives traffic: a container with a shell and network tools, wired to its segments. */
export class Client extends pulumi.ComponentResource {
    /** Name of the container. */
    readonly container: pulumi.Output<string>;
    /** What makes the client work, in the order of making. */
    readonly parts: readonly (pulumi.Resource & Revised)[];

    constructor(name: string, args: ClientArgs, opts?: pulumi.ComponentResourceOptions) {
        super("bgplab:index:Client", name, { image: args.image }, opts);
        const process = { process: hostProcess(), capabilities: hostCapabilities };
        const container = deviceContainer(name, args, process, this);
        this.container = container.name;
        this.parts = [deviceWiring(name, args, container, this)];
        this.registerOutputs({ container: this.container });
    }
}
