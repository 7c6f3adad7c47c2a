import { beforeAll, describe, expect, it } from "vitest";
import type { Drift, Sandbox } from "../../provider/sandbox/protocol";
import type { FabricInputs } from "../../provider/schema";
import { device, link, run, smallFabric, useSandbox } from "./lab";

let sandbox: Sandbox;
const runningSandbox = useSandbox("fabric");

beforeAll(() => {
    sandbox = runningSandbox();
});

function apply(fabric: FabricInputs = smallFabric()): Promise<unknown> {
    return sandbox.call("applyFabric", { fabric });
}

async function drift(fabric: FabricInputs = smallFabric()): Promise<readonly Drift[]> {
    return (await sandbox.call("inspectFabric", { fabric })).drift;
}

async function ping(namespace: string, address: string): Promise<string> {
    return (await sandbox.call("ping", { namespace, address, timeoutMilliseconds: 1000 })).kind;
}

async function reachability(): Promise<readonly string[]> {
    return [
        await ping("client0", "169.254.1.2"),
        await ping("client0", "fd00:1::2"),
        await ping("worker2", "172.18.0.2"),
        await ping("worker2", "fc00:f853::2"),
    ];
}

const all = ["answer", "answer", "answer", "answer"];

/** Every interface and route of every namespace, with the counters of the kernel that move when something is touched. */
async function fingerprint(): Promise<string> {
    const texts = Object.keys(smallFabric().namespaces).flatMap((namespace) => [
        run(sandbox, namespace, "ip", "-o", "-d", "address", "show"),
        run(sandbox, namespace, "ip", "route", "show", "table", "all"),
        run(sandbox, namespace, "ip", "-6", "route", "show", "table", "all"),
        run(sandbox, namespace, "sh", "-c", "cat /sys/class/net/*/carrier_changes 2>/dev/null || true"),
    ]);
    return (await Promise.all(texts)).join("\n");
}

let monitors = 0;

/** Listens for kernel events in a namespace while something happens, and gives what was heard. */
async function eventsDuring(namespace: string, work: () => Promise<unknown>): Promise<string> {
    const name = `monitor-${++monitors}`;
    const argv = ["ip", "monitor", "link", "address", "route"];
    await sandbox.call("startDaemon", { name, namespace, argv });
    // The monitor listens once it has a netlink socket with groups joined.
    await run(
        sandbox,
        namespace,
        "sh",
        "-c",
        "until grep -qE '^[0-9a-f]+ 0 +[0-9]+ +[0-9a-f]*[1-9a-f][0-9a-f]* ' /proc/net/netlink; do sleep 0.01; done",
    );
    await work();
    await run(sandbox, namespace, "ip", "address", "add", "198.51.100.7/32", "dev", "lo");
    await run(sandbox, namespace, "ip", "address", "del", "198.51.100.7/32", "dev", "lo");
    const log = `/run/log/${name}.log`;
    await run(sandbox, undefined, "sh", "-c", `until grep -q 'Deleted.*198.51.100.7' ${log}; do sleep 0.01; done`);
    await sandbox.call("stopDaemon", { name, graceMilliseconds: 100 });
    const heard = await run(sandbox, undefined, "cat", log);
    return heard.slice(0, heard.indexOf("198.51.100.7")).split("\n").slice(0, -1).join("\n");
}

