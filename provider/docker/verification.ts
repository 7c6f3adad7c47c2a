import type { Check } from "../../verify/check";
import type { Observation, Outputs, ResourceKind } from "../resource";
import { driftOf, requirePassed } from "../results";
import { type DockerVerificationInputs, dockerTypes } from "../schema";
import { engine } from "./engine";
import { inspectLab } from "./inspection";

async function run(inputs: DockerVerificationInputs): Promise<Outputs> {
    const { results, timings } = await inspectLab(inputs, inputs.deadline);
    requirePassed(results);
    return { passed: results.length, timings };
}

/** Checks that send something, which takes its time. */
const traffic: ReadonlySet<Check["kind"]> = new Set(["service", "pod", "silence", "passage"]);

/** One look without patience at everything but traffic, which is left to the next verification. */
async function look(inputs: DockerVerificationInputs): Promise<Observation> {
    const devices = [...Object.values(inputs.containers), ...Object.values(inputs.probes ?? {})];
    const all = inputs.controlPlane === undefined ? devices : [...devices, inputs.controlPlane];
    const docker = await engine();
    const states = await Promise.all(all.map((container) => docker.inspect(container)));
    if (states.some((state) => state === undefined)) {
        return "gone";
    }
    try {
        const { results } = await inspectLab(inputs, 0, ({ kind }) => !traffic.has(kind));
        return driftOf(results);
    } catch (error) {
        return [{ path: "model", found: (error as Error).message }];
    }
}

/**
 * The checks of a lab in Docker, run as its last resource. It fails without leaving anything behind, so that the next run
 * verifies again.
 */
export const dockerVerification: ResourceKind<DockerVerificationInputs> = {
    type: dockerTypes.verification,
    inputs: {
        model: "object",
        containers: "object",
        probes: "object?",
        controlPlane: "string?",
        deadline: "number",
        subject: "string",
        revision: "number",
    },
    replaceOn: [],
    plan(_inputs, { project, stack }) {
        return { id: `${project}/${stack}/verification` };
    },
    create: run,
    update: (_olds, news) => run(news),
    read: look,
    async delete() {},
};
