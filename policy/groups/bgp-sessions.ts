import { ruleGroup } from "./group";

/** Two ends that do not agree, and speakers that cannot be told apart. */
export const bgpSessions = ruleGroup({
    name: "bgp-sessions",
    subject: "BGP sessions and identifiers",
    topics: ["BGP-SES", "BGP-REF", "BGP-RID"],
    source: "RFC 4271 §8",
    remediation: "Make both ends of the session say the same: addresses, AS numbers, families, hops.",
});
