import type Docker from "dockerode";
import { networkOf } from "../../lab/address";
import type { Prefix } from "../../lab/model";
import type { ExecResult } from "../sandbox/protocol";
import { type EngineAddress, engineAddress } from "./engine-address";
import { runExec, type Shell, shellOver } from "./exec";

export type { Shell } from "./exec";

/** Why an engine did not do what it was asked for. */
export type EngineErrorKind = "not-running" | "no-permission" | "not-found" | "conflict" | "other";

/** An engine did not do what it was asked for. */
export class EngineError extends Error {
    constructor(
        readonly kind: EngineErrorKind,
        message: string,
    ) {
        super(message);
    }
}

/** A container on a network. */
export interface Attachment {
    /** Addresses that the container was told to have, without length; whoever names none gets others at every start. */
    readonly configured: readonly string[];
    /** Addresses that it has while it runs, without length. */
    readonly addresses: readonly string[];
}

/** A container as the engine has it. */
export interface ContainerState {
    readonly id: string;
    readonly name: string;
    readonly running: boolean;
    /** When it last started: RFC 3339, which sorts as text. */
    readonly startedAt: string;
    readonly labels: Readonly<Record<string, string>>;
    /** `none`, `container:<id>`, the name of a network, … */
    readonly networkMode: string;
    /** Networks that it is connected to, by name. */
    readonly networks: Readonly<Record<string, Attachment>>;
}

/** A container in a list. */
export interface ContainerSummary {
    readonly id: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    /** Names of the networks that it is connected to. */
    readonly networks: readonly string[];
}

/** A network as the engine has it. */
export interface NetworkState {
    readonly id: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    /** In canonical form. */
    readonly subnets: readonly Prefix[];
}

/** What an exec may be told besides its command. */
export interface ExecOptions {
    readonly stdin?: string;
    /** @default 60 */
    readonly timeoutSeconds?: number;
}

