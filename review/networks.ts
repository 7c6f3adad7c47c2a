/** The address plan: segments, networks of pods and services, and pools that come, go or have other networks. */

import { familyName } from "../lab/address";
import type { Lab, Prefix, Segment } from "../lab/model";
import { type Facts, facts, factsIn, factTexts, noFacts } from "./facts";
import { byRank, kindOf, type Paired, pairByName } from "./pairing";
import type { NetworkChange } from "./review";

/** An entry of the plan: its networks, and what else is said of it where that differs. */
interface Entry {
    readonly networks: readonly Prefix[];
    readonly details: Facts;
}

/** Entries of the plan that differ: those that go first, then those that change. */
export function networkChanges(before: Lab | undefined, after: Lab | undefined): readonly NetworkChange[] {
    const changes = pairByName(planOf(before), planOf(after)).flatMap(([name, pair]): readonly NetworkChange[] => {
        const [was, is] = textsOf(pair);
        const kind = kindOf(pair);
        return was.join() === is.join() ? [] : [{ kind, name, before: was, after: is }];
    });
    return byRank(changes, ({ kind }) => ["removed", "changed", "added"].indexOf(kind));
}

function textsOf({ before, after }: Paired<Entry>): readonly [before: readonly string[], after: readonly string[]] {
    const [was, is] = [before?.details ?? noFacts, after?.details ?? noFacts].map(factTexts) as [string[], string[]];
    const only = (texts: readonly string[], others: readonly string[]) =>
        before === undefined || after === undefined ? [] : texts.filter((text) => !others.includes(text));
    return [
        [...(before?.networks ?? []), ...only(was, is)],
        [...(after?.networks ?? []), ...only(is, was)],
    ];
}

/** What segments are called; that of a Pod is no cable. */
const kinds: Readonly<Record<Segment["kind"], string>> = {
    bridge: "bridge",
    "point-to-point": "link",
    "pod-link": "Pod",
};

function planOf(lab: Lab | undefined): Readonly<Record<string, Entry>> {
    if (lab === undefined) {
        return {};
    }
    const { podCidrs, nodeMask, serviceCidrs, loadBalancerPools, nodes } = lab.cluster;
    const masks = (["ipv4", "ipv6"] as const).map(
        (family) => [`${familyName(family)} slice of each node`, `/${nodeMask[family]}`] as const,
    );
    return Object.fromEntries<Entry>([
        ...Object.entries(lab.segments).map(([name, { kind, subnets, ...details }]): [string, Entry] => [
            `${kinds[kind]} ${name}`,
            { networks: subnets, details: factsIn(details) },
        ]),
        ["pods", { networks: podCidrs, details: facts(...masks) }],
        ["services", { networks: serviceCidrs, details: noFacts }],
        ...loadBalancerPools.map(({ name, blocks }): [string, Entry] => [
            `pool ${name}`,
            { networks: blocks, details: noFacts },
        ]),
        ...Object.entries(nodes).map(([name, node]): [string, Entry] => [
            `pod CIDR of ${name}`,
            { networks: node.podCidrs, details: noFacts },
        ]),
    ]);
}
