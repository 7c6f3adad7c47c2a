import { describe, expect, it } from "vitest";
import { rules, validate } from "../../lab/rules";
import { speakerAllowed, speakerCases, speakerLab } from "./speaker-cases";

describe("rules about labs with VRFs, Calico, MetalLB and internal sessions", () => {
    it.each(["calico-metallb-vrf", "ibgp-frr"] as const)(
        "have nothing to say about the lab %s that the cases start from",
        (base) => {
            expect(validate(speakerLab({ base }))).toEqual([]);
            expect(validate(speakerLab({ base }), "docker")).toEqual([]);
        },
    );

    it.each(speakerCases)("$id objects, and no other rule does, when $when", (broken) => {
        const findings = validate(speakerLab(broken), broken.runtime);
        const found = findings.find(({ id }) => id === broken.id);
        expect([...new Set(findings.map(({ id }) => id))].sort()).toEqual([broken.id, ...(broken.also ?? [])].sort());
        expect(found).toMatchObject({ at: broken.at, severity: rules.find(({ id }) => id === broken.id)?.severity });
    });

    it.each(speakerAllowed)("$id does not object when $when", (allowed) => {
        expect(validate(speakerLab(allowed), allowed.runtime).filter(({ id }) => id === allowed.id)).toEqual([]);
    });
});
