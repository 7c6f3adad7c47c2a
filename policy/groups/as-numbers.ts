import { ruleGroup } from "./group";

/** Reserved, documentation and public AS numbers. */
export const asNumbers = ruleGroup({
    name: "as-numbers",
    subject: "AS numbers",
    topics: ["BGP-ASN", "BGP-FMT"],
    source: "IANA AS numbers registry",
    remediation: "Use private AS numbers: 64512 to 65534, or 4200000000 to 4294967294.",
});
