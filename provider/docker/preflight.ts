import { execFile } from "node:child_process";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";
import { networkOf, overlaps } from "../../lab/address";
import type { Failure } from "../resource";
import { claimLabel, type DockerClaimInputs } from "../schema";
import type { ContainerSummary, Engine, NetworkState } from "./engine";

const execute = promisify(execFile);

/** Oldest kind that understands the lab's configuration and names its nodes as the lab expects. */
const oldestKind = [0, 20] as const;

/** Label with which kind marks the containers of a cluster's nodes. */
export const kindClusterLabel = "io.x-k8s.kind.cluster";

/** What is on an engine already. */
interface Present {
    readonly containers: readonly ContainerSummary[];
    readonly networks: readonly NetworkState[];
    /** Interfaces of this machine with their addresses, if the engine runs here. */
    readonly hostInterfaces: readonly HostAddress[];
}

/** An address of this machine. */
export interface HostAddress {
    readonly interface: string;
    /** With the length of its subnet. */
    readonly cidr: string;
}

/**
 * Everything that would make a lab fail on this engine later, each with what to do about it.
 *
 * @param name the claim's name: what carries it as label is the lab itself
 */
export async function preflight(name: string, inputs: DockerClaimInputs, engine: Engine): Promise<readonly Failure[]> {
    const hostInterfaces = engine.address.startsWith("unix:") ? hostAddresses() : [];
    const looked = await Promise.all([
        engine.containers(),
        engine.networks(),
        imageFailures(inputs, engine),
        kindFailures(inputs),
    ]).catch((error: Error) => error);
    if (looked instanceof Error) {
        return [{ property: "networks", reason: looked.message }];
    }
    const [containers, networks, images, kind] = looked;
    const present = { containers, networks, hostInterfaces };
    return [...kind, ...networkFailures(name, inputs, present), ...containerFailures(name, inputs, present), ...images];
}

function hostAddresses(): readonly HostAddress[] {
    return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
        (addresses ?? []).flatMap(({ cidr, internal }) => (cidr && !internal ? [{ interface: name, cidr }] : [])),
    );
}

async function imageFailures({ images }: DockerClaimInputs, engine: Engine): Promise<readonly Failure[]> {
    const reasons = await Promise.all(
        images.map(async (image, index): Promise<Failure[]> => {
            const obstacle = (await engine.hasImage(image)) ? undefined : await engine.imageObstacle(image);
            const reason =
                `the engine neither has the image ${image} nor can pull it (${obstacle}); ` +
                "load it (docker load, docker build), or set another one in bgp-lab:docker.images";
            return obstacle === undefined ? [] : [{ property: `images[${index}]`, reason }];
        }),
    );
    return reasons.flat();
}

async function kindFailures({ cluster }: DockerClaimInputs): Promise<readonly Failure[]> {
    if (!cluster) {
        return [];
    }
    const reason = kindObstacle(cluster.kind, await kindVersion(cluster.kind));
    return reason === undefined ? [] : [{ property: "cluster.kind", reason }];
}

/** What `kind version` prints; nothing when it cannot be run. */
async function kindVersion(kind: string): Promise<string | undefined> {
    try {
        return (await execute(kind, ["version"])).stdout;
    } catch {
        return undefined;
    }
}

/**
 * Why a kind program cannot be used.
 *
 * @param printed what `kind version` prints, e.g. `kind v0.33.0 go1.26.0 linux/amd64`; nothing when it does not run
 */
export function kindObstacle(kind: string, printed: string | undefined): string | undefined {
    const get = `install it (go install sigs.k8s.io/kind@latest, or https://kind.sigs.k8s.io), or set bgp-lab:docker.binaries.kind to its path`;
    if (printed === undefined) {
        return `the program ${kind} cannot be run; ${get}`;
    }
    const [, major, minor] = /v?(\d+)\.(\d+)\./.exec(printed) ?? [];
    if (major === undefined || minor === undefined) {
        return `${kind} says "${printed.trim()}" of itself, which is no version of kind; ${get}`;
    }
    const older = Number(major) - oldestKind[0] || Number(minor) - oldestKind[1];
    return older < 0
        ? `${kind} is ${printed.trim()}, but a lab needs ${oldestKind.join(".")} or newer; ${get}`
        : undefined;
}

