import type { Lab, LabelRequirement, LabelSelector, Labels } from "../model";
import type { Path } from "../path";
import { podRouters } from "../pods";
import { serviceLabels } from "../selectors";
import { ciliumInstances } from "../speakers";
import { calicoPeers, metallbPeers } from "./peers";
import { podNeighbors } from "./placed-pods";
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
        for (const { who, what, key, place, carried, meant } of idleExclusions(lab)) {
            if (meant === undefined) {
                yield {
                    at: place,
                    says: `${who} leaves out ${what} by the label ${key}, which none of them has so far: it leaves out none`,
                    fix: `if the key is misspelt, use a label that they have: ${carried.join(", ")}`,
                };
            }
        }
    },
});

/** A key that nothing carries, one letter away from one that is in use, is misspelt. */
export const excludingKeysAreNotMisspelt = rule({
    id: "K8S-SEL-002",
    severity: "warning",
    source: "Kubernetes documentation, labels and selectors",
    *check(lab) {
        for (const { who, what, key, place, meant } of idleExclusions(lab)) {
            if (meant !== undefined) {
                yield {
                    at: place,
                    says: `${who} leaves out ${what} by the label ${key}, which none of them has; ${meant} is in use`,
                    fix: `write ${meant}, if it is meant`,
                };
            }
        }
    },
});

/** Labels and what selects them have the form that the API server takes: keys with an optional domain, values of 63 characters. */
export const labelsAreWellFormed = rule({
    id: "K8S-LBL-001",
    severity: "error",
    source: "Kubernetes documentation, labels and selectors",
    *check(lab) {
        for (const { who, labels, place } of labelled(lab)) {
            const key = Object.keys(labels).find((each) => !isLabelKey(each));
            const wrong = Object.entries(labels).find(([, value]) => !isLabelValue(value));
            const text = key ?? wrong?.[1];
            if (text !== undefined) {
                yield {
                    at: [...place, key ?? wrong![0]],
                    says: `${who} has ${key === undefined ? `the value "${text}" of the label ${wrong![0]}` : `the label "${text}"`}, which Kubernetes does not take`,
                    fix: labelForm,
                };
            }
        }
        for (const { who, selector, place } of selectors(lab)) {
            for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
                const at = [...place, "matchExpressions", index];
                const needsValues = operator === "In" || operator === "NotIn";
                if (!isLabelKey(key) || !values.every(isLabelValue)) {
                    yield {
                        at,
                        says: `${who} selects by "${[key, ...values].find((each, position) => !(position === 0 ? isLabelKey : isLabelValue)(each))}", which is no label that Kubernetes takes`,
                        fix: labelForm,
                    };
                } else if (needsValues !== values.length > 0) {
                    yield {
                        at,
                        says: `${who} selects by ${key} ${operator}, which ${needsValues ? "needs values" : "takes no values"}`,
                        fix: needsValues ? "list at least one value" : "remove the values",
                    };
                }
            }
        }
    },
});

const labelForm =
    "use letters, digits, '-', '_' and '.', with a letter or digit at both ends: at most 63, a key also with a DNS domain and '/' in front";

/** A DNS domain may stand in front of a key (Kubernetes apimachinery, IsQualifiedName). */
function isLabelKey(text: string): boolean {
    const slash = text.indexOf("/");
    const [domain, name] = slash < 0 ? [undefined, text] : [text.slice(0, slash), text.slice(slash + 1)];
    const isDomain = (each: string) =>
        each.length <= 253 && each.split(".").every((part) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(part));
    return name.length > 0 && isLabelValue(name) && (domain === undefined || isDomain(domain));
}

/** A value may be empty (Kubernetes apimachinery, IsValidLabelValue). */
function isLabelValue(text: string): boolean {
    return text.length <= 63 && /^([A-Za-z0-9]([\w.-]*[A-Za-z0-9])?)?$/.test(text);
}

interface Labelled {
    readonly who: string;
    readonly labels: Labels;
    readonly place: Path;
}

/** Everything that has labels, and the labels that selectors match. */
function labelled(lab: Lab): readonly Labelled[] {
    const { nodes, services, workloads } = lab.cluster;
    return [
        ...podRouters(lab).map(({ name, pod: { labels } }) => ({
            who: name,
            labels,
            place: ["routers", name, "pod", "labels"],
        })),
        ...Object.entries(nodes).map(([who, { labels }]) => ({
            who,
            labels,
            place: ["cluster", "nodes", who, "labels"],
        })),
        ...services.map(({ name, labels }, index) => ({
            who: `the service ${name}`,
            labels,
            place: ["cluster", "services", index, "labels"],
        })),
        ...workloads.map(({ name, labels }, index) => ({
            who: `the workload ${name}`,
            labels,
            place: ["cluster", "workloads", index, "labels"],
        })),
        ...selectors(lab).map(({ who, selector: { matchLabels = {} }, place }) => ({
            who: `the selector of ${who}`,
            labels: matchLabels,
            place: [...place, "matchLabels"],
        })),
    ];
}

