import { setTimeout as pause } from "node:timers/promises";
import type { ConditionCheck, ObjectReference } from "../../verify/check";
import { failures } from "../../verify/report";
import { verify } from "../../verify/run";
import type { Observation, Outputs, ResourceKind } from "../resource";
import { driftOf } from "../results";
import { dockerTypes, type ReadinessInputs } from "../schema";
import { type ClusterReader, clusterReader, removeObjects, tryObjects } from "./cluster";
import { dockerDriver } from "./driver";
import { engine } from "./engine";
import { lookInterval, withShells } from "./inspection";
import { inSeconds } from "./seconds";
import type { Shells } from "./shells";

function look({ checks }: ReadinessInputs, shells: Shells, reader: ClusterReader, deadlineSeconds: number) {
    // Conditions are asked of the API alone: neither containers nor a version of Cilium matter.
    const driver = dockerDriver({ shells, containers: {}, cluster: { reader } });
    const wanted = Object.values(checks) as readonly ConditionCheck[];
    return verify(wanted, driver, { deadlineSeconds, interval: lookInterval });
}

/** The pods that are not ready; that the API server cannot even be asked is not worth a second error. */
async function troubles(reader: ClusterReader): Promise<string> {
    try {
        return await reader.troubles();
    } catch {
        return "";
    }
}

async function wait(inputs: ReadinessInputs): Promise<Outputs> {
    return withShells(async (shells) => {
        const reader = clusterReader(shells, inputs.controlPlane);
        const start = performance.now();
        const results = await look(inputs, shells, reader, inputs.deadline);
        if (results.some(({ status }) => status === "fail")) {
            throw await notReady(inputs, reader, failures(results));
        }
        const refusal = await refusalWithin(inputs, shells, start + inputs.deadline * 1_000);
        if (refusal !== undefined) {
            throw await notReady(inputs, reader, refusal);
        }
        return { seconds: inSeconds(performance.now() - start) };
    });
}

async function notReady({ deadline }: ReadinessInputs, reader: ClusterReader, what: string): Promise<Error> {
    const why = await troubles(reader);
    return new Error(
        `the cluster is not ready after ${deadline} s; bgp-lab:docker.timeouts.ready gives it longer\n` +
            `${what}${why === "" ? "" : `\n\n${why}`}`,
    );
}

/** Why the API server does not take the objects that it must, asked again and again; nothing once it would take them. */
async function refusalWithin(
    { admits = [], controlPlane }: ReadinessInputs,
    shells: Shells,
    deadline: number,
): Promise<string | undefined> {
    for (;;) {
        const refusal = admits.length === 0 ? undefined : await tryObjects(shells, controlPlane, admits);
        if (refusal === undefined || performance.now() >= deadline) {
            return refusal;
        }
        await pause(lookInterval);
    }
}

/** Objects that the lab had in its cluster, and does not have any more. */
function leftOut(olds: ReadinessInputs, { objects = {} }: ReadinessInputs): readonly ObjectReference[] {
    const known = Object.entries(olds.objects ?? {}) as readonly (readonly [string, ObjectReference])[];
    return known.filter(([name]) => !(name in objects)).map(([, reference]) => reference);
}

async function update(olds: ReadinessInputs, news: ReadinessInputs): Promise<Outputs> {
    const gone = leftOut(olds, news);
    if (gone.length > 0 && olds.clusterId === news.clusterId) {
        await withShells((shells) => removeObjects(shells, news.controlPlane, gone));
    }
    return wait(news);
}

async function observe(inputs: ReadinessInputs): Promise<Observation> {
    const docker = await engine();
    if ((await docker.inspect(inputs.controlPlane)) === undefined) {
        return "gone";
    }
    return driftOf(await withShells((shells) => look(inputs, shells, clusterReader(shells, inputs.controlPlane), 0)));
}

/** Waits for objects of a cluster, for what Helm and Pulumi do not wait for, or not together. */
export const readiness: ResourceKind<ReadinessInputs> = {
    type: dockerTypes.readiness,
    inputs: {
        controlPlane: "string",
        clusterId: "string",
        checks: "object",
        objects: "object?",
        admits: "array?",
        deadline: "number",
        subject: "string",
    },
    replaceOn: ["controlPlane"],
    plan({ controlPlane }) {
        return { id: `${controlPlane}/readiness` };
    },
    create: wait,
    update,
    read: observe,
    async delete() {},
};
