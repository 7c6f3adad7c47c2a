import type { ResourceKind } from "../resource";
import { sandboxName } from "../resources/claim";
import { claimLabel, type DockerClaimInputs, dockerTypes } from "../schema";
import { type Engine, engine } from "./engine";
import { isOwnNode, preflight } from "./preflight";

/** Containers and networks of a lab, and the nodes of its cluster: all of them at once, then what they were on. */
async function sweep(name: string, { cluster }: DockerClaimInputs, docker: Engine): Promise<void> {
    const label = `${claimLabel}=${name}`;
    const [own, all] = await Promise.all([docker.containers(label), cluster ? docker.containers() : []]);
    const nodes = cluster ? all.filter((container) => isOwnNode(cluster, container)) : [];
    await Promise.all([...own, ...nodes].map(({ id }) => docker.removeContainer(id)));
    const networks = await docker.networks(label);
    await Promise.all(networks.map(({ id }) => docker.removeNetwork(id)));
}

/**
 * First resource of a lab in Docker. It has no effect on the engine, so a run that is cut off before or after it leaves
 * nothing unrecorded; its delete, which comes last, removes whatever carries its name, recorded or not.
 *
 * What runs in a cluster goes with its nodes, so that nobody waits for an API server; kind does no more than that either.
 */
export const dockerClaim: ResourceKind<DockerClaimInputs> = {
    type: dockerTypes.claim,
    inputs: { networks: "object", containers: "array", images: "array", cluster: "object?" },
    replaceOn: [],
    async check(inputs, { project, stack }) {
        return preflight(sandboxName(project, stack, process.cwd()), inputs, await engine());
    },
    plan(_inputs, { project, stack }) {
        const name = sandboxName(project, stack, process.cwd());
        return { id: name, outputs: { name } };
    },
    async create() {},
    async update() {},
    async read() {
        return [];
    },
    async delete(id, inputs) {
        await sweep(id, inputs, await engine());
    },
};
