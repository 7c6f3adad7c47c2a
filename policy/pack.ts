import { PolicyPack } from "@pulumi/policy";
import { policiesForRun } from "./policies";
import { readOnce } from "./reading";

readOnce();

new PolicyPack("bgp-lab", {
    displayName: "bgp-lab",
    description:
        "Rules on Kubernetes BGP labs: AS numbers, addresses, sessions and services, and what they are made of.",
    tags: ["bgp", "kubernetes", "network"],
    policies: [...policiesForRun()],
});
