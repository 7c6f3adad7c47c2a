import { expect, it, vi } from "vitest";
import { revisionIn } from "../../commands/revision";
import { readLab } from "../../stacks/config";

vi.mock("../../stacks/config", { spy: true });

it("names the stack that the code fails on, which may be one of many", () => {
    vi.mocked(readLab).mockImplementationOnce(() => {
        throw new TypeError("Cannot read properties of undefined (reading 'map')");
    });
    expect(() => revisionIn("leaf-spine")).toThrow(
        "the code fails on Pulumi.leaf-spine.yaml: TypeError: Cannot read properties of undefined (reading 'map')",
    );
});