describe("the fabric", () => {
    it("forwards real packets over links and bridges in both families", async () => {
        await apply();
        expect(await reachability()).toEqual(all);
        expect(await drift()).toEqual([]);
    });

    it("is not touched by a second apply", async () => {
        await apply();
        const before = await fingerprint();
        expect(await eventsDuring("router0", () => apply())).toBe("");
        expect(await fingerprint()).toBe(before);
    });

    it("hears of changes with the monitor that finds none above", async () => {
        await apply();
        await run(sandbox, "router0", "ip", "route", "del", "10.0.0.0/8");
        expect(await eventsDuring("router0", () => apply())).toContain("blackhole 10.0.0.0/8");
    });

    const damages: readonly (readonly [string, string, readonly string[], Drift])[] = [
        [
            "a missing link",
            "router0",
            ["ip", "link", "del", "net1"],
            { path: "links.uplink", found: "the link between router0:net1 and worker:net0 is missing" },
        ],
        [
            "an interface that is down",
            "worker",
            ["ip", "link", "set", "net0", "down"],
            { path: "links.uplink", found: "worker:net0 is down" },
        ],
        [
            "a loopback that is down",
            "router0",
            ["ip", "link", "set", "lo", "down"],
            { path: "namespaces.router0", found: "the loopback of router0 is down" },
        ],
        [
            "a missing IPv4 address",
            "worker",
            ["ip", "address", "del", "169.254.1.2/24", "dev", "net0"],
            { path: "namespaces.worker.addresses.net0[0]", found: "169.254.1.2/24 is missing at worker:net0" },
        ],
        [
            "a missing IPv6 address",
            "worker",
            ["ip", "address", "del", "fd00:1::2/64", "dev", "net0"],
            { path: "namespaces.worker.addresses.net0[1]", found: "fd00:1::2/64 is missing at worker:net0" },
        ],
        [
            "a missing loopback address",
            "router0",
            ["ip", "address", "del", "10.0.0.1/32", "dev", "lo"],
            { path: "namespaces.router0.addresses.lo[0]", found: "10.0.0.1/32 is missing at router0:lo" },
        ],
        [
            "a foreign address",
            "worker",
            ["ip", "address", "add", "203.0.113.9/24", "dev", "net0"],
            { path: "namespaces.worker.addresses.net0", found: "foreign address 203.0.113.9/24 at worker:net0" },
        ],
        [
            "a foreign IPv6 address",
            "worker",
            ["ip", "address", "add", "2001:db8::9/64", "dev", "net0"],
            { path: "namespaces.worker.addresses.net0", found: "foreign address 2001:db8::9/64 at worker:net0" },
        ],
        [
            "a missing route",
            "client0",
            ["ip", "route", "del", "default"],
            { path: 'namespaces.client0.routes["0.0.0.0/0"]', found: "the route to 0.0.0.0/0 is missing in client0" },
        ],
        [
            "a missing IPv6 route",
            "client0",
            ["ip", "-6", "route", "del", "default"],
            { path: 'namespaces.client0.routes["::/0"]', found: "the route to ::/0 is missing in client0" },
        ],
        [
            "a missing blackhole",
            "router0",
            ["ip", "route", "del", "blackhole", "10.0.0.0/8"],
            { path: 'namespaces.router0.routes["10.0.0.0/8"]', found: "the route to 10.0.0.0/8 is missing in router0" },
        ],
        [
            "a foreign route",
            "router0",
            ["ip", "route", "add", "203.0.113.0/24", "via", "169.254.1.2"],
            {
                path: 'namespaces.router0.routes["203.0.113.0/24"]',
                found: "foreign route 203.0.113.0/24 via 169.254.1.2 dev net1 in router0",
            },
        ],
        [
            "a foreign blackhole",
            "router0",
            ["ip", "-6", "route", "add", "blackhole", "2001:db8::/32"],
            {
                path: 'namespaces.router0.routes["2001:db8::/32"]',
                found: "foreign route blackhole 2001:db8::/32 in router0",
            },
        ],
        [
            "a wrong MTU",
            "router0",
            ["ip", "link", "set", "net1", "mtu", "1400"],
            { path: "links.uplink.mtu", found: "router0:net1 has MTU 1400, not 1500" },
        ],
        [
            "forwarding switched off",
            "router0",
            ["sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_forward"],
            {
                path: "namespaces.router0.forwarding",
                found: "packet forwarding is off in router0, or on one of its interfaces",
            },
        ],
        [
            "proxy ARP switched off",
            "worker",
            ["sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/eth0/proxy_arp"],
            { path: "namespaces.worker.proxyNeighbors", found: "proxy ARP is off at worker:eth0" },
        ],
        [
            "a foreign link",
            "worker",
            ["ip", "link", "add", "stray", "type", "veth", "peer", "name", "stray2", "netns", "1"],
            {
                path: "namespaces.worker.addresses.stray",
                found: "interface worker:stray is there, but not asked for",
            },
        ],
        [
            "a port taken off its bridge",
            "bridge-kind",
            ["sh", "-c", "ip link set $(ls /sys/class/net/br0/brif | head -1) nomaster"],
            { path: "", found: "is not attached to its bridge" },
        ],
        [
            "a missing bridge",
            "bridge-kind",
            ["ip", "link", "del", "br0"],
            { path: "bridges.kind", found: "the bridge is missing" },
        ],
    ];

    it.each(damages)("reports and heals %s", async (_, namespace, argv, expected) => {
        await apply();
        // The system directory of a namespace is mounted by `ip netns exec`, as a user would see it.
        await run(sandbox, undefined, "ip", "netns", "exec", namespace, ...argv);
        const found = await drift();
        expect(found).toContainEqual({
            path: expected.path === "" ? expect.stringMatching(/^bridges\.kind\.ports\[[01]\]$/) : expected.path,
            found: expect.stringContaining(expected.found),
        });
        expect(found.length).toBeLessThanOrEqual(3);
        await apply();
        expect(await drift()).toEqual([]);
        expect(await reachability()).toEqual(all);
    });

    it("gives a namespace its name again, with all that is in it", async () => {
        await apply();
        const before = await run(sandbox, "router0", "ip", "-o", "link");
        await run(sandbox, undefined, "ip", "netns", "delete", "router0");
        expect(await drift()).toEqual([
            { path: "namespaces.router0", found: "network namespace router0 has lost its name" },
        ]);
        await apply();
        expect(await run(sandbox, undefined, "ip", "netns", "exec", "router0", "ip", "-o", "link")).toBe(before);
    });

    it("leaves routes of routing daemons alone", async () => {
        await apply();
        await run(sandbox, "router0", "ip", "route", "add", "10.9.0.0/24", "via", "169.254.1.2", "proto", "bgp");
        expect(await drift()).toEqual([]);
        await apply();
        expect(await run(sandbox, "router0", "ip", "route", "show", "10.9.0.0/24")).toContain("proto bgp");
        await run(sandbox, "router0", "ip", "route", "del", "10.9.0.0/24");
    });

    it("adds a device without touching the others", async () => {
        const fabric = smallFabric();
        const larger: FabricInputs = {
            ...fabric,
            namespaces: { ...fabric.namespaces, worker3: device({ addresses: { net0: ["192.0.2.2/24"] } }) },
            links: { ...fabric.links, third: link("worker:net9", "worker3:net0") },
            bridges: {
                kind: {
                    mtu: 1500,
                    ports: [...fabric.bridges.kind!.ports, { namespace: "worker3", interface: "eth0" }],
                },
            },
        };
        await apply(fabric);
        const before = await run(sandbox, "router0", "ip", "-o", "address");
        expect(await eventsDuring("router0", () => apply(larger))).toBe("");
        expect(await drift(larger)).toEqual([]);
        await apply(fabric);
        expect(await run(sandbox, undefined, "ip", "netns")).not.toContain("worker3");
        expect(await run(sandbox, "worker", "ip", "-o", "link")).not.toContain("net9");
        expect(await run(sandbox, "router0", "ip", "-o", "address")).toBe(before);
    });

    it("moves a cable to another device although the interface keeps its name", async () => {
        const cabled = (target: string): FabricInputs => ({
            sandbox: "",
            namespaces: {
                a: device({ addresses: { net0: ["192.0.2.1/24"] } }),
                b: device({ addresses: { net0: ["192.0.2.2/24"] } }),
                c: device({ addresses: { net0: ["192.0.2.3/24"] } }),
                d: device({ addresses: { net0: ["192.0.2.4/24"] } }),
            },
            links: {
                first: link("a:net0", `${target}:net0`),
                second: link("d:net0", `${target === "b" ? "c" : "b"}:net0`),
            },
            bridges: {},
        });
        await apply(cabled("b"));
        expect([await ping("a", "192.0.2.2"), await ping("d", "192.0.2.3")]).toEqual(["answer", "answer"]);
        expect((await drift(cabled("c"))).map(({ path }) => path)).toEqual(["links.first", "links.second"]);
        await apply(cabled("c"));
        expect([await ping("a", "192.0.2.3"), await ping("d", "192.0.2.2")]).toEqual(["answer", "answer"]);
    });

    it("switches between 251 ports of one bridge", async () => {
        const numbers = Array.from({ length: 251 }, (_, index) => index + 1);
        const fabric: FabricInputs = {
            sandbox: "",
            namespaces: Object.fromEntries(
                numbers.map((n) => [`h${n}`, device({ addresses: { eth0: [`192.0.2.${n}/24`] } })]),
            ),
            links: {},
            bridges: { lan: { mtu: 1400, ports: numbers.map((n) => ({ namespace: `h${n}`, interface: "eth0" })) } },
        };
        await apply(fabric);
        expect(await ping("h1", "192.0.2.251")).toBe("answer");
        expect(await drift(fabric)).toEqual([]);
        await apply({ sandbox: "", namespaces: {}, links: {}, bridges: {} });
        expect(await run(sandbox, undefined, "ip", "netns")).toBe("");
    });

    it("tells everything that is wrong with its inputs, with the paths, and makes nothing", async () => {
        const wrong: FabricInputs = {
            sandbox: "",
            namespaces: {
                pod_x: device(),
                x: device({
                    addresses: { net0: ["10.0.0.1"], net7: ["10.0.0.1/8"] },
                    routes: { "10.0.0.0/8": { via: "nowhere" } },
                    proxyNeighbors: ["net8"],
                }),
            },
            links: { one: link("x:net0", "gone:net0"), two: link("x:net0", "x:an-interface-name") },
            bridges: {},
        };
        await expect(apply(wrong)).rejects.toThrow(
            [
                "the fabric cannot be made:",
                'namespaces.pod_x: names that begin with "pod_" are the sandbox\'s own; rename it',
                'links.one.b: there is no namespace "gone" in the fabric',
                "links.two.a: interface x:net0 is also an end of links.one.a; give each link its own interface",
                'links.two.b: "an-interface-name" is no interface name: Linux wants 1 to 15 bytes without "/", ":" and spaces',
                "namespaces.x.addresses.net7: no link or bridge ends at this interface",
                "namespaces.x.proxyNeighbors: no link or bridge ends at interface net8",
                'namespaces.x.addresses.net0[0]: "10.0.0.1" is not an address with a prefix length',
                'namespaces.x.routes["10.0.0.0/8"]: "nowhere" is not an IPv4 or IPv6 address',
            ].join("\n"),
        );
        expect(await run(sandbox, undefined, "ip", "netns")).not.toContain("pod_x");
    });

    it("says which route the kernel refuses, and why", async () => {
        const fabric: FabricInputs = {
            sandbox: "",
            namespaces: { x: device({ routes: { "10.0.0.0/8": { via: "192.0.2.1" } } }) },
            links: {},
            bridges: {},
        };
        await expect(apply(fabric)).rejects.toThrow(
            'namespaces.x.routes["10.0.0.0/8"]: add the route to 10.0.0.0/8 in x: Nexthop has invalid gateway: ENETUNREACH',
        );
    });
});
