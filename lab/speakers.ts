/** BGP speakers: the routers' and, of each Kubernetes node, one for every program on it that speaks BGP. */

import { familyOf } from "./address";
import type {
    Address,
    Asn,
    Bfd,
    BgpSpeaker,
    CiliumBgpInstance,
    Family,
    KubernetesNode,
    Lab,
    MetalLbPeer,
    Neighbor,
    PodNeighbor,
    Seconds,
    SessionSettings,
    Timers,
} from "./model";
import type { Path } from "./path";
import { matchesPod, nodePort, podAddress, podRouters } from "./pods";
import { selectorIndex, selects } from "./selectors";

/** A program that speaks BGP on Kubernetes nodes. */
export type SpeakerProgram = "cilium" | "calico" | "metallb";

/** What people call the programs. */
export const programNames: Readonly<Record<SpeakerProgram, string>> = {
    cilium: "Cilium",
    calico: "Calico",
    metallb: "MetalLB",
};

/** A BGP speaker of a Kubernetes node. */
export interface NodeSpeaker {
    readonly program: SpeakerProgram;
    /** Where it is configured in the model. */
    readonly path: Path;
    readonly asn: Asn;
    readonly routerId: Address;
    /**
     * Whether it takes routes of its peers and passes them on, as Calico's BIRD does, and a Cilium that is patched to do so.
     * Others only announce what is their own.
     */
    readonly imports: boolean;
    readonly neighbors: readonly NodeNeighbor[];
}

/** A neighbor of a node's speaker. */
export interface NodeNeighbor {
    /** Where it is configured in the model. */
    readonly path: Path;
    readonly address: Address;
    readonly remoteAsn: Asn;
    readonly timers: Timers;
    /** Seconds the peer keeps routes while this end restarts; absent means off. */
    readonly gracefulRestartTime?: Seconds;
    /** Hops an eBGP peer may be away; absent means directly connected. */
    readonly ebgpMultihop?: number;
    readonly families: readonly Family[];
    /** Finds a dead peer within milliseconds; absent means off. */
    readonly bfd?: Bfd;
    /** Own interface whose address the session uses; absent means that of the interface towards the peer. */
    readonly updateSource?: string;
    /** The Pod that is the neighbor, and by which selector; absent for one that is configured by its address. */
    readonly pod?: { readonly name: string; readonly neighbor: PodNeighbor };
}

/** Label by which kubeadm keeps control planes out of load balancing (Kubernetes well-known labels). */
export const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

/** Hops that MetalLB and Calico allow an eBGP peer to be away where they allow it at all (TTL 255, RFC 791). */
const anyHops = 255;

/** Calico's sessions have BIRD's hold time, and the connect retry time of its own templates (confd/etc/calico). */
export const calicoTimers: Timers = { holdTime: 240, keepalive: 80, connectRetry: 5 };

/** Seconds that Calico's peers keep routes while BIRD restarts, unless a BGPPeer says otherwise. */
export const calicoRestartTime = 120;

/** Speaker configurations of Cilium's BGP control plane. */
export function ciliumInstances(lab: Lab): readonly CiliumBgpInstance[] {
    return lab.cluster.cilium?.bgp ?? [];
}

/** All of Cilium's speaker configurations that select a node; more than one is an error (rule CIL-SEL-002). */
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
    const selecting = selectorIndex(ciliumInstances(lab), ({ nodeSelector }) => nodeSelector);
    const instances = new Map(Object.entries(lab.cluster.nodes).map(([name, { labels }]) => [name, selecting(labels)]));
    instancesByLab.set(lab, instances);
    return instances;
}

const speakersByLab = new WeakMap<Lab, ReadonlyMap<string, readonly NodeSpeaker[]>>();

/** The speakers of a node, at most one per program: those of its CNI first. */
export function nodeSpeakers(lab: Lab, node: string): readonly NodeSpeaker[] {
    const known =
        speakersByLab.get(lab) ?? new Map(Object.keys(lab.cluster.nodes).map((name) => [name, all(lab, name)]));
    speakersByLab.set(lab, known);
    return known.get(node) ?? [];
}

/** The speaker of one program on a node, or nothing when it runs none there. */
export function nodeSpeaker(lab: Lab, node: string, program: SpeakerProgram): NodeSpeaker | undefined {
    return nodeSpeakers(lab, node).find((speaker) => speaker.program === program);
}

function all(lab: Lab, name: string): readonly NodeSpeaker[] {
    const node = lab.cluster.nodes[name]!;
    return [...ciliumSpeakers(lab, name, node), ...calicoSpeakers(lab, name, node), ...metallbSpeakers(lab, node)];
}

function ciliumSpeakers(lab: Lab, name: string, { routerId }: KubernetesNode): readonly NodeSpeaker[] {
    const [instance] = nodeInstances(lab, name);
    if (instance === undefined) {
        const own = lab.cluster.cilium?.metallbBgp;
        return own === undefined
            ? []
            : metallbSpeaker("cilium", ["cluster", "cilium", "metallbBgp"], own.peers, routerId);
    }
    const path: Path = ["cluster", "cilium", "bgp", ciliumInstances(lab).indexOf(instance)];
    const neighbors = instance.neighbors.map(
        (neighbor, index): NodeNeighbor => ({ ...neighbor, path: [...path, "neighbors", index] }),
    );
    const pods = (instance.podNeighbors ?? []).flatMap((neighbor, index) =>
        podNeighborsOn(lab, name, instance, neighbor, [...path, "podNeighbors", index]),
    );
    const imports = instance.transit === true;
    return [{ program: "cilium", path, asn: instance.localAsn, routerId, imports, neighbors: [...neighbors, ...pods] }];
}

