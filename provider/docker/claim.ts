import type { ResourceKind } from "../resource";
import { claimName, nameOnly } from "../resources/claim";
import { claimLabel, type DockerClaimInputs, dockerTypes } from "../schema";
import { type Engine, engine } from "./engine";
import { isOwn, preflight } from "./preflight";

/** Containers and networks of a lab, and the nodes of its cluster: all of them at once, then what they were on. */
async function sweep(name: string, { cluster }: DockerClaimInputs, docker: Engine): Promise<void> {
    const own = (await docker.containers()).filter((container) => isOwn(name, cluster, container));
    await Promise.all(own.map(({ id }) => docker.removeContainer(id)));
    const networks = await docker.networks(`${claimLabel}=${name}`);
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
    ...nameOnly,
    async check(inputs, context) {
        return preflight(claimName(context), inputs, await engine());
    },
    async delete(id, inputs) {
        await sweep(id, inputs, await engine());
    },
};
