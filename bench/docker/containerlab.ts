import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Family, Lab } from "../../lab/model";
import { sysctls } from "../../render/docker";
import { frrConf } from "../../render/frr";
import { type Measured, measure } from "../measure";
import { everything, hub, leaves, linkAddress, type StarArgs, star } from "./star";

/** A lab that containerlab makes. */
export interface ContainerlabLab {
    deploy(): Promise<Measured>;
    destroy(): Promise<Measured>;
    /** Name of a device's container. */
    container(device: string): string;
}

/** The daemons that the router of a lab in Docker runs. */
const daemons = ["bgpd=yes", "bfdd=yes", "vtysh_enable=yes", 'zebra_options="-A 127.0.0.1 -s 90000000"'];

/**
 * The same star for containerlab: the same images, links, addresses, routes and router configuration, in the ways that
 * its manual gives (binds for files, exec for addresses). Its management network is as it is by default.
 *
 * @param name of the lab, unique on the engine
 * @param folder where the topology and its files go
 */
export function containerlabStar(
    name: string,
    folder: string,
    args: StarArgs,
    images: { readonly router: string; readonly client: string },
): ContainerlabLab {
    mkdirSync(folder, { recursive: true });
    const model = star(args);
    writeFileSync(join(folder, "frr.conf"), frrConf(model, hub));
    writeFileSync(join(folder, "daemons"), `${daemons.join("\n")}\n`);
    const topology = join(folder, "star.clab.yml");
    writeFileSync(topology, stringify(describe(name, model, args, images)));
    const env = { ...process.env, CLAB_VERSION_CHECK: "disable" };
    const run = (...verb: readonly string[]) =>
        measure("containerlab", [...verb, "--topo", topology, "--log-level", "error"], { cwd: folder, env });
    return {
        deploy: () => run("deploy"),
        destroy: () => run("destroy", "--cleanup"),
        container: (device) => `clab-${name}-${device}`,
    };
}

function describe(
    name: string,
    model: Lab,
    { nodes, families }: StarArgs,
    images: { readonly router: string; readonly client: string },
) {
    const names = leaves(nodes);
    return {
        name,
        topology: {
            nodes: {
                [hub]: {
                    kind: "linux",
                    image: images.router,
                    sysctls: sysctls({ forwarding: true }),
                    binds: ["frr.conf:/etc/frr/frr.conf", "daemons:/etc/frr/daemons"],
                    exec: addressCommands(model, hub),
                },
                ...Object.fromEntries(
                    names.map((leaf, link) => [
                        leaf,
                        {
                            kind: "linux",
                            image: images.client,
                            sysctls: sysctls({ forwarding: false }),
                            cmd: "sleep infinity",
                            exec: [...addressCommands(model, leaf), ...routeCommands(link, families)],
                        },
                    ]),
                ),
            },
            links: names.map((leaf, link) => ({ endpoints: [`${hub}:net${link}`, `${leaf}:net0`] })),
        },
    };
}

function addressCommands({ routers, hosts }: Lab, device: string): string[] {
    const { interfaces } = routers[device] ?? hosts[device]!;
    return interfaces.flatMap(({ name, addresses }) =>
        addresses.map((address) => `ip address add ${address} dev ${name}${address.includes(":") ? " nodad" : ""}`),
    );
}

function routeCommands(link: number, families: readonly Family[]): string[] {
    return families.map((family) => `ip route add ${everything[family]} via ${linkAddress(family, link, 1)}`);
}
