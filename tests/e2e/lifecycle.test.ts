import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CheckResult } from "../../verify/check";
import { createLab, type Run } from "./lab";
import { expectUntouched, neighborsOf, runChecks, sessionsOf, shell } from "./observe";
import { added, tracesOf } from "./traces";

const nodes = ["cilium-bgp-cp-control-plane", "cilium-bgp-cp-worker", "cilium-bgp-cp-worker2", "cilium-bgp-cp-worker3"];

describe("a lab from nothing to nothing", () => {
    const lab = createLab("e2e-lifecycle");
    const before = tracesOf(lab);
    let up: Run;

    beforeAll(async () => {
        up = await lab.run("up");
    });

    afterAll(() => lab.dispose());

    it("comes up with all checks passed", async () => {
        expect(up.code, up.stdout + up.stderr).toBe(0);
        const results = await runChecks(lab);
        // 8 sessions, 4 service routes, one offer per session, and three traffic checks per service address.
        const kinds = results.map(({ check }) => check.kind);
        const count = (kind: string) => kinds.filter((each) => each === kind).length;
        expect([count("session"), count("route"), count("offer"), count("service"), count("silence")]).toEqual([
            8, 4, 8, 4, 8,
        ]);
        expect(results.filter(({ status }) => status === "fail")).toEqual([]);
    });

    it("is not changed by a second up, which keeps every session", async () => {
        const sessions = await sessionsOf(lab);
        const again = await lab.succeed("up", "--refresh", "--expect-no-changes");
        expect(again.stdout).toContain("11 unchanged");
        await lab.succeed("preview", "--refresh", "--expect-no-changes");
        expectUntouched(sessions, await sessionsOf(lab), neighborsOf(1, 2, 3, 4));
    });

    it("is verified again by the command, as table, JSON and JUnit", async () => {
        const table = await lab.command("verify");
        expect(table.code, table.stderr).toBe(0);
        expect(table.stdout).toMatch(/pass +client0 http 10\.254\.0\.10:80 /);
        const json = await lab.command("verify", "--json");
        expect(json.code).toBe(0);
        expect(JSON.parse(json.stdout)).toMatchObject({ total: 34, failed: 0 });
        const file = join(lab.folder, "junit.xml");
        const junit = await lab.command("verify", "--junit", file);
        expect(junit.code).toBe(0);
        expect(readFileSync(file, "utf8")).toMatch(/<testsuite [^>]*tests="34" failures="0"/);
    });

    it("names the failing check and exits with 1 when a node drops the service's port", async () => {
        const local = nodes[1] as string;
        await shell(lab, local, "nft add table inet fault");
        await shell(lab, local, "nft add chain inet fault in '{ type filter hook prerouting priority -400; }'");
        await shell(lab, local, "nft add rule inet fault in tcp dport 80 drop");
        const { code, stdout } = await lab.command("verify", "--json", "--deadline", "1");
        await shell(lab, local, "nft delete table inet fault");
        expect(code).toBe(1);
        expect(failedIn(stdout)).toContain("client0 http 10.254.0.11:80");
    });

    it("fails the silence check when a service address answers to ping", async () => {
        for (const node of nodes) {
            await shell(
                lab,
                node,
                "nft insert rule inet bgp-lab drop-in ip daddr 10.254.0.10 icmp type echo-request accept",
            );
            await shell(lab, node, "ip address add 10.254.0.10/32 dev lo");
        }
        const failed = (await runChecks(lab, 1)).filter(({ status }) => status === "fail");
        expect(failed.map(({ subject, observed }) => `${subject}: ${observed.split(" ")[0]}`)).toEqual([
            "client0 ping 10.254.0.10: answer",
        ]);
        await lab.succeed("up", "--refresh");
        expect((await runChecks(lab)).filter(({ status }) => status === "fail")).toEqual([]);
    });

    it("tells a packet that circles until its time runs out from silence", async () => {
        for (const node of nodes) {
            await shell(lab, node, "nft flush ruleset");
        }
        const failed = (await runChecks(lab, 1)).filter(({ status }) => status === "fail");
        const pings = failed.filter(({ check }) => check.kind === "silence" && check.probe.kind === "ping");
        expect(pings.map(({ subject, observed }) => `${subject}: ${observed.split(" ")[0]}`)).toEqual([
            "client0 ping 10.254.0.10: ttl-exceeded",
            "client0 ping 10.254.0.11: ttl-exceeded",
            "client0 ping fd00:10:254::10: ttl-exceeded",
            "client0 ping fd00:10:254::11: ttl-exceeded",
        ]);
    });

    it.each(["/run", "/var/tmp/frr", "/etc/frr"])("has its own %s, where daemons write", async (folder) => {
        expect(await shell(lab, undefined, `stat -f -c %T ${folder}`)).toBe("tmpfs\n");
    });

    it("leaves nothing on the machine when it is destroyed", async () => {
        await lab.succeed("destroy");
        expect(await lab.resources()).toEqual([]);
        expect(added(before, tracesOf(lab))).toEqual([]);
        const nothing = await lab.command("verify");
        expect(nothing.code).not.toBe(0);
        expect(nothing.stderr).toContain("make up");
    });
});

function failedIn(stdout: string): readonly string[] {
    const { results } = JSON.parse(stdout) as { results: readonly CheckResult[] };
    return results.filter(({ status }) => status === "fail").map(({ subject }) => subject);
}
