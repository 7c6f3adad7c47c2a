import { ruleGroup } from "./group";

/** What MetalLB's versions can do, and double speakers. */
export const metallb = ruleGroup({
    name: "metallb",
    subject: "MetalLB",
    topics: ["MLB"],
    source: "MetalLB documentation",
    remediation: "Compare with MetalLB's documentation of the version that the lab runs.",
});
