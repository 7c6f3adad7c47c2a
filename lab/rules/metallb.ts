import { contains } from "../address";
import type { Lab, LabelSelector, LoadBalancerPool } from "../model";
import type { Path } from "../path";
import { selects } from "../selectors";
import { announcedPools, isExcluded } from "../services";
import { ciliumInstances } from "../speakers";
import { devices } from "./devices";
import { metallbPeers } from "./peers";
import { rule } from "./rule";

const documentation = "MetalLB documentation, configuration";

/** An advertisement makes pools known that exist. */
export const advertisedPoolsExist = rule({
    id: "MLB-ADV-001",
    severity: "error",
    source: documentation,
    *check(lab) {
        const known = lab.cluster.loadBalancerPools.map(({ name }) => name);
        for (const [index, { name, pools }] of (lab.cluster.metallb?.advertisements ?? []).entries()) {
            for (const [position, pool] of pools.entries()) {
                if (!known.includes(pool)) {
                    yield {
                        at: ["cluster", "metallb", "advertisements", index, "pools", position],
                        says: `MetalLB's advertisement ${name} names the pool ${pool}, which does not exist`,
                        fix: known.length === 0 ? "add the pool" : `use one of ${known.join(", ")}`,
                    };
                }
            }
        }
    },
});

/** Addresses of a pool that nobody makes known are assigned, and reach nobody. */
export const poolsAreAnnounced = rule({
    id: "MLB-ADV-002",
    severity: "error",
    source: documentation,
    *check(lab) {
        if (lab.cluster.metallb === undefined || ciliumInstances(lab).length > 0) {
            return;
        }
        const announced = new Set([...announcedPools(lab, "bgp"), ...announcedPools(lab, "layer2")]);
        for (const [index, { name }] of lab.cluster.loadBalancerPools.entries()) {
            if (!announced.has(name)) {
                yield {
                    at: ["cluster", "loadBalancerPools", index, "name"],
                    with: [["cluster", "metallb", "advertisements"]],
                    says: `no advertisement of MetalLB names the pool ${name}: nobody learns of its addresses`,
                    fix: "add an advertisement that names it",
                };
            }
        }
    },
});

/** Routes are announced to peers. */
export const bgpAdvertisementsHavePeers = rule({
    id: "MLB-ADV-003",
    severity: "error",
    source: documentation,
    *check(lab) {
        const { metallb } = lab.cluster;
        for (const [index, { kind, name }] of (metallb?.advertisements ?? []).entries()) {
            if (kind === "bgp" && metallb?.peers.length === 0) {
                yield {
                    at: ["cluster", "metallb", "advertisements", index],
                    with: [["cluster", "metallb", "peers"]],
                    says: `MetalLB's advertisement ${name} announces over BGP, but MetalLB has no peer`,
                    fix: "add a peer, or announce on layer 2",
                };
            }
        }
    },
});

/** Nodes answer ARP and neighbor discovery on their own links only. */
export const layer2PoolsAreOnLink = rule({
    id: "MLB-ARP-001",
    severity: "error",
    source: "MetalLB documentation, layer 2 mode",
    *check(lab) {
        const nodes = Object.values(lab.cluster.nodes).flatMap(({ interfaces }) => interfaces);
        const subnets = nodes.flatMap(({ attachment }) =>
            attachment.kind === "segment" ? (lab.segments[attachment.segment]?.subnets ?? []) : [],
        );
        for (const { pool, block, place } of layer2Blocks(lab)) {
            if (!subnets.some((subnet) => contains(subnet, block))) {
                yield {
                    at: place,
                    says: `the pool ${pool.name} (${block}) is announced on layer 2, but is in no subnet of the nodes`,
                    fix: "use addresses of a segment that the nodes are on, or announce the pool over BGP",
                };
            }
        }
    },
});

/** What MetalLB gives out on the nodes' network nobody else may have. */
export const layer2PoolsAreFree = rule({
    id: "MLB-ARP-002",
    severity: "error",
    source: "RFC 5227 §1",
    *check(lab) {
        const taken = devices(lab).flatMap(({ name, addresses }) =>
            addresses.map(({ address }) => ({ name, address })),
        );
        for (const { pool, block, place } of layer2Blocks(lab)) {
            for (const { name, address } of taken.filter((device) => contains(block, device.address))) {
                yield {
                    at: place,
                    says: `the pool ${pool.name} (${block}) holds ${address}, which ${name} has`,
                    fix: "use a range that no device has an address of",
                };
            }
        }
    },
});

