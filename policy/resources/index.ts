/** Policies on the resources that a lab is made of. */

import { pinnedImages } from "./images";
import type { ResourcePolicy } from "./policy";
import { neededPrivileges } from "./privileges";
import { secretInputs } from "./secrets";
import { plannedSubnets } from "./subnets";

/** Every policy of this kind. */
export const resourcePolicies: readonly ResourcePolicy[] = [
    pinnedImages,
    neededPrivileges,
    secretInputs,
    plannedSubnets,
];
