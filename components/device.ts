import { Container, type ContainerArgs } from "@pulumi/docker/container";
import * as pulumi from "@pulumi/pulumi";
import { claimLabel, type WiredInterface, type WiringInputs } from "../provider/schema";
import { type ContainerProcess, sysctls } from "../render/docker";
import type { vyosProcess } from "../render/vyos-script";
import { bootFolder } from "../render/wiring-script";
import { type Claim, Wiring } from "./docker/resources";

/** The part of a wiring that follows from the model. */
export type WiringSpec = Pick<WiringInputs, "interfaces" | "routes" | "forwarding" | "loopback" | "silence" | "vrfs">;

/** Docker networks by name, as outputs that know which resource makes them. */
export type Networks = Readonly<Record<string, pulumi.Input<string>>>;

/** Arguments of everything that is a container of its own: routers and clients. */
export interface DeviceArgs {
    /** The lab that the device belongs to. */
    readonly claim: Claim;
    /** Name of the container. */
    readonly container: string;
    /** Reference of the image; it is pulled if the engine does not have it. */
    readonly image: string;
    /** Interfaces, addresses and routes. */
    readonly wiring: WiringSpec;
    /** The networks that the interfaces are on, by name. */
    readonly networks: Networks;
    /** Whether a sidecar shares the container's network namespace, and must be told when that is another one. @default false */
    readonly hasSidecar?: boolean;
}

/** How a container runs. */
export interface DeviceProcess {
    readonly process: ContainerProcess | ReturnType<typeof vyosProcess>;
    /** Linux capabilities beside those that Docker gives. */
    readonly capabilities: readonly string[];
    /** Whether the container has all rights on the machine: systems that are more than a daemon need them. @default false */
    readonly privileged?: boolean;
    /** Folders of the machine that the container has. @default none */
    readonly mounts?: readonly {
        readonly hostPath: string;
        readonly containerPath: string;
        readonly readOnly: boolean;
    }[];
}

/** The same as arguments of a container. Docker tells capabilities with the prefix, whether it was given it or not. */
export function processArgs({ process, capabilities, privileged = false }: DeviceProcess) {
    return {
        ...(privileged ? { privileged } : {}),
        ...process,
        entrypoints: [...process.entrypoints],
        command: [...process.command],
        // Docker does not tell an empty list, and the container would be replaced for it.
        ...(capabilities.length === 0 ? {} : { capabilities: { adds: capabilities.map((each) => `CAP_${each}`) } }),
    } satisfies Partial<ContainerArgs>;
}

/**
 * A container without a network: the wiring joins it to those of the lab, so that a link that comes or goes does not
 * replace the container.
 */
export function deviceContainer(name: string, args: DeviceArgs, process: DeviceProcess, parent: pulumi.Resource) {
    const { claim, container, image, wiring, hasSidecar = false } = args;
    return new Container(
        name,
        {
            name: container,
            image,
            hostname: name,
            networkMode: "none",
            labels: [{ label: claimLabel, value: claim.name }],
            sysctls: sysctls(wiring),
            ...volumes([...(hasSidecar ? [{ containerPath: bootFolder }] : []), ...(process.mounts ?? [])]),
            ...processArgs(process),
        },
        { parent, deletedWith: claim, dependsOn: claim },
    );
}

function volumes(wanted: NonNullable<ContainerArgs["volumes"]> & readonly unknown[]) {
    return wanted.length === 0 ? {} : { volumes: wanted };
}

/** Joins a container that is its own agent to its networks. */
export function deviceWiring(
    name: string,
    { wiring, networks }: DeviceArgs,
    container: Container,
    parent: pulumi.Resource,
) {
    return new Wiring(
        name,
        {
            container: container.name,
            agent: container.name,
            agentId: container.id,
            ...wiring,
            interfaces: onNetworks(wiring.interfaces, networks),
        },
        { parent, deletedWith: container },
    );
}

/** Interfaces whose networks are outputs, so that no network goes before what is on it. */
export function onNetworks(interfaces: WiringInputs["interfaces"], networks: Networks) {
    const joined = Object.entries(interfaces).map(
        ([name, each]) => [name, pulumi.output({ ...each, network: networks[each.network] ?? each.network })] as const,
    );
    return pulumi.all(Object.fromEntries(joined)) as pulumi.Output<Record<string, WiredInterface>>;
}
