import { ruleGroup } from "./group";

/** Checks that could never pass. */
export const trafficChecks = ruleGroup({
    name: "traffic-checks",
    subject: "the checks of a lab's traffic",
    topics: ["CHK"],
    source: "docs/architecture.md",
    remediation: "Ask for what the lab has: devices, services and pods that exist.",
});
