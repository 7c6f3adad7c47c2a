import { findSandbox, runningSandbox } from "../connections";
import { applyPodRouter, inspectPodRouter } from "../daemons/pod-router";
import { speakerOf } from "../daemons/speaker";
import type { ResourceKind } from "../resource";
import type { Drift, Sandbox } from "../sandbox/protocol";
import { type NodeInputs, type PodRouterSpec, type SpeakerSpec, types } from "../schema";

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
 * service rules come before the speakers announce them, so that no packet is drawn to a node that cannot answer. Routers in
 * Pods start when the Pods are there, and end with them.
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
    await Promise.all([
        ...speakers.map(([, spec]) => speakerOf(spec).apply(sandbox, namespace)),
        ...routersIn(news).map(([pod, router]) => applyPodRouter(sandbox, pod, router)),
    ]);
}

function routersIn({ pods }: Pick<NodeInputs, "pods">): readonly (readonly [pod: string, PodRouterSpec])[] {
    return Object.entries(pods).flatMap(([name, { router }]) =>
        router === undefined ? [] : [[name, router] as const],
    );
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
    return within(["speakers", program], await speakerOf(spec).inspect(sandbox, namespace));
}

function within(place: readonly string[], drift: readonly Drift[]): readonly Drift[] {
    return drift.map(({ path, found }) => ({ path: [...place, path].filter(Boolean).join("."), found }));
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
        const [network, ...daemons] = await Promise.all([
            sandbox.call("inspectNode", { node: { namespace, pods, services } }),
            ...speakersOf(inputs).map((speaker) => inspect(sandbox, namespace, speaker)),
            ...routersIn(inputs).map(async ([pod, router]) =>
                within(["pods", pod, "router"], await inspectPodRouter(sandbox, pod, router)),
            ),
        ]);
        return [...network.drift, ...daemons.flat()];
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
