/** A node whose gobgpd takes routes of a Pod with FRR, and passes them on to a router: all daemons are real. */

import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { contains, familyOf, lengthOf } from "../../lab/address";
import type { PrefixListEntry } from "../../lab/model";
import { applyFrr } from "../../provider/daemons/frr";
import { inspectGobgp, withApi } from "../../provider/daemons/gobgp";
import { applyPods, expectedPolicies, podPeer, readPolicies } from "../../provider/daemons/gobgp-policy";
import { gobgpBestPaths, gobgpRefused, gobgpSessions } from "../../provider/daemons/gobgp-tables";
import { node } from "../../provider/resources/node";
import type { RunningPod, Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../../provider/sandbox/start";
import type { GobgpConfig, GobgpPodNeighbor, NodeInputs, PodSpec } from "../../provider/schema";
import { device, link, webPod } from "../sandbox/fixtures";
import { bgpTable, eventually, kill, routeTable } from "./lab";

const name = `test-daemons-pods-${process.pid}`;
const context = { stack: "test", project: "test" };
const nodePort = ["10.244.1.69", "fd00:10:244:1::69"];
const vip = ["192.168.0.1", "fd00:192:168::1"];
const podAddresses = ["10.244.1.216", "fd00:10:244:1::216"];
const mark = { namespace: "default", name: "gateway-0", selector: "gateways" };
let sandbox: Sandbox;

/** client0 – router0 – node1; the node's addresses in the pod range are on its loopback. */
const fabric = {
    sandbox: "",
    namespaces: {
        client0: device({
            forwarding: false,
            addresses: { net0: ["203.0.113.2/24", "2001:db8::2/64"] },
            routes: { "0.0.0.0/0": { via: "203.0.113.1" }, "::/0": { via: "2001:db8::1" } },
        }),
        router0: device({
            addresses: { client: ["203.0.113.1/24", "2001:db8::1/64"], net1: ["10.0.1.1/24", "fd00:10:0:1::1/64"] },
        }),
        node1: device({
            addresses: {
                net0: ["10.0.1.2/24", "fd00:10:0:1::2/64"],
                lo: nodePort.map((address) => `${address}/${address.includes(":") ? 128 : 32}`),
            },
            routes: { "0.0.0.0/0": { via: "10.0.1.1" }, "::/0": { via: "fd00:10:0:1::1" } },
        }),
    },
    links: { client: link("client0:net0", "router0:client"), uplink: link("node1:net0", "router0:net1") },
    bridges: {},
};

const routerConfig = `frr defaults datacenter
router bgp 65000
 bgp router-id 10.0.0.0
 no bgp default ipv4-unicast
 no bgp ebgp-requires-policy
 coalesce-time 20
 neighbor 10.0.1.2 remote-as 65011
 neighbor 10.0.1.2 timers connect 1
 neighbor fd00:10:0:1::2 remote-as 65011
 neighbor fd00:10:0:1::2 timers connect 1
 address-family ipv4 unicast
  redistribute connected
  neighbor 10.0.1.2 activate
 exit-address-family
 address-family ipv6 unicast
  redistribute connected
  neighbor fd00:10:0:1::2 activate
 exit-address-family
exit
`;

/** frr.conf of the Pod, which announces its loopback and own addresses, and whatever else it is told to. */
function podConfig(announced: readonly string[], asn = 65100): string {
    const networks = (family: "ipv4" | "ipv6") =>
        announced.filter((prefix) => familyOf(prefix) === family).map((prefix) => `  network ${prefix}\n`);
    return `frr defaults traditional
hostname gateway-0
ip nht resolve-via-default
ipv6 nht resolve-via-default
router bgp ${asn}
 bgp router-id 10.255.1.0
 no bgp default ipv4-unicast
 no bgp ebgp-requires-policy
 no bgp network import-check
 coalesce-time 20
 neighbor {{node-ipv4}} remote-as external
 neighbor {{node-ipv4}} ebgp-multihop 255
 neighbor {{node-ipv4}} timers connect 1
 neighbor {{node-ipv6}} remote-as external
 neighbor {{node-ipv6}} ebgp-multihop 255
 neighbor {{node-ipv6}} timers connect 1
 address-family ipv4 unicast
  redistribute connected
${networks("ipv4").join("")}  neighbor {{node-ipv4}} activate
 exit-address-family
 address-family ipv6 unicast
  redistribute connected
${networks("ipv6").join("")}  neighbor {{node-ipv6}} activate
 exit-address-family
exit
`;
}

function entries(...texts: readonly string[]): readonly PrefixListEntry[] {
    return texts.map((text, index) => {
        const [action = "", prefix = "", le] = text.split(" ");
        const isPermit = action === "permit";
        return {
            sequence: 5 * (index + 1),
            action: isPermit ? "permit" : "deny",
            prefix,
            ...(le === undefined ? {} : { le: Number(le) }),
        };
    });
}

/** Entries that are inside each other, with exceptions to exceptions, in both families. */
const selector: GobgpPodNeighbor = {
    name: "gateways",
    namespace: "default",
    selector: { matchLabels: { app: "gateway" } },
    ebgpMultihop: 255,
    localAddresses: nodePort,
    holdTime: 90,
    keepalive: 30,
    connectRetry: 5,
    families: ["ipv4", "ipv6"],
    ownAddress: true,
    administratorEntries: entries("deny 192.168.7.0/24 32", "deny 192.168.0.0/16", "deny fd00:192:168:7::/64 128"),
    importEntries: entries(
        "deny 10.244.0.0/16 32",
        "deny 10.0.1.0/24 32",
        "deny fd00:10:244::/48 128",
        "deny 0.0.0.0/0",
        "deny 128.0.0.0/1",
        "deny ::/0",
        "permit 192.168.9.128/25",
        "deny 192.168.9.0/24 32",
        "permit 192.168.9.0/24 32",
        "permit 192.168.0.0/16 32",
        "permit fd00:192:168::/48 128",
    ),
};

/** What the Pod tries to announce beside what it has itself. */
const attempts = [
    "0.0.0.0/0",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "10.0.1.0/24",
    "10.0.1.2/32",
    "10.244.0.0/24",
    "10.244.1.69/32",
    "10.244.1.0/24",
    "10.0.0.0/8",
    "192.168.0.0/16",
    "192.168.0.0/17",
    "192.168.0.0/24",
    "192.168.7.0/24",
    "192.168.7.7/32",
    "192.168.6.0/23",
    "192.168.9.0/24",
    "192.168.9.128/25",
    "192.168.9.130/32",
    "172.16.0.0/12",
    "::/0",
    "8000::/1",
    "fd00:10:244::/64",
    "fd00:10:244:1::69/128",
    "fd00:192:168::/48",
    "fd00:192:168:7::/64",
    "fd00:192:168:7::7/128",
    "fd00:192:168:8::8/128",
    "fd00::/8",
];

const config: GobgpConfig = {
    asn: 65011,
    routerId: "10.0.1.2",
    transit: true,
    podNeighbors: [selector],
    originated: ["10.244.1.0/24", "fd00:10:244:1::/64"],
    neighbors: ["10.0.1.1", "fd00:10:0:1::1"].map((address) => ({
        address,
        remoteAsn: 65000,
        holdTime: 90,
        keepalive: 30,
        connectRetry: 5,
        gracefulRestartTime: 120,
        families: [familyOf(address)],
    })),
};

const web = {
    "web-0": webPod(["10.244.1.10", "fd00:10:244:1::10"]),
    "web-1": webPod(["10.244.1.11", "fd00:10:244:1::11"]),
};

function gateway(parts: Partial<PodSpec> = {}, announced: readonly string[] = []): PodSpec {
    return {
        addresses: podAddresses,
        namespace: "default",
        labels: { app: "gateway" },
        gateways: nodePort,
        router: {
            config: podConfig(announced),
            loopback: vip,
            virtualServers: vip.map((address, family) => ({
                address,
                port: 80,
                endpoints: Object.values(web).map(({ addresses }) => addresses[family]!),
                targetPort: 8080,
            })),
        },
        ...parts,
    };
}

function inputs(pods: Readonly<Record<string, PodSpec>>, gobgp: GobgpConfig = config): NodeInputs {
    return {
        sandbox: name,
        namespace: "node1",
        speakers: { cilium: { kind: "gobgp", config: gobgp } },
        pods: { ...web, ...pods },
        services: {},
    };
}

let last = inputs({});

async function apply(pods: Readonly<Record<string, PodSpec>>, gobgp?: GobgpConfig): Promise<void> {
    const next = inputs(pods, gobgp);
    await node.update(last, next, context);
    last = next;
}

/** What the peering controller does for a Pod that came. */
async function admit(addresses: readonly string[] = podAddresses): Promise<void> {
    await withApi(sandbox, "node1", async (api) => {
        await applyPods(api, config, [{ selector: selector.name, addresses }]);
        for (const address of addresses) {
            await api.call("AddPeer", { peer: podPeer(selector, address, mark, config.asn) });
        }
    });
}

/** What it does for one that went. */
async function dismiss(addresses: readonly string[] = podAddresses): Promise<void> {
    await withApi(sandbox, "node1", async (api) => {
        for (const address of addresses) {
            await api.call("DeletePeer", { address });
        }
        await applyPods(api, config, []);
    });
}

async function established(): Promise<readonly string[]> {
    const sessions = await gobgpSessions(sandbox, "node1");
    return sessions.filter(({ state }) => state === "Established").map(({ neighbor }) => neighbor);
}

const podsUp = (addresses: readonly string[] = podAddresses) =>
    eventually(established, (up) => addresses.every((address) => up.includes(address)));

/** Prefixes that the node has by the Pod. */
async function taken(addresses: readonly string[] = podAddresses): Promise<readonly string[]> {
    const tables = await Promise.all((["ipv4", "ipv6"] as const).map((each) => gobgpBestPaths(sandbox, "node1", each)));
    return tables
        .flat()
        .filter(({ nextHop }) => addresses.includes(nextHop))
        .map(({ prefix }) => prefix)
        .sort();
}

const runningPods = async (): Promise<readonly RunningPod[]> => (await sandbox.call("pods", {})).pods;

async function bgpRoutesOf(namespace: string): Promise<readonly string[]> {
    const { states } = await sandbox.call("state", { namespaces: [namespace] });
    return (states[namespace]?.routes ?? [])
        .filter(({ protocol }) => protocol === "bgp")
        .map(({ prefix, nextHops }) => `${prefix} via ${nextHops.map(({ via }) => via).join()}`)
        .sort();
}

beforeAll(async () => {
    sandbox = await startSandbox(name);
    await sandbox.call("applyFabric", { fabric });
    await node.create(last, context);
    await applyFrr(sandbox, { namespace: "router0", config: routerConfig });
});
afterAll(() => destroySandbox(name));

/** A prefix list as people read it: the first entry that covers a prefix decides. */
function permitted(list: readonly PrefixListEntry[], prefix: string): boolean | undefined {
    const first = list.find(
        (entry) => contains(entry.prefix, prefix) && lengthOf(prefix) <= (entry.le ?? lengthOf(entry.prefix)),
    );
    return first && first.action === "permit";
}

function isTaken(prefix: string, own: readonly string[]): boolean {
    const administrator = permitted(selector.administratorEntries, prefix);
    return administrator ?? (own.includes(prefix) || permitted(selector.importEntries, prefix) === true);
}

describe("a node that takes routes of Pods", () => {
    const own = ["10.244.1.216/32", "fd00:10:244:1::216/128"];
    const virtual = ["192.168.0.1/32", "fd00:192:168::1/128"];

    it("takes exactly what the prefix list of its selector permits, and the rest is refused", async () => {
        await apply({ "gateway-0": gateway({}, []) });
        await admit();
        await podsUp();
        await apply({ "gateway-0": gateway({ router: { ...gateway().router!, config: podConfig(attempts) } }) });
        const offered = [...attempts, ...own, ...virtual];
        const expected = offered.filter((prefix) => isTaken(prefix, own)).sort();
        expect(expected).toEqual(expect.arrayContaining([...own, ...virtual, "192.168.0.0/24"]));
        expect(expected).not.toEqual(expect.arrayContaining(["192.168.7.7/32"]));
        const refused = async () =>
            (
                await Promise.all(podAddresses.map((each) => gobgpRefused(sandbox, "node1", each, familyOf(each))))
            ).flat();
        await eventually(refused, (seen) => seen.length === offered.length - expected.length);
        expect([...(await refused())].sort()).toEqual(offered.filter((prefix) => !expected.includes(prefix)).sort());
        expect(await taken()).toEqual(expected);
        await apply({ "gateway-0": gateway() });
        await eventually(taken, (now) => now.length === 4);
    });

    it("passes on what it has taken, and tells the Pod what it knows, by the node that the Pod has found", async () => {
        const asPaths = (table: Awaited<ReturnType<typeof bgpTable>>) =>
            Object.fromEntries(table.map(({ prefix, paths }) => [prefix, paths[0]?.asPath]));
        const atRouter = await eventually(
            async () => asPaths(await bgpTable(sandbox, "router0", "ipv4")),
            (paths) => paths["192.168.0.1/32"] !== undefined,
        );
        expect(atRouter).toMatchObject({
            "192.168.0.1/32": "65011 65100",
            "10.244.1.216/32": "65011 65100",
            "10.244.1.0/24": "65011",
        });
        const atPod = await eventually(
            async () => asPaths(await bgpTable(sandbox, "pod_gateway-0", "ipv6")),
            (paths) => paths["2001:db8::/64"] !== undefined,
        );
        expect(atPod).toMatchObject({ "2001:db8::/64": "65011 65000", "fd00:10:244:1::/64": "65011" });
        const routes = await routeTable(sandbox, "pod_gateway-0", "ipv6");
        expect(routes.find(({ prefix }) => prefix === "2001:db8::/64")).toMatchObject({ installed: true });
    });

    it("has a route to what it learned of the Pod, and clients reach the workload through it", async () => {
        const routes = { "192.168.0.1/32": podAddresses[0]!, "fd00:192:168::1/128": podAddresses[1]! };
        expect(await sandbox.call("learnRoutes", { namespace: "node1", routes })).toEqual({
            added: Object.keys(routes),
            removed: [],
        });
        for (const [family, address] of vip.entries()) {
            const ask = () =>
                sandbox.call("http", { namespace: "client0", address, port: 80, timeoutMilliseconds: 2_000 });
            await eventually(ask, ({ kind }) => kind === "answer");
            const answers = await Promise.all([ask(), ask(), ask(), ask()]);
            const bodies = answers.map((each) => JSON.parse(each.kind === "answer" ? each.body : "{}"));
            expect(bodies.map(({ pod }) => pod).sort()).toEqual(["web-0", "web-0", "web-1", "web-1"]);
            expect(new Set(bodies.map(({ client }) => client))).toEqual(new Set([podAddresses[family]]));
        }
        const { connections } = await sandbox.call("connections", { namespace: "pod_gateway-0" });
        const passed = connections.filter(({ isAssured }) => isAssured);
        expect(passed.map(({ original }) => original)).toContainEqual(
            expect.objectContaining({ source: "203.0.113.2", destination: "192.168.0.1", destinationPort: 80 }),
        );
        expect(passed.find(({ original }) => original.destination === vip[1])?.reply).toMatchObject({
            source: expect.stringMatching(/^fd00:10:244:1::1[01]$/),
            sourcePort: 8080,
            destination: podAddresses[1],
        });
    });

    it("sees no drift in what the controller did, and reports and heals everything else", async () => {
        expect(await node.read(last)).toEqual([]);
        const rules = { processes: [{ namespace: "pod_gateway-0", argv: ["nft", "flush", "ruleset"] }] };
        await sandbox.call("exec", rules);
        await sandbox.call("exec", {
            processes: [
                { namespace: "pod_gateway-0", argv: ["ip", "address", "del", "192.168.0.1/32", "dev", "lo"] },
                { namespace: "pod_gateway-0", argv: ["sysctl", "-qw", "net.ipv4.ip_forward=0"] },
                { namespace: "pod_gateway-0", argv: ["ip", "-6", "route", "del", "default"] },
            ],
        });
        await kill(sandbox, "bgpd.pod_gateway-0");
        await withApi(sandbox, "node1", async (api) => {
            const definedSet = { definedType: 1, name: "pods/gateways" };
            await api.call("AddDefinedSet", { definedSet: { ...definedSet, list: ["0.0.0.0/0"] } });
            await api.call("AddPeer", {
                peer: { conf: { neighborAddress: "10.0.1.77", peerAsn: 1, localAsn: 65011, type: 1 } },
            });
        });
        const found = (await node.read(last)) as readonly { readonly path: string; readonly found: string }[];
        expect(found.map((each) => `${each.path}: ${each.found}`).sort()).toEqual([
            "pods.gateway-0.forwarding: packet forwarding is off in pod_gateway-0, or on one of its interfaces",
            "pods.gateway-0.router.virtualServers: the rules of the virtual servers of gateway-0 are others than asked for",
            "pods.gateway-0.router: pod gateway-0 does not find its node: none of its IPv6 default routes leads to an address of the node; give it gateways",
            "pods.gateway-0: 192.168.0.1/32 is missing at pod_gateway-0:lo",
            "pods.gateway-0: the route to ::/0 is missing in pod_gateway-0",
            "speakers.cilium.config.neighbors: 10.0.1.77 is not wanted",
            "speakers.cilium.config: neighbor set pods/gateways is another than asked for",
        ]);
        const before = (await runningPods()).find((pod) => pod.name === "gateway-0");
        await apply(last.pods);
        await podsUp();
        await eventually(
            () => node.read(last),
            (drift) => Array.isArray(drift) && drift.length === 0,
        );
        expect((await runningPods()).find((pod) => pod.name === "gateway-0")).toEqual(before);
        await eventually(taken, (now) => now.join() === [...own, ...virtual].sort().join());
    });

    it("holds another policy against what it has, without a reset, and keeps the Pods", async () => {
        const narrow = { ...selector, ownAddress: false, importEntries: entries("permit 192.168.0.1/32") };
        const changed = { ...config, podNeighbors: [narrow] };
        const uptimes = async () => (await gobgpSessions(sandbox, "node1")).map(({ uptime }) => uptime > 0);
        await eventually(uptimes, (up) => up.length === 4 && up.every(Boolean));
        await apply(last.pods, changed);
        await eventually(taken, (now) => now.join() === "192.168.0.1/32");
        expect(await inspectGobgp(sandbox, { namespace: "node1", config: changed })).toEqual([]);
        await apply(last.pods);
        await eventually(taken, (now) => now.join() === [...virtual].sort().join());
        await withApi(sandbox, "node1", (api) =>
            applyPods(api, config, [{ selector: "gateways", addresses: podAddresses }]),
        );
        await eventually(taken, (now) => now.length === 4);
        expect(await uptimes()).toEqual([true, true, true, true]);
    });

    it("takes nothing of a Pod that is a neighbor without being known to the policies", async () => {
        await withApi(sandbox, "node1", (api) => applyPods(api, config, []));
        await withApi(sandbox, "node1", (api) => api.call("ResetPeer", { address: "all", soft: true, direction: 0 }));
        await eventually(taken, (now) => now.length === 0);
        expect(await established()).toEqual(expect.arrayContaining(podAddresses));
        await withApi(sandbox, "node1", (api) =>
            applyPods(api, config, [{ selector: "gateways", addresses: podAddresses }]),
        );
        await eventually(taken, (now) => now.length === 4);
    });

    it("takes nothing of a Pod that says to be of the node's own AS", async () => {
        const router = { ...gateway().router!, config: podConfig([], config.asn).replaceAll("external", "internal") };
        await apply({ "gateway-0": gateway({ router }) });
        await podsUp();
        const received = async () => gobgpRefused(sandbox, "node1", podAddresses[0]!, "ipv4");
        expect([...(await eventually(received, (seen) => seen.length === 2))].sort()).toEqual([
            "10.244.1.216/32",
            "192.168.0.1/32",
        ]);
        expect(await taken()).toEqual([]);
        await apply({ "gateway-0": gateway() });
        await eventually(taken, (now) => now.length === 4);
    });
});

describe("a Pod with FRR", () => {
    const moved = ["10.244.1.217", "fd00:10:244:1::217"];

    it("is a new Pod when it comes back with other addresses: nothing of the old one is left, and it finds its node", async () => {
        const [before] = (await runningPods()).filter((pod) => pod.name === "gateway-0");
        const { daemons } = await sandbox.call("daemons", {});
        const [old] = daemons.filter(({ name: each }) => each === "bgpd.pod_gateway-0");
        const heard = sandbox.call("pods", {
            after: (await sandbox.call("pods", {})).revision,
            waitMilliseconds: 20_000,
        });
        await apply({ "gateway-0": gateway({ addresses: moved }) });
        expect((await heard).pods.map((pod) => pod.name).sort()).toEqual(["web-0", "web-1"]);
        const [after] = (await runningPods()).filter((pod) => pod.name === "gateway-0");
        expect(after).toMatchObject({ addresses: moved, node: "node1", labels: { app: "gateway" } });
        expect(after?.uid).not.toBe(before?.uid);
        expect(existsSync(sandbox.path(`/proc/${old?.pid}`))).toBe(false);
        expect(await bgpRoutesOf("node1"), "they went with the old Pod's link").toEqual([]);
        await dismiss();
        await admit(moved);
        await podsUp(moved);
        await eventually(
            () => taken(moved),
            (now) => now.length === 4,
        );
        expect(await node.read(last)).toEqual([]);
        await dismiss(moved);
    });

    it("starts beside others at once, and none leaves anything behind", async () => {
        const names = ["gateway-1", "gateway-2", "gateway-3"];
        const pods = Object.fromEntries(
            names.map((each, index) => [
                each,
                gateway({ addresses: [`10.244.1.${230 + index}`, `fd00:10:244:1::${230 + index}`] }),
            ]),
        );
        await apply(pods);
        expect(await node.read(last)).toEqual([]);
        await apply({});
        const { daemons } = await sandbox.call("daemons", {});
        expect(daemons.map(({ namespace }) => namespace).filter((each) => each?.startsWith("pod_"))).toEqual([]);
        expect(existsSync(sandbox.path("/run/frr/pod_gateway-1"))).toBe(false);
        const { states } = await sandbox.call("state", { namespaces: ["node1"] });
        expect(
            states.node1?.interfaces.map(({ name: each }) => each).filter((each) => each.startsWith("pod")),
        ).toHaveLength(2);
        expect(await node.read(last)).toEqual([]);
        expect(await withApi(sandbox, "node1", readPolicies)).toEqual(expectedPolicies(config));
    });

    it("says what it lacks when it cannot find its node", async () => {
        const { gateways: _, ...lost } = gateway();
        await expect(apply({ "gateway-0": lost })).rejects.toThrow(
            "pod gateway-0 does not find its node: none of its IPv4 default routes leads to an address of the node; give it gateways",
        );
        await expect(apply({ "gateway-0": gateway({ gateways: ["10.244.1.70"] }) })).rejects.toThrow(
            "pods.gateway-0.gateways: node1 has no address 10.244.1.70; give it to the node",
        );
    });
});