/** The Pods on a node that a neighbor by label means, once for each family in which they have an address. */
function podNeighborsOn(
    lab: Lab,
    node: string,
    { localAsn }: CiliumBgpInstance,
    neighbor: PodNeighbor,
    path: Path,
): readonly NodeNeighbor[] {
    const { remoteAs, timers, ebgpMultihop, families } = neighbor;
    return podRouters(lab)
        .filter(({ pod }) => pod.node === node && matchesPod(neighbor, pod))
        .flatMap(({ name, router }) =>
            families.flatMap((family): NodeNeighbor[] => {
                const address = podAddress(router, family);
                const remoteAsn = remoteAs.kind === "asn" ? remoteAs.asn : router.bgp.asn;
                const isExternal = remoteAs.kind === "asn" || remoteAsn !== localAsn;
                return address === undefined || !isExternal
                    ? []
                    : [
                          {
                              path,
                              address,
                              remoteAsn,
                              timers,
                              ebgpMultihop,
                              families: [family],
                              updateSource: nodePort,
                              pod: { name, neighbor },
                          },
                      ];
            }),
        );
}

function calicoSpeakers(lab: Lab, name: string, node: KubernetesNode): readonly NodeSpeaker[] {
    const { calico } = lab.cluster;
    if (calico === undefined) {
        return [];
    }
    const path: Path = ["cluster", "calico"];
    const peers = calico.peers.flatMap(({ nodeSelector, address, asn, ...peer }, index): NodeNeighbor[] =>
        nodeSelector === undefined || selects(nodeSelector, node.labels)
            ? [
                  {
                      path: [...path, "peers", index],
                      address,
                      remoteAsn: asn,
                      timers: peer.timers,
                      gracefulRestartTime: peer.gracefulRestartTime ?? calicoRestartTime,
                      ...(asn === calico.asn ? {} : { ebgpMultihop: anyHops }),
                      families: [familyOf(address)],
                  },
              ]
            : [],
    );
    const mesh = calico.nodeToNodeMesh ? meshNeighbors(lab, name, calico.asn) : [];
    return [
        {
            program: "calico",
            path,
            asn: calico.asn,
            routerId: node.routerId,
            imports: true,
            neighbors: [...mesh, ...peers],
        },
    ];
}

/** Every other node, by its internal IPv4 address. */
function meshNeighbors({ cluster }: Lab, name: string, asn: Asn): readonly NodeNeighbor[] {
    return Object.entries(cluster.nodes)
        .filter(([other]) => other !== name)
        .map(([, { routerId }]) => ({
            path: ["cluster", "calico", "nodeToNodeMesh"],
            address: routerId,
            remoteAsn: asn,
            timers: calicoTimers,
            gracefulRestartTime: calicoRestartTime,
            families: ["ipv4"],
        }));
}

function metallbSpeakers({ cluster: { metallb } }: Lab, { labels, routerId }: KubernetesNode): readonly NodeSpeaker[] {
    if (metallb === undefined) {
        return [];
    }
    const peers = metallb.peers.filter(
        ({ nodeSelector }) => nodeSelector === undefined || selects(nodeSelector, labels),
    );
    return metallbSpeaker("metallb", ["cluster", "metallb"], peers, routerId, metallb.peers);
}

/** MetalLB's own speaker and the one in Cilium are configured alike. A node without peers runs a speaker without sessions. */
function metallbSpeaker(
    program: SpeakerProgram,
    path: Path,
    peers: readonly MetalLbPeer[],
    routerId: Address,
    all: readonly MetalLbPeer[] = peers,
): readonly NodeSpeaker[] {
    const [first] = peers;
    if (first === undefined) {
        return [];
    }
    const neighbors = peers.map(
        (peer): NodeNeighbor => ({
            path: [...path, "peers", all.indexOf(peer)],
            address: peer.peerAddress,
            remoteAsn: peer.peerAsn,
            timers: peer.timers,
            ...(peer.ebgpMultihop ? { ebgpMultihop: anyHops } : {}),
            families: [familyOf(peer.peerAddress)],
            ...(peer.bfd === undefined ? {} : { bfd: peer.bfd }),
        }),
    );
    return [{ program, path, asn: first.myAsn, routerId, imports: false, neighbors }];
}

/** The settings of a router's neighbor: its own, or those of its peer group. Nothing when there is no such group (rule BGP-REF-001). */
export function findSessionSettings(speaker: BgpSpeaker, neighbor: Neighbor): SessionSettings | undefined {
    const { session } = neighbor;
    return session.kind === "own"
        ? session.settings
        : speaker.peerGroups.find(({ name }) => name === session.group)?.settings;
}
