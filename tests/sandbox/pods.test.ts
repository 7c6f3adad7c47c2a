import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parseConntrack } from "../../provider/sandbox/conntrack";
import type { Operations, RunningPod, Sandbox } from "../../provider/sandbox/protocol";
import type { FabricInputs, PodSpec } from "../../provider/schema";
import { type Node, run, smallFabric, useSandbox, webPod, worker2Node, workerNode } from "./lab";

let sandbox: Sandbox;
const runningSandbox = useSandbox("pods");
const gateways = ["10.100.1.254", "fd00:10:255:1::fe"];

beforeAll(() => {
    sandbox = runningSandbox();
});

beforeEach(async () => {
    await sandbox.call("applyFabric", { fabric: withGateways() });
    await apply(workerNode());
    await apply(worker2Node());
});

/** The small fabric, in which worker has addresses in the pod range. */
function withGateways(): FabricInputs {
    const fabric = smallFabric();
    const { worker } = fabric.namespaces;
    const addresses = { ...worker!.addresses, lo: ["10.100.1.254/32", "fd00:10:255:1::fe/128"] };
    return { ...fabric, namespaces: { ...fabric.namespaces, worker: { ...worker!, addresses } } };
}

function apply(node: Node): Promise<unknown> {
    return sandbox.call("applyNode", { node });
}

/** worker with other Pods beside its own. */
function withPods(pods: Readonly<Record<string, PodSpec>>): Node {
    return { ...workerNode(), pods: { ...workerNode().pods, ...pods } };
}

async function podNamed(name: string): Promise<RunningPod | undefined> {
    return (await sandbox.call("pods", {})).pods.find((pod) => pod.name === name);
}

function router(virtualServers: NonNullable<PodSpec["router"]>["virtualServers"] = []): PodSpec {
    return {
        addresses: ["10.100.1.9", "fd00:10:255:1::9"],
        namespace: "net",
        labels: { app: "gateway" },
        gateways,
        router: { config: "", loopback: ["198.51.100.1", "2001:db8:1::1"], virtualServers },
    };
}

describe("the list of Pods", () => {
    it("has the Pods of all nodes, with what they are", async () => {
        const { pods } = await sandbox.call("pods", {});
        expect(pods.map(({ name, node }) => `${name} on ${node}`).sort()).toEqual([
            "web-1 on worker",
            "web-2 on worker",
            "web-3 on worker2",
        ]);
        expect(new Set(pods.map(({ uid }) => uid)).size).toBe(3);
        expect(await podNamed("web-3")).toMatchObject({
            namespace: "test",
            labels: { app: "web" },
            addresses: ["10.100.2.3", "fd00:10:255:2::3"],
        });
    });

    it("keeps who asks waiting until there is a change, and no longer than was asked for", async () => {
        const { revision } = await sandbox.call("pods", {});
        await apply(workerNode());
        const same = await sandbox.call("pods", { after: revision, waitMilliseconds: 30 });
        expect(same.revision, "nothing has changed").toBe(revision);
        const heard = sandbox.call("pods", { after: revision, waitMilliseconds: 60_000 });
        await apply(withPods({ "web-4": webPod(["10.100.1.4"]) }));
        const { pods, revision: next } = await heard;
        expect(next).toBeGreaterThan(revision);
        expect(pods.map(({ name }) => name)).toContain("web-4");
        const late = await sandbox.call("pods", { after: revision, waitMilliseconds: 60_000 });
        expect(late.revision, "a change that was missed is told at once").toBe(next);
    });

    it("has the same Pod when its labels change, and another when its address, namespace or node does", async () => {
        const spec = workerNode().pods["web-1"]!;
        const uidAfter = async (node: Node) => {
            await apply(node);
            return (await podNamed("web-1"))?.uid;
        };
        const before = (await podNamed("web-1"))?.uid;
        expect(await uidAfter(withPods({ "web-1": { ...spec, labels: {} } }))).toBe(before);
        expect((await podNamed("web-1"))?.labels).toEqual({});
        const readdressed = await uidAfter(withPods({ "web-1": { ...spec, addresses: ["10.100.1.8"] } }));
        const renamed = await uidAfter(withPods({ "web-1": { ...spec, namespace: "other" } }));
        const moved = await uidAfter({
            ...worker2Node(),
            pods: { ...worker2Node().pods, "web-1": { ...spec, namespace: "other" } },
        });
        expect(new Set([before, readdressed, renamed, moved]).size).toBe(4);
        await sandbox.call("removeNode", { namespace: "worker2" });
        expect(await podNamed("web-1")).toBeUndefined();
    });

    it("is of Pods with networks of their own: one that comes back with another address finds nothing of the old one", async () => {
        await run(sandbox, "pod_web-1", "sysctl", "-qw", "net.ipv4.ip_default_ttl=77");
        await apply(withPods({ "web-1": webPod(["10.100.1.8", "fd00:10:255:1::8"]) }));
        expect(await run(sandbox, "pod_web-1", "sysctl", "-n", "net.ipv4.ip_default_ttl")).toBe("64\n");
    });
});

