import { ruleGroup } from "./group";

/** What Cilium's versions can do, and selectors that match nothing. */
export const cilium = ruleGroup({
    name: "cilium",
    subject: "Cilium",
    topics: ["CIL"],
    source: "Cilium documentation, CiliumBGPClusterConfig",
    remediation: "Compare with Cilium's documentation of the version that the lab runs.",
});
