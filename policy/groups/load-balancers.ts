import { ruleGroup } from "./group";

/** Load-balancer addresses: whose they are, and who announces them. */
export const loadBalancers = ruleGroup({
    name: "load-balancers",
    subject: "pools and services",
    topics: ["LB"],
    source: "Kubernetes documentation, externalTrafficPolicy",
    remediation: "Pin service addresses inside exactly one pool, and keep pools apart.",
});
