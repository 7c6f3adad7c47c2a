import { rmSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { applyFrr, inspectFrr, stopFrr } from "../../provider/daemons/frr";
import { bgpRoute, bgpSummary } from "../../provider/daemons/frr-reads";
import { vty, withVty } from "../../provider/daemons/vty";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { nodeFrrConfig, type RouterParts, routerConfig } from "./fixtures";
import {
    bgpTable,
    eventually,
    expectUninterrupted,
    kill,
    offered,
    routeTable,
    sessionsOf,
    sessionsUp,
    upSince,
    useTwoDevices,
} from "./lab";

const both = ["169.254.1.2", "fd00:1::2"];
const namespace = "router0";
const theSandbox = useTwoDevices("frr");
let sandbox: Sandbox;

beforeAll(async () => {
    sandbox = theSandbox();
    await applyFrr(sandbox, { namespace: "node1", config: nodeFrrConfig });
});

/** router0 with this configuration and both sessions up. */
async function running(parts: RouterParts = {}): Promise<void> {
    await applyFrr(sandbox, { namespace, config: routerConfig(parts) });
    await sessionsUp(sandbox);
}

const change = (parts: RouterParts) => applyFrr(sandbox, { namespace, config: routerConfig(parts) });
const drift = (parts: RouterParts = {}) => inspectFrr(sandbox, { namespace, config: routerConfig(parts) });
const runningConfig = () => withVty(sandbox, namespace, "bgpd", (bgpd) => bgpd.show("show running-config"));

describe("applyFrr where nothing runs", () => {
    it("loads the configuration and reports no drift", async () => {
        await running();
        expect(await drift()).toEqual([]);
        expect(await runningConfig()).toContain(" neighbor 169.254.1.2 peer-group NODES\n");
    });

    it("starts sessions at once rather than after FRR's start timer of a second", async () => {
        await stopFrr(sandbox, { namespace });
        // Otherwise the other end might be the one that connects.
        await stopFrr(sandbox, { namespace: "node1" });
        await applyFrr(sandbox, { namespace: "node1", config: nodeFrrConfig });
        await applyFrr(sandbox, { namespace, config: routerConfig() });
        // A session that waits for the start timer is Idle; one look, because a second later all have left that state.
        const sessions = await withVty(sandbox, namespace, "bgpd", bgpSummary);
        expect(sessions.length).toBeGreaterThan(0);
        expect(sessions.filter(({ state }) => state === "Idle")).toEqual([]);
        await sessionsUp(sandbox);
    });

    it("adopts what runs without touching sessions", async () => {
        await running();
        const before = await upSince(sandbox);
        await applyFrr(sandbox, { namespace, config: routerConfig() });
        await expectUninterrupted(sandbox, before, both);
    });

    it("listens on no TCP port but BGP's", async () => {
        await running();
        const { results } = await sandbox.call("exec", { processes: [{ namespace, argv: ["ss", "-Hltn"] }] });
        const ports = (results[0]?.stdout ?? "")
            .trim()
            .split("\n")
            .map((line) => line.split(/\s+/)[3]?.split(":").pop());
        expect(new Set(ports)).toEqual(new Set(["179"]));
    });

    it("names the refused line and the daemon's words", async () => {
        await stopFrr(sandbox, { namespace });
        const config = routerConfig({ moreNeighbors: " neighbor 169.254.1.9 peer-grupp NODES\n" });
        await expect(applyFrr(sandbox, { namespace, config })).rejects.toThrow(
            'bgpd refused "neighbor 169.254.1.9 peer-grupp NODES": % [BGP] Unknown command',
        );
        expect(await inspectFrr(sandbox, { namespace, config })).toContainEqual({
            path: "config",
            found: "no configuration was loaded completely",
        });
    });
});

describe("applyFrr on a running FRR", () => {
    const kept: readonly (readonly [string, RouterParts, string])[] = [
        ["a prefix list entry", { prefixLength: 9 }, "ip prefix-list LAB seq 5 permit 10.0.0.0/8 ge 9"],
        ["timers of a peer group", { timers: "5 15" }, "neighbor NODES timers 5 15"],
        ["maximum-paths", { maximumPaths: 8 }, "maximum-paths 8"],
        [
            "a neighbor that joins a peer group",
            { moreNeighbors: " neighbor 169.254.1.3 peer-group NODES\n" },
            "neighbor 169.254.1.3 peer-group NODES",
        ],
        [
            "a route map that is defined and used",
            {
                moreIpv4: "  neighbor NODES route-map IN in\n",
                more: "!\nroute-map IN permit 10\n set local-preference 200\nexit\n",
            },
            "set local-preference 200",
        ],
        ["a limit of prefixes", { moreIpv4: "  neighbor NODES maximum-prefix 1\n" }, "neighbor NODES maximum-prefix 1"],
        ["a network", { moreIpv4: "  network 10.9.0.0/16\n" }, "network 10.9.0.0/16"],
    ];
    for (const [what, parts, line] of kept) {
        it(`changes ${what} there and back without a reset`, async () => {
            await running();
            const before = await upSince(sandbox);
            await change(parts);
            expect(await runningConfig()).toContain(line);
            expect(await drift(parts)).toEqual([]);
            await change({});
            expect(await runningConfig()).not.toContain(line);
            expect(await drift()).toEqual([]);
            await expectUninterrupted(sandbox, before, both);
        });
    }

    it("holds a changed list against routes that were received before, without a reset", async () => {
        const filtered = (entry: string): RouterParts => ({
            moreIpv4: "  neighbor NODES prefix-list IN in\n",
            more: `ip prefix-list IN seq 5 ${entry}\n`,
        });
        const received = async () => (await bgpTable(sandbox, namespace, "ipv4")).map(({ prefix }) => prefix);
        await running(filtered("permit 10.254.0.0/24 le 32"));
        await eventually(received, (prefixes) => prefixes.includes("10.254.0.10/32"));
        const before = await upSince(sandbox);
        await change(filtered("permit 10.253.0.0/24 le 32"));
        await eventually(received, (prefixes) => !prefixes.includes("10.254.0.10/32"));
        await change(filtered("permit 10.254.0.10/32"));
        await eventually(received, (prefixes) => prefixes.includes("10.254.0.10/32"));
        await expectUninterrupted(sandbox, before, both);
    });

    it("keeps a session below a limit that goes up and down, and opens one that has exceeded it when it goes up", async () => {
        const three = nodeFrrConfig.replace(/^ *network 10\.254\.0\.10.*$/m, (line) =>
            ["10", "11", "12"].map((host) => line.replace(/10\/32$/, `${host}/32`)).join("\n"),
        );
        const limit = (prefixes: number): RouterParts => ({
            moreIpv4: `  neighbor NODES maximum-prefix ${prefixes}\n`,
        });
        const received = async () =>
            (await bgpTable(sandbox, namespace, "ipv4")).filter(({ prefix }) => prefix.startsWith("10.254.0."));
        const states = async () => (await sessionsOf(sandbox, namespace)).map(({ state }) => state).sort();
        await applyFrr(sandbox, { namespace: "node1", config: three });
        try {
            await running(limit(5));
            await eventually(received, ({ length }) => length === 3);
            const before = await upSince(sandbox);
            await change(limit(9));
            await change(limit(3));
            await expectUninterrupted(sandbox, before, both);
            expect(await received()).toHaveLength(3);

            await change(limit(2));
            expect(await eventually(states, ([, idle]) => idle !== "Established")).toEqual([
                "Established",
                "Idle (PfxCt)",
            ]);
            await eventually(received, ({ length }) => length === 0);
            expect(await drift(limit(2))).toEqual([
                { path: "sessions", found: "169.254.1.2 is closed: it announced more than maximum-prefix" },
            ]);
            await change(limit(4));
            await sessionsUp(sandbox);
            expect(await drift(limit(4))).toEqual([]);
            await eventually(received, ({ length }) => length === 3);
        } finally {
            await applyFrr(sandbox, { namespace: "node1", config: nodeFrrConfig });
        }
    });

    it("changes a static route in the kernel without a reset", async () => {
        await running();
        const before = await upSince(sandbox);
        await change({ blackhole: "10.64.0.0/10" });
        const routes = await eventually(
            () => routeTable(sandbox, namespace, "ipv4"),
            (table) => table.some(({ prefix, installed }) => prefix === "10.64.0.0/10" && installed),
        );
        expect(routes.filter(({ protocol }) => protocol === "static").map(({ prefix }) => prefix)).toEqual([
            "10.64.0.0/10",
        ]);
        await expectUninterrupted(sandbox, before, both);
    });

    it("offers what a changed prefix list permits", async () => {
        await running();
        await eventually(
            () => offered(sandbox, "169.254.1.2", "ipv4"),
            (routes) => routes.some(({ prefix }) => prefix === "10.0.0.0/8"),
        );
        await change({ prefixLength: 9 });
        await eventually(
            () => offered(sandbox, "169.254.1.2", "ipv4"),
            (routes) => routes.every(({ prefix }) => prefix !== "10.0.0.0/8"),
        );
    });

    it("moves a neighbor out of its group and leaves the other session alone", async () => {
        await running();
        const before = await upSince(sandbox);
        const own = " neighbor 169.254.1.2 remote-as 65001\n neighbor 169.254.1.2 timers connect 1\n";
        const to = routerConfig({ moreNeighbors: own, moreIpv4: "  neighbor 169.254.1.2 activate\n" }).replace(
            " neighbor 169.254.1.2 peer-group NODES\n",
            "",
        );
        await applyFrr(sandbox, { namespace, config: to });
        await sessionsUp(sandbox);
        expect(await inspectFrr(sandbox, { namespace, config: to })).toEqual([]);
        await expectUninterrupted(sandbox, before, ["fd00:1::2"]);
    });

    it("changes the router id and gets its sessions back", async () => {
        await running();
        await change({ routerId: "10.0.0.99" });
        expect(await drift({ routerId: "10.0.0.99" })).toEqual([]);
        await sessionsUp(sandbox);
    });

    it("replaces the BGP instance for another AS", async () => {
        await running();
        await change({ asn: 65100 });
        expect(await drift({ asn: 65100 })).toEqual([]);
        await running({ asn: 65100 });
    });

    it("starts anew under another profile of defaults", async () => {
        await running();
        await change({ profile: "traditional" });
        expect(await runningConfig()).toContain("frr defaults traditional");
        expect(await drift({ profile: "traditional" })).toEqual([]);
    });

    it("changes nothing when a line is refused", async () => {
        await running();
        const before = await upSince(sandbox);
        await expect(change({ maximumPaths: 9999, prefixLength: 10 })).rejects.toThrow(
            'bgpd refused "maximum-paths 9999"',
        );
        expect(await runningConfig()).toContain("ip prefix-list LAB seq 5 permit 10.0.0.0/8 ge 8\n");
        await expectUninterrupted(sandbox, before, both);
    });
});

describe("inspectFrr", () => {
    for (const daemon of ["zebra", "staticd", "bgpd"] as const) {
        it(`finds a dead ${daemon}, which applyFrr heals`, async () => {
            await running();
            await kill(sandbox, `${daemon}.${namespace}`);
            expect(await drift()).toEqual([{ path: `daemons.${daemon}`, found: "ended (SIGKILL)" }]);
            await running();
            expect(await drift()).toEqual([]);
            await eventually(
                async () => (await routeTable(sandbox, namespace, "ipv4")).filter(({ installed }) => installed),
                (routes) => ["10.254.0.10/32", "10.0.0.0/8"].every((wanted) => routes.some((r) => r.prefix === wanted)),
            );
        });
    }

    it("starts a daemon anew that runs but cannot be asked", async () => {
        await running();
        rmSync(sandbox.path(`/run/frr/${namespace}/bgpd.vty`));
        expect((await drift()).map(({ path }) => path)).toEqual(["daemons.bgpd"]);
        await running();
        expect(await drift()).toEqual([]);
    });

    it("finds a line that someone typed, and one that someone took away", async () => {
        await running();
        await withVty(sandbox, namespace, "bgpd", (bgpd) =>
            bgpd.ask([
                "configure terminal",
                "router bgp 65000",
                "timers bgp 7 21",
                "no bgp bestpath as-path multipath-relax",
                "end",
            ]),
        );
        expect((await drift()).map(({ found }) => found)).toEqual([
            "bgpd: missing: router bgp 65000 / bgp bestpath as-path multipath-relax",
            "bgpd: not wanted: router bgp 65000 / timers bgp 7 21",
        ]);
        await running();
        expect(await drift()).toEqual([]);
    });
});

describe("vty", () => {
    it("answers many commands sent at once, in order", async () => {
        await running();
        const session = await vty(sandbox, namespace, "bgpd");
        const commands = Array.from({ length: 200 }, (_, i) => (i % 2 ? "show version" : "show nonsense"));
        const replies = await session.ask(commands);
        session.close();
        expect(replies.map(({ command, code }) => [command, code === 0])).toEqual(
            commands.map((command) => [command, command === "show version"]),
        );
    });

    it("gives one route with its paths", async () => {
        await running();
        const route = await eventually(
            () => withVty(sandbox, namespace, "bgpd", (bgpd) => bgpRoute(bgpd, "ipv4", "10.254.0.10/32")),
            (answer) => answer?.paths.some(({ best }) => best) === true,
        );
        expect(route).toEqual({
            prefix: "10.254.0.10/32",
            paths: [
                {
                    nextHop: "169.254.1.2",
                    best: true,
                    multipath: false,
                    valid: true,
                    asPath: "65001",
                    peer: "169.254.1.2",
                },
            ],
        });
    });

    it("says which daemon does not run", async () => {
        await expect(vty(sandbox, "nowhere", "bgpd")).rejects.toThrow("bgpd of nowhere does not run");
    });
});
