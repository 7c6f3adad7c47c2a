/** The rules of lab/rules as groups that can be enforced apart from each other. */

import { addressPlan } from "./address-plan";
import { addressRanges } from "./address-ranges";
import { asNumbers } from "./as-numbers";
import { bgpFilters } from "./bgp-filters";
import { bgpRouting } from "./bgp-routing";
import { bgpSessions } from "./bgp-sessions";
import { bgpTimers } from "./bgp-timers";
import { calico } from "./calico";
import { cilium } from "./cilium";
import { type RuleGroup, type RulePolicy, rulePolicies } from "./group";
import { interfaces } from "./interfaces";
import { kubernetes } from "./kubernetes";
import { loadBalancers } from "./load-balancers";
import { metallb } from "./metallb";
import { platforms } from "./platforms";
import { pods } from "./pods";
import { trafficChecks } from "./traffic-checks";
import { vrfs } from "./vrfs";

/** Every group. Pulumi reads each resource once per policy, so that groups are few. */
export const groups: readonly RuleGroup[] = [
    interfaces,
    addressPlan,
    addressRanges,
    vrfs,
    asNumbers,
    bgpSessions,
    bgpTimers,
    bgpFilters,
    bgpRouting,
    cilium,
    calico,
    metallb,
    kubernetes,
    pods,
    loadBalancers,
    platforms,
    trafficChecks,
];

/** The policies of all groups. */
export const groupPolicies: readonly RulePolicy[] = groups.flatMap(rulePolicies);
