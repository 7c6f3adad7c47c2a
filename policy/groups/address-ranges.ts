import { ruleGroup } from "./group";

/** Reserved, documentation and public space. */
export const addressRanges = ruleGroup({
    name: "address-ranges",
    subject: "what ranges of addresses are for",
    topics: ["ADR-USE"],
    source: "IANA IPv4 Special-Purpose Address Registry",
    remediation: "Plan with private space: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or fd00::/8.",
});
