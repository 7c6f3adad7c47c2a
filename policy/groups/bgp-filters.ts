import { ruleGroup } from "./group";

/** What routers take and offer. */
export const bgpFilters = ruleGroup({
    name: "bgp-filters",
    subject: "filters and limits of prefixes",
    topics: ["BGP-POL", "BGP-MAX"],
    source: "RFC 7454 §6",
    remediation: "Filter both directions of external sessions, by lists that exist and permit what is needed.",
});