/** Networks that cannot be made beside what is there. */
export function networkFailures(
    name: string,
    { networks, cluster }: DockerClaimInputs,
    present: Pick<Present, "networks" | "hostInterfaces">,
): readonly Failure[] {
    const foreign = present.networks.filter(({ labels }) => labels[claimLabel] !== name);
    return Object.entries(networks).flatMap(([network, subnets]) => {
        const property = `networks[${JSON.stringify(network)}]`;
        const namesake = foreign.find((other) => other.name === network);
        const taken = namesake
            ? [`a Docker network ${network} that is not this lab's exists; ${removal("network", network)}`]
            : [];
        const overlapping = foreign
            .filter((other) => other !== namesake)
            .flatMap((other) => overlapReasons(subnets, other.subnets, `the Docker network ${other.name}`));
        // Only on the nodes' network has the host an address: elsewhere nobody routes by it, so an overlap is harmless.
        const hosts = network === cluster?.network ? hostOverlaps(subnets, present) : [];
        return [...taken, ...overlapping, ...hosts].map((reason) => ({ property, reason }));
    });
}

function removal(kind: "network" | "container", name: string): string {
    return `remove it if nobody needs it (docker ${kind} rm ${kind === "container" ? "-f " : ""}${name}), or use another stack name`;
}

function overlapReasons(subnets: readonly string[], others: readonly string[], owner: string): readonly string[] {
    return subnets.flatMap((subnet) =>
        others
            .filter((other) => overlaps(subnet, other))
            .map(
                (other) =>
                    `${subnet} overlaps ${other} of ${owner}; choose other subnets in the stack's configuration, or remove it if nobody needs it`,
            ),
    );
}

/** Subnets that this machine is on itself, other than through a network of Docker's. */
function hostOverlaps(
    subnets: readonly string[],
    { networks, hostInterfaces }: Omit<Present, "containers">,
): readonly string[] {
    const docker = networks.flatMap((network) => network.subnets);
    return hostInterfaces
        .map(({ interface: name, cidr }) => ({ name, subnet: networkOf(cidr) }))
        .filter(({ subnet }) => !subnet.startsWith("fe80:") && !docker.some((own) => overlaps(own, subnet)))
        .flatMap(({ name, subnet }) => overlapReasons(subnets, [subnet], `this machine's interface ${name}`));
}

/** Containers that cannot be made because somebody else has their names, and clusters of others. */
export function containerFailures(
    name: string,
    { containers, cluster }: DockerClaimInputs,
    present: Pick<Present, "containers">,
): readonly Failure[] {
    const foreign = present.containers.filter((container) => !isOwn(name, cluster, container));
    const namesakes = containers.flatMap((container, index): Failure[] => {
        const found = foreign.find((other) => other.name === container);
        return found && !(cluster && found.labels[kindClusterLabel] === cluster.name)
            ? [
                  {
                      property: `containers[${index}]`,
                      reason: `a container ${container} that is not this lab's exists; ${removal("container", container)}`,
                  },
              ]
            : [];
    });
    const taken = cluster && foreign.some(({ labels }) => labels[kindClusterLabel] === cluster.name);
    return taken
        ? [
              ...namesakes,
              {
                  property: "cluster.name",
                  reason: `a kind cluster ${cluster.name} that is not this lab's exists; delete it if nobody needs it (kind delete cluster --name ${cluster.name}), or set another name in bgp-lab:lab.cluster`,
              },
          ]
        : namesakes;
}

/** Whether a container is the lab's: one that it made, or a node of its cluster. @param name the claim's name */
export function isOwn(name: string, cluster: DockerClaimInputs["cluster"], container: ContainerSummary): boolean {
    return container.labels[claimLabel] === name || (cluster !== undefined && isOwnNode(cluster, container));
}

/**
 * Whether a container is a node of the lab's cluster. kind gives its nodes no labels of ours, but they are on a network
 * that has the lab's.
 */
function isOwnNode(
    cluster: NonNullable<DockerClaimInputs["cluster"]>,
    { labels, networks }: Pick<ContainerSummary, "labels" | "networks">,
): boolean {
    return labels[kindClusterLabel] === cluster.name && networks.includes(cluster.network);
}
