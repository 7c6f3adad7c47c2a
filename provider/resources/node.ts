import { findSandbox, runningSandbox } from "../connections";
import { speakerOf } from "../daemons/speaker";
import type { ResourceKind } from "../resource";
import type { Drift, Sandbox } from "../sandbox/protocol";
import { type NodeInputs, type SpeakerSpec, types } from "../schema";

/** Inputs as a state may have them: before there could be several speakers, the one speaker was an input of its own. */
type RecordedInputs = Omit<NodeInputs, "speakers"> & {
    readonly speakers?: NodeInputs["speakers"];
    readonly speaker?: SpeakerSpec;
};

function speakersOf({ speakers, speaker }: RecordedInputs): readonly (readonly [string, SpeakerSpec])[] {
    return Object.entries(speakers ?? (speaker === undefined ? {} : { cilium: speaker }));
}

/**
 * Makes the node as given. Daemons that are no longer wanted end first, so that they free what others take over. Pods and
 * service rules come before the speakers announce them, so that no packet is drawn to a node that cannot answer.
 */
async function apply(olds: RecordedInputs | undefined, news: NodeInputs): Promise<void> {
    const sandbox = await runningSandbox(news.sandbox);
    const { namespace } = news;
    const speakers = speakersOf(news);
    const kinds = new Set(speakers.map(([, { kind }]) => kind));
    const before = olds === undefined ? [] : speakersOf(olds);
    await stopAll(
        sandbox,
        namespace,
        before.filter(([, { kind }]) => !kinds.has(kind)),
    );
    await sandbox.call("applyNode", { node: { namespace, pods: news.pods, services: news.services } });
    await Promise.all(speakers.map(([, spec]) => speakerOf(spec).apply(sandbox, namespace)));
}

async function stopAll(
    sandbox: Sandbox,
    namespace: string,
    speakers: readonly (readonly [string, SpeakerSpec])[],
): Promise<void> {
    await Promise.all(speakers.map(([, spec]) => speakerOf(spec).stop(sandbox, namespace)));
}

/** What a speaker differs in, with the paths of the node's inputs. */
async function inspect(
    sandbox: Sandbox,
    namespace: string,
    [program, spec]: readonly [string, SpeakerSpec],
): Promise<readonly Drift[]> {
    const drift = await speakerOf(spec).inspect(sandbox, namespace);
    return drift.map(({ path, found }) => ({ path: ["speakers", program, path].filter(Boolean).join("."), found }));
}

/** A Kubernetes node: its BGP speakers, its pods and the rules for service addresses. */
export const node: ResourceKind<NodeInputs> = {
    type: types.node,
    inputs: { sandbox: "string", namespace: "string", speakers: "object", pods: "object", services: "object" },
    replaceOn: ["sandbox", "namespace"],
    plan({ sandbox, namespace }) {
        return { id: `${sandbox}/${namespace}` };
    },
    create: (inputs) => apply(undefined, inputs),
    update: apply,
    async read(inputs) {
        const { sandbox: name, namespace, pods, services } = inputs;
        const sandbox = await findSandbox(name);
        if (!sandbox) {
            return "gone";
        }
        const [network, ...speakers] = await Promise.all([
            sandbox.call("inspectNode", { node: { namespace, pods, services } }),
            ...speakersOf(inputs).map((speaker) => inspect(sandbox, namespace, speaker)),
        ]);
        return [...network.drift, ...speakers.flat()];
    },
    async delete(_id, inputs) {
        const { sandbox, namespace } = inputs;
        const running = await findSandbox(sandbox);
        if (running) {
            await stopAll(running, namespace, speakersOf(inputs));
            await running.call("removeNode", { namespace });
        }
    },
};
