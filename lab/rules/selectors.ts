import type { Lab, LabelRequirement, LabelSelector, Labels } from "../model";
import type { Path } from "../path";
import { serviceLabels } from "../selectors";
import { ciliumInstances } from "../speakers";
import { calicoPeers, metallbPeers } from "./peers";
import { rule } from "./rule";

/**
 * A requirement that excludes by a key which nothing carries excludes nothing: it is there for what may come, or misspelt.
 * `dummy NotIn (dummy)`, a key that is its own value, is a way to write "all", and is left alone.
 */
export const excludingKeysExist = rule({
    id: "K8S-SEL-001",
    severity: "info",
    source: "Kubernetes documentation, labels and selectors",
    *check(lab) {
        for (const { who, what, selector, place, labels } of selectors(lab)) {
            for (const [index, requirement] of (selector.matchExpressions ?? []).entries()) {
                if (excludes(requirement) && !labels.some((own) => requirement.key in own)) {
                    const carried = new Set(labels.flatMap((own) => Object.keys(own)));
                    yield {
                        at: [...place, "matchExpressions", index, "key"],
                        says: `${who} leaves out ${what} by the label ${requirement.key}, which none of them has so far: it leaves out none`,
                        fix: `if the key is misspelt, use a label that they have: ${[...carried].sort().join(", ")}`,
                    };
                }
            }
        }
    },
});

function excludes({ key, operator, values = [] }: LabelRequirement): boolean {
    return operator === "DoesNotExist" || (operator === "NotIn" && values.join() !== key);
}

interface PlacedSelector {
    readonly who: string;
    /** What is selected, in the plural. */
    readonly what: "nodes" | "services";
    readonly selector: LabelSelector;
    readonly place: Path;
    /** Labels of everything that could be selected. */
    readonly labels: readonly Labels[];
}

/** Every selector of a lab, with its candidates. */
function selectors(lab: Lab): readonly PlacedSelector[] {
    const nodes = Object.values(lab.cluster.nodes).map(({ labels }) => labels);
    const services = lab.cluster.services.map(serviceLabels);
    const of = (
        what: PlacedSelector["what"],
        who: string,
        selector: LabelSelector | undefined,
        place: Path,
    ): readonly PlacedSelector[] =>
        selector === undefined ? [] : [{ who, what, selector, place, labels: what === "nodes" ? nodes : services }];
    return [
        ...ciliumInstances(lab).flatMap(({ name, nodeSelector, serviceSelector }, index) => {
            const place = ["cluster", "cilium", "bgp", index];
            const who = `Cilium's instance ${name}`;
            return [
                ...of("nodes", who, nodeSelector, [...place, "nodeSelector"]),
                ...of("services", who, serviceSelector, [...place, "serviceSelector"]),
            ];
        }),
        ...lab.cluster.loadBalancerPools.flatMap(({ name, serviceSelector }, index) =>
            of("services", `the pool ${name}`, serviceSelector, [
                "cluster",
                "loadBalancerPools",
                index,
                "serviceSelector",
            ]),
        ),
        ...[...calicoPeers(lab), ...metallbPeers(lab)].flatMap(({ peer, who, place }) =>
            of("nodes", who, peer.nodeSelector, [...place, "nodeSelector"]),
        ),
    ];
}
