import type { Container } from "@pulumi/docker/container";
import * as pulumi from "@pulumi/pulumi";
import { routerCapabilities, routerProcess } from "../render/docker";
import { type DeviceArgs, type DeviceProcess, deviceContainer, deviceWiring } from "./device";
import { Frr, type Revised, type Wiring } from "./docker/resources";

/** What a network operating system needs to run in a container and to be configured. */
interface OperatingSystem {
    /** How the container runs. */
    readonly process: () => DeviceProcess;
    /** Configures the running router, and again when the configuration changes. */
    readonly configure: (
        name: string,
        container: Container,
        config: string,
        opts: pulumi.CustomResourceOptions,
    ) => pulumi.Resource & Revised & { readonly seconds: pulumi.Output<number> };
}

const operatingSystems: Readonly<Record<"frr", OperatingSystem>> = {
    frr: {
        process: () => ({ process: routerProcess(), capabilities: routerCapabilities }),
        configure: (name, container, config, opts) =>
            new Frr(name, { container: container.name, containerId: container.id, config }, opts),
    },
};

/** Arguments of a router. */
export interface RouterArgs extends DeviceArgs {
    /** Network operating system. @default frr */
    readonly nos?: "frr";
    /** Its complete configuration. A change is applied live; sessions that it does not concern stay up. */
    readonly config: string;
}

/** A router: a container with a routing daemon, wired to its segments and configured. */
export class Router extends pulumi.ComponentResource {
    /** Name of the container. */
    readonly container: pulumi.Output<string>;
    /** Docker's id of the container. */
    readonly containerId: pulumi.Output<string>;
    /** Seconds from the start of the container until it was configured, or that the last change took. */
    readonly seconds: pulumi.Output<number>;
    /** What makes the router work, in the order of making. */
    readonly parts: readonly (pulumi.Resource & Revised)[];

    constructor(name: string, args: RouterArgs, opts?: pulumi.ComponentResourceOptions) {
        const { nos = "frr", image } = args;
        super("bgplab:index:Router", name, { nos, image }, opts);
        const system = operatingSystems[nos];
        const container = deviceContainer(name, args, system.process(), this);
        const wiring: Wiring = deviceWiring(name, args, container, this);
        // Daemons take static routes and networks for what the interfaces make of them: those come first.
        const configured = system.configure(name, container, args.config, {
            parent: this,
            deletedWith: container,
            dependsOn: wiring,
        });
        this.container = container.name;
        this.containerId = container.id;
        this.seconds = configured.seconds;
        this.parts = [wiring, configured];
        this.registerOutputs({ container: this.container });
    }
}
