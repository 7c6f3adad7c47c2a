/** BGP speakers: the routers' and the nodes'. */

import type { Address, Asn, BgpSpeaker, CiliumBgpInstance, Lab, Neighbor, SessionSettings } from "./model";
import { selectorIndex } from "./selectors";

/** The BGP speaker of a Kubernetes node. */
export interface NodeSpeaker {
    readonly instance: CiliumBgpInstance;
    readonly asn: Asn;
    readonly routerId: Address;
}

/** All speaker configurations that select a node; more than one is an error (rule CIL-SEL-002). */
export function nodeInstances(lab: Lab, node: string): readonly CiliumBgpInstance[] {
    return instancesByNode(lab).get(node) ?? [];
}

/** Asked for every node and service; a lab never changes, so the answer is kept with it. */
const instancesByLab = new WeakMap<Lab, ReadonlyMap<string, readonly CiliumBgpInstance[]>>();

function instancesByNode(lab: Lab): ReadonlyMap<string, readonly CiliumBgpInstance[]> {
    const known = instancesByLab.get(lab);
    if (known !== undefined) {
        return known;
    }
    const { nodes, cilium } = lab.cluster;
    const selecting = selectorIndex(cilium.bgp, ({ nodeSelector }) => nodeSelector);
    const instances = new Map(Object.entries(nodes).map(([name, { labels }]) => [name, selecting(labels)]));
    instancesByLab.set(lab, instances);
    return instances;
}

/** The speaker of a node, or nothing when no configuration selects it. */
export function nodeSpeaker(lab: Lab, node: string): NodeSpeaker | undefined {
    const [instance] = nodeInstances(lab, node);
    const routerId = lab.cluster.nodes[node]?.routerId;
    return instance === undefined || routerId === undefined
        ? undefined
        : { instance, asn: instance.localAsn, routerId };
}

/** The settings of a router's neighbor: its own, or those of its peer group. Nothing when there is no such group (rule BGP-REF-001). */
export function findSessionSettings(speaker: BgpSpeaker, neighbor: Neighbor): SessionSettings | undefined {
    const { session } = neighbor;
    return session.kind === "own"
        ? session.settings
        : speaker.peerGroups.find(({ name }) => name === session.group)?.settings;
}
