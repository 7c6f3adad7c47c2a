import { ruleGroup } from "./group";

/** What Docker and network operating systems do not take. */
export const platforms = ruleGroup({
    name: "platforms",
    subject: "where a lab runs: Docker and VyOS",
    topics: ["DKR", "VYOS"],
    source: "Docker documentation, docker network create",
    remediation: "Change what the platform cannot do, or choose another one.",
});
