import { ruleGroup } from "./group";

/** What is below addresses. */
export const interfaces = ruleGroup({
    name: "interfaces",
    subject: "names, interfaces, segments and NAT",
    topics: ["NET"],
    source: "RFC 1812 §5.2",
    remediation: "Name devices and interfaces once, and put both ends of a link on one segment.",
});
