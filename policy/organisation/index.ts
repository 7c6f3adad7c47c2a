/** Policies on labs that an organisation turns on by giving them parameters. */

import { allowedAddressSpace } from "./allowed-address-space";
import { allowedAsns } from "./allowed-asns";
import { forbiddenPrefixes } from "./forbidden-prefixes";
import { holdTime } from "./hold-time";
import { maximumPrefixes } from "./maximum-prefixes";
import type { OrganisationPolicy } from "./policy";
import { requiredFilters } from "./required-filters";

/** Every policy of this kind. */
export const organisationPolicies: readonly OrganisationPolicy[] = [
    allowedAsns,
    allowedAddressSpace,
    forbiddenPrefixes,
    holdTime,
    requiredFilters,
    maximumPrefixes,
];
