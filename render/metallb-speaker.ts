/**
 * The speakers of MetalLB, configured from the objects and values that a cluster would be given, the way MetalLB reads them.
 * The lab model is not consulted: what the embedded lab proves is what a cluster is told.
 */

import { createHash } from "node:crypto";
import { familyOf, hostPrefix } from "../lab/address";
import type { Address, Asn, Family, LabelSelector, Milliseconds, Seconds } from "../lab/model";
import { selects } from "../lab/selectors";
import { excludeLabel } from "../lab/speakers";
import type { GobgpConfig } from "../provider/schema";
import type { HelmValues } from "./cilium";
import type { KubernetesObject } from "./kubernetes";
import {
    addressPools,
    assignedAddresses,
    ciliumMetalLbFile,
    hasEndpointFor,
    metallbFile,
    type NodeFacts,
    poolsGiving,
} from "./load-balancer";
import type { MetalLbFile, MetalLbInstallation } from "./metallb";
import { metallbTraits } from "./metallb-versions";
import { isMetalLb, ofKind } from "./objects";

/** A peer, from whichever form of configuration. */
interface Peer {
    readonly address: Address;
    readonly myAsn: Asn;
    readonly peerAsn: Asn;
    readonly holdTime: Seconds;
    readonly keepalive: Seconds;
    readonly multihop: boolean;
    readonly bfdProfile?: string;
}

/** A speaker with its sessions, and the addresses that it announces. */
interface Speaker {
    readonly asn: Asn;
    readonly peers: readonly Peer[];
    readonly addresses: readonly Address[];
}

/** Hold time of MetalLB where none is configured (internal/bgp/native). */
const defaultHoldTime = 90;

/**
 * frr.conf of a node's MetalLB: its peers, with the node's load-balancer addresses announced and nothing taken, as MetalLB
 * itself configures FRR (internal/bgp/frr/templates).
 *
 * @returns nothing when the node has no peer: MetalLB then has no session there
 * @throws Error when peers of the node want several ASes of it, or refer to a BFD profile that does not exist
 */
export function metallbFrr(
    objects: readonly KubernetesObject[],
    installation: MetalLbInstallation,
    node: NodeFacts,
): string | undefined {
    const peers = [...resourcePeers(objects, node), ...filePeers(metallbFile(objects), node)];
    const speaker = speakerOf(peers, () =>
        isExcluded(installation, node)
            ? []
            : announcedAddresses(objects, announcedPools(objects, "BGPAdvertisement", "bgp"), node),
    );
    return speaker === undefined ? undefined : frrConf(speaker, objects, node);
}

/**
 * The speaker of the MetalLB in Cilium, as GoBGP, which speaks for Cilium's other one, too.
 *
 * @param values Cilium's Helm values, which say what is announced
 * @returns nothing when that speaker is off, or has no peer on the node
 * @throws Error when peers of the node want several ASes of it
 */
export function ciliumMetalLbGobgp(
    objects: readonly KubernetesObject[],
    values: HelmValues,
    node: NodeFacts,
): GobgpConfig | undefined {
    const { enabled, announce } = (values.bgp ?? {}) as {
        readonly enabled?: boolean;
        readonly announce?: { readonly loadbalancerIP?: boolean; readonly podCIDR?: boolean };
    };
    const file = enabled === true ? ciliumMetalLbFile(objects) : undefined;
    const pools = new Set(file?.["address-pools"].map(({ name }) => name));
    const speaker = speakerOf(filePeers(file, node), () =>
        announce?.loadbalancerIP === true ? announcedAddresses(objects, pools, node) : [],
    );
    if (speaker === undefined) {
        return undefined;
    }
    const podCidrs = announce?.podCIDR === true ? node.podCidrs : [];
    return {
        asn: speaker.asn,
        routerId: node.routerId,
        neighbors: speaker.peers.map(({ address, peerAsn, holdTime, keepalive }) => ({
            address,
            remoteAsn: peerAsn,
            holdTime,
            keepalive,
            connectRetry: 1,
            gracefulRestartTime: 0,
            families: [familyOf(address)],
        })),
        originated: [...podCidrs, ...speaker.addresses.map(hostPrefix)],
    };
}

/** A load-balancer address, and the node that answers for it on its own networks. */
export interface Layer2Owner {
    readonly node: string;
    readonly address: Address;
}

/**
 * The nodes that answer ARP for addresses which are announced on layer 2. MetalLB elects one for each address, by a digest
 * of node and address, among those that may announce (speaker/layer2_controller.go). Only IPv4: neighbor discovery for
 * such an address is not part of the lab.
 */
