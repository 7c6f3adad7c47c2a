import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { wiring } from "../../provider/docker/wiring";
import type { Observation } from "../../provider/resource";
import type { WiredInterface, WiringInputs } from "../../provider/schema";
import { wiringFilePath, wiringScriptPath } from "../../render/wiring-script";
import { engine, engineAvailable } from "./engine";
import { TestLab } from "./fabric-lab";
import { image } from "./images";

const context = { project: "bgp-lab", stack: "test" };

const lab = new TestLab();

/** An interface on a link, as this device's end of it. */
function on(link: number, host: number): WiredInterface {
    return { network: lab.networkName(link), addresses: lab.both(link, host), mtu: 1400 };
}

function inputs(device: string, id: string, more: Partial<WiringInputs>): WiringInputs {
    const container = lab.name(device);
    return { container, agent: container, agentId: id, interfaces: {}, routes: {}, forwarding: false, ...more };
}

async function addresses(device: string): Promise<readonly string[]> {
    const { stdout } = await lab.exec(device, "ip", "-o", "addr", "show", "scope", "global");
    return stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split(/\s+/))
        .map(([, name, , address]) => `${name} ${address}`)
        .sort();
}

async function routes(device: string): Promise<string> {
    const [v4, v6] = await Promise.all([lab.exec(device, "ip", "-4", "route"), lab.exec(device, "ip", "-6", "route")]);
    return `${v4.stdout}${v6.stdout}`;
}

async function pings(device: string, address: string): Promise<boolean> {
    return (await lab.exec(device, "ping", "-c", "1", "-W", "1", address)).code === 0;
}

async function started(device: string): Promise<string> {
    return (await lab.container(device).inspect()).State.StartedAt;
}

function paths(observation: Observation): readonly string[] {
    return observation === "gone" ? ["gone"] : observation.map(({ path, found }) => `${path}: ${found}`);
}

const available = engineAvailable("wiring of containers");

