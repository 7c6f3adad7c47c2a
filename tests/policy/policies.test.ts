import type { ReportViolation, ResourceValidationArgs } from "@pulumi/policy";
import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { rules } from "../../lab/rules";
import { policies } from "../../policy/policies";
import { readLab } from "../../stacks/config";

let runs = 0;

/** Violations by policy, as Pulumi would report them for a stack with this lab. */
async function violations(model: Lab): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    const resources = [
        { type: "bgplab:index:Lab", urn: `urn:${runs++}`, props: { model } },
        { type: "bgplab:netns:Claim", props: {} },
    ] as unknown as ResourceValidationArgs[];
    for (const { name, validateResource } of policies) {
        const report: ReportViolation = (message) => {
            found[name] = [...(found[name] ?? []), String(message)];
        };
        for (const validate of [validateResource].flat()) {
            await Promise.all(resources.map((resource) => validate?.(resource, report)));
        }
    }
    return found;
}

const { lab } = readLab({});
const planned = lab as Lab;

describe("the policy pack", () => {
    it("has every rule in exactly one policy: errors in mandatory ones, the rest in advisory ones", () => {
        const listed = policies.flatMap(({ description, enforcementLevel }) =>
            [...description.matchAll(/[A-Z0-9]+(?:-[A-Z]+)*-\d{3}/g)].map(([id]) => [id, enforcementLevel]),
        );
        const expected = rules.map(({ id, severity }) => [id, severity === "error" ? "mandatory" : "advisory"]);
        expect(listed.sort()).toEqual(expected.sort());
    });

    it("finds only advice in the shipped lab", async () => {
        const found = Object.keys(await violations(planned));
        const mandatory = policies.filter(({ enforcementLevel }) => enforcementLevel === "mandatory");
        expect(found.length).toBeGreaterThan(0);
        expect(mandatory.filter(({ name }) => found.includes(name))).toEqual([]);
    });

    it("names the place, the rule and the fix of a wrong AS number", async () => {
        const router = planned.routers.router0 as Lab["routers"][string];
        const wrong: Lab = {
            ...planned,
            routers: { router0: { ...router, bgp: { ...router.bgp, asn: 65535 } } },
        };
        const found = await violations(wrong);
        expect(found["bgp-asn"]).toHaveLength(1);
        expect(found["bgp-asn"]?.[0]).toMatch(/^BGP-ASN-001 routers\.router0\.bgp\.asn: .*65535.*\n {2}fix: /);
    });
});
