import { findSandbox, runningSandbox } from "../connections";
import { speakerOf } from "../daemons/speaker";
import type { ResourceKind } from "../resource";
import { type NodeInputs, types } from "../schema";

/**
 * Makes the node as given. Pods and service rules come before the speaker announces them, so that no packet is drawn
 * to a node that cannot answer.
 */
async function apply(olds: NodeInputs | undefined, news: NodeInputs): Promise<void> {
    const sandbox = await runningSandbox(news.sandbox);
    const { namespace, speaker } = news;
    if (olds && olds.speaker.kind !== speaker.kind) {
        await speakerOf(olds.speaker).stop(sandbox, namespace);
    }
    await sandbox.call("applyNode", { node: { namespace, pods: news.pods, services: news.services } });
    await speakerOf(speaker).apply(sandbox, namespace);
}

/** A Kubernetes node: its BGP speaker, its pods and the rules for service addresses. */
export const node: ResourceKind<NodeInputs> = {
    type: types.node,
    inputs: { sandbox: "string", namespace: "string", speaker: "object", pods: "object", services: "object" },
    replaceOn: ["sandbox", "namespace"],
    plan({ sandbox, namespace }) {
        return { id: `${sandbox}/${namespace}` };
    },
    create: (inputs) => apply(undefined, inputs),
    update: apply,
    async read({ sandbox: name, namespace, pods, services, speaker }) {
        const sandbox = await findSandbox(name);
        if (!sandbox) {
            return "gone";
        }
        const [network, daemon] = await Promise.all([
            sandbox.call("inspectNode", { node: { namespace, pods, services } }),
            speakerOf(speaker).inspect(sandbox, namespace),
        ]);
        return [...network.drift, ...daemon];
    },
    async delete(_id, { sandbox, namespace, speaker }) {
        const running = await findSandbox(sandbox);
        if (running) {
            await speakerOf(speaker).stop(running, namespace);
            await running.call("removeNode", { namespace });
        }
    },
};