describe("wiring", () => {
    beforeEach(async ({ skip }) => skip(!(await available)));

    let client: WiringInputs;
    let router: WiringInputs;
    let node: WiringInputs;

    beforeAll(async () => {
        if (!(await available)) {
            return;
        }
        const [hostImage, routerImage] = await Promise.all([image("client"), image("router")]);
        await Promise.all([lab.network(0, { uplink: true }), lab.network(1), lab.network(2), lab.network(3)]);
        const [clientId, routerId] = await Promise.all([
            lab.host("client0", hostImage),
            lab.router("router0", routerImage),
            lab.node("node0", hostImage, 0),
        ]);
        const sidecarId = await lab.sidecar("sidecar0", hostImage, "node0");
        client = inputs("client0", clientId, {
            interfaces: { net0: on(1, 2) },
            routes: { "0.0.0.0/0": { via: lab.v4(1, 1) }, "::/0": { via: lab.v6(1, 1) } },
        });
        router = inputs("router0", routerId, { interfaces: { lan1: on(1, 1), net7: on(2, 1) }, forwarding: true });
        node = inputs("node0", sidecarId, {
            agent: lab.name("sidecar0"),
            interfaces: { net0: on(2, 2) },
            routes: {
                "0.0.0.0/0": { via: lab.v4(0, 1) },
                [lab.subnets(1)[0]!]: { via: lab.v4(2, 1) },
                [lab.subnets(1)[1]!]: { via: lab.v6(2, 1) },
                "10.254.0.0/24": { blackhole: true },
                "fd00:10:254::/64": { blackhole: true },
            },
            forwarding: true,
        });
        await Promise.all([client, router, node].map((each) => wiring.create(each, context)));
    });

    afterAll(async () => {
        if (await available) {
            await lab.clear();
        }
    });

    it("gives interfaces the model's names and addresses, whatever Docker calls them", async () => {
        expect(await addresses("client0")).toEqual(lab.both(1, 2).map((address) => `net0 ${address}`));
        expect(await addresses("router0")).toEqual(
            [
                ...lab.both(1, 1).map((address) => `lan1 ${address}`),
                ...lab.both(2, 1).map((address) => `net7 ${address}`),
            ].sort(),
        );
        expect(await addresses("sidecar0")).toEqual(
            expect.arrayContaining(lab.both(2, 2).map((address) => `net0 ${address}`)),
        );
    });

    it("carries packets between client and node over the router in both families", async () => {
        expect(await pings("client0", lab.v4(2, 2))).toBe(true);
        // The node's own kernel takes a second to see that nobody else has its address.
        await lab.until("the client reaches the node over IPv6", () => pings("client0", lab.v6(2, 2)), Boolean);
    });

    it("takes Docker's default routes away where the lab has none, and keeps the nodes' way out", async () => {
        expect(await routes("router0")).not.toContain("default");
        expect((await routes("client0")).match(/^default via \S+/gm)).toEqual([
            `default via ${lab.v4(1, 1)}`,
            `default via ${lab.v6(1, 1)}`,
        ]);
        expect((await routes("node0")).match(/^default via [\d.]+/gm)).toEqual([`default via ${lab.v4(0, 1)}`]);
    });

    it("finds no drift in what it made", async () => {
        for (const each of [client, router, node]) {
            expect(paths(await wiring.read(each))).toEqual([]);
        }
    });

    it("finds no drift when the same wiring comes in another order, as from a state", async () => {
        const reversed = <T>(record: Readonly<Record<string, T>>) =>
            Object.fromEntries(Object.entries(record).reverse());
        for (const each of [router, node]) {
            const same = { ...each, interfaces: reversed(each.interfaces), routes: reversed(each.routes) };
            expect(paths(await wiring.read(same))).toEqual([]);
        }
    });

    it("leaves FRR's own routes alone, whatever they are called", async () => {
        await lab.until(
            "FRR answers",
            () => lab.exec("router0", "vtysh", "-c", "show version"),
            ({ code }) => code === 0,
        );
        const route = "10.90.0.0/16 blackhole";
        await lab.exec("router0", "vtysh", "-c", "configure", "-c", `ip route ${route}`);
        await lab.until(
            "the route is in the kernel",
            () => routes("router0"),
            (shown) => shown.includes("10.90.0.0/16"),
        );
        expect(paths(await wiring.read(router))).toEqual([]);
        await wiring.update(router, router, context);
        expect(await routes("router0")).toContain("blackhole 10.90.0.0/16");
        await lab.exec("router0", "vtysh", "-c", "configure", "-c", `no ip route ${route}`);
    });

    it("makes blackholes in both families, and tells when one is missing", async () => {
        for (const prefix of ["10.254.0.0/24", "fd00:10:254::/64"]) {
            expect(await routes("node0")).toContain(`blackhole ${prefix}`);
        }
        const wanted = { ...node, routes: { ...node.routes, "fd00:10:255::/64": { blackhole: true } as const } };
        expect(paths(await wiring.read(wanted))).toContain('routes["fd00:10:255::/64"]: no such route');
    });

    it("has addresses on the loopback, and takes away those that a former wiring had there", async () => {
        const wanted = { ...router, loopback: ["192.0.2.1/32", "192.0.2.2/32"] };
        await wiring.update(router, wanted, context);
        expect(await addresses("router0")).toEqual(expect.arrayContaining(["lo 192.0.2.1/32", "lo 192.0.2.2/32"]));
        const fewer = { ...router, loopback: ["192.0.2.2/32"] };
        expect(paths(await wiring.read(fewer))).toContain("loopback: 192.0.2.1/32");
        await wiring.update(wanted, fewer, context);
        expect((await addresses("router0")).filter((each) => each.startsWith("lo "))).toEqual(["lo 192.0.2.2/32"]);
        expect(paths(await wiring.read(fewer))).toEqual([]);
        await wiring.update(fewer, router, context);
    });

    it("forwards nothing to what is to end in silence, and still sends there itself", async () => {
        const prefixes = [`${lab.v4(3, 1)}/32`, `${lab.v6(3, 1)}/128`];
        const wanted = {
            ...node,
            routes: { ...node.routes, [prefixes[0]!]: { via: lab.v4(2, 1) } },
            silence: { interfaces: ["net0"], prefixes },
        };
        await wiring.update(node, wanted, context);
        expect(paths(await wiring.read(wanted))).toEqual([]);
        const asked = (...from: readonly string[]) => lab.exec("node0", "ip", "route", "get", lab.v4(3, 1), ...from);
        expect((await asked()).stdout).toContain(`via ${lab.v4(2, 1)}`);
        expect((await asked("from", lab.v4(1, 2), "iif", "net0")).code).not.toBe(0);
        await lab.exec("node0", "ip", "-6", "rule", "del", "to", prefixes[1]!, "iif", "net0");
        await lab.until(
            "the rule is there again",
            () => wiring.read(wanted),
            (seen) => paths(seen).length === 0,
        );
        await wiring.update(wanted, node, context);
        expect((await lab.exec("node0", "ip", "rule", "show")).stdout).not.toContain("iif net0");
    });

    it("puts interfaces into VRFs and takes them out again, or says that the kernel has none", async () => {
        const wanted = {
            ...router,
            vrfs: { blue: { table: 1001, interfaces: ["lan1"], addresses: ["192.0.2.9/32"] } },
        };
        const possible = await lab.exec("router0", "ip", "link", "add", "probe", "type", "vrf", "table", "999");
        if (possible.code !== 0) {
            await expect(wiring.update(router, wanted, context)).rejects.toThrow(
                /no such VRF: .*the kernel of the engine needs VRF devices \(modprobe vrf\)/s,
            );
        } else {
            await lab.exec("router0", "ip", "link", "del", "probe");
            await wiring.update(router, wanted, context);
            expect(paths(await wiring.read(wanted))).toEqual([]);
            const inVrf = await lab.exec("router0", "ip", "-o", "addr", "show", "master", "blue");
            expect(inVrf.stdout).toContain(lab.both(1, 1)[1]!);
            expect(await addresses("router0")).toContain("blue 192.0.2.9/32");
        }
        await wiring.update(wanted, router, context);
        expect(paths(await wiring.read(router))).toEqual([]);
        expect(await pings("client0", lab.v4(2, 2))).toBe(true);
    });

    it("restores routes and addresses that somebody removes, without another run", async () => {
        await lab.exec("node0", "ip", "route", "del", lab.subnets(1)[0]!);
        await lab.exec("client0", "ip", "-6", "addr", "del", lab.both(1, 2)[1]!, "dev", "net0");
        await lab.until("the node reaches the client", () => pings("node0", lab.v4(1, 2)), Boolean);
        await lab.until("the client reaches the node over IPv6", () => pings("client0", lab.v6(2, 2)), Boolean);
    });

    it("leaves a link down that somebody took down, tells of it, and raises it in an update", async () => {
        await lab.exec("client0", "ip", "link", "set", "net0", "down");
        expect(paths(await wiring.read(client))).toContain("interfaces.net0: the link is down");
        await wiring.update(client, client, context);
        expect(paths(await wiring.read(client))).toEqual([]);
        expect(await pings("client0", lab.v4(2, 2))).toBe(true);
    });

    it("restores routes when a link that was down comes up again", async () => {
        await lab.exec("client0", "ip", "link", "set", "net0", "down");
        await lab.exec("client0", "ip", "link", "set", "net0", "up");
        await lab.until("the client reaches the node", () => pings("client0", lab.v4(2, 2)), Boolean);
    });

    it("finds a network that somebody disconnected, which unplugs it, and connects it again", async () => {
        await engine.getNetwork(lab.networkName(1)).disconnect({ Container: lab.name("router0") });
        expect(await pings("client0", lab.v4(1, 1))).toBe(false);
        expect(paths(await wiring.read(router))).toEqual(
            expect.arrayContaining([
                `interfaces.lan1.network: not connected to ${lab.networkName(1)}`,
                "interfaces.lan1: no such interface",
            ]),
        );
        await wiring.update(router, router, context);
        expect(paths(await wiring.read(router))).toEqual([]);
        expect(await pings("client0", lab.v4(2, 2))).toBe(true);
    });

    it("leaves a link alone that Docker is still making, and takes it over when it is complete", async () => {
        const third = { ...client, interfaces: { ...client.interfaces, net5: on(3, 9) } };
        const [v4, v6] = lab.both(3, 9);
        await lab.exec("client0", "ip", "link", "add", "eth9", "type", "veth", "peer", "name", "peer9");
        await lab.exec("client0", "ip", "addr", "add", v4!, "dev", "eth9");
        await lab.exec("client0", "sh", "-c", `echo 'interface net5 1400 ${v4} ${v6}' >>${wiringFilePath}`);
        const looked = async () => {
            await lab.exec("client0", "ip", "route", "flush", "default");
            await lab.until(
                "the wiring is kept",
                () => routes("client0"),
                (shown) => shown.includes("default"),
            );
        };
        await looked();
        await looked();
        expect((await addresses("client0")).filter((line) => line.includes("eth9"))).toEqual([`eth9 ${v4}`]);
        await lab.exec("client0", "ip", "addr", "add", v6!, "dev", "eth9", "nodad");
        await lab.exec("client0", "ip", "link", "set", "eth9", "up");
        await lab.until(
            "the link has its name",
            () => addresses("client0"),
            (seen) => seen.includes(`net5 ${v6}`),
        );
        await lab.exec("client0", "sh", "-c", `ip link del net5; sh ${wiringScriptPath} suspend`);
        await wiring.update(third, client, context);
        expect(paths(await wiring.read(client))).toEqual([]);
    });

    it("takes over a network that somebody disconnects and connects by hand, again and again", async () => {
        const [IPv4Address, IPv6Address] = [lab.v4(2, 1), lab.v6(2, 1)];
        const network = engine.getNetwork(lab.networkName(2));
        for (let time = 0; time < 8; time++) {
            await network.disconnect({ Container: lab.name("router0") });
            await network.connect({
                Container: lab.name("router0"),
                EndpointConfig: { IPAMConfig: { IPv4Address, IPv6Address } },
            });
        }
        await lab.until(
            "it is wired",
            () => wiring.read(router),
            (drift) => drift.length === 0,
        );
        await lab.until("the client reaches the node", () => pings("client0", lab.v4(2, 2)), Boolean);
    });

    it("restores itself when a container restarts", async () => {
        await lab.container("router0").restart({ t: 0 });
        await lab.container("client0").restart({ t: 0 });
        await lab.until(
            "both are wired",
            async () => [...(await wiring.read(router)), ...(await wiring.read(client))],
            (drift) => drift.length === 0,
        );
        expect(await pings("client0", lab.v4(2, 2))).toBe(true);
    });

    it("adds and removes links and changes addresses without touching what stays", async () => {
        const before = {
            started: await started("router0"),
            link: (await lab.exec("router0", "cat", "/sys/class/net/net7/ifindex")).stdout,
        };
        const added = { ...router, interfaces: { ...router.interfaces, net9: on(3, 1) } };
        await wiring.update(router, added, context);
        expect(await addresses("router0")).toEqual(
            expect.arrayContaining(lab.both(3, 1).map((address) => `net9 ${address}`)),
        );
        const moved = { ...router, interfaces: { ...router.interfaces, net9: on(3, 5) } };
        await wiring.update(added, moved, context);
        expect((await addresses("router0")).filter((line) => line.startsWith("net9 "))).toEqual(
            lab.both(3, 5).map((address) => `net9 ${address}`),
        );
        await wiring.update(moved, router, context);
        expect((await addresses("router0")).join(" ")).not.toContain("net9");
        expect(Object.keys((await lab.container("router0").inspect()).NetworkSettings.Networks).sort()).toEqual([
            lab.networkName(1),
            lab.networkName(2),
        ]);
        expect(await started("router0")).toBe(before.started);
        expect((await lab.exec("router0", "cat", "/sys/class/net/net7/ifindex")).stdout).toBe(before.link);
        expect(paths(await wiring.read(router))).toEqual([]);
    });

    it("changes and removes routes live", async () => {
        const others = { ...client, routes: { "10.1.0.0/16": { via: lab.v4(1, 1) }, "10.2.0.1/32": { dev: "net0" } } };
        await wiring.update(client, others, context);
        const shown = await routes("client0");
        expect(shown).toContain(`10.1.0.0/16 via ${lab.v4(1, 1)} dev net0 `);
        expect(shown).toContain("10.2.0.1 dev net0 ");
        expect(shown).not.toContain("default");
        await wiring.update(others, client, context);
        expect(await routes("client0")).not.toContain("10.1.0.0");
        expect(paths(await wiring.read(client))).toEqual([]);
    });

    it.each(["restart", "stop, and start later"])("brings node and sidecar back after docker %s", async (how) => {
        const sidecar = await started("sidecar0");
        if (how === "restart") {
            await lab.container("node0").restart({ t: 0 });
        } else {
            await lab.container("node0").stop({ t: 0 });
            await lab.until(
                "the node's links are gone",
                () => addresses("sidecar0"),
                (seen) => !seen.join().includes("net0"),
            );
            expect(await pings("client0", lab.v4(2, 2))).toBe(false);
            expect(paths(await wiring.read(node))).toEqual([`container: ${lab.name("node0")} does not run`]);
            await lab.container("node0").start();
        }
        await lab.until(
            "node and sidecar are wired",
            () => wiring.read(node),
            (drift) => drift !== "gone" && drift.length === 0,
        );
        expect(await started("sidecar0")).not.toBe(sidecar);
        expect(await addresses("sidecar0")).toEqual(await addresses("node0"));
        expect(await pings("client0", lab.v4(2, 2))).toBe(true);
    });

    it("starts what does not run, the sidecar too", async () => {
        await lab.container("sidecar0").stop({ t: 0 });
        expect(paths(await wiring.read(node))).toEqual([`agent: ${lab.name("sidecar0")} does not run`]);
        await lab.container("node0").stop({ t: 0 });
        await wiring.update(node, node, context);
        expect(paths(await wiring.read(node))).toEqual([]);
    });

    it("says which container or network is missing", async () => {
        const strangers = inputs("nobody", "x", {});
        expect(await wiring.read(strangers)).toBe("gone");
        await expect(wiring.create(strangers, context)).rejects.toThrow(`there is no container ${lab.name("nobody")}`);
        const nowhere = { ...client, interfaces: { ...client.interfaces, net1: on(9, 1) } };
        await expect(wiring.update(client, nowhere, context)).rejects.toThrow(
            `${lab.name("client0")} cannot join ${lab.networkName(9)} as net1: `,
        );
    });

    it("lets go of a container when the wiring is deleted", async () => {
        await wiring.delete("", client);
        expect(await addresses("client0")).toEqual([]);
        expect(await routes("client0")).not.toContain("default");
        await wiring.create(client, context);
        expect(await pings("client0", lab.v4(2, 2))).toBe(true);
    });
});