export function layer2Owners(
    objects: readonly KubernetesObject[],
    installation: MetalLbInstallation,
    nodes: Readonly<Record<string, NodeFacts>>,
): readonly Layer2Owner[] {
    const announced = announcedPools(objects, "L2Advertisement", "layer2");
    const candidates = Object.entries(nodes).filter(([, node]) => !isExcluded(installation, node));
    const addresses = candidates.flatMap(([name, node]) =>
        announcedAddresses(objects, announced, node).map((address) => ({ node: name, address })),
    );
    const ipv4 = addresses.filter(({ address }) => familyOf(address) === "ipv4");
    const first = new Map<Address, Layer2Owner>();
    for (const owner of [...ipv4].sort(byDigest)) {
        if (!first.has(owner.address)) {
            first.set(owner.address, owner);
        }
    }
    return [...first.values()];
}

function byDigest(a: Layer2Owner, b: Layer2Owner): number {
    return digest(a) < digest(b) ? -1 : 1;
}

function digest({ node, address }: Layer2Owner): string {
    return createHash("sha256").update(`${node}#${address}`).digest("hex");
}

function speakerOf(peers: readonly Peer[], addresses: () => readonly Address[]): Speaker | undefined {
    const asns = [...new Set(peers.map(({ myAsn }) => myAsn))];
    const [asn] = asns;
    if (asns.length > 1) {
        throw new Error(
            `MetalLB's peers want a node to be of AS ${asns.join(" and ")}; FRR speaks for one, name the same`,
        );
    }
    return asn === undefined ? undefined : { asn, peers, addresses: addresses() };
}

/** Nodes with the label announce nothing, where the version knows it and the chart does not say otherwise. */
function isExcluded({ version, values }: MetalLbInstallation, { labels }: NodeFacts): boolean {
    return (
        labels[excludeLabel] !== undefined &&
        metallbTraits(version).honoursExcludeLabel &&
        values.speaker.ignoreExcludeLB !== true
    );
}

function resourcePeers(objects: readonly KubernetesObject[], { labels }: NodeFacts): readonly Peer[] {
    return ofKind(objects, "BGPPeer")
        .filter(isMetalLb)
        .filter(({ spec: { nodeSelectors = [] } }) => isSelected(nodeSelectors, labels))
        .map(({ spec }): Peer => {
            const holdTime = secondsOf(spec.holdTime);
            return {
                address: spec.peerAddress,
                myAsn: spec.myASN,
                peerAsn: spec.peerASN,
                holdTime,
                keepalive: spec.keepaliveTime === undefined ? Math.floor(holdTime / 3) : secondsOf(spec.keepaliveTime),
                multihop: spec.ebgpMultiHop === true,
                ...(spec.bfdProfile === undefined ? {} : { bfdProfile: spec.bfdProfile }),
            };
        });
}

/** The native speaker, which alone reads the file, lets its packets live for as many hops as the kernel does. */
function filePeers(file: MetalLbFile | undefined, { labels }: NodeFacts): readonly Peer[] {
    return (file?.peers ?? [])
        .filter((peer) => isSelected((peer["node-selectors"] ?? []).map(selectorOf), labels))
        .map((peer): Peer => {
            const holdTime = peer["hold-time"] === undefined ? defaultHoldTime : secondsOf(peer["hold-time"]);
            return {
                address: peer["peer-address"],
                myAsn: peer["my-asn"],
                peerAsn: peer["peer-asn"],
                holdTime,
                keepalive: Math.floor(holdTime / 3),
                multihop: true,
            };
        });
}

/** No selector at all selects every node. */
function isSelected(selectors: readonly LabelSelector[], labels: NodeFacts["labels"]): boolean {
    return selectors.length === 0 || selectors.some((selector) => selects(selector, labels));
}

type FileSelector = NonNullable<MetalLbFile["peers"][number]["node-selectors"]>[number];

function selectorOf(selector: FileSelector): LabelSelector {
    return {
        matchLabels: selector["match-labels"] ?? {},
        matchExpressions: selector["match-expressions"] ?? [],
    };
}

function secondsOf(duration: string): Seconds {
    const seconds = Number(/^(\d+)s$/.exec(duration)?.[1] ?? Number.NaN);
    if (Number.isNaN(seconds)) {
        throw new Error(`"${duration}" is not a duration in seconds; write it as 90s`);
    }
    return seconds;
}

