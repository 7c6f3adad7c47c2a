/** The registry of rules, and the one way to ask them all. */

import type { Lab } from "../model";
import { formatPath, type Path } from "../path";
import * as addressUse from "./address-use";
import * as asn from "./asn";
import * as bfd from "./bfd";
import * as calico from "./calico";
import * as checks from "./checks";
import * as cilium from "./cilium";
import * as clusterNetworks from "./cluster-networks";
import * as distantPeers from "./distant-peers";
import * as docker from "./docker";
import * as doubleSpeakers from "./double-speakers";
import * as fabric from "./fabric";
import type { Finding } from "./findings";
import * as importPolicies from "./import-policies";
import * as interfaces from "./interfaces";
import * as kubernetes from "./kubernetes";
import * as maximumPrefixes from "./maximum-prefixes";
import * as metallb from "./metallb";
import * as metallbReleases from "./metallb-releases";
import * as mtu from "./mtu";
import * as multipath from "./multipath";
import * as nat from "./nat";
import * as overlaps from "./overlaps";
import * as podNeighbors from "./pod-neighbors";
import * as pods from "./pods";
import * as policy from "./policy";
import * as reflectors from "./reflectors";
import * as refusedRoutes from "./refused-routes";
import * as routeFilters from "./route-filters";
import * as routerIds from "./router-ids";
import type { Rule, RuntimeName } from "./rule";
import * as selectors from "./selectors";
import * as services from "./services";
import * as sessions from "./sessions";
import * as staticRoutes from "./static-routes";
import * as timers from "./timers";
import * as virtualServers from "./virtual-servers";
import * as vrfs from "./vrfs";
import * as vyos from "./vyos";
import * as wellFormed from "./well-formed";

/** The rules of one file. */
export interface Topic {
    /** What they are about, for people. */
    readonly title: string;
    /** In the order of their ids. */
    readonly rules: readonly Rule[];
}

/** Rules that all others rely on: where one of these is broken, the others are not asked. */
const form = topic("Form of values", wellFormed);

const meaning: readonly Topic[] = [
    topic("Devices, interfaces and segments", interfaces),
    topic("MTU", mtu),
    topic("VRFs", vrfs),
    topic("Use of address ranges", addressUse),
    topic("Overlaps", overlaps),
    topic("Networks of the cluster", clusterNetworks),
    topic("Static routes", staticRoutes),
    topic("Source NAT", nat),
    topic("AS numbers", asn),
    topic("BGP identifiers", routerIds),
    topic("BGP sessions", sessions),
    topic("Distant BGP peers", distantPeers),
    topic("Several speakers on a node", doubleSpeakers),
    topic("Route reflection", reflectors),
    topic("Fabrics", fabric),
    topic("Timers and graceful restart", timers),
    topic("BFD", bfd),
    topic("Policy of sessions", policy),
    topic("Filters between cluster and network", { ...routeFilters, ...refusedRoutes }),
    topic("Limits of prefixes", maximumPrefixes),
    topic("Equal paths", multipath),
    topic("Cilium", cilium),
    topic("Routers in Pods", pods),
    topic("Neighbors by label", podNeighbors),
    topic("What Pods may announce", importPolicies),
    topic("Virtual addresses and servers", virtualServers),
    topic("Calico", calico),
    topic("MetalLB", metallb),
    topic("Releases of MetalLB", metallbReleases),
    topic("Kubernetes", kubernetes),
    topic("Label selectors", selectors),
    topic("Services and pools", services),
    topic("Checks", checks),
    topic("VyOS", vyos),
    topic("Docker", docker),
];

/** Every rule by topic, in the order in which findings are listed. */
export const topics: readonly Topic[] = [form, ...meaning];

const formRules = form.rules;
const meaningRules = meaning.flatMap((each) => each.rules);

/** Every rule, in the order in which findings are listed. */
export const rules: readonly Rule[] = [...formRules, ...meaningRules];

/** A finding with the places in the model that it speaks of. */
export interface LocatedFinding extends Finding {
    readonly place: Path;
    readonly others: readonly Path[];
}

/**
 * Everything that is wrong with a lab, in the order of the rules. Places are paths in the model.
 *
 * @param runtime where the lab is to run; rules that are only about another runtime are not asked
 */
export function validate(lab: Lab, runtime: RuntimeName = "netns"): readonly Finding[] {
    return inspect(lab, runtime).map(({ place: _place, others: _others, ...finding }) => finding);
}

/** Everything that is wrong with a lab, with its places as paths for callers that know better names for them. */
export function inspect(lab: Lab, runtime: RuntimeName = "netns"): readonly LocatedFinding[] {
    const malformed = formRules.flatMap((asked) => findingsOf(asked, lab));
    return malformed.length > 0
        ? malformed
        : meaningRules
              .filter((candidate) => candidate.runtime === undefined || candidate.runtime === runtime)
              .flatMap((asked) => findingsOf(asked, lab));
}

const formIds = new Set(formRules.map(({ id }) => id));

/** Whether findings tell of texts that cannot be read: then nothing about the meaning of the lab was asked, nor can be. */
export function isMalformed(findings: readonly Finding[]): boolean {
    return findings.some(({ id }) => formIds.has(id));
}

/** The rules of a file by id, because a module lists its exports by name. */
function topic(title: string, file: Readonly<Record<string, Rule>>): Topic {
    return { title, rules: Object.values(file).sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

function findingsOf({ id, severity, source, check }: Rule, lab: Lab): LocatedFinding[] {
    return [...check(lab)].map(({ at, with: others = [], says, fix }) => ({
        id,
        severity,
        at: formatPath(at),
        says,
        fix,
        source,
        place: at,
        others,
    }));
}
