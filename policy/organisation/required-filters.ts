import { familyName } from "../../lab/address";
import { words } from "../parameters";
import { organisationPolicy } from "./policy";
import { sessionFamilies } from "./session-families";

const directions = ["in", "out"] as const;

/** What a router takes and offers is a decision, where the organisation asks for one. */
export const requiredFilters = organisationPolicy({
    id: "ORG-POL-001",
    name: "required-filters",
    description: "Routers filter what they take from, and offer to, the peers that the organisation names.",
    severity: "high",
    source: "RFC 8212; RFC 7454 §6",
    remediation: "Name a prefix list for the direction that has none.",
    parameters: {
        nodes: words(directions, "Directions that need a prefix list in a router's sessions with the cluster's nodes."),
        external: words(directions, "The same for sessions with routers of another AS."),
        internal: words(directions, "The same for sessions with routers of the same AS."),
    },
    *check(lab, required) {
        for (const { peer, session, family, place } of sessionFamilies(lab)) {
            for (const direction of required[peer] ?? []) {
                const filter = direction === "in" ? "prefixListIn" : "prefixListOut";
                if (family[filter] === undefined) {
                    yield {
                        at: [...place, filter],
                        says: `${session} ${direction === "in" ? "takes" : "offers"} every ${familyName(family.family)} route: the filter that the organisation asks for is missing`,
                        fix: `name a prefix list for routes that are ${direction === "in" ? "received" : "offered"}`,
                    };
                }
            }
        }
    },
});