/** A Docker engine. Errors are {@link EngineError}s that say what to do where there is something to do. */
export interface Engine {
    /** Where it is, for messages. */
    readonly address: string;
    /** Asks whether it is there. @returns its version */
    version(): Promise<string>;
    /** Runs a process as root in a container, to its end. */
    exec(container: string, argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
    /** Opens a shell in a container; close it. */
    shell(container: string): Promise<Shell>;
    /** State of a container; undefined when there is none of that name. */
    inspect(container: string): Promise<ContainerState | undefined>;
    /** Containers, running or not. */
    containers(): Promise<readonly ContainerSummary[]>;
    /** Networks; with `label` only those that carry it (`key` or `key=value`). */
    networks(label?: string): Promise<readonly NetworkState[]>;
    start(container: string): Promise<void>;
    /** Ends a container at once and starts it again. */
    restart(container: string): Promise<void>;
    /** Connects a container to a network, running or not. @param addresses without length, at most one per family */
    connect(network: string, container: string, addresses: readonly string[]): Promise<void>;
    /** Disconnects a container; no error when it is not connected, or either is gone. */
    disconnect(network: string, container: string): Promise<void>;
    /** Removes a container with its anonymous volumes, running or not; no error when it is gone. */
    removeContainer(container: string): Promise<void>;
    /** Removes a network; no error when it is gone. */
    removeNetwork(network: string): Promise<void>;
    hasImage(reference: string): Promise<boolean>;
    /** Why the engine cannot get an image from its registry; undefined when it can. Nothing is pulled. */
    imageObstacle(reference: string): Promise<string | undefined>;
}

let connected: Promise<Engine> | undefined;

/**
 * The engine that the docker command would speak to. It is not asked whether it is there: every call tells.
 *
 * @throws Error when DOCKER_HOST or the context makes no sense
 */
export function engine(): Promise<Engine> {
    connected ??= connect(engineAddress());
    return connected;
}

/** Loads dockerode, which only labs in Docker need. */
async function connect(address: EngineAddress): Promise<Engine> {
    const { default: Client } = await import("dockerode");
    return engineOver(new Client(address.options), address.shown);
}

/** What dockerode throws: answers of the engine have a code and usually a message in JSON. */
interface DockerodeError extends Error {
    readonly code?: string;
    readonly statusCode?: number;
    readonly json?: { readonly message?: string } | Buffer;
}

const remedies: Readonly<Record<string, readonly [EngineErrorKind, string]>> = {
    ENOENT: ["not-running", "start it (systemctl start docker), or set DOCKER_HOST to where one runs"],
    ECONNREFUSED: ["not-running", "start it (systemctl start docker), or set DOCKER_HOST to where one runs"],
    ENOTFOUND: ["not-running", "set DOCKER_HOST to where one runs"],
    ETIMEDOUT: ["not-running", "set DOCKER_HOST to where one runs"],
    EACCES: ["no-permission", "add yourself to the group docker (usermod -aG docker $USER) and log in again"],
    EPERM: ["no-permission", "add yourself to the group docker (usermod -aG docker $USER) and log in again"],
};

const kindsByStatus: Readonly<Record<number, EngineErrorKind>> = { 404: "not-found", 409: "conflict" };

function engineError(error: DockerodeError, address: string): EngineError {
    const [kind, remedy] = remedies[error.code ?? ""] ?? [];
    if (kind && remedy) {
        const what = kind === "not-running" ? "no Docker engine answers" : "you may not use the Docker engine";
        return new EngineError(kind, `${what} at ${address} (${error.code}); ${remedy}`);
    }
    const said = (error.json && "message" in error.json && error.json.message) || error.message;
    return new EngineError(kindsByStatus[error.statusCode ?? 0] ?? "other", said.trim());
}

function stateOf(info: Docker.ContainerInspectInfo): ContainerState {
    const networks = Object.entries(info.NetworkSettings.Networks ?? {}).map(
        ([name, endpoint]) => [name, attachmentOf(endpoint)] as const,
    );
    return {
        id: info.Id,
        name: info.Name.replace(/^\//, ""),
        running: info.State.Running && !info.State.Restarting,
        startedAt: info.State.StartedAt,
        labels: info.Config.Labels ?? {},
        networkMode: info.HostConfig.NetworkMode ?? "",
        networks: Object.fromEntries(networks),
    };
}

function attachmentOf(endpoint: Docker.NetworkInfo): Attachment {
    const configured = endpoint.IPAMConfig as { readonly IPv4Address?: string; readonly IPv6Address?: string } | null;
    const present = (addresses: readonly (string | undefined)[]) => addresses.flatMap((address) => address || []);
    return {
        configured: present([configured?.IPv4Address, configured?.IPv6Address]),
        addresses: present([endpoint.IPAddress, endpoint.GlobalIPv6Address]),
    };
}

function endpointConfig(addresses: readonly string[]): Docker.EndpointSettings {
    const [v4, v6] = [false, true].map((six) => addresses.find((address) => address.includes(":") === six));
    return { IPAMConfig: { ...(v4 ? { IPv4Address: v4 } : {}), ...(v6 ? { IPv6Address: v6 } : {}) } };
}

/** The canonical form of a subnet. Docker keeps what was typed: zeros (`fd00:1:0:0::/64`), or even bits of a host. */
export function canonicalSubnet(subnet: string): Prefix {
    const [address = "", length] = subnet.split("/");
    // URLs have addresses in the form of RFC 5952 (WHATWG URL, host serializing).
    const canonical = address.includes(":") ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
    return networkOf(`${canonical}/${length}`);
}

function filters(label: string | undefined): { readonly filters?: { readonly label: string[] } } {
    return label === undefined ? {} : { filters: { label: [label] } };
}

function isKind(error: unknown, ...kinds: readonly EngineErrorKind[]): boolean {
    return error instanceof EngineError && kinds.includes(error.kind);
}

function engineOver(client: Docker, address: string): Engine {
    /** Every answer of the engine comes through here, so that all of its errors are of one kind. */
    async function ask<T>(work: () => Promise<T>): Promise<T> {
        try {
            return await work();
        } catch (error) {
            throw error instanceof EngineError ? error : engineError(error as DockerodeError, address);
        }
    }

    /** What must not be there: that it is not there is no error. */
    async function end(work: () => Promise<unknown>): Promise<void> {
        try {
            await ask(work);
        } catch (error) {
            if (!isKind(error, "not-found")) {
                throw error;
            }
        }
    }

    async function found<T>(work: () => Promise<T>): Promise<T | undefined> {
        try {
            return await ask(work);
        } catch (error) {
            if (isKind(error, "not-found")) {
                return undefined;
            }
            throw error;
        }
    }

    async function prepare(container: string, argv: readonly string[]): Promise<Docker.Exec> {
        return client.getContainer(container).exec({
            Cmd: [...argv],
            User: "0",
            AttachStdin: true,
            AttachStdout: true,
            AttachStderr: true,
        });
    }

    return {
        address,
        version: () => ask(async () => (await client.version()).Version),
        exec: (container, argv, { stdin, timeoutSeconds = 60 } = {}) =>
            ask(async () =>
                runExec(await prepare(container, argv), `${argv[0]} in ${container}`, stdin, timeoutSeconds),
            ),
        shell: (container) =>
            ask(async () => {
                const exec = await prepare(container, ["sh"]);
                return shellOver(await exec.start({ hijack: true, stdin: true }), `the shell in ${container}`);
            }),
        inspect: (container) => found(async () => stateOf(await client.getContainer(container).inspect())),
        containers: () =>
            ask(async () => {
                const list = await client.listContainers({ all: true });
                return list.map(({ Id, Names, Labels, NetworkSettings }) => ({
                    id: Id,
                    name: (Names[0] ?? Id).replace(/^\//, ""),
                    labels: Labels,
                    networks: Object.keys(NetworkSettings?.Networks ?? {}),
                }));
            }),
        networks: (label) =>
            ask(async () => {
                const list = await client.listNetworks(filters(label));
                return list.map(({ Id, Name, Labels, IPAM }) => ({
                    id: Id,
                    name: Name,
                    labels: Labels ?? {},
                    subnets: (IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet ? canonicalSubnet(Subnet) : [])),
                }));
            }),
        start: (container) => ask(() => client.getContainer(container).start()),
        restart: (container) => ask(() => client.getContainer(container).restart({ t: 0 })),
        connect: (network, container, addresses) =>
            ask(() =>
                client.getNetwork(network).connect({ Container: container, EndpointConfig: endpointConfig(addresses) }),
            ),
        disconnect: async (network, container) => {
            try {
                await end(() => client.getNetwork(network).disconnect({ Container: container, Force: true }));
            } catch (error) {
                if (!(error as Error).message.includes("is not connected to")) {
                    throw error;
                }
            }
        },
        removeContainer: (container) => end(() => client.getContainer(container).remove({ force: true, v: true })),
        removeNetwork: (network) => end(() => client.getNetwork(network).remove()),
        hasImage: async (reference) => (await found(() => client.getImage(reference).inspect())) !== undefined,
        imageObstacle: async (reference) => {
            try {
                await ask(() => client.getImage(reference).distribution());
                return undefined;
            } catch (error) {
                if (isKind(error, "not-running", "no-permission")) {
                    throw error;
                }
                return (error as Error).message;
            }
        },
    };
}
