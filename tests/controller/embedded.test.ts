/** The controller's process in a sandbox, with real speakers: two nodes with GoBGP, routers in Pods, a router with FRR. */

import { readFileSync, renameSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { speakerTarget } from "../../controller/embedded-speaker";
import { runController } from "../../controller/loop";
import { wallClock } from "../../controller/retry";
import {
    applyController,
    controllerProcess,
    inspectController,
    readControllerStatus,
    stopController,
} from "../../provider/daemons/controller";
import { applyFrr } from "../../provider/daemons/frr";
import { withApi } from "../../provider/daemons/gobgp";
import type { Message } from "../../provider/daemons/gobgp-api";
import { podsIn, readPolicies } from "../../provider/daemons/gobgp-policy";
import { applyPodRouter } from "../../provider/daemons/pod-router";
import { node } from "../../provider/resources/node";
import { type Sandbox, socketPath } from "../../provider/sandbox/protocol";
import { connectSandbox, destroySandbox, startSandbox } from "../../provider/sandbox/start";
import type {
    ControlledSpeaker,
    ControllerInputs,
    ControllerStatus,
    GobgpPodNeighbor,
    PodSpec,
} from "../../provider/schema";
import { eventually, kill } from "../daemons/lab";
import { device, link, until } from "../sandbox/lab";
import { pod, TestPods } from "./world";

const name = `test-controller-${process.pid}`;
const context = { stack: "test", project: "test" };
const nodes = ["node1", "node2"] as const;
type Node = (typeof nodes)[number];
/** Milliseconds that a thousand neighbors may take on a machine that is busy. */
const patience = 60_000;

let sandbox: Sandbox;

const gatewayOf: Readonly<Record<Node, string>> = { node1: "10.244.1.69", node2: "10.244.2.69" };

const selectorOn = (at: Node): GobgpPodNeighbor => ({
    name: "gateways",
    namespace: "default",
    selector: { matchLabels: { app: "gateway" } },
    ebgpMultihop: 255,
    localAddresses: [gatewayOf[at]],
    holdTime: 9,
    keepalive: 3,
    connectRetry: 5,
    families: ["ipv4"],
    ownAddress: true,
    administratorEntries: [],
    importEntries: [{ sequence: 5, action: "permit", prefix: "192.168.0.0/24", le: 32 }],
});

const asns: Readonly<Record<Node, number>> = { node1: 65011, node2: 65012 };

const controlled = (at: Node): ControlledSpeaker => ({ asn: asns[at], transit: true, podNeighbors: [selectorOn(at)] });

const given: ControllerInputs = {
    sandbox: name,
    speakers: { node1: controlled("node1"), node2: controlled("node2") },
};

/** A neighbor that is configured by its address, of which the controller is to keep its hands off. */
const configured = (at: Node) => ({
    address: at === "node1" ? "10.0.1.1" : "10.0.2.1",
    remoteAsn: 65000,
    holdTime: 9,
    keepalive: 3,
    connectRetry: 5,
    gracefulRestartTime: 0,
    families: ["ipv4" as const],
});

/** A router in a Pod, which announces an address of its own to whoever is given, and what else it is told to. */
function gateway(
    address: string,
    at: Node,
    parts: Partial<PodSpec> & { readonly to?: string; readonly also?: string } = {},
): PodSpec {
    const { to = "{{node-ipv4}}", also, ...rest } = parts;
    const config = `frr defaults traditional
hostname gateway
ip nht resolve-via-default
router bgp 65100
 bgp router-id 10.255.1.0
 no bgp default ipv4-unicast
 no bgp ebgp-requires-policy
 no bgp network import-check
 coalesce-time 20
 neighbor ${to} remote-as external
 neighbor ${to} ebgp-multihop 255
 neighbor ${to} timers connect 1
 address-family ipv4 unicast
  redistribute connected
${also === undefined ? "" : `  network ${also}\n`}  neighbor ${to} activate
 exit-address-family
exit
`;
    return {
        addresses: [address],
        namespace: "default",
        labels: { app: "gateway" },
        gateways: [gatewayOf[at]],
        router: { config, loopback: ["192.168.0.1"], virtualServers: [] },
        ...rest,
    };
}

type Pods = Readonly<Partial<Record<Node, Readonly<Record<string, PodSpec>>>>>;
const made = new Map<Node, Parameters<typeof node.create>[0]>();

/** Makes the Pods of all nodes as given: those of nodes that are left out go. */
async function havePods(pods: Pods): Promise<void> {
    for (const at of nodes) {
        const inputs = {
            sandbox: name,
            namespace: at,
            speakers: {
                cilium: {
                    kind: "gobgp" as const,
                    config: {
                        ...controlled(at),
                        routerId: gatewayOf[at],
                        neighbors: [configured(at)],
                        originated: [],
                    },
                },
            },
            pods: pods[at] ?? {},
            services: {},
        };
        const before = made.get(at);
        await (before === undefined ? node.create(inputs, context) : node.update(before, inputs, context));
        made.set(at, inputs);
    }
}

/** What a node has of Pods: neighbors with a mark, Pods that its policies know, and routes in its kernel. */
async function has(at: Node) {
    const [neighbors, known, { states }] = await withApi(sandbox, at, async (api) =>
        Promise.all([
            api.call("ListPeer"),
            readPolicies(api).then((policies) => podsIn(policies, [selectorOn(at)])),
            sandbox.call("state", { namespaces: [at] }),
        ]),
    );
    const confs = neighbors.map(({ peer }) => (peer as { readonly conf: Message }).conf);
    return {
        marked: confs.flatMap(({ neighborAddress, description }) =>
            description ? [`${neighborAddress} ${description}`] : [],
        ),
        configured: confs.flatMap(({ neighborAddress, description }) => (description ? [] : [neighborAddress])),
        policies: known.flatMap(({ addresses }) => addresses),
        routes: (states[at]?.routes ?? [])
            .filter(({ protocol }) => protocol === "bgp")
            .map(({ prefix, nextHops }) => `${prefix} via ${nextHops[0]?.via}`),
    };
}

/** What a node has that has one gateway, and one that has none. */
const withGateway = (at: Node, address: string, pod = "gateway-0") => ({
    marked: [`${address} pod default/${pod} of gateways`],
    configured: [configured(at).address],
    policies: [address],
    routes: [`192.168.0.1/32 via ${address}`],
});
const without = (at: Node) => ({ marked: [], configured: [configured(at).address], policies: [], routes: [] });

async function settlesOn(expected: Readonly<Record<Node, Awaited<ReturnType<typeof has>>>>): Promise<void> {
    await eventually(
        async () => ({ node1: await has("node1"), node2: await has("node2") }),
        (found) => JSON.stringify(found) === JSON.stringify(expected),
    );
}

const log = () =>
    readFileSync(sandbox.path(`/run/log/${controllerProcess}.log`), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { readonly at: string; readonly says: string; readonly why?: string });

beforeAll(async () => {
    sandbox = await startSandbox(name);
    await sandbox.call("applyFabric", {
        fabric: {
            sandbox: "",
            namespaces: {
                router0: device({
                    addresses: { net1: ["10.0.1.1/24"], net2: ["10.0.2.1/24"] },
                    routes: { "10.244.1.0/24": { via: "10.0.1.2" }, "10.244.2.0/24": { via: "10.0.2.2" } },
                }),
                node1: device({
                    addresses: { net0: ["10.0.1.2/24"], lo: ["10.244.1.69/32"] },
                    routes: { "0.0.0.0/0": { via: "10.0.1.1" } },
                }),
                node2: device({
                    addresses: { net0: ["10.0.2.2/24"], lo: ["10.244.2.69/32"] },
                    routes: { "0.0.0.0/0": { via: "10.0.2.1" } },
                }),
            },
            links: { one: link("node1:net0", "router0:net1"), two: link("node2:net0", "router0:net2") },
            bridges: {},
        },
    });
    await havePods({});
});
afterAll(() => destroySandbox(name));

describe("the peering controller of a sandbox", () => {
    it("follows a Pod that comes, gets another address, moves, is relabelled and goes", async () => {
        await applyController(sandbox, undefined, given);
        await havePods({ node1: { "gateway-0": gateway("10.244.1.216", "node1") } });
        await settlesOn({ node1: withGateway("node1", "10.244.1.216"), node2: without("node2") });
        await havePods({ node1: { "gateway-0": gateway("10.244.1.217", "node1") } });
        await settlesOn({ node1: withGateway("node1", "10.244.1.217"), node2: without("node2") });
        await havePods({ node2: { "gateway-0": gateway("10.244.2.216", "node2") } });
        await settlesOn({ node1: without("node1"), node2: withGateway("node2", "10.244.2.216") });
        await havePods({ node2: { "gateway-0": gateway("10.244.2.216", "node2", { labels: { app: "other" } }) } });
        await settlesOn({ node1: without("node1"), node2: without("node2") });
        expect(readControllerStatus(sandbox)).toMatchObject({
            pods: { known: 1 },
            targets: { node1: { state: "converged", neighbors: 0 }, node2: { state: "converged", neighbors: 0 } },
        });
        await havePods({});
        expect(log().filter(({ at, says }) => at === "node2" && says.startsWith("removed"))).toEqual([
            expect.objectContaining({
                says: "removed the neighbor 10.244.2.216 (pod default/gateway-0 of gateways)",
                why: "no selector matches Pod default/gateway-0 here any more",
            }),
        ]);
    });

    it("is started again when it is killed, and follows what happened meanwhile", async () => {
        await havePods({ node1: { "gateway-0": gateway("10.244.1.216", "node1") } });
        await settlesOn({ node1: withGateway("node1", "10.244.1.216"), node2: without("node2") });
        await kill(sandbox, controllerProcess);
        await havePods({ node2: { "gateway-0": gateway("10.244.2.216", "node2") } });
        await settlesOn({ node1: without("node1"), node2: withGateway("node2", "10.244.2.216") });
        const { daemons } = await sandbox.call("daemons", {});
        expect(daemons.find((each) => each.name === controllerProcess)).toMatchObject({ running: true, restarts: 1 });
        expect(await inspectController(sandbox, given)).toEqual([]);
    });

    it("is found when a signal holds it, and started anew by whoever applies it", async () => {
        const { daemons } = await sandbox.call("daemons", {});
        const pid = daemons.find((each) => each.name === controllerProcess)!.pid;
        await sandbox.call("exec", { processes: [{ argv: ["kill", "-STOP", String(pid)] }] });
        await eventually(
            () => inspectController(sandbox, given),
            (drift) => drift.some(({ found }) => found === "the peering controller was stopped by a signal"),
        );
        await applyController(sandbox, given, given);
        expect(await inspectController(sandbox, given)).toEqual([]);
        await settlesOn({ node1: without("node1"), node2: withGateway("node2", "10.244.2.216") });
    });

    it("has what it is given, in whatever order a state gives the keys back", async () => {
        const reversed = JSON.parse(JSON.stringify(given), (_, value: unknown) =>
            typeof value !== "object" || value === null || Array.isArray(value)
                ? value
                : Object.fromEntries(Object.entries(value).reverse()),
        ) as typeof given;
        expect(JSON.stringify(reversed)).not.toBe(JSON.stringify(given));
        expect(await inspectController(sandbox, reversed)).toEqual([]);
    });

    it("takes nobody away as long as it finds no API of Pods", async () => {
        const expected = { node1: without("node1"), node2: withGateway("node2", "10.244.2.216") };
        await settlesOn(expected);
        const path = sandbox.path(socketPath);
        renameSync(path, `${path}.away`);
        await kill(sandbox, controllerProcess);
        await eventually(
            async () => readControllerStatus(sandbox)?.pods.error,
            (error) => error !== undefined,
        );
        expect({ node1: await has("node1"), node2: await has("node2") }).toEqual(expected);
        renameSync(`${path}.away`, path);
        await eventually(
            async () => readControllerStatus(sandbox),
            (status) => status?.pods.known === 1 && status.targets.node2?.state === "converged",
        );
        await settlesOn(expected);
    });

    it("tells a gobgpd that was killed and started anew of the Pods again", async () => {
        await kill(sandbox, "gobgpd.node2");
        await eventually(
            async () => readControllerStatus(sandbox)?.targets.node2?.state,
            (state) => state === "away",
        );
        await havePods({ node2: { "gateway-0": gateway("10.244.2.216", "node2") } });
        await settlesOn({ node1: without("node1"), node2: withGateway("node2", "10.244.2.216") });
    });

    it("routes nothing to a Pod that its selector does not allow, even when the speaker takes it", async () => {
        const hijacker = gateway("10.244.2.200", "node2", { also: "10.244.1.0/24" });
        const pods = made.get("node2")!.pods;
        await sandbox.call("applyNode", {
            node: { namespace: "node2", pods: { ...pods, rogue: hijacker }, services: {} },
        });
        await applyPodRouter(sandbox, "rogue", hijacker.router!);
        await eventually(
            async () => (await has("node2")).marked,
            (neighbors) => neighbors.some((neighbor) => neighbor.includes("default/rogue")),
        );
        const everything = { name: "global", direction: 1, policies: [], defaultAction: 1 };
        await withApi(sandbox, "node2", async (api) => {
            await api.call("SetPolicyAssignment", { assignment: everything });
            await api.call("ResetPeer", { address: "all", soft: true, direction: 0 });
        });
        await eventually(
            async () => log(),
            (lines) =>
                lines.some(
                    ({ says }) =>
                        says ===
                        "Pod default/rogue: 10.244.1.0/24 is not routed to it: selector gateways does not allow it",
                ),
        );
        expect((await has("node2")).routes).toEqual(["192.168.0.1/32 via 10.244.2.200"]);
        // The provider heals what was done to the speaker's policies.
        await havePods({ node2: { "gateway-0": gateway("10.244.2.216", "node2") } });
        await settlesOn({ node1: without("node1"), node2: withGateway("node2", "10.244.2.216") });
    });

    it("gives up what it is no longer to follow, and everything when it is deleted; configured neighbors stay", async () => {
        await havePods({
            node1: { "gateway-1": gateway("10.244.1.216", "node1") },
            node2: { "gateway-0": gateway("10.244.2.216", "node2") },
        });
        const both = {
            node1: withGateway("node1", "10.244.1.216", "gateway-1"),
            node2: withGateway("node2", "10.244.2.216"),
        };
        await settlesOn(both);
        const onlyOne = { ...given, speakers: { node1: controlled("node1") } };
        await applyController(sandbox, given, onlyOne);
        expect(await has("node2")).toEqual(without("node2"));
        expect(await inspectController(sandbox, given)).toEqual([
            { path: "", found: "the peering controller has another configuration" },
        ]);
        await applyController(sandbox, onlyOne, given);
        await settlesOn(both);
        await stopController(sandbox, given);
        expect(await inspectController(sandbox, given)).toEqual([
            { path: "", found: "the peering controller not running" },
        ]);
        expect({ node1: await has("node1"), node2: await has("node2") }).toEqual({
            node1: without("node1"),
            node2: without("node2"),
        });
    });

    it("keeps the routes of what a router has taken of Pods, on the Pods' nodes", async () => {
        const router = { podNeighbors: [selectorOn("node1")], nodes: [...nodes] };
        await applyFrr(sandbox, { namespace: "router0", config: listeningRouter });
        const routed = { speakers: {}, routers: { router0: router } };
        await applyController(sandbox, undefined, routed);
        const routes = async () => ({ node1: (await has("node1")).routes, node2: (await has("node2")).routes });
        await havePods({
            node1: { "gateway-1": gateway("10.244.1.216", "node1", { to: "10.0.1.1", also: "10.244.2.0/24" }) },
            node2: { "gateway-0": gateway("10.244.2.216", "node2", { to: "10.0.2.1" }) },
        });
        await eventually(
            routes,
            ({ node1, node2 }) =>
                node1.join() === "192.168.0.1/32 via 10.244.1.216" &&
                node2.join() === "192.168.0.1/32 via 10.244.2.216",
        );
        await havePods({ node2: { "gateway-0": gateway("10.244.2.216", "node2", { to: "10.0.2.1" }) } });
        await eventually(routes, ({ node1, node2 }) => node1.length === 0 && node2.length === 1);
        await stopController(sandbox, routed);
        expect(await routes()).toEqual({ node1: [], node2: [] });
    });

    it(
        "makes neighbors of a thousand Pods on one node, and of none",
        async () => {
            await havePods({});
            const ending = new AbortController();
            const pods = new TestPods();
            const target = speakerTarget(async () => (await connectSandbox(name))!, "node1", controlled("node1"));
            let status: ControllerStatus | undefined;
            const publish = (now: ControllerStatus) => {
                status = now;
            };
            const options = { clock: wallClock, configuration: "", log: () => {}, publish };
            const running = runController(pods, [target], options, ending.signal);
            const converged = (neighbors: number) =>
                until(
                    `node1 has ${neighbors} neighbors`,
                    () => status?.targets.node1?.state === "converged" && status.targets.node1.neighbors === neighbors,
                    patience,
                );
            const labels = { app: "gateway" };
            const address = (n: number) => `10.244.${100 + (n >> 8)}.${n & 255}`;
            pods.set(Array.from({ length: 1000 }, (_, n) => pod(`p${n}`, "node1", address(n), { labels })));
            await converged(1000);
            const { marked, policies } = await has("node1");
            expect([marked.length, policies.length]).toEqual([1000, 1000]);
            pods.set([]);
            await converged(0);
            expect(await has("node1")).toEqual(without("node1"));
            ending.abort();
            await running;
        },
        3 * patience,
    );
});

/** frr.conf of a router that takes whoever calls from the Pods' network, and of them what its filter lets pass. */
const listeningRouter = `frr defaults datacenter
hostname router0
router bgp 65000
 bgp router-id 10.0.0.1
 no bgp default ipv4-unicast
 coalesce-time 20
 neighbor gateways peer-group
 neighbor gateways remote-as external
 neighbor gateways ebgp-multihop 255
 bgp listen range 10.244.0.0/16 peer-group gateways
 address-family ipv4 unicast
  neighbor gateways activate
  neighbor gateways prefix-list PODS in
 exit-address-family
exit
ip prefix-list PODS seq 5 permit 192.168.0.0/24 le 32
`;
