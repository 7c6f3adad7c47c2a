import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab } from "./lab";
import { expectVerified } from "./observe";

describe("leaf-spine", () => {
    const lab = createLab("e2e-leaf-spine");
    const configure = (parameters: object) => lab.configure({ topology: "leaf-spine", lab: parameters });

    beforeAll(async () => {
        configure({});
        await lab.succeed("up");
    });

    afterAll(() => lab.dispose());

    /** What a node of each rack gets from the host beyond the uplink, which has no route to any of them. */
    async function answersFromBeyond(): Promise<readonly string[]> {
        const sandbox = await lab.sandbox();
        const answers = await Promise.all(
            ["clab-bgp-worker", "clab-bgp-worker3"].map((namespace) =>
                sandbox.call("ping", { namespace, address: "172.20.20.1", timeoutMilliseconds: 1_000 }),
            ),
        );
        return answers.map(({ kind }) => kind);
    }

    it("reaches the world from the racks, because leaves hide them behind their own address, and only so", async () => {
        expect(await answersFromBeyond()).toEqual(["answer", "answer"]);
        configure({ natSource: "10.200.0.0/16" });
        await lab.succeed("up");
        expect(await answersFromBeyond()).toEqual(["timeout", "timeout"]);
    });

    it("gives the service to the other load balancer, withdraws it, and brings it back", async () => {
        for (const parameters of [{ loadBalancer: "metallb" }, { announceServices: false }, {}]) {
            configure(parameters);
            await lab.succeed("up");
            await expectVerified(lab);
        }
    });

    it("grows by a rack, of which the other racks' nodes notice nothing", async () => {
        configure({ spines: 3, racks: 3 });
        await lab.succeed("up");
        configure({ spines: 3, racks: 4 });
        const steps = await lab.plan();
        const nodes = steps.filter(({ type, op }) => type === "bgplab:netns:Node" && op !== "same");
        expect(nodes.filter(({ op }) => op === "create").map(({ name }) => name)).toEqual([
            "clab-bgp-worker6",
            "clab-bgp-worker7",
        ]);
        expect(
            nodes.flatMap(({ op, paths }) => (op === "update" ? paths : [])).filter((path) => !/services/.test(path)),
        ).toEqual([]);
        await lab.succeed("up");
        await expectVerified(lab);
    });
});
