import { contains, familyBits, familyName, familyOf, lengthOf } from "../address";
import type { KubernetesNode, Lab, Timers } from "../model";
import { isBefore } from "../releases";
import { selects } from "../selectors";
import { onLink } from "../sessions";
import { calicoTimers } from "../speakers";
import { calicoPeers } from "./peers";
import { rule } from "./rule";

/** Calico cuts its pools into blocks of a /20 to a /32, in IPv6 of a /116 to a /128. */
export const blockSizeFits = rule({
    id: "CAL-POOL-001",
    severity: "error",
    source: "Calico documentation, IPPool, blockSize",
    *check(lab) {
        const { calico, podCidrs, nodeMask } = lab.cluster;
        for (const [index, cidr] of (calico === undefined ? [] : podCidrs).entries()) {
            const family = familyOf(cidr);
            const bits = familyBits(family);
            const least = Math.max(bits - 12, lengthOf(cidr));
            if (nodeMask[family] < least || nodeMask[family] > bits) {
                yield {
                    at: ["cluster", "nodeMask", family],
                    with: [["cluster", "podCidrs", index]],
                    says: `Calico cannot cut ${cidr} into blocks of /${nodeMask[family]}`,
                    fix: `use /${least} to /${bits}`,
                };
            }
        }
    },
});

/** A node's blocks are parts of Calico's pools. */
export const blocksAreInPools = rule({
    id: "CAL-POOL-002",
    severity: "error",
    source: "Calico documentation, IPPool",
    *check(lab) {
        const { calico, podCidrs, nodes } = lab.cluster;
        for (const [name, node] of calico === undefined ? [] : Object.entries(nodes)) {
            for (const [index, block] of node.podCidrs.entries()) {
                if (!podCidrs.some((cidr) => contains(cidr, block))) {
                    yield {
                        at: ["cluster", "nodes", name, "podCidrs", index],
                        with: [["cluster", "podCidrs"]],
                        says: `${name} has the block ${block}, which is in none of the pools ${podCidrs.join(" and ")}`,
                        fix: "use a block of a pool",
                    };
                }
            }
        }
    },
});

/** A node learns where pods of others are from the mesh, from peers such as route reflectors, or sends them to a router. */
export const calicoNodesReachPods = rule({
    id: "CAL-RTE-001",
    severity: "error",
    source: "Calico documentation, configure BGP peering",
    *check(lab) {
        const { calico, nodes } = lab.cluster;
        if (calico === undefined || calico.nodeToNodeMesh || Object.keys(nodes).length === 1) {
            return;
        }
        for (const [name, node] of Object.entries(nodes)) {
            const peers = calico.peers.some((peer) => hasPeer(node, peer));
            if (!peers && !routesPods(lab, name, node)) {
                yield {
                    at: ["cluster", "calico", "nodeToNodeMesh"],
                    with: [["cluster", "calico", "peers"]],
                    says: `${name} has no way to pods of other nodes: there is no mesh, no peer that could reflect their routes, and no static route`,
                    fix: "set nodeToNodeMesh to true, or peer with route reflectors",
                };
            }
        }
    },
});

/** Without encapsulation pods' packets go to the other node itself, which must be on the same link. */
export const meshIsOnLink = rule({
    id: "CAL-RTE-002",
    severity: "error",
    source: "Calico documentation, overlay networking",
    *check(lab) {
        const { calico, nodes } = lab.cluster;
        if (calico === undefined || calico.encapsulation !== "none" || !calico.nodeToNodeMesh) {
            return;
        }
        for (const [name, node] of Object.entries(nodes)) {
            const apart = Object.entries(nodes).find(
                ([other, { routerId }]) => other !== name && onLink(node, routerId).interface === undefined,
            );
            if (apart !== undefined) {
                yield {
                    at: ["cluster", "calico", "encapsulation"],
                    with: [["cluster", "nodes", name]],
                    says: `pods' packets are not encapsulated, but ${name} has no link to ${apart[0]} (${apart[1].routerId})`,
                    fix: "set encapsulation to ipip or vxlan, or put the nodes on one segment",
                };
            }
        }
    },
});

