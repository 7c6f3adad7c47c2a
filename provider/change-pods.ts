/** Other Pods on the nodes of a running lab. */

import type { Lab } from "../lab/model";
import { nodeSpec } from "../render/embedded";
import { type DrilledLab, inputsOf } from "./drilled-lab";
import { node } from "./resources/node";
import { type NodeInputs, types } from "./schema";

/**
 * Gives the nodes the Pods of another model of the lab, as a cluster does: nothing but Pods and the services over them
 * changes. Nodes that lose Pods come first, so that a Pod that moves is gone before it is there.
 *
 * @param from whose Pods the nodes have
 * @param to whose Pods they get
 */
export async function changePods(lab: DrilledLab, from: Lab, to: Lab): Promise<void> {
    const changes = inputsOf<NodeInputs>(lab, types.node)
        .map((inputs) => ({ before: withPodsOf(inputs, from), after: withPodsOf(inputs, to) }))
        .filter(({ before, after }) => JSON.stringify(before) !== JSON.stringify(after));
    for (const { before, after } of changes.sort((a, b) => growth(a) - growth(b))) {
        await node.update(before, after, lab.context);
    }
}

interface Change {
    readonly before: NodeInputs;
    readonly after: NodeInputs;
}

function growth({ before, after }: Change): number {
    return Object.keys(after.pods).length - Object.keys(before.pods).length;
}

/** What a node is told with the Pods of a model. */
function withPodsOf(inputs: NodeInputs, lab: Lab): NodeInputs {
    const { pods, services } = nodeSpec(lab, inputs.namespace);
    return { ...inputs, pods, services };
}
