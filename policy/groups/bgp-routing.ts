import { ruleGroup } from "./group";

/** Route reflection, next hops, loops and equal paths. */
export const bgpRouting = ruleGroup({
    name: "bgp-routing",
    subject: "how routes travel and share load",
    topics: ["BGP-RR", "BGP-NH", "BGP-LOOP", "BGP-ECMP"],
    source: "RFC 7938",
    remediation: "Reflect routes to all clients, keep next hops reachable, and allow as many paths as there are.",
});