/** Calico tells BIRD no hold time, and how often to send keepalives only since 3.32. */
export const calicoTimersAreBirds = rule({
    id: "CAL-TMR-001",
    severity: "error",
    source: "Calico documentation, BGPPeer, keepaliveTime; BIRD documentation, BGP, hold time",
    *check(lab) {
        const { calico } = lab.cluster;
        const fixed = { holdTime: calicoTimers.holdTime, connectRetry: calicoTimers.connectRetry };
        const older =
            calico !== undefined && isBefore(calico.version, 3, 32) ? { keepalive: calicoTimers.keepalive } : {};
        for (const { peer, who, place } of calicoPeers(lab)) {
            for (const [name, seconds] of Object.entries({ ...fixed, ...older })) {
                const asked = peer.timers[name as keyof Timers];
                if (asked !== seconds) {
                    yield {
                        at: [...place, "timers", name],
                        with: [["cluster", "calico", "version"]],
                        says: `${who} has a ${name} of ${asked} s, for which Calico ${calico!.version} has no setting`,
                        fix: `set it to ${seconds} s, which Calico has${name === "keepalive" ? ", or use Calico 3.32 or later" : ""}`,
                    };
                }
            }
        }
    },
});

/** A BGPPeer for no node does nothing. */
export const calicoSelectorsMatch = rule({
    id: "CAL-SEL-001",
    severity: "error",
    source: "Calico documentation, BGPPeer, nodeSelector",
    *check(lab) {
        for (const { peer, who, place } of calicoPeers(lab)) {
            if (!Object.values(lab.cluster.nodes).some((node) => hasPeer(node, peer))) {
                yield {
                    at: [...place, "nodeSelector"],
                    says: `${who} is selected for no node`,
                    fix: "select by labels that a node has, or remove nodeSelector",
                };
            }
        }
    },
});

/** Peers are told apart by their names. */
export const calicoPeerNamesAreDistinct = rule({
    id: "CAL-NAME-001",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        const names = calicoPeers(lab).map(({ peer }) => peer.name);
        for (const { peer, place } of calicoPeers(lab).filter((each, index) => names.indexOf(each.peer.name) < index)) {
            yield {
                at: [...place, "name"],
                says: `Calico has two peers named ${peer.name}`,
                fix: "rename one of them",
            };
        }
    },
});

/** Calico's mesh joins the nodes' internal IPv4 addresses; pods of another family need a pool and peers of their own. */
export const calicoPodsAreIpv4 = rule({
    id: "CAL-FAM-001",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        const { calico, podCidrs } = lab.cluster;
        for (const [index, cidr] of (calico === undefined ? [] : podCidrs).entries()) {
            if (familyOf(cidr) !== "ipv4") {
                yield {
                    at: ["cluster", "podCidrs", index],
                    says: `the pod CIDR ${cidr} is ${familyName(familyOf(cidr))}, but labs with Calico are IPv4 only`,
                    fix: "use an IPv4 pod CIDR",
                };
            }
        }
    },
});

function hasPeer(
    { labels }: KubernetesNode,
    { nodeSelector }: { readonly nodeSelector?: Parameters<typeof selects>[0] },
) {
    return nodeSelector === undefined || selects(nodeSelector, labels);
}

/** Whether static routes of a node cover the blocks of all others. */
function routesPods({ cluster }: Lab, name: string, { staticRoutes }: KubernetesNode): boolean {
    return Object.entries(cluster.nodes)
        .filter(([other]) => other !== name)
        .flatMap(([, { podCidrs }]) => podCidrs)
        .every((block) => staticRoutes.some(({ prefix }) => contains(prefix, block)));
}
