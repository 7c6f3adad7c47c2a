import { describe, expect, it } from "vitest";
import type { Lab } from "../../lab/model";
import { rules } from "../../lab/rules";
import { groupPolicies, groups } from "../../policy/groups";
import { rulesOf } from "../../policy/groups/group";
import { policiesForRun } from "../../policy/policies";
import { lab } from "../lab/labs";
import { ask, labComponent } from "./asking";

describe("the policies of the pack", () => {
    it("have every rule in exactly one group: add a new topic to one of policy/groups", () => {
        const listed = groups.flatMap(rulesOf).map(({ id }) => id);
        expect(listed.sort()).toEqual(rules.map(({ id }) => id).sort());
    });

    it("enforce errors, and advise the rest apart from them", () => {
        for (const { isAdvice, rules: own } of groupPolicies) {
            expect(own.every(({ severity }) => (severity !== "error") === isAdvice)).toBe(true);
        }
        expect(groupPolicies.flatMap(({ rules: own }) => own)).toHaveLength(rules.length);
    });

    it("each have a name of their own, and say what they are for, how bad it is, what to do and where to read", () => {
        const policies = policiesForRun();
        expect(new Set(policies.map(({ name }) => name)).size).toBe(policies.length);
        for (const { name, description, severity, remediationSteps, tags, url, enforcementLevel } of policies) {
            expect(name).toMatch(/^[a-z][a-z-]+$/);
            expect(description).toMatch(/^[A-Z].{20,}\.$/s);
            expect(severity, name).toMatch(/^(low|medium|high|critical)$/);
            expect(remediationSteps, name).toMatch(/^[A-Z].{20,}\.$/);
            expect(tags, name).toHaveLength(1);
            expect(enforcementLevel, name).toMatch(/^(mandatory|advisory)$/);
            if (name !== "traffic-checks") {
                expect(url, name).toMatch(/^https:\/\/[a-z0-9.-]+\//);
            }
        }
    });

    it("have nothing to say about a quiet lab", async () => {
        expect(await ask([labComponent(lab())])).toEqual({});
    });

    it("name the rule, the place, the fix and the source of a wrong AS number, and that policy alone", async () => {
        const wrong = lab({}, (draft) => {
            draft.routers.router0!.bgp.asn = 65535;
            for (const { neighbors } of draft.cluster.cilium!.bgp) {
                for (const neighbor of neighbors) {
                    neighbor.remoteAsn = 65535;
                }
            }
        });
        expect(await ask([labComponent(wrong)])).toEqual({
            "as-numbers": [
                "BGP-ASN-001 routers.router0.bgp.asn: router0 has AS 65535, which is the last of its range and reserved" +
                    " (RFC 7300)\n  fix: use a private AS: 64512 to 65534, or 4200000000 to 4294967294" +
                    "    IANA AS numbers registry https://www.iana.org/assignments/as-numbers/as-numbers.xhtml",
            ],
        });
    });

    it("know where the lab is to run", async () => {
        const wide = lab({}, (draft) => {
            draft.segments["router0-client0"]!.subnets = ["192.168.0.0/31", "fd00:100::/127"];
        });
        const platforms = async (component: ReturnType<typeof labComponent>) => (await ask([component])).platforms;
        expect(await platforms(labComponent(wide, "netns"))).toBeUndefined();
        expect((await platforms(labComponent(wide, "docker")))?.length).toBeGreaterThan(0);
    });

    it("read only what is known in a preview of a lab, and nothing of other resources", async () => {
        const unknown = { inputs: { value: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" }, type: "a:b:C", name: "c" };
        expect(await ask([unknown])).toEqual({});
    });

    it("say of a lab that cannot be read only that", async () => {
        const wrong: Lab = lab({}, (draft) => {
            draft.cluster.podCidrs[0] = "10.100.0.1/16";
        });
        const config = { "allowed-address-space": { all: ["10.0.0.0/8"] } };
        expect(Object.keys(await ask([labComponent(wrong)], config))).toEqual(["address-plan"]);
    });
});
