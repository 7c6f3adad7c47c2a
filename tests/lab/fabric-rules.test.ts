import { describe, expect, it } from "vitest";
import { rules, validate } from "../../lab/rules";
import { fabric, fabricAllowed, fabricCases } from "./fabric-cases";

describe("rules about fabrics", () => {
    it.each(["netns", "docker"] as const)(
        "have nothing to say about the fabric that the cases start from in %s",
        (runtime) => {
            expect(validate(fabric(), runtime)).toEqual([]);
        },
    );

    it.each(fabricCases)("$id objects when $when", (broken) => {
        const findings = validate(fabric(broken));
        expect([...new Set(findings.map(({ id }) => id))]).toEqual([broken.id]);
        const found = findings.find(({ id }) => id === broken.id);
        expect(found).toMatchObject({ at: broken.at, severity: rules.find(({ id }) => id === broken.id)?.severity });
    });

    it.each(fabricAllowed)("$id does not object when $when", (allowed) => {
        expect(validate(fabric(allowed)).filter(({ id }) => id === allowed.id)).toEqual([]);
    });
});