/** The speaker of a node is of one AS, whatever number of peers it has. */
export const speakersHaveOneAsn = rule({
    id: "MLB-ASN-001",
    severity: "error",
    source: "MetalLB, internal/config/validation.go",
    *check(lab) {
        const peers = metallbPeers(lab);
        for (const [name, { labels }] of Object.entries(lab.cluster.nodes)) {
            const own = peers.filter(
                ({ peer }) => peer.nodeSelector === undefined || selects(peer.nodeSelector, labels),
            );
            const other = own.find(({ peer }) => peer.myAsn !== own[0]!.peer.myAsn);
            if (other !== undefined) {
                yield {
                    at: [...other.place, "myAsn"],
                    with: [[...own[0]!.place, "myAsn"]],
                    says: `MetalLB's speaker on ${name} would be AS ${own[0]!.peer.myAsn} and AS ${other.peer.myAsn}`,
                    fix: "give all peers of a node the same myAsn",
                };
            }
        }
    },
});

/** A peer for no node does nothing. */
export const metallbSelectorsMatch = rule({
    id: "MLB-SEL-001",
    severity: "error",
    source: documentation,
    *check(lab) {
        for (const { peer, who, place } of metallbPeers(lab)) {
            if (!selectsSomeNode(lab, peer.nodeSelector)) {
                yield {
                    at: [...place, "nodeSelector"],
                    says: `${who} is selected for no node`,
                    fix: "select by labels that a node has, or remove nodeSelector",
                };
            }
        }
    },
});

/** Peers and advertisements are told apart by their names. */
export const metallbNamesAreDistinct = rule({
    id: "MLB-NAME-001",
    severity: "error",
    source: "Kubernetes documentation, object names",
    *check(lab) {
        const { metallb } = lab.cluster;
        const named = [
            ...metallbPeers(lab).map(({ peer, place }) => ({ kind: "peers", name: peer.name, place })),
            ...(metallb?.advertisements ?? []).map(({ kind, name }, index) => ({
                kind: kind === "bgp" ? "advertisements over BGP" : "advertisements on layer 2",
                name,
                place: ["cluster", "metallb", "advertisements", index] as Path,
            })),
        ];
        const keys = named.map(({ kind, name }) => `${kind} ${name}`);
        for (const [index, { kind, name, place }] of named.entries()) {
            if (keys.indexOf(`${kind} ${name}`) < index) {
                yield {
                    at: [...place, "name"],
                    says: `MetalLB has two ${kind} named ${name}`,
                    fix: "rename one of them",
                };
            }
        }
    },
});

/** MetalLB leaves out nodes that kubeadm's label keeps out of load balancing, which every control plane has. */
export const labelledNodesAnnounce = rule({
    id: "MLB-LBL-001",
    severity: "warning",
    source: "MetalLB documentation, troubleshooting; kubeadm",
    *check(lab) {
        for (const name of Object.keys(lab.cluster.nodes)) {
            if (announcedPools(lab, "bgp").size > 0 && isExcluded(lab, name)) {
                yield {
                    at: ["cluster", "metallb", "ignoreExcludeLabel"],
                    with: [["cluster", "nodes", name, "labels"]],
                    says: `${name} announces no service: its label keeps it out of load balancing`,
                    fix: "set ignoreExcludeLabel to true, or mean it",
                };
            }
        }
    },
});

function selectsSomeNode({ cluster: { nodes } }: Lab, selector: LabelSelector | undefined): boolean {
    return selector === undefined || Object.values(nodes).some(({ labels }) => selects(selector, labels));
}

/** Blocks of pools that nodes answer for on their links. */
function layer2Blocks(
    lab: Lab,
): readonly { readonly pool: LoadBalancerPool; readonly block: string; readonly place: Path }[] {
    const names = announcedPools(lab, "layer2");
    return lab.cluster.loadBalancerPools.flatMap((pool, index) =>
        names.has(pool.name)
            ? pool.blocks.map((block, position) => ({
                  pool,
                  block,
                  place: ["cluster", "loadBalancerPools", index, "blocks", position],
              }))
            : [],
    );
}
