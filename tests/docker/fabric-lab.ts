import { randomInt } from "node:crypto";
import type Docker from "dockerode";
import { claimLabel } from "../../provider/schema";
import type { ContainerProcess } from "../../render/docker";
import {
    hostCapabilities,
    hostProcess,
    routerCapabilities,
    routerProcess,
    sidecarProcess,
    sysctls,
} from "../../render/docker";
import { engine, pollInterval } from "./engine";

/** What a command in a container printed, and how it ended. */
export interface Output {
    readonly code: number;
    readonly stdout: string;
}

/**
 * Containers and networks of one test, as the components make them, under names, a label and addresses that no other test
 * has. Links are numbered; a link's networks are `v4(n, "/24")` and `v6(n, "/64")`.
 */
export class TestLab {
    private readonly number = randomInt(0, 256);
    readonly claim = `fabric-test-${process.pid}-${this.number}`;

    /** Address or network on a link: `v4(1, 2)` is the second host. */
    v4(link: number, host: number): string {
        return `198.${18 + (link >> 4)}.${this.number}.${((link & 15) << 4) + host}`;
    }

    /** The IPv6 counterpart of {@link v4}. */
    v6(link: number, host: number): string {
        return `fd00:198:18:${(this.number * 256 + link).toString(16)}::${host.toString(16)}`;
    }

    /** Both addresses on a link, with length, as interfaces carry them. */
    both(link: number, host: number): readonly string[] {
        return [`${this.v4(link, host)}/28`, `${this.v6(link, host)}/64`];
    }

    name(device: string): string {
        return `${this.claim}-${device}`;
    }

    networkName(link: number): string {
        return this.name(`link${link}`);
    }

    subnets(link: number): readonly string[] {
        return [`${this.v4(link, 0)}/28`, `${this.v6(link, 0).replace(/::0$/, "::")}/64`];
    }

    /** The network of a link; with `uplink` as kind's network is. */
    async network(link: number, { uplink = false } = {}): Promise<string> {
        const [subnet4, subnet6] = this.subnets(link);
        const [gateway4, gateway6] = uplink ? [1, 1] : [14, 0xfffe];
        await engine.createNetwork({
            Name: this.networkName(link),
            Driver: "bridge",
            EnableIPv6: true,
            IPAM: {
                Config: [
                    { Subnet: subnet4!, Gateway: this.v4(link, gateway4) },
                    { Subnet: subnet6!, Gateway: this.v6(link, gateway6) },
                ],
            },
            Options: {
                "com.docker.network.driver.mtu": "1400",
                "com.docker.network.bridge.enable_ip_masquerade": String(uplink),
                ...(uplink ? {} : { "com.docker.network.bridge.inhibit_ipv4": "true" }),
            },
            Labels: { [claimLabel]: this.claim },
        });
        return this.networkName(link);
    }

    private async run(name: string, image: string, process: ContainerProcess, more: Docker.ContainerCreateOptions) {
        const container = await engine.createContainer({
            name: this.name(name),
            Image: image,
            Entrypoint: [...process.entrypoints],
            Cmd: [...process.command],
            User: process.user,
            Labels: { [claimLabel]: this.claim },
            ...more,
            HostConfig: {
                Init: process.init,
                RestartPolicy: { Name: process.restart },
                NetworkMode: "none",
                ...more.HostConfig,
            },
        });
        await container.start();
        return container.id;
    }

    host(name: string, image: string): Promise<string> {
        return this.run(name, image, hostProcess(), {
            Hostname: name,
            HostConfig: { CapAdd: [...hostCapabilities], Sysctls: sysctls({ forwarding: false }) },
        });
    }

    router(name: string, image: string): Promise<string> {
        return this.run(name, image, routerProcess(), {
            Hostname: name,
            HostConfig: { CapAdd: [...routerCapabilities], Sysctls: sysctls({ forwarding: true }) },
        });
    }

    /** A stand-in for a node of kind: privileged, on a network that leads out, with its own volume for /var. */
    node(name: string, image: string, uplink: number): Promise<string> {
        return this.run(name, image, hostProcess(), {
            Volumes: { "/var": {} },
            HostConfig: { NetworkMode: this.networkName(uplink), Privileged: true, RestartPolicy: { Name: "no" } },
        });
    }

    sidecar(name: string, image: string, node: string): Promise<string> {
        return this.run(name, image, sidecarProcess(), {
            HostConfig: {
                NetworkMode: `container:${this.name(node)}`,
                VolumesFrom: [`${this.name(node)}:ro`],
                CapAdd: [...hostCapabilities],
            },
        });
    }

    container(device: string): Docker.Container {
        return engine.getContainer(this.name(device));
    }

    /** Runs a command in a container. */
    async exec(device: string, ...argv: readonly string[]): Promise<Output> {
        const exec = await this.container(device).exec({
            Cmd: [...argv],
            AttachStdout: true,
            AttachStderr: true,
            Tty: true,
        });
        const stream = await exec.start({ Tty: true });
        const chunks: Buffer[] = [];
        for await (const chunk of stream) {
            chunks.push(chunk as Buffer);
        }
        const { ExitCode } = await exec.inspect();
        return { code: ExitCode ?? -1, stdout: Buffer.concat(chunks).toString().replaceAll("\r\n", "\n") };
    }

    /** Looks until something holds. @throws what the last look threw, or what it saw, when the deadline has passed */
    async until<T>(what: string, look: () => Promise<T>, holds: (seen: T) => boolean, seconds = 30): Promise<T> {
        const deadline = Date.now() + seconds * 1_000;
        for (;;) {
            const seen = await look().catch((error: Error) => error);
            if (!(seen instanceof Error) && holds(seen)) {
                return seen;
            }
            if (Date.now() > deadline) {
                throw new Error(
                    `${what}: not within ${seconds} s; last seen: ${JSON.stringify(seen) ?? String(seen)} ${seen}`,
                );
            }
            await new Promise((next) => setTimeout(next, pollInterval));
        }
    }

    /** Names of what is left on the engine under the label, and volumes of the given names. */
    async left(volumes: readonly string[] = []): Promise<readonly string[]> {
        const filters = { label: [`${claimLabel}=${this.claim}`] };
        const [containers, networks, known] = await Promise.all([
            engine.listContainers({ all: true, filters }),
            engine.listNetworks({ filters }),
            engine.listVolumes(),
        ]);
        return [
            ...containers.map(({ Names }) => Names[0] ?? ""),
            ...networks.map(({ Name }) => Name),
            ...known.Volumes.map(({ Name }) => Name).filter((name) => volumes.includes(name)),
        ];
    }

    /** Removes everything, whatever state a failed test left it in. */
    async clear(): Promise<void> {
        const filters = { label: [`${claimLabel}=${this.claim}`] };
        const containers = await engine.listContainers({ all: true, filters });
        await Promise.all(containers.map(({ Id }) => engine.getContainer(Id).remove({ force: true, v: true })));
        const networks = await engine.listNetworks({ filters });
        await Promise.all(networks.map(({ Id }) => engine.getNetwork(Id).remove()));
    }
}
