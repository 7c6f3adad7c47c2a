import { PolicyPack } from "@pulumi/policy";
import { policies } from "./policies";

new PolicyPack("bgp-lab", { policies: [...policies] });
