import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Drift, Sandbox } from "../../provider/sandbox/protocol";
import { type Node, run, smallFabric, useSandbox, webPod, worker2Node, workerNode } from "./lab";

let sandbox: Sandbox;
const runningSandbox = useSandbox("node");

beforeAll(() => {
    sandbox = runningSandbox();
});

beforeEach(async () => {
    await sandbox.call("applyFabric", { fabric: smallFabric() });
    await apply(workerNode());
    await apply(worker2Node());
});

function apply(node: Node): Promise<unknown> {
    return sandbox.call("applyNode", { node });
}

async function drift(node: Node): Promise<readonly Drift[]> {
    return (await sandbox.call("inspectNode", { node })).drift;
}

interface Answer {
    readonly pod: string;
    readonly node: string;
    readonly client: string;
}

async function ask(namespace: string, address: string, port = 80): Promise<Answer> {
    const result = await sandbox.call("http", { namespace, address, port, timeoutMilliseconds: 2000 });
    if (result.kind !== "answer") {
        throw new Error(`${address} gave ${result.kind}: ${result.detail}`);
    }
    return JSON.parse(result.body) as Answer;
}

async function askMany(address: string, times = 60): Promise<readonly Answer[]> {
    return Promise.all(Array.from({ length: times }, () => ask("client0", address)));
}

function values<K extends keyof Answer>(answers: readonly Answer[], key: K): readonly string[] {
    return [...new Set(answers.map((answer) => answer[key]))].sort();
}

const clients: Readonly<Record<string, string>> = { IPv4: "192.168.0.2", IPv6: "fd00:c::2" };
const nodeAddresses = ["169.254.1.2", "172.18.0.2", "fc00:f853::2", "fd00:1::2"];