describe("a Pod with gateways", () => {
    it("has a route to its node's address, and by it to everything else, in both families", async () => {
        await apply(withPods({ gateway: router() }));
        expect(await run(sandbox, "pod_gateway", "ip", "route")).toMatch(
            /^default via 10\.100\.1\.254 dev eth0 proto static ?\n10\.100\.1\.254 dev eth0 proto static scope link ?\n$/,
        );
        const ipv6 = await run(sandbox, "pod_gateway", "ip", "-6", "route");
        expect(ipv6).toMatch(/^default via fd00:10:255:1::fe dev eth0 proto static/m);
        expect(ipv6).toMatch(/^fd00:10:255:1::fe dev eth0 proto static/m);
        for (const address of [...gateways, "192.168.0.2", "fd00:10:255:2::3"]) {
            const ping = { namespace: "pod_gateway", address, timeoutMilliseconds: 3_000 };
            expect(await sandbox.call("ping", ping), address).toMatchObject({ kind: "answer" });
        }
    });

    it("passes connections to its virtual servers on in turn, under its own address, and tracks them", async () => {
        const endpoints = (family: 0 | 1) =>
            ["web-1", "web-2"].map((name) => workerNode().pods[name]!.addresses[family]!);
        const servers = [
            { address: "198.51.100.1", port: 80, endpoints: endpoints(0), targetPort: 8080 },
            { address: "2001:db8:1::1", port: 80, endpoints: endpoints(1), targetPort: 8080 },
            { address: "198.51.100.1", port: 81, endpoints: [], targetPort: 8080 },
        ];
        const node = withPods({ gateway: router(servers) });
        await apply(node);
        expect((await sandbox.call("inspectNode", { node })).drift).toEqual([]);
        const routes = { "198.51.100.1/32": "10.100.1.9", "2001:db8:1::1/128": "fd00:10:255:1::9" };
        await sandbox.call("learnRoutes", { namespace: "worker", routes });
        for (const { address } of servers.slice(0, 2)) {
            const ask = { namespace: "worker", address, port: 80, timeoutMilliseconds: 3_000 };
            const first = await sandbox.call("http", ask);
            const second = await sandbox.call("http", ask);
            const bodies = [first, second].map((each) => (each.kind === "answer" ? each.body : each.kind));
            expect(bodies.map((each) => JSON.parse(each).pod).sort()).toEqual(["web-1", "web-2"]);
            expect(router().addresses).toContain(JSON.parse(bodies[0]!).client);
        }
        const closed = { namespace: "worker", address: "198.51.100.1", port: 81, timeoutMilliseconds: 3_000 };
        expect(await sandbox.call("connect", closed)).toEqual({ kind: "refused" });
        const { connections } = await sandbox.call("connections", { namespace: "pod_gateway" });
        const seen = connections.find(({ original }) => original.destination === "2001:db8:1::1");
        expect(seen).toMatchObject({
            isAssured: true,
            original: { destinationPort: 80 },
            reply: { source: expect.stringMatching(/^fd00:10:255:1::[12]$/), sourcePort: 8080 },
        });
        const [less] = servers;
        await apply(withPods({ gateway: router([{ ...less!, endpoints: endpoints(0).slice(0, 1) }]) }));
        const gone = { namespace: "worker", address: "2001:db8:1::1", port: 80, timeoutMilliseconds: 3_000 };
        expect((await sandbox.call("connect", gone)).kind).toBe("refused");
    });

    it("is refused with everything that is wrong with it", async () => {
        const wrong = router([{ address: "198.51.100.1", port: 0, endpoints: ["2001:db8::1"], targetPort: 80 }]);
        await expect(apply(withPods({ gateway: wrong }))).rejects.toThrow(
            [
                "the virtual servers cannot be made:",
                'pods.gateway.router.virtualServers[0].endpoints: "2001:db8::1" is no IPv4 address like 198.51.100.1',
                "pods.gateway.router.virtualServers[0]: 0 is not a port; ports are 1 to 65535",
            ].join("\n"),
        );
        await expect(apply(withPods({ gateway: { ...router(), gateways: ["10.100.1.77"] } }))).rejects.toThrow(
            "pods.gateway.gateways: worker has no address 10.100.1.77; give it to the node",
        );
    });
});

