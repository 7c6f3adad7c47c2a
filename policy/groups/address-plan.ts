import { ruleGroup } from "./group";

/** Networks that overlap, addresses outside their subnet, next hops that lead nowhere, masks that are too short. */
export const addressPlan = ruleGroup({
    name: "address-plan",
    subject: "the address plan",
    topics: ["ADR-FMT", "ADR-OVL", "ADR-DUP", "ADR-SEG", "ADR-NXT", "ADR-POD", "ADR-SVC", "ADR-DUAL"],
    source: "RFC 4632 §5.1",
    remediation: "Give every network a place of its own, large enough for what is in it.",
});
