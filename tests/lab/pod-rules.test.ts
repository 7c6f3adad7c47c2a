import { describe, expect, it } from "vitest";
import { afterEvent, namedPodEvents, parsePodEvent } from "../../lab/pod-events";
import { rules, validate } from "../../lab/rules";
import { formatFindings, isError } from "../../lab/rules/findings";
import { podAllowed, podCases, podLab } from "./pod-cases";

describe("rules about routers in Pods", () => {
    it.each([
        { parameters: {}, runtime: "netns" },
        { parameters: { peering: "router" }, runtime: "netns" },
        { parameters: { peering: "router" }, runtime: "docker" },
        { parameters: { gateways: [1, 2] }, runtime: "netns" },
        { parameters: { peering: "router", gateways: [0, 2, 2] }, runtime: "docker" },
        { parameters: { ownAddress: false }, runtime: "netns" },
        { parameters: { hijacks: ["10.244.0.0/24", "0.0.0.0/1", "::/0"] }, runtime: "netns" },
    ] as const)("have nothing to say about the lab with $parameters in $runtime", ({ parameters, runtime }) => {
        expect(validate(podLab({ parameters }), runtime)).toEqual([]);
    });

    it.each([{}, { peering: "router" }, { gateways: [1, 2, 2] }, { hijacks: ["10.244.0.0/24"] }])(
        "object to nothing that an event of a Pod makes of the lab with %j",
        (parameters) => {
            const lab = podLab({ parameters });
            for (const event of namedPodEvents(lab)) {
                const errors = validate(afterEvent(lab, parsePodEvent(lab, event))).filter(isError);
                expect(formatFindings(errors), event).toBe("");
            }
        },
    );

    it.each(podCases)("$id objects once, and no other rule does, when $when", (broken) => {
        const findings = validate(podLab(broken), broken.runtime);
        expect(findings.map(({ id }) => id).sort()).toEqual([broken.id, ...(broken.also ?? [])].sort());
        expect(findings.find(({ id }) => id === broken.id)).toMatchObject({
            at: broken.at,
            severity: rules.find(({ id }) => id === broken.id)?.severity,
        });
    });

    it.each(podAllowed)("$id does not object when $when", (allowed) => {
        expect(validate(podLab(allowed), allowed.runtime).filter(({ id }) => id === allowed.id)).toEqual([]);
    });
});