/** Names of the pools that are announced in one of the two ways. An advertisement that names none speaks of all. */
function announcedPools(
    objects: readonly KubernetesObject[],
    kind: "BGPAdvertisement" | "L2Advertisement",
    protocol: "bgp" | "layer2",
): ReadonlySet<string> {
    const all = ofKind(objects, "IPAddressPool").map(({ metadata }) => metadata.name);
    const named = ofKind(objects, kind).flatMap(({ spec: { ipAddressPools } }) =>
        ipAddressPools.length === 0 ? all : ipAddressPools,
    );
    const inFile = (metallbFile(objects)?.["address-pools"] ?? []).filter((pool) => pool.protocol === protocol);
    return new Set([...named, ...inFile.map(({ name }) => name)]);
}

function announcedAddresses(
    objects: readonly KubernetesObject[],
    announced: ReadonlySet<string>,
    node: NodeFacts,
): readonly Address[] {
    const pools = addressPools(objects);
    return ofKind(objects, "Service")
        .filter((service) => hasEndpointFor(service, objects, node))
        .flatMap((service) =>
            assignedAddresses(service, pools).filter((address) =>
                poolsGiving(address, service, pools).some(({ name }) => announced.has(name)),
            ),
        );
}

/** Name of the route map that takes nothing from a peer. */
const nothing = "TAKE-NOTHING";

function frrConf({ asn, peers, addresses }: Speaker, objects: readonly KubernetesObject[], node: NodeFacts): string {
    const sections = [
        [
            "frr defaults traditional",
            // Otherwise a route map that changes holds for the routes five seconds later.
            "bgp route-map delay-timer 0",
            "ip nht resolve-via-default",
            "ipv6 nht resolve-via-default",
        ],
        [
            `router bgp ${asn}`,
            ` bgp router-id ${node.routerId}`,
            " no bgp ebgp-requires-policy",
            " no bgp default ipv4-unicast",
            " no bgp network import-check",
            // FRR's default of a second before it sends an update is felt in a lab.
            " coalesce-time 20",
            ...peers.flatMap((peer) => neighbor(peer, asn)).map((line) => ` neighbor ${line}`),
            ...addressFamily("ipv4", peers, addresses),
            ...addressFamily("ipv6", peers, addresses),
            "exit",
        ],
        [`route-map ${nothing} deny 10`, "exit"],
        bfd(peers, objects),
    ];
    return sections
        .filter((lines) => lines.length > 0)
        .map((lines) => `${lines.join("\n")}\n!\n`)
        .join("");
}

function neighbor({ address, peerAsn, holdTime, keepalive, multihop, bfdProfile }: Peer, asn: Asn): string[] {
    return [
        `${address} remote-as ${peerAsn}`,
        ...(multihop && peerAsn !== asn ? [`${address} ebgp-multihop 255`] : []),
        ...(bfdProfile === undefined ? [] : [`${address} bfd`, `${address} bfd profile ${bfdProfile}`]),
        `${address} timers ${keepalive} ${holdTime}`,
        // Nobody can connect to a speaker that does not listen: whatever a resource says, it tries again at once. So does
        // MetalLB's own after its first attempt; where the router comes later, the lab would wait for the speaker.
        `${address} timers connect 1`,
    ];
}

function addressFamily(family: Family, peers: readonly Peer[], addresses: readonly Address[]): string[] {
    const own = peers.filter(({ address }) => familyOf(address) === family);
    if (own.length === 0) {
        return [];
    }
    return [
        " !",
        ` address-family ${family} unicast`,
        ...addresses
            .filter((address) => familyOf(address) === family)
            .map((address) => `  network ${hostPrefix(address)}`),
        ...own.flatMap(({ address }) => [
            `  neighbor ${address} activate`,
            `  neighbor ${address} route-map ${nothing} in`,
        ]),
        " exit-address-family",
    ];
}

function bfd(peers: readonly Peer[], objects: readonly KubernetesObject[]): string[] {
    const names = [...new Set(peers.flatMap(({ bfdProfile }) => bfdProfile ?? []))];
    return names.length === 0
        ? []
        : ["bfd", ...names.flatMap((name) => bfdProfile(name, objects)).map((line) => ` ${line}`), "exit"];
}

function bfdProfile(name: string, objects: readonly KubernetesObject[]): string[] {
    const spec = ofKind(objects, "BFDProfile").find(({ metadata }) => metadata.name === name)?.spec;
    if (spec === undefined) {
        throw new Error(`a BGPPeer refers to the BFDProfile ${name}, which does not exist`);
    }
    const interval = (words: string, milliseconds: Milliseconds) => ` ${words} ${milliseconds}`;
    return [
        `profile ${name}`,
        ` detect-multiplier ${spec.detectMultiplier}`,
        interval("receive-interval", spec.receiveInterval),
        interval("transmit-interval", spec.transmitInterval),
        "exit",
    ];
}
