import { rmSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { applyFrr } from "../../provider/daemons/frr";
import { applyGobgp, gobgpAdvertised, gobgpPeers, inspectGobgp, stopGobgp } from "../../provider/daemons/gobgp";
import { connectGobgp } from "../../provider/daemons/gobgp-api";
import type { Sandbox } from "../../provider/sandbox/protocol";
import type { GobgpConfig } from "../../provider/schema";
import { nodeConfig, routerConfig } from "./fixtures";
import {
    bgpTable,
    eventually,
    expectUninterrupted,
    kill,
    offered,
    routeTable,
    sessionsUp,
    upSince,
    useTwoDevices,
} from "./lab";

const both = ["169.254.1.2", "fd00:1::2"];
const namespace = "node1";
const theSandbox = useTwoDevices("gobgp");
let sandbox: Sandbox;

beforeAll(() => {
    sandbox = theSandbox();
});

const apply = (parts: Partial<GobgpConfig> = {}) => applyGobgp(sandbox, { namespace, config: nodeConfig(parts) });
const drift = (parts: Partial<GobgpConfig> = {}) => inspectGobgp(sandbox, { namespace, config: nodeConfig(parts) });

async function running(parts: Partial<GobgpConfig> = {}): Promise<void> {
    await apply(parts);
    await applyFrr(sandbox, { namespace: "router0", config: routerConfig() });
    await sessionsUp(sandbox);
}

/** Next hops of router0's BGP routes, as bgpd and the kernel have them. */
async function learned(prefix: string): Promise<readonly string[]> {
    const family = prefix.includes(":") ? "ipv6" : "ipv4";
    const [rib, fib] = await Promise.all([
        bgpTable(sandbox, "router0", family),
        routeTable(sandbox, "router0", family),
    ]);
    const paths = rib.find((route) => route.prefix === prefix)?.paths ?? [];
    const installed = fib.find((route) => route.prefix === prefix && route.protocol === "bgp" && route.installed);
    return [...paths.map(({ nextHop }) => `rib ${nextHop}`), ...(installed ? ["fib"] : [])];
}

describe("applyGobgp", () => {
    it("offers what it originates with the session's own address as next hop, in both families", async () => {
        await running();
        await eventually(
            () => learned("10.254.0.10/32"),
            (seen) => seen.join() === "rib 169.254.1.2,fib",
        );
        await eventually(
            () => learned("fd00:10:254::10/128"),
            (seen) => seen.join() === "rib fd00:1::2,fib",
        );
        expect(await gobgpAdvertised(sandbox, namespace, "169.254.1.1", "ipv4")).toEqual([
            { prefix: "10.254.0.10/32", nextHop: "169.254.1.2" },
        ]);
        expect(await drift()).toEqual([]);
    });

    it("rejects every import", async () => {
        await running();
        await eventually(
            () => offered(sandbox, "169.254.1.2", "ipv4"),
            (routes) => routes.some(({ prefix }) => prefix === "10.0.0.0/8"),
        );
        await eventually(
            async () => (await gobgpPeers(sandbox, namespace)).map(({ received }) => received),
            (received) => received.some(({ ipv4 = 0 }) => ipv4 > 0) && received.some(({ ipv6 = 0 }) => ipv6 > 0),
        );
        expect(await drift(), "a received route in the table would be a foreign path").toEqual([]);
    });

    it("adds and withdraws paths without a reset", async () => {
        await running();
        const before = await upSince(sandbox);
        const originated = ["10.254.0.11/32", "fd00:10:254::10/128"];
        await apply({ originated });
        await eventually(
            () => learned("10.254.0.11/32"),
            (seen) => seen.includes("fib"),
        );
        await eventually(
            () => learned("10.254.0.10/32"),
            (seen) => seen.length === 0,
        );
        expect(await drift({ originated })).toEqual([]);
        await expectUninterrupted(sandbox, before, both);
        await apply();
    });

    it("changes timers for the next session without a reset", async () => {
        await running();
        const before = await upSince(sandbox);
        const neighbors = nodeConfig().neighbors.map((neighbor) => ({ ...neighbor, holdTime: 60, connectRetry: 30 }));
        await apply({ neighbors });
        expect(await drift({ neighbors })).toEqual([]);
        await expectUninterrupted(sandbox, before, both);
        await apply();
        expect(await drift()).toEqual([]);
    });

    it("starts a gobgpd anew that runs but cannot be asked", async () => {
        await running();
        rmSync(sandbox.path(`/run/gobgp/${namespace}.sock`));
        expect((await drift()).map(({ path }) => path)).toEqual([""]);
        await running();
        expect(await drift()).toEqual([]);
    });

    it("starts a gobgpd anew that was stopped by a signal", async () => {
        await running();
        const { daemons } = await sandbox.call("daemons", {});
        const pid = daemons.find(({ name }) => name === `gobgpd.${namespace}`)?.pid;
        await sandbox.call("exec", { processes: [{ argv: ["kill", "-STOP", String(pid)] }] });
        await running();
        expect(await drift()).toEqual([]);
    });

    it("removes a neighbor and makes it anew without touching the other", async () => {
        await running();
        const before = await upSince(sandbox);
        const neighbors = nodeConfig().neighbors.slice(0, 1);
        await apply({ neighbors });
        expect(await drift({ neighbors })).toEqual([]);
        expect((await gobgpPeers(sandbox, namespace)).map(({ address }) => address)).toEqual(["169.254.1.1"]);
        await apply();
        await sessionsUp(sandbox);
        await expectUninterrupted(sandbox, before, ["169.254.1.2"]);
    });

    it("restarts BGP for another AS", async () => {
        await running();
        await apply({ asn: 65077 });
        expect(await drift({ asn: 65077 })).toEqual([]);
        const paths = await eventually(
            async () => (await bgpTable(sandbox, "router0", "ipv4")).find(({ prefix }) => prefix === "10.254.0.10/32"),
            (route) => route?.paths[0]?.asPath === "65077",
        );
        expect(paths?.paths).toHaveLength(1);
        await apply();
    });

    it("says what gobgpd refuses", async () => {
        await stopGobgp(sandbox, { namespace });
        await expect(apply({ routerId: "nonsense" })).rejects.toThrow(
            "gobgpd of node1 refused StartBgp: invalid router-id format: nonsense",
        );
    });
});

describe("inspectGobgp", () => {
    it("finds a dead gobgpd, which applyGobgp heals", async () => {
        await running();
        await kill(sandbox, "gobgpd.node1");
        expect(await drift()).toEqual([{ path: "", found: "gobgpd ended (SIGKILL)" }]);
        await running();
        expect(await drift()).toEqual([]);
    });

    it("finds what someone changed behind its back, which applyGobgp heals", async () => {
        await running();
        const api = await connectGobgp(sandbox.path("/run/gobgp/node1.sock"), "gobgpd of node1");
        await api.call("DeletePeer", { address: "fd00:1::1" });
        await api.call("DisablePeer", { address: "169.254.1.1" });
        await api.call("SetPolicyAssignment", { assignment: { name: "global", direction: 1, defaultAction: 1 } });
        api.close();
        const withoutPath = { originated: ["10.254.0.10/32"] };
        const found = await eventually(
            async () => (await drift(withoutPath)).map((one) => one.found),
            (all) => all.length >= 4,
        );
        expect(found).toEqual([
            "import policy is none, and its default action is accept",
            "fd00:10:254::10/128 is not wanted",
            "169.254.1.1 is shut down",
            "fd00:1::1 is missing",
        ]);
        await apply();
        await eventually(drift, (all) => all.length === 0);
        await sessionsUp(sandbox);
    });
});

describe("stopGobgp", () => {
    it("takes its routes back at once, although graceful restart would keep them", async () => {
        await running();
        await eventually(
            () => learned("10.254.0.10/32"),
            (seen) => seen.includes("fib"),
        );
        await stopGobgp(sandbox, { namespace });
        // Long before the restart time of 120 s, for which they would stay otherwise.
        await eventually(
            async () => [...(await learned("10.254.0.10/32")), ...(await learned("fd00:10:254::10/128"))],
            (seen) => seen.length === 0,
        );
    });

    it("leaves routes in place when it is killed: graceful restart", async () => {
        await running();
        await eventually(
            () => learned("10.254.0.10/32"),
            (seen) => seen.includes("fib"),
        );
        await kill(sandbox, "gobgpd.node1");
        await eventually(
            async () => (await bgpTable(sandbox, "router0", "ipv4")).length,
            (count) => count > 0,
        );
        expect(await learned("10.254.0.10/32")).toContain("fib");
    });

    it("is content when none runs", async () => {
        await stopGobgp(sandbox, { namespace });
        await stopGobgp(sandbox, { namespace });
    });
});
