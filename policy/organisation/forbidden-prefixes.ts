import { overlaps } from "../../lab/address";
import { namedPrefixes } from "../parameters";
import { plannedNetworks } from "./plan";
import { organisationPolicy } from "./policy";

/** Nothing is planned where others already are. */
export const forbiddenPrefixes = organisationPolicy({
    id: "ORG-ADR-002",
    name: "forbidden-prefixes",
    description: "No network, pool or loopback overlaps a prefix that others use.",
    severity: "high",
    source: "RFC 4632 §5.1",
    remediation: "Move the network away from the prefix.",
    parameters: {
        prefixes: namedPrefixes("Networks that nothing may overlap, each with what it is."),
    },
    *check(lab, { prefixes = new Map() }) {
        for (const { block, what, place } of plannedNetworks(lab)) {
            for (const [prefix, reason] of prefixes) {
                if (overlaps(prefix, block)) {
                    yield {
                        at: place,
                        says: `${what} overlaps ${prefix}, which is forbidden: ${reason}`,
                        fix: `move it out of ${prefix}`,
                    };
                }
            }
        }
    },
});
