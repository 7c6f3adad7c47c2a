/**
 * The speaker of Calico, configured from the custom resources that a cluster would be given, the way Calico's confd does it
 * (confd/etc/calico/confd/templates, 3.32). The lab model is not consulted: what the embedded lab proves is what a cluster
 * is told.
 */

import { familyOf, parseAddress } from "../lab/address";
import type { Address, Asn, Family, Prefix, Seconds } from "../lab/model";
import { calicoSelects } from "./calico-selector";
import type { BGPConfiguration, KubernetesObject } from "./kubernetes";
import type { NodeFacts } from "./load-balancer";
import { isCalico, ofKind } from "./objects";

/** A peer of one node's BIRD. */
interface Peer {
    readonly protocol: string;
    readonly address: Address;
    readonly asn: Asn;
    readonly isMesh: boolean;
    readonly keepalive?: Seconds;
    readonly restartTime?: Seconds;
}

/** What one node's BIRD is told. */
interface Speaker {
    readonly asn: Asn;
    readonly node: NodeFacts;
    readonly peers: readonly Peer[];
    readonly pools: readonly Prefix[];
}

/**
 * bird.conf (BIRD 2) of a node's Calico: iBGP to every other node while the mesh is on, and the peers that select the node.
 * It offers the node's blocks and what it learned of the pools, takes everything, and puts what it learned into the kernel.
 *
 * @param node the node
 * @param others the cluster's other nodes
 * @returns nothing when there is no BGPConfiguration of the name `default`
 */
export function calicoBird(
    objects: readonly KubernetesObject[],
    node: NodeFacts,
    others: readonly NodeFacts[],
): string | undefined {
    const configuration = ofKind(objects, "BGPConfiguration").find(({ metadata }) => metadata.name === "default");
    if (configuration === undefined) {
        return undefined;
    }
    return birdConf({
        asn: configuration.spec.asNumber,
        node,
        peers: [...meshPeers(configuration, others), ...ownPeers(objects, node)],
        pools: ofKind(objects, "IPPool").map(({ spec }) => spec.cidr),
    });
}

function meshPeers({ spec }: BGPConfiguration, others: readonly NodeFacts[]): readonly Peer[] {
    return spec.nodeToNodeMeshEnabled
        ? others.map(({ routerId }) => ({
              protocol: protocolName("Mesh", routerId),
              address: routerId,
              asn: spec.asNumber,
              isMesh: true,
          }))
        : [];
}

function ownPeers(objects: readonly KubernetesObject[], { labels }: NodeFacts): readonly Peer[] {
    return ofKind(objects, "BGPPeer")
        .filter(isCalico)
        .filter(({ spec: { nodeSelector } }) => nodeSelector === undefined || calicoSelects(nodeSelector, labels))
        .map(({ spec }): Peer => {
            const kind = spec.nodeSelector === undefined ? "Global" : "Node";
            return {
                protocol: protocolName(kind, spec.peerIP),
                address: spec.peerIP,
                asn: spec.asNumber,
                isMesh: false,
                ...(spec.keepaliveTime === undefined ? {} : { keepalive: secondsOf(spec.keepaliveTime) }),
                ...(spec.maxRestartTime === undefined ? {} : { restartTime: secondsOf(spec.maxRestartTime) }),
            };
        });
}

/** Calico's names of BIRD's protocols, which have neither dots nor colons. */
function protocolName(kind: "Mesh" | "Global" | "Node", address: Address): string {
    return `${kind}_${address.replace(/[.:]/g, "_")}`;
}

function secondsOf(duration: string): Seconds {
    return Number(duration.replace("s", ""));
}

function birdConf(speaker: Speaker): string {
    const { node, peers } = speaker;
    const families = (["ipv4", "ipv6"] as const).filter((family) =>
        [...node.podCidrs, ...peers.map(({ address }) => address)].some((text) => familyOf(text) === family),
    );
    const sections = [
        [`router id ${node.routerId};`],
        ["protocol device {", "    scan time 2;", "}"],
        ["protocol direct {", ...families.map((family) => `    ${family};`), "}"],
        ...families.flatMap((family) => [blocks(speaker, family), kernel(family), exported(speaker, family)]),
        ...peers.map((peer) => bgp(peer, speaker)),
    ];
    return sections
        .filter((lines) => lines.length > 0)
        .map((lines) => `${lines.join("\n")}\n`)
        .join("\n");
}

function ownBlocks({ node }: Speaker, family: Family): readonly Prefix[] {
    return node.podCidrs.filter((block) => familyOf(block) === family);
}

function blocks(speaker: Speaker, family: Family): string[] {
    const own = ownBlocks(speaker, family);
    return own.length === 0
        ? []
        : [
              `protocol static blocks_${family} {`,
              `    ${family};`,
              ...own.map((block) => `    route ${block} blackhole;`),
              "}",
          ];
}

/** The fabric itself ends the node's own blocks in a blackhole, whether BIRD runs or not; so BIRD writes what it learned. */
function kernel(family: Family): string[] {
    return [
        `protocol kernel kernel_${family} {`,
        "    learn;",
        "    scan time 2;",
        "    merge paths on;",
        `    ${family} {`,
        "        import all;",
        "        export where source = RTS_BGP;",
        "    };",
        "}",
    ];
}

/** The block is announced and nothing beneath it; of the rest, what lies in the pools. */
function exported(speaker: Speaker, family: Family): string[] {
    const own = ownBlocks(speaker, family);
    const pools = speaker.pools.filter((pool) => familyOf(pool) === family);
    return [
        `filter exported_${family} {`,
        ...own.flatMap((block) => [`    if net = ${block} then accept;`, `    if net ~ ${block} then reject;`]),
        ...pools.map((pool) => `    if net ~ ${pool} then accept;`),
        "    reject;",
        "}",
    ];
}

function bgp(peer: Peer, { asn, node }: Speaker): string[] {
    const { protocol, address, isMesh, keepalive, restartTime } = peer;
    const family = familyOf(address);
    const source = familyOf(node.routerId) === family ? `${node.routerId} ` : "";
    return [
        `protocol bgp ${protocol} {`,
        `    local ${source}as ${asn};`,
        `    neighbor ${address} as ${peer.asn};`,
        ...(isMesh ? meshConnection(address, node) : peerConnection),
        ...(keepalive === undefined ? [] : [`    keepalive time ${keepalive};`]),
        "    graceful restart on;",
        ...(restartTime === undefined ? [] : [`    graceful restart time ${restartTime};`]),
        `    ${family} {`,
        "        import all;",
        `        export filter exported_${family};`,
        "    };",
        "}",
    ];
}

/** Of two nodes one connects. Both start at once, so a failed attempt is soon repeated. */
function meshConnection(address: Address, { routerId }: NodeFacts): string[] {
    return [
        ...(parseAddress(address).value > parseAddress(routerId).value ? ["    passive on;"] : []),
        "    connect delay time 1;",
        "    connect retry time 1;",
        "    error wait time 1, 5;",
    ];
}

/**
 * Any number of hops away. The router connects first: when both ends do at once, FRR 8.4 answers one of the connections
 * with an error. But after a BIRD that was killed, FRR only waits as long as the graceful restart lasts.
 */
const peerConnection = [
    "    multihop;",
    "    connect delay time 5;",
    "    connect retry time 5;",
    "    error wait time 1, 5;",
];
