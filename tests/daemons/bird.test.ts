import { beforeAll, describe, expect, it } from "vitest";
import { applyBird, birdProtocols, inspectBird, stopBird } from "../../provider/daemons/bird";
import { applyFrr } from "../../provider/daemons/frr";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { routerConfig } from "./fixtures";
import { bgpTable, eventually, expectUninterrupted, kill, sessionsUp, upSince, useTwoDevices } from "./lab";

const both = ["169.254.1.2", "fd00:1::2"];
const namespace = "node1";
const theSandbox = useTwoDevices("bird");
let sandbox: Sandbox;

beforeAll(() => {
    sandbox = theSandbox();
});

/** bird.conf of node1: the same sessions and routes as its gobgpd. */
function birdConfig(routes: readonly string[] = ["10.254.0.10/32", "fd00:10:254::10/128"], asn = 65001): string {
    const table = (family: "ipv4" | "ipv6", name: string) =>
        `protocol static ${name} { ${family}; ${routes
            .filter((route) => route.includes(":") === (family === "ipv6"))
            .map((route) => `route ${route} blackhole;`)
            .join(" ")} }\n`;
    const session = (family: "ipv4" | "ipv6", name: string, local: string, remote: string) =>
        `protocol bgp ${name} { local ${local} as ${asn}; neighbor ${remote} as 65000; graceful restart on; ` +
        `connect delay time 1; ${family} { import none; export where source = RTS_STATIC; }; }\n`;
    return `router id 10.0.0.1;
protocol device { }
${table("ipv4", "own4")}${table("ipv6", "own6")}${session("ipv4", "router4", "169.254.1.2", "169.254.1.1")}${session("ipv6", "router6", "fd00:1::2", "fd00:1::1")}`;
}

const apply = (config = birdConfig()) => applyBird(sandbox, { namespace, config });
const drift = (config = birdConfig()) => inspectBird(sandbox, { namespace, config });

async function running(): Promise<void> {
    await apply();
    await applyFrr(sandbox, { namespace: "router0", config: routerConfig() });
    await sessionsUp(sandbox);
}

async function learned(): Promise<readonly string[]> {
    const [ipv4, ipv6] = await Promise.all([
        bgpTable(sandbox, "router0", "ipv4"),
        bgpTable(sandbox, "router0", "ipv6"),
    ]);
    return [...ipv4, ...ipv6].flatMap(({ prefix, paths }) =>
        paths.filter(({ asPath }) => asPath !== "").map(({ nextHop }) => `${prefix} via ${nextHop}`),
    );
}

describe("applyBird", () => {
    it("offers its static routes with the session's own address as next hop", async () => {
        await running();
        await eventually(learned, (routes) => routes.length === 2);
        expect(await learned()).toEqual(["10.254.0.10/32 via 169.254.1.2", "fd00:10:254::10/128 via fd00:1::2"]);
        expect(await drift()).toEqual([]);
        expect((await birdProtocols(sandbox, namespace)).filter(({ kind }) => kind === "BGP")).toEqual([
            { name: "router4", kind: "BGP", state: "up", info: "Established", disabled: false },
            { name: "router6", kind: "BGP", state: "up", info: "Established", disabled: false },
        ]);
    });

    it("changes routes without a reset", async () => {
        await running();
        const before = await upSince(sandbox);
        await apply(birdConfig(["10.254.0.11/32"]));
        await eventually(learned, (routes) => routes.join() === "10.254.0.11/32 via 169.254.1.2");
        expect(await drift(birdConfig(["10.254.0.11/32"]))).toEqual([]);
        await expectUninterrupted(sandbox, before, both);
    });

    it("changes its AS", async () => {
        await running();
        await apply(birdConfig(undefined, 65077));
        await eventually(
            async () => (await bgpTable(sandbox, "router0", "ipv4")).flatMap(({ paths }) => paths.map((p) => p.asPath)),
            (asPaths) => asPaths.includes("65077"),
        );
        await apply();
    });

    it("says what BIRD refuses, and goes on with what it had", async () => {
        await running();
        const before = await upSince(sandbox);
        await expect(apply(`${birdConfig()}nonsense;\n`)).rejects.toThrow(/node1\.conf:\d+:\d+ syntax error/);
        expect(await drift()).toEqual([]);
        await expectUninterrupted(sandbox, before, both);
    });

    it("says what BIRD refuses at its start", async () => {
        await stopBird(sandbox, { namespace });
        await expect(apply("nonsense;\n")).rejects.toThrow(/bird\.node1 ended \(1\).*node1\.conf:1:1 syntax error/);
    });
});

describe("inspectBird", () => {
    it("finds a dead bird and a disabled protocol, which applyBird heals", async () => {
        await running();
        const { results } = await sandbox.call("exec", {
            processes: [{ argv: ["birdc", "-s", "/run/bird/node1.ctl", "disable", "router6"] }],
        });
        expect(results[0]?.stdout).toContain("router6: disabled");
        await eventually(drift, (found) => found.some((one) => one.found === "protocol router6 is disabled"));
        await kill(sandbox, "bird.node1");
        expect(await drift()).toEqual([{ path: "", found: "bird ended (SIGKILL)" }]);
        await running();
        expect(await drift()).toEqual([]);
    });
});

describe("stopBird", () => {
    it("takes its routes back at once, although graceful restart would keep them", async () => {
        await running();
        await eventually(learned, (routes) => routes.length === 2);
        await stopBird(sandbox, { namespace });
        // Long before the restart time of 120 s, for which they would stay otherwise.
        await eventually(learned, (routes) => routes.length === 0);
    });
});
