/** What the lab and its cluster run: versions, and settings that are no device's and no session's own. */

import type { Calico, Cilium, CiliumBgpInstance, Lab, MetalLb, Workload } from "../lab/model";
import { formatPath, type Path } from "../lab/path";
import { labelTexts } from "../lab/selectors";
import { sessionEnds } from "../lab/sessions";
import { nodeSpeakers } from "../lab/speakers";
import { type Facts, facts, factsIn, factTexts } from "./facts";
import { type Parts, partChanges } from "./parts";
import type { FieldChange } from "./review";
import type { Revision } from "./revision";
import { selectedFacts } from "./selected";

/** Settings that differ, in the order of the model. A program that comes or goes is one change. */
export function programChanges(before: Revision | undefined, after: Revision | undefined): readonly FieldChange[] {
    return partChanges(accounts(before), accounts(after), (part, field) => `${part} ${field}`);
}

function accounts(revision: Revision | undefined): Parts {
    if (revision?.lab === undefined) {
        return {};
    }
    const { lab, runtime } = revision;
    const { name, kubernetesVersion, nodeSegment, cilium, calico, metallb, loadBalancerPools, workloads } = lab.cluster;
    const isTold = toldElsewhere(lab);
    return {
        Lab: facts(["topology", lab.topology], ["name", lab.name], ["runtime", runtime]),
        Kubernetes: facts(["version", kubernetesVersion], ["cluster", name], ["node network", nodeSegment]),
        ...(cilium === undefined ? {} : ciliumAccounts(cilium, isTold)),
        ...(calico === undefined ? {} : calicoAccounts(calico, isTold)),
        ...(metallb === undefined ? {} : metallbAccounts(metallb, isTold)),
        // Its networks are the address plan's.
        ...Object.fromEntries(
            loadBalancerPools.map(({ name: pool, blocks: _blocks, ...settings }) => [
                `Pool ${pool}`,
                factsIn(settings),
            ]),
        ),
        ...Object.fromEntries(
            workloads.map((workload) => [`Workload ${workload.namespace}/${workload.name}`, workloadFacts(workload)]),
        ),
    };
}

/** Whether a part of the model is told of some session or node, which it configures. */
type IsTold = (...path: Path) => boolean;

function toldElsewhere(lab: Lab): IsTold {
    const speakers = Object.keys(lab.cluster.nodes).flatMap((node) => nodeSpeakers(lab, node));
    const told = new Set([...sessionEnds(lab), ...speakers].map(({ path }) => formatPath(path)));
    return (...path) => told.has(formatPath(path));
}

function ciliumAccounts({ bgp, metallbBgp, ...settings }: Cilium, isTold: IsTold): Parts {
    const { peers = [], ...announced } = metallbBgp ?? {};
    return {
        Cilium: factsIn({ ...settings, ...announced }),
        ...Object.fromEntries(
            bgp.map((instance, index) => [
                `Cilium instance ${instance.name}`,
                instanceFacts(instance, (...place) => isTold("cluster", "cilium", "bgp", index, ...place)),
            ]),
        ),
        ...selectedAccounts(bgp),
        ...peerAccounts("Cilium", peers, (...place) => isTold("cluster", "cilium", "metallbBgp", ...place)),
    };
}

/** Neighbors by label; those that are the same in all instances are told once. */
function selectedAccounts(bgp: readonly CiliumBgpInstance[]): Parts {
    const all = bgp.flatMap(({ name, podNeighbors = [] }) =>
        podNeighbors.map((selected) => ({ instance: name, name: selected.name, account: selectedFacts(selected) })),
    );
    const accountsOf = (wanted: string) =>
        all.filter(({ name }) => name === wanted).map(({ account }) => factTexts(account).join());
    return Object.fromEntries(
        all.map(({ instance, name, account }) => {
            const given = accountsOf(name);
            const isCommon = given.length === bgp.length && new Set(given).size === 1;
            return [`Pods ${name} as neighbors of ${isCommon ? "Cilium" : `Cilium instance ${instance}`}`, account];
        }),
    );
}

function instanceFacts(
    { name: _name, neighbors, podNeighbors: _selected, localAsn, ...settings }: CiliumBgpInstance,
    isTold: IsTold,
): Facts {
    const idle = neighbors.filter((_, index) => !isTold("neighbors", index));
    return new Map([
        ...factsIn(isTold() ? settings : { ...settings, localAsn }),
        ...facts(
            ...idle.map(({ address, ...neighbor }) => [`neighbor ${address}`, factTexts(factsIn(neighbor))] as const),
        ),
    ]);
}

function calicoAccounts({ asn, peers, ...settings }: Calico, isTold: IsTold): Parts {
    const isOwn = (...place: Path) => isTold("cluster", "calico", ...place);
    return {
        Calico: factsIn(isOwn() ? settings : { ...settings, asn }),
        ...peerAccounts("Calico", peers, isOwn),
    };
}

function metallbAccounts({ peers, advertisements, ...settings }: MetalLb, isTold: IsTold): Parts {
    return {
        MetalLB: factsIn(settings),
        ...peerAccounts("MetalLB", peers, (...place) => isTold("cluster", "metallb", ...place)),
        ...Object.fromEntries(
            advertisements.map(({ name, ...advertisement }) => [
                `MetalLB advertisement ${name}`,
                factsIn(advertisement),
            ]),
        ),
    };
}

/** Peers by name. What sessions say of one is not repeated. */
function peerAccounts(
    program: string,
    peers: readonly { readonly name: string; readonly nodeSelector?: object }[],
    isTold: IsTold,
): Parts {
    return Object.fromEntries(
        peers.map(({ name, nodeSelector, ...settings }, index) => [
            `${program} peer ${name}`,
            factsIn({ nodeSelector, ...(isTold("peers", index) ? {} : settings) }),
        ]),
    );
}

function workloadFacts({ namespace: _namespace, name: _name, pods: _pods, labels, ...settings }: Workload): Facts {
    return new Map([...factsIn(settings), ...facts(["labels", labelTexts(labels)])]);
}