describe("learned routes", () => {
    const learn = (routes: Operations["learnRoutes"][0]["routes"]) =>
        sandbox.call("learnRoutes", { namespace: "worker", routes });
    const learned = async (): Promise<readonly string[]> => {
        const { states } = await sandbox.call("state", { namespaces: ["worker"] });
        return (states.worker?.routes ?? [])
            .filter(({ protocol }) => protocol === "bgp")
            .map(({ prefix, nextHops }) => `${prefix} via ${nextHops.map(({ via }) => via).join()}`)
            .sort();
    };

    it("become exactly what is given, in both families, and no drift", async () => {
        expect(await learn({ "198.51.100.1/32": "10.100.1.1", "2001:db8:1::/64": "fd00:10:255:1::1" })).toEqual({
            added: ["198.51.100.1/32", "2001:db8:1::/64"],
            removed: [],
        });
        const next = { "198.51.100.1/32": "10.100.1.2", "198.51.100.2/32": "10.100.1.2" };
        expect(await learn(next)).toEqual({
            added: ["198.51.100.1/32", "198.51.100.2/32"],
            removed: ["2001:db8:1::/64"],
        });
        expect(await learned()).toEqual(["198.51.100.1/32 via 10.100.1.2", "198.51.100.2/32 via 10.100.1.2"]);
        expect(await learn(next), "there is nothing left to do").toEqual({ added: [], removed: [] });
        expect((await sandbox.call("inspectNode", { node: workerNode() })).drift).toEqual([]);
        expect((await sandbox.call("inspectFabric", { fabric: withGateways() })).drift).toEqual([]);
        expect(await learn({})).toEqual({ added: [], removed: ["198.51.100.1/32", "198.51.100.2/32"] });
    });

    it("leave prefixes alone that have a route already, and routes of everybody else", async () => {
        await run(sandbox, "worker", "ip", "route", "add", "203.0.113.0/24", "via", "10.100.1.1", "proto", "ospf");
        const before = await run(sandbox, "worker", "ip", "route");
        expect(await learn({ "10.100.1.1/32": "10.100.1.1", "192.168.0.0/24": "10.100.1.1" })).toEqual({
            added: [],
            removed: [],
        });
        await learn({});
        expect(await run(sandbox, "worker", "ip", "route")).toBe(before);
    });

    it("go only to Pods on the node; what is wrong is told after all else was done", async () => {
        const routes = {
            "198.51.100.1/32": "10.100.1.1",
            "198.51.100.2/32": "10.100.2.3",
            "2001:db8::/64": "10.100.1.1",
        };
        await expect(learn(routes)).rejects.toThrow(
            [
                "not all routes of worker can be made:",
                "the route to 198.51.100.2/32 by 10.100.2.3: no Pod on the node has this address",
                "the route to 2001:db8::/64 by 10.100.1.1: prefix and next hop are of different families",
            ].join("\n"),
        );
        expect(await learned()).toEqual(["198.51.100.1/32 via 10.100.1.1"]);
    });

    it("go with the Pod to which they lead", async () => {
        await learn({ "198.51.100.1/32": "10.100.1.1", "198.51.100.2/32": "10.100.1.2" });
        await apply({ ...workerNode(), pods: { "web-2": workerNode().pods["web-2"]! } });
        expect(await learned()).toEqual(["198.51.100.2/32 via 10.100.1.2"]);
    });
});

describe("tracked connections", () => {
    it("are read from the kernel's table with both directions", () => {
        const table = [
            "ipv4     2 tcp      6 117 TIME_WAIT src=203.0.113.2 dst=192.168.0.1 sport=40000 dport=80 src=10.244.0.10 dst=10.244.2.216 sport=8080 dport=40000 [ASSURED] mark=0 use=1",
            "ipv6     10 tcp      6 110 SYN_SENT src=2001:0db8:0000:0000:0000:0000:0000:0002 dst=fd00:0192:0168:0000:0000:0000:0000:0001 sport=1 dport=2 [UNREPLIED] src=fd00:0192:0168:0000:0000:0000:0000:0001 dst=2001:0db8:0000:0000:0000:0000:0000:0002 sport=2 dport=1 mark=0 use=1",
            "ipv4     2 udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=0 use=1",
            "",
        ].join("\n");
        expect(parseConntrack(table)).toEqual([
            {
                original: { source: "203.0.113.2", destination: "192.168.0.1", sourcePort: 40000, destinationPort: 80 },
                reply: { source: "10.244.0.10", destination: "10.244.2.216", sourcePort: 8080, destinationPort: 40000 },
                isAssured: true,
            },
            {
                original: { source: "2001:db8::2", destination: "fd00:192:168::1", sourcePort: 1, destinationPort: 2 },
                reply: { source: "fd00:192:168::1", destination: "2001:db8::2", sourcePort: 2, destinationPort: 1 },
                isAssured: false,
            },
        ]);
    });
});
