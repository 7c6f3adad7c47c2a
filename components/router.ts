import type { Container } from "@pulumi/docker/container";
import * as pulumi from "@pulumi/pulumi";
import type { Router as Model } from "../lab/model";
import { routerCapabilities, routerProcess } from "../render/docker";
import { type VyosLogin, vyosUser } from "../render/vyos";
import { vyosMounts, vyosProcess } from "../render/vyos-script";
import type { Login } from "./credentials";
import { type DeviceArgs, type DeviceProcess, deviceContainer, deviceWiring } from "./device";
import { Frr, type Revised, Vyos, type Wiring } from "./docker/resources";

/** A complete configuration; where a system has users, what to write for one of them is known only in the making. */
type Configuration = (login: VyosLogin) => string;

/** What configures a running router. */
interface Configured {
    readonly resource: pulumi.Resource & Revised & { readonly seconds: pulumi.Output<number> };
    /** A user of the router, where it has any. */
    readonly login?: Login;
}

/** What a network operating system needs to run in a container and to be configured. */
interface OperatingSystem {
    /** How the container runs. */
    readonly process: () => DeviceProcess;
    /** Configures the running router, and again when the configuration changes. */
    readonly configure: (
        name: string,
        container: Container,
        config: Configuration,
        parent: pulumi.Resource,
        opts: pulumi.CustomResourceOptions,
    ) => Configured;
}

const operatingSystems: Readonly<Record<Model["nos"], OperatingSystem>> = {
    frr: {
        process: () => ({ process: routerProcess(), capabilities: routerCapabilities }),
        configure: (name, container, config, parent, opts) => {
            const args = { container: container.name, containerId: container.id, config: config(nobody) };
            return { resource: new Frr(name, args, { ...opts, parent }) };
        },
    },
    vyos: {
        process: () => ({ process: vyosProcess(), capabilities: [], privileged: true, mounts: vyosMounts }),
        configure: (name, container, config, parent, opts) => {
            const login = makeLogin(name, parent);
            const { user, encryptedPassword: hash } = login;
            const text = hash.apply((encryptedPassword) => config({ user, encryptedPassword }));
            const args = { container: container.name, containerId: container.id, config: text };
            return { resource: new Vyos(name, args, { ...opts, parent }), login };
        },
    },
};

/** FRR has no users of its own. */
const nobody: VyosLogin = { user: "", encryptedPassword: "" };

/** Passwords are loaded when a router wants one: few labs have any. */
function makeLogin(router: string, parent: pulumi.Resource): Login {
    const { Login: Made } = require("./credentials") as typeof import("./credentials");
    return new Made(`${router}-${vyosUser}`, { user: vyosUser }, { parent });
}

/** Arguments of a router. */
export interface RouterArgs extends DeviceArgs {
    /** Network operating system. @default frr */
    readonly nos?: Model["nos"];
    /** Its complete configuration. A change is applied live; sessions that it does not concern stay up. */
    readonly config: Configuration;
}

/** A router: a container with a network operating system, wired to its segments and configured. */
export class Router extends pulumi.ComponentResource {
    /** Name of the container. */
    readonly container: pulumi.Output<string>;
    /** Docker's id of the container. */
    readonly containerId: pulumi.Output<string>;
    /** Seconds from the start of the container until it was configured, or that the last change took. */
    readonly seconds: pulumi.Output<number>;
    /** What makes the router work, in the order of making. */
    readonly parts: readonly (pulumi.Resource & Revised)[];
    /** A user with a password that nobody chose, where the operating system has users. */
    readonly login: Login | undefined;

    constructor(name: string, args: RouterArgs, opts?: pulumi.ComponentResourceOptions) {
        const { nos = "frr", image } = args;
        super("bgplab:index:Router", name, { nos, image }, opts);
        const system = operatingSystems[nos];
        const container = deviceContainer(name, args, system.process(), this);
        const wiring: Wiring = deviceWiring(name, args, container, this);
        // Daemons take static routes and networks for what the interfaces make of them: those come first.
        const { resource, login } = system.configure(name, container, args.config, this, {
            deletedWith: container,
            dependsOn: wiring,
        });
        this.container = container.name;
        this.containerId = container.id;
        this.seconds = resource.seconds;
        this.parts = [wiring, resource];
        this.login = login;
        this.registerOutputs({ container: this.container });
    }
}
