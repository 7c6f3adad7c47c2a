/** The Pods of all nodes, for those who want to hear of each change. */
import { randomUUID } from "node:crypto";
import type { NodeNetwork, RunningPod } from "./protocol";

/** All Pods at one time. */
interface PodList {
    readonly revision: number;
    readonly pods: readonly RunningPod[];
}

let revision = 1;
const byNode = new Map<string, readonly RunningPod[]>();
const listeners = new Set<() => void>();

function list(): PodList {
    return { revision, pods: [...byNode.values()].flat() };
}

/**
 * Makes the Pods of a node known. A Pod that the node has already keeps its uid: one that is to be a new one has to be left
 * out first.
 */
export function publishPods(node: string, pods: NodeNetwork["pods"]): void {
    const before = byNode.get(node) ?? [];
    const uids = new Map(before.map(({ name, uid }) => [name, uid]));
    const now = Object.entries(pods).map(
        ([name, { namespace, labels, addresses }]): RunningPod => ({
            name,
            namespace,
            labels,
            node,
            addresses,
            uid: uids.get(name) ?? randomUUID(),
        }),
    );
    if (JSON.stringify(now) === JSON.stringify(before)) {
        return;
    }
    if (now.length === 0) {
        byNode.delete(node);
    } else {
        byNode.set(node, now);
    }
    revision++;
    for (const hear of [...listeners]) {
        hear();
    }
}

/**
 * All Pods, or with `after` those of the next revision that is another one.
 *
 * @param waitMilliseconds longest time to wait for another revision. @default 0
 * @param abort fires when the asker has gone
 */
export function podList(
    { after, waitMilliseconds = 0 }: { readonly after?: number; readonly waitMilliseconds?: number },
    abort: AbortSignal,
): PodList | Promise<PodList> {
    if (after !== revision || waitMilliseconds <= 0 || abort.aborted) {
        return list();
    }
    return new Promise((resolve) => {
        const answer = () => {
            clearTimeout(timer);
            listeners.delete(answer);
            abort.removeEventListener("abort", answer);
            resolve(list());
        };
        const timer = setTimeout(answer, waitMilliseconds);
        listeners.add(answer);
        abort.addEventListener("abort", answer, { once: true });
    });
}
