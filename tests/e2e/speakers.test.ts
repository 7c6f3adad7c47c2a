/** Nodes with two speakers: what changes, breaks and heals is one of them; and records of nodes that could have one only. */

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { netnsDriver } from "../../provider/driver";
import { types } from "../../provider/schema";
import { createLab, type TestLab } from "./lab";
import {
    expectUntouched,
    expectVerified,
    killDaemon,
    neighborsOf,
    onSandbox,
    recordedDrift,
    runChecks,
    sessionsOf,
    shell,
} from "./observe";

describe("a lab whose nodes run Calico and MetalLB", () => {
    const lab = createLab("e2e-speakers");
    const router = "csr1000v";
    const worker = "k8s-vrf-worker";

    const metallbTimers = { holdTime: 60, keepalive: 20, connectRetry: 10 };

    function configure(parameters: object): void {
        lab.configure({ topology: "calico-metallb-vrf", runtime: "netns", lab: { workers: 2, ...parameters } });
    }

    /** Moments, in seconds of the clock, at which sessions with Calico came up; none moves as long as none is reset. */
    async function calicoSince(): Promise<readonly number[]> {
        return onSandbox(lab, async (sandbox) => {
            const driver = netnsDriver(sandbox);
            const all = await driver.sessions(router, "k8s-calico").finally(() => driver.close());
            // Beside those of the nodes there is one between the router's own VRFs.
            const sessions = all.filter(({ neighbor }) => neighbor.startsWith("10.0.0."));
            expect(sessions.map(({ state }) => state)).toEqual(["Established", "Established", "Established"]);
            return sessions.map(({ uptime }) => Date.now() / 1000 - uptime);
        });
    }

    beforeAll(async () => {
        configure({});
        await lab.succeed("up");
    });

    afterAll(() => lab.dispose());

    it("is told another MetalLB timer in MetalLB's speakers alone, and keeps Calico's sessions", async () => {
        const before = await calicoSince();
        configure({ metallbTimers });
        const nodes = (await lab.plan()).filter(({ type }) => type === types.node);
        expect(nodes.map(({ op, paths }) => [op, ...paths])).toEqual(
            Array(3).fill(["update", "speakers.metallb.config"]),
        );
        await lab.succeed("up");
        await expectVerified(lab);
        const after = await calicoSince();
        expect(after.map((moment, index) => Math.abs(moment - before[index]!) < 2)).toEqual([true, true, true]);
    });

    it("fails its verification when a session between two nodes is down, which no router has", async () => {
        const birdc = (command: string) =>
            shell(lab, undefined, `birdc -s /run/bird/${worker}.ctl ${command} Mesh_10_0_0_12`);
        await birdc("disable");
        const failed = (await runChecks(lab, 1)).filter(({ status }) => status === "fail");
        expect(failed.map(({ subject }) => subject)).toEqual(
            expect.arrayContaining([`${worker} kernel ipv4`, `${worker}2 kernel ipv4`]),
        );
        await birdc("enable");
        await expectVerified(lab);
    });

    it("is told another AS of Calico's in Calico's speakers alone, besides the router", async () => {
        configure({ metallbTimers, calicoAsn: 65102 });
        const nodes = (await lab.plan()).filter(({ type }) => type === types.node);
        expect(nodes.map(({ op, paths }) => [op, ...paths])).toEqual(
            Array(3).fill(["update", "speakers.calico.config"]),
        );
        await lab.succeed("up");
        await expectVerified(lab);
    });

    it.each([
        ["bird", "speakers.calico"],
        ["bgpd", "speakers.metallb.daemons.bgpd"],
    ])("names the speaker whose %s was killed, and gets it back", async (daemon, path) => {
        await killDaemon(lab, `${daemon}.${worker}`);
        await lab.succeed("refresh");
        expect(await recordedDrift(lab)).toContainEqual(
            expect.objectContaining({ resource: worker, path, found: expect.stringContaining("SIGKILL") }),
        );
        await lab.succeed("up", "--refresh");
        expect(await recordedDrift(lab)).toEqual([]);
        await expectVerified(lab);
    });
});

/** A node as a record has it. */
interface RecordedNode {
    readonly type: string;
    inputs: Record<string, unknown>;
}

/** Rewrites the nodes of a lab's record to the form in which a node had one speaker. */
function recordOneSpeaker(lab: TestLab): void {
    const folder = join(lab.folder, ".pulumi", "stacks", "bgp-lab");
    const file = join(folder, readdirSync(folder).find((each) => each === `${lab.stack}.json`)!);
    const record = JSON.parse(readFileSync(file, "utf8")) as {
        readonly checkpoint: { readonly latest: { readonly resources: readonly RecordedNode[] } };
    };
    for (const node of record.checkpoint.latest.resources.filter(({ type }) => type === types.node)) {
        const { speakers, ...inputs } = node.inputs;
        node.inputs = { ...inputs, speaker: (speakers as { readonly cilium: unknown }).cilium };
    }
    writeFileSync(file, JSON.stringify(record));
}

describe("a lab that an older version recorded", () => {
    const lab = createLab("e2e-upgrade");
    const worker = "cilium-bgp-cp-worker";

    beforeAll(async () => {
        lab.configure({ lab: { workers: 1 } });
        await lab.succeed("up");
    });

    afterAll(() => lab.dispose());

    it("is brought up to date without a reset of its sessions", async () => {
        const before = await sessionsOf(lab);
        recordOneSpeaker(lab);
        const nodes = (await lab.plan()).filter(({ type }) => type === types.node);
        expect(nodes.map(({ op, paths }) => [op, ...paths])).toEqual(Array(2).fill(["update", "speaker", "speakers"]));
        await lab.succeed("up", "--refresh");
        await expectVerified(lab);
        expectUntouched(before, await sessionsOf(lab), neighborsOf(1, 2));
        await lab.succeed("up", "--refresh", "--expect-no-changes");
    });

    it("changes its speaker, and goes, from such a record", async () => {
        recordOneSpeaker(lab);
        lab.configure({ embedded: { speaker: "bird" }, lab: { workers: 1 } });
        await lab.succeed("up");
        const { daemons } = await onSandbox(lab, (sandbox) => sandbox.call("daemons", {}));
        const onWorker = daemons.filter(({ namespace, running }) => running && namespace === worker);
        expect(onWorker.map(({ name }) => name)).toEqual([`bird.${worker}`]);
        await expectVerified(lab);
        recordOneSpeaker(lab);
        await lab.succeed("destroy");
        expect(await lab.resources()).toEqual([]);
    });
});
