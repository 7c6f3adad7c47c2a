import { describe, expect, it } from "vitest";
import { NoLabError, readState } from "../../commands/deployed";
import { planSingleFrr, schema } from "../../stacks/single-frr";

const model = planSingleFrr(schema.parse({ workers: 1 }));

function state(...resources: readonly object[]): string {
    return JSON.stringify({ version: 3, deployment: { resources } });
}

function resource(type: string, name: string, inputs?: object): object {
    return { type, urn: `urn:pulumi:s::p::bgplab:index:Lab$${type}::${name}`, inputs };
}

describe("what a stack's state says of its lab", () => {
    it.each(["netns", "docker"])("is model, runtime and deadline of the component, here of a lab of %s", (runtime) => {
        const inputs = { model, runtime, verify: { deadline: 42 } };
        const older = { ...model, topology: "older" };
        const deployed = readState(
            "s",
            state(
                resource("pulumi:pulumi:Stack", "p-s"),
                resource("bgplab:index:Lab", "single-frr", inputs),
                // What was verified last may be behind what was asked for last.
                resource("bgplab:docker:Verification", "v", { model: older, deadline: 1 }),
            ),
        );
        expect(deployed).toMatchObject({ stack: "s", runtime, deadline: 42 });
        expect(deployed.model).toEqual(model);
        expect(deployed.resources.map(({ name }) => name)).toEqual(["p-s", "single-frr", "v"]);
    });

    it.each([
        ["a stack that was never built", JSON.stringify({ version: 3, deployment: {} })],
        ["a stack that was destroyed", state()],
        ["a stack whose program was refused", state(resource("pulumi:pulumi:Stack", "p-s"))],
    ])("is nothing for %s, with the way to get a lab", (_what, exported) => {
        expect(() => readState("mine", exported)).toThrow(NoLabError);
        expect(() => readState("mine", exported)).toThrow(/make up STACK=mine/);
    });
});
