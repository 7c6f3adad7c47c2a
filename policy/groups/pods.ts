import { ruleGroup } from "./group";

/** Neighbors by label, and what they may announce. */
export const pods = ruleGroup({
    name: "pods",
    subject: "routers in Pods and their import policies",
    topics: ["POD"],
    source: "RFC 7454 §6",
    remediation:
        "Select Pods by a label of their own, and allow the prefixes that they are to announce, and no others.",
});
