import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLab } from "./lab";
import { expectVerified } from "./observe";

interface Report {
    readonly outage: { readonly requests: number; readonly failed: number; readonly lasting: boolean };
    readonly phases: readonly { readonly predicted: number; readonly observed: number; readonly failed: unknown[] }[];
    readonly failed: unknown[];
}

describe("drills", () => {
    const lab = createLab("e2e-drill");
    const worker = "cilium-bgp-cp-worker";
    /** Short enough to wait for; routes of a restarting node are kept for four seconds. */
    const timers = { holdTime: 3, keepalive: 1, connectRetry: 1 };

    beforeAll(async () => {
        lab.configure({
            lab: { workers: 2, replicas: 2, routerTimers: timers, nodeTimers: timers, gracefulRestartTime: 4 },
        });
        await lab.succeed("up");
    });

    afterAll(() => lab.dispose());

    async function drill(fault: string): Promise<Report> {
        const { code, stdout, stderr } = await lab.command("drill", "--fault", fault, "--json");
        expect(code, stdout + stderr).toBe(0);
        const report = JSON.parse(stdout) as Report;
        expect([...report.phases.flatMap(({ failed }) => failed), ...report.failed]).toEqual([]);
        return report;
    }

    /** Seconds after which each phase was predicted. */
    const predicted = ({ phases }: Report) => phases.map((phase) => phase.predicted);

    it("see a cut link at once, and requests fail no longer than routing takes", async () => {
        const report = await drill(`link:router0-${worker}`);
        expect(predicted(report)).toEqual([0]);
        expect(report.outage.lasting).toBe(false);
    });

    it("see routes of a killed speaker until its graceful restart is over, and no request fails", async () => {
        const report = await drill(`daemon:${worker}:killed`);
        expect(predicted(report)).toEqual([0, 4]);
        expect(report.outage).toMatchObject({ failed: 0 });
        expect(report.phases[1]!.observed).toBeGreaterThan(report.phases[0]!.observed);
    });

    it.each(["frozen", "disconnected"])(
        "miss a %s speaker when its hold time runs out, and keep its routes for its graceful restart",
        async (manner) => {
            const report = await drill(`daemon:${worker}:${manner}`);
            expect(predicted(report)).toEqual([0, 3, 7]);
            expect(report.outage).toMatchObject({ failed: 0 });
        },
    );

    it("leave a lab that is as before", async () => {
        await expectVerified(lab);
        await lab.succeed("up", "--refresh", "--expect-no-changes");
    });

    it("name the faults there are when one is not known, and touch nothing", async () => {
        const { code, stderr } = await lab.command("drill", "--fault", "link:router0-router1");
        expect(code).not.toBe(0);
        expect(stderr).toContain(`link:router0-${worker}`);
        await expectVerified(lab);
    });
});
