/** Services, and pods that are asked by their own addresses, whose way or reachability changes. */

import { familyOf } from "../lab/address";
import type { Address, Lab, Pod, Service } from "../lab/model";
import { labelTexts } from "../lab/selectors";
import { advertisingNodes, podsOf } from "../lab/services";
import type { Reach } from "../routing/reach";
import { type Facts, facts, factsIn, fieldChanges, joined, noFacts } from "./facts";
import { byName } from "./order";
import { byRank, type Paired, pairByName } from "./pairing";
import type { ServiceChange } from "./review";
import type { Revision } from "./revision";

/** The effects, the most important first. */
const effects: readonly ServiceChange["effect"][] = ["lost", "gone", "moved", "gained", "new"];

/** Services and pods that differ: those that somebody no longer reaches first. */
export function serviceChanges(before: Revision | undefined, after: Revision | undefined): readonly ServiceChange[] {
    const reach = [before, after].map((revision) => reachByName(revision)) as [ReachByName, ReachByName];
    const changes = pairByName(accounts(before?.lab), accounts(after?.lab)).flatMap(([name, pair]) =>
        changesOf(name, pair, reach[0].get(name) ?? [], reach[1].get(name) ?? []),
    );
    return byRank(changes, ({ effect }) => effects.indexOf(effect));
}

type ReachByName = ReadonlyMap<string, readonly Reach[]>;

function reachByName(revision: Revision | undefined): ReachByName {
    const groups = new Map<string, Reach[]>();
    for (const reach of revision?.outcome?.reach ?? []) {
        const group = groups.get(reach.name);
        if (group === undefined) {
            groups.set(reach.name, [reach]);
        } else {
            group.push(reach);
        }
    }
    return groups;
}

/** What is said of a service or pod. */
interface Account {
    readonly facts: Facts;
    /** Whether it is said as well of the service that the pod is behind, so that the pod's change alone is none. */
    readonly isTold: boolean;
}

function accounts(lab: Lab | undefined): Readonly<Record<string, Account>> {
    if (lab === undefined) {
        return {};
    }
    const { services, workloads } = lab.cluster;
    const served = new Set(services.flatMap((service) => podsOf(lab, service)));
    return Object.fromEntries([
        ...services.map((service) => [
            `${service.namespace}/${service.name}`,
            { facts: serviceFacts(lab, service), isTold: false },
        ]),
        ...workloads.flatMap(({ pods }) =>
            pods.map((pod) => [`pod ${pod.name}`, { facts: podFacts(pod), isTold: served.has(pod) }]),
        ),
    ]);
}

function serviceFacts(lab: Lab, service: Service): Facts {
    const { namespace: _namespace, name: _name, labels, selector, loadBalancerAddresses, ...settings } = service;
    return joined(
        facts(
            ["addresses", loadBalancerAddresses],
            ["announcing nodes", byName(advertisingNodes(lab, service))],
            ["pods", podsOf(lab, service).map(({ name, node }) => `${name} on ${node}`)],
        ),
        factsIn(settings),
        facts(["labels", labelTexts(labels)], ["selector", labelTexts(selector)]),
    );
}

function podFacts({ name: _name, node, addresses, ...rest }: Pod): Facts {
    return joined(facts(["node", node], ["addresses", addresses]), factsIn(rest));
}

function changesOf(
    name: string,
    { before, after }: Paired<Account>,
    was: readonly Reach[],
    is: readonly Reach[],
): readonly ServiceChange[] {
    const fields = fieldChanges(before?.facts ?? noFacts, after?.facts ?? noFacts);
    if (before === undefined || after === undefined) {
        const isTold = (before ?? after)?.isTold === true;
        const effect = after === undefined ? "gone" : "new";
        return isTold ? [] : [{ effect, name, fields, reach: unreached(is) }];
    }
    const lost = failing(is, was).map(({ from, to, reason }) => ({ from, to, reason: reason! }));
    const gained = failing(was, is).map(({ from, to }) => ({ from, to: current(to, is) }));
    const worse: readonly ServiceChange[] = lost.length === 0 ? [] : [{ effect: "lost", name, fields, reach: lost }];
    const better: readonly ServiceChange[] =
        gained.length === 0
            ? []
            : [{ effect: "gained", name, fields: worse.length === 0 ? fields : [], reach: gained }];
    const isMoved = fields.length > 0 && worse.length + better.length === 0 && !(before.isTold && after.isTold);
    return isMoved ? [{ effect: "moved", name, fields, reach: [] }] : [...worse, ...better];
}

/** Questions that come to nothing on one side, and are answered on the other: at that address or, if it is new, another. */
function failing(side: readonly Reach[], other: readonly Reach[]): readonly Reach[] {
    return side.filter(({ from, to, reason }) => {
        const asked = other.filter((each) => each.from === from && familyOf(each.to) === familyOf(to));
        const same = asked.filter((each) => each.to === to);
        return reason !== undefined && (same.length > 0 ? same : asked).some((each) => each.reason === undefined);
    });
}

/** The address by which an address is known now. */
function current(to: Address, reach: readonly Reach[]): Address {
    const addresses = reach.filter((each) => familyOf(each.to) === familyOf(to)).map((each) => each.to);
    return addresses.includes(to) ? to : (addresses[0] ?? to);
}

/** Questions about addresses that nobody reaches. */
function unreached(reach: readonly Reach[]): ServiceChange["reach"] {
    const reached = new Set(reach.filter(({ reason }) => reason === undefined).map(({ to }) => to));
    return reach.flatMap(({ from, to, reason }) =>
        reason === undefined || reached.has(to) ? [] : [{ from, to, reason }],
    );
}
