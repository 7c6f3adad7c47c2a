import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab } from "./lab";
import {
    expectUntouched,
    expectVerified,
    killDaemon,
    neighborsOf,
    onSandbox,
    recordedDrift,
    sessionsOf,
} from "./observe";
import { added, tracesOf } from "./traces";

describe("a lab whose nodes speak BGP with BIRD", () => {
    const lab = createLab("e2e-bird");
    const before = tracesOf(lab);
    const worker = "cilium-bgp-cp-worker";
    const parameters = { workers: 1, exportPodCidr: true };

    function configure(speaker: "bird" | "gobgp", more: Readonly<Record<string, unknown>> = {}): void {
        lab.configure({ embedded: { speaker }, lab: { ...parameters, ...more } });
    }

    /** Running daemons of the nodes, without the node's name. */
    async function speakers(): Promise<readonly string[]> {
        const { daemons } = await onSandbox(lab, (sandbox) => sandbox.call("daemons", {}));
        const ofNodes = daemons.filter(({ namespace, running }) => running && namespace?.startsWith("cilium-"));
        return ofNodes.map(({ name }) => name.split(".")[0] ?? "").sort();
    }

    beforeAll(async () => {
        configure("bird");
        await lab.succeed("up");
    });

    afterAll(() => lab.dispose());

    it("comes up, is verified and is not changed by a second up", async () => {
        expect(await speakers()).toEqual(["bird", "bird"]);
        await expectVerified(lab);
        await lab.succeed("up", "--refresh", "--expect-no-changes");
    });

    it("announces another service without a reset", async () => {
        const sessions = await sessionsOf(lab);
        const services = [{ name: "only", addresses: ["10.254.0.30", "fd00:10:254::30"] }];
        configure("bird", { services });
        await lab.succeed("up");
        await expectVerified(lab);
        expectUntouched(sessions, await sessionsOf(lab), neighborsOf(1, 2));
    });

    it("gets a killed BIRD back", async () => {
        const sessions = await sessionsOf(lab);
        await killDaemon(lab, `bird.${worker}`);
        await lab.succeed("refresh");
        expect(await recordedDrift(lab)).toContainEqual(
            expect.objectContaining({ resource: worker, found: expect.stringContaining("SIGKILL") }),
        );
        await lab.succeed("up", "--refresh");
        await expectVerified(lab);
        expectUntouched(sessions, await sessionsOf(lab), neighborsOf(1));
    });

    it("changes over to GoBGP and back", async () => {
        for (const speaker of ["gobgp", "bird"] as const) {
            configure(speaker);
            await lab.succeed("up");
            expect(await speakers()).toEqual(speaker === "bird" ? ["bird", "bird"] : ["gobgpd", "gobgpd"]);
            await expectVerified(lab);
        }
    });

    it("leaves nothing on the machine when it is destroyed", async () => {
        await lab.succeed("destroy");
        expect(added(before, tracesOf(lab))).toEqual([]);
    });
});
