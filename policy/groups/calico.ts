import { ruleGroup } from "./group";

/** What Calico can do, and selectors that match nothing. */
export const calico = ruleGroup({
    name: "calico",
    subject: "Calico",
    topics: ["CAL"],
    source: "Calico documentation, configure BGP peering",
    remediation: "Compare with Calico's documentation of BGP peers and IP pools.",
});