/** A requirement that excludes by a key which nothing carries. */
interface IdleExclusion extends Pick<PlacedSelector, "who" | "what"> {
    readonly key: string;
    readonly place: Path;
    /** Keys that could be excluded by. */
    readonly carried: readonly string[];
    /** The key that is probably meant. */
    readonly meant: string | undefined;
}

function idleExclusions(lab: Lab): readonly IdleExclusion[] {
    const all = selectors(lab);
    return all.flatMap(({ who, what, selector, place, labels }) =>
        (selector.matchExpressions ?? []).flatMap((requirement, index): readonly IdleExclusion[] => {
            const { key } = requirement;
            if (!excludes(requirement) || !isLabelKey(key) || labels.some((own) => key in own)) {
                return [];
            }
            const carried = [...new Set(labels.flatMap((own) => Object.keys(own)))].sort();
            const used = all.filter((other) => other.what === what).flatMap((other) => keysOf(other.selector));
            const meant = [...carried, ...moreUsed(used, key)].find((other) => isOneLetterAway(key, other));
            return [{ who, what, key, place: [...place, "matchExpressions", index, "key"], carried, meant }];
        }),
    );
}

function keysOf({ matchLabels = {}, matchExpressions = [] }: LabelSelector): readonly string[] {
    return [...Object.keys(matchLabels), ...matchExpressions.map(({ key }) => key)];
}

/** Keys that more selectors use than a given one; of equally many, those that come later, where the general follows the special. */
function moreUsed(used: readonly string[], key: string): readonly string[] {
    const count = (wanted: string) => used.filter((other) => other === wanted).length;
    return used.filter(
        (other) =>
            count(other) > count(key) ||
            (count(other) === count(key) && used.lastIndexOf(other) > used.lastIndexOf(key)),
    );
}

/** Whether one letter more, less or changed, or two that change places, turn one word into the other. */
function isOneLetterAway(one: string, other: string): boolean {
    const [short, long] = one.length <= other.length ? [one, other] : [other, one];
    if (short === long || long.length - short.length > 1) {
        return false;
    }
    const at = [...long].findIndex((letter, index) => letter !== short[index]);
    const isSwapped = short[at] === long[at + 1] && short[at + 1] === long[at];
    return (
        short.slice(at) === long.slice(at + 1) ||
        (short.length === long.length && short.slice(at + 1) === long.slice(at + 1)) ||
        (short.length === long.length && isSwapped && short.slice(at + 2) === long.slice(at + 2))
    );
}

function excludes({ key, operator, values = [] }: LabelRequirement): boolean {
    return operator === "DoesNotExist" || (operator === "NotIn" && values.join() !== key);
}

/** Labels of the Pods of a namespace, those with a router and all others. */
function podLabels(lab: Lab, namespace: string): readonly Labels[] {
    return [...podRouters(lab).map(({ pod }) => pod), ...lab.cluster.workloads]
        .filter((pod) => pod.namespace === namespace)
        .map(({ labels }) => labels);
}

interface PlacedSelector {
    readonly who: string;
    /** What is selected, in the plural. */
    readonly what: "nodes" | "services" | "Pods";
    readonly selector: LabelSelector;
    readonly place: Path;
    /** Labels of everything that could be selected. */
    readonly labels: readonly Labels[];
}

/** Every selector of a lab, with its candidates. */
function selectors(lab: Lab): readonly PlacedSelector[] {
    const nodes = Object.values(lab.cluster.nodes).map(({ labels }) => labels);
    const services = lab.cluster.services.map(serviceLabels);
    const pods = podNeighbors(lab).map(({ who, neighbor, place }): PlacedSelector => {
        const labels = podLabels(lab, neighbor.namespace);
        return { who, what: "Pods", selector: neighbor.selector, place: [...place, "selector"], labels };
    });
    const of = (
        what: "nodes" | "services",
        who: string,
        selector: LabelSelector | undefined,
        place: Path,
    ): readonly PlacedSelector[] =>
        selector === undefined ? [] : [{ who, what, selector, place, labels: what === "nodes" ? nodes : services }];
    return [
        ...pods,
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