describe("a node", () => {
    it.each([
        ["IPv4", "10.254.0.1"],
        ["IPv6", "fd00:10:254::1"],
    ])("spreads a Cluster service over all pods and hides the client (%s)", async (_, address) => {
        const answers = await askMany(address);
        expect(values(answers, "pod")).toEqual(["web-1", "web-2", "web-3"]);
        expect(values(answers, "node")).toEqual(["worker", "worker2"]);
        expect(nodeAddresses).toEqual(expect.arrayContaining([...values(answers, "client")]));
    });

    it.each([
        ["IPv4", "10.254.0.2"],
        ["IPv6", "fd00:10:254::2"],
    ])("spreads a Local service over its own pods and shows the client (%s)", async (family, address) => {
        const answers = await askMany(address);
        expect(values(answers, "pod")).toEqual(["web-1", "web-2"]);
        expect(values(answers, "client")).toEqual([clients[family]]);
    });

    it("serves its services to itself and to its pods", async () => {
        expect((await ask("worker", "10.254.0.1")).pod).toMatch(/^web-[123]$/);
        expect((await ask("pod_web-1", "fd00:10:254::1")).pod).toMatch(/^web-[123]$/);
    });

    it.each(["10.254.0.1", "fd00:10:254::1", "10.254.0.2", "fd00:10:254::3"])(
        "drops ping and other ports of %s without a word",
        async (address) => {
            const target = { namespace: "client0", address, timeoutMilliseconds: 250 };
            const [ping, tcp] = await Promise.all([
                sandbox.call("ping", target),
                sandbox.call("connect", { ...target, port: 81 }),
            ]);
            expect([ping.kind, tcp.kind]).toEqual(["timeout", "timeout"]);
        },
    );

    it("drops a service without endpoints without a word", async () => {
        const target = { namespace: "client0", port: 80, timeoutMilliseconds: 250 };
        const results = await Promise.all(
            ["10.254.0.3", "fd00:10:254::3"].map((address) => sandbox.call("connect", { ...target, address })),
        );
        expect(results.map(({ kind }) => kind)).toEqual(["timeout", "timeout"]);
    });

    it("answers for its pods on the node segment, where others take them for neighbors", async () => {
        expect(await ask("worker2", "10.100.1.1", 8080)).toEqual({
            pod: "web-1",
            node: "worker",
            client: "172.18.0.3",
        });
        const overIpv6 = await ask("worker2", "fd00:10:255:1::2", 8080);
        expect(overIpv6).toEqual({ pod: "web-2", node: "worker", client: "fc00:f853::3" });
    });

    it("does not answer on the node segment for addresses that are no pod's", async () => {
        const target = { namespace: "worker2", address: "10.100.1.77", port: 8080, timeoutMilliseconds: 300 };
        expect((await sandbox.call("connect", target)).kind).toBe("timeout");
        await run(sandbox, "worker2", "sh", "-c", "ip neigh show 10.100.1.77 | grep -qE 'INCOMPLETE|FAILED'");
    });

    it("lets pods reach each other across nodes with their own addresses", async () => {
        expect((await ask("pod_web-1", "10.100.2.3", 8080)).client).toBe("10.100.1.1");
        expect((await ask("pod_web-3", "fd00:10:255:1::1", 8080)).client).toBe("fd00:10:255:2::3");
    });

    it("answers only GET and HEAD of /", async () => {
        const script = 'exec 3<>/dev/tcp/10.100.1.1/8080; printf "$0 HTTP/1.1\\r\\n\\r\\n" >&3; cat <&3';
        const statusOf = async (request: string) =>
            (await run(sandbox, "worker", "bash", "-c", script, request)).split("\r\n")[0];
        expect(await statusOf("GET /")).toBe("HTTP/1.1 200 OK");
        expect(await statusOf("HEAD /")).toBe("HTTP/1.1 200 OK");
        expect(await statusOf("GET /etc/passwd")).toBe("HTTP/1.1 404 Not Found");
        expect(await statusOf("POST /")).toBe("HTTP/1.1 405 Method Not Allowed");
    });

    it("has no drift when nothing happened, and a second apply changes no rule", async () => {
        const rules = await run(sandbox, "worker", "nft", "-a", "list", "ruleset");
        await apply(workerNode());
        expect(await drift(workerNode())).toEqual([]);
        expect(await run(sandbox, "worker", "nft", "-a", "list", "ruleset")).toBe(rules);
    });

    it.each<[string, string, readonly string[], Drift]>([
        [
            "a missing pod",
            "pod_web-1",
            ["ip", "link", "del", "eth0"],
            { path: "pods.web-1", found: "the link between worker:pod" },
        ],
        [
            "a pod without its address",
            "pod_web-1",
            ["ip", "address", "flush", "dev", "eth0"],
            { path: "pods.web-1", found: "10.100.1.1/32 is missing at pod_web-1:eth0" },
        ],
        [
            "a pod without its route",
            "worker",
            ["ip", "route", "del", "10.100.1.1/32"],
            { path: "pods.web-1", found: "the route to 10.100.1.1/32 is missing in worker" },
        ],
        [
            "a pod that nobody answers for",
            "worker",
            ["ip", "neigh", "del", "proxy", "fd00:10:255:1::1", "dev", "eth0"],
            { path: "pods.web-1", found: "worker:eth0 does not answer neighbor discovery for fd00:10:255:1::1" },
        ],
        [
            "a foreign address in a pod",
            "pod_web-2",
            ["ip", "address", "add", "203.0.113.1/32", "dev", "eth0"],
            { path: "pods.web-2", found: "foreign address 203.0.113.1/32 at pod_web-2:eth0" },
        ],
        [
            "missing service rules",
            "worker",
            ["nft", "flush", "ruleset"],
            { path: "services", found: "the nftables rules of worker were changed" },
        ],
        [
            "a foreign service rule",
            "worker",
            ["nft", "add", "rule", "inet", "bgp-lab", "drop-in", "tcp", "dport", "8080", "drop"],
            { path: "services", found: "the nftables rules of worker were changed" },
        ],
    ])("reports and heals %s", async (_, namespace, argv, expected) => {
        await run(sandbox, namespace, ...argv);
        expect(await drift(workerNode())).toContainEqual({
            path: expected.path,
            found: expect.stringContaining(expected.found),
        });
        await apply(workerNode());
        expect(await drift(workerNode())).toEqual([]);
        const target = { namespace: "client0", address: "10.100.1.1", port: 8080, timeoutMilliseconds: 1000 };
        expect((await sandbox.call("http", target)).kind).toBe("answer");
        expect(values(await askMany("fd00:10:254::2"), "pod")).toEqual(["web-1", "web-2"]);
    });

    it("notices rules that were changed and changed back as unchanged", async () => {
        await run(sandbox, "worker", "nft", "add", "table", "inet", "other");
        expect(await drift(workerNode())).not.toEqual([]);
        await run(sandbox, "worker", "nft", "delete", "table", "inet", "other");
        expect(await drift(workerNode())).toEqual([]);
    });

    it("removes a pod and its endpoints, and leaves the others their connections", async () => {
        const node = workerNode();
        const before = await run(sandbox, "pod_web-1", "ip", "-o", "address");
        await apply({ ...node, pods: { "web-1": node.pods["web-1"]! } });
        expect(await run(sandbox, undefined, "ip", "netns")).not.toContain("pod_web-2");
        expect(await run(sandbox, "worker", "ip", "-6", "neigh", "show", "proxy")).not.toContain("fd00:10:255:1::2");
        expect(await run(sandbox, "pod_web-1", "ip", "-o", "address")).toBe(before);
    });

    it("takes over a pod that moved here before its old node is told", async () => {
        const web1 = workerNode().pods["web-1"]!;
        await apply({ namespace: "worker2", pods: { ...worker2Node().pods, "web-1": web1 }, services: {} });
        expect((await ask("worker2", "10.100.1.1", 8080)).node).toBe("worker2");
        expect((await drift(workerNode())).map(({ path }) => path)).toContain("pods.web-1");
        await apply({ namespace: "worker", pods: {}, services: {} });
        expect((await ask("worker2", "10.100.1.1", 8080)).node).toBe("worker2");
    });

    it("changes the port of a pod's server", async () => {
        const node = workerNode();
        const moved = { ...node, pods: { ...node.pods, "web-1": { ...node.pods["web-1"]!, port: 9090 } } };
        expect((await drift(moved)).map(({ path }) => path)).toEqual(["pods.web-1.port"]);
        await apply(moved);
        expect((await ask("worker", "10.100.1.1", 9090)).pod).toBe("web-1");
        const old = { namespace: "worker", address: "10.100.1.1", port: 8080, timeoutMilliseconds: 1000 };
        expect((await sandbox.call("connect", old)).kind).toBe("refused");
    });

    it("is gone after its removal, as if it had never been", async () => {
        await sandbox.call("removeNode", { namespace: "worker" });
        expect(await run(sandbox, "worker", "nft", "list", "ruleset")).toBe("");
        expect(await run(sandbox, "worker", "ip", "-o", "link")).not.toContain("pod");
        expect(await run(sandbox, undefined, "ip", "netns")).not.toMatch(/pod_web-[12]/);
        expect((await sandbox.call("inspectFabric", { fabric: smallFabric() })).drift).toEqual([]);
    });

    it("goes with its namespace when the fabric does not have it any more", async () => {
        const fabric = smallFabric();
        const { worker2: _, ...namespaces } = fabric.namespaces;
        const ports = fabric.bridges.kind!.ports.filter(({ namespace }) => namespace !== "worker2");
        await sandbox.call("applyFabric", {
            fabric: { ...fabric, namespaces, bridges: { kind: { mtu: 1500, ports } } },
        });
        expect(await run(sandbox, undefined, "ip", "netns")).not.toMatch(/worker2|web-3/);
        await expect(apply(worker2Node())).rejects.toThrow('the fabric has no namespace "worker2"');
    });

    it("tells everything that is wrong with its inputs, with the paths", async () => {
        const pods = {
            "a b": webPod([], { port: 1 }),
            "x/y": webPod(["10.0.0.300"], { port: 1 }),
            two: webPod(["10.0.0.1", "10.0.0.2"], { port: 1 }),
        };
        await expect(apply({ namespace: "worker", pods, services: {} })).rejects.toThrow(
            [
                "the pods cannot be made:",
                'pods.a b: a pod name has letters, digits, ".", "-" and at most a "/" after its namespace',
                'pods.x/y.addresses: "10.0.0.300" is not an IPv4 or IPv6 address',
                "pods.two.addresses: a pod has at most one address per family",
            ].join("\n"),
        );
        const bad = { addresses: ["10.0.0"], port: 0, targetPort: 80, endpoints: [], masquerade: false };
        await expect(apply({ namespace: "worker", pods: {}, services: { s: bad } })).rejects.toThrow(
            'services.s: "10.0.0" is not an IP address\nservices.s: 0 is not a port; ports are 1 to 65535',
        );
        expect(await drift(workerNode())).toEqual([]);
    });
});
