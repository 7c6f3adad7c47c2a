import { ruleGroup } from "./group";

/** How soon a dead peer is found, and how long its routes stay. */
export const bgpTimers = ruleGroup({
    name: "bgp-timers",
    subject: "timers, graceful restart and BFD",
    topics: ["BGP-TMR", "BGP-GR", "BGP-BFD"],
    source: "RFC 4271 §10",
    remediation: "Keep the keepalive at a third of the hold time, and BFD faster than both.",
});
