import { ruleGroup } from "./group";

/** Separate tables and what leaks between them. */
export const vrfs = ruleGroup({
    name: "vrfs",
    subject: "VRFs",
    topics: ["VRF"],
    source: "RFC 4364 §4",
    remediation: "Give every VRF a distinguisher of its own, and import what others export.",
});
