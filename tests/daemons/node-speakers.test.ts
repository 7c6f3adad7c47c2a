/** Calico's BIRD and MetalLB's FRR on the same nodes, with the same addresses, each facing a router of its own. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Lab, MetalLb } from "../../lab/model";
import { birdProtocols } from "../../provider/daemons/bird";
import { applyFrr } from "../../provider/daemons/frr";
import { node } from "../../provider/resources/node";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../../provider/sandbox/start";
import type { NodeInputs } from "../../provider/schema";
import { fabricSpec, nodeSpec, routerSpec } from "../../render/embedded";
import { layer2, nodeAddresses, nodeBlocks, nodes, service } from "../render/nodes";
import { bgpTable, eventually, kill, sessionsOf } from "./lab";

const name = `test-daemons-nodes-${process.pid}`;
const nodeNames = Object.keys(nodeAddresses);
const context = { stack: "test", project: "test" };
const lab = nodes();
let sandbox: Sandbox;

function inputs(nodeName: string, of: Lab = lab): NodeInputs {
    return { sandbox: name, ...nodeSpec(of, nodeName) };
}

async function established(router: string): Promise<number> {
    return (await sessionsOf(sandbox, router)).filter(({ state }) => state === "Established").length;
}

/** Who offers what to a router, as `prefix via next hop`, in order. */
async function offers(router: string): Promise<readonly string[]> {
    const table = await bgpTable(sandbox, router, "ipv4");
    return table.flatMap(({ prefix, paths }) => paths.map(({ nextHop }) => `${prefix} via ${nextHop}`)).sort();
}

/** Kernel routes of a node that BIRD made. */
async function birdRoutes(nodeName: string): Promise<readonly string[]> {
    const { states } = await sandbox.call("state", { namespaces: [nodeName] });
    return (states[nodeName]?.routes ?? [])
        .filter(({ protocol }) => protocol === "bird")
        .map(({ prefix, nextHops }) => `${prefix} via ${nextHops.map(({ via }) => via).join()}`)
        .sort();
}

async function bothUp(): Promise<void> {
    await eventually(
        async () => [await established("calico"), await established("metallb")],
        (counts) => counts.join() === "3,3",
    );
}

const allBlocks = Object.values(nodeBlocks)
    .flatMap((block) => Object.values(nodeAddresses).map((via) => `${block} via ${via}`))
    .sort();
const everyNode = Object.values(nodeAddresses)
    .map((via) => `10.100.0.0/32 via ${via}`)
    .sort();

function withMetalLb(change: Partial<MetalLb>): Lab {
    return nodes({}, change);
}

beforeAll(async () => {
    sandbox = await startSandbox(name);
    await sandbox.call("applyFabric", { fabric: { sandbox: "", ...fabricSpec(lab) } });
    await Promise.all(nodeNames.map((each) => node.create(inputs(each), context)));
    await Promise.all(Object.keys(lab.routers).map((each) => applyFrr(sandbox, routerSpec(lab, each))));
    await bothUp();
});
afterAll(() => destroySandbox(name));

describe("two speakers of a node", () => {
    it("have their sessions at once, though both speak from the node's one address", async () => {
        for (const each of nodeNames) {
            const protocols = await birdProtocols(sandbox, each);
            const sessions = protocols.filter(({ kind }) => kind === "BGP").map(({ info }) => info);
            expect(sessions).toEqual(["Established", "Established", "Established"]);
        }
        expect(await sessionsOf(sandbox, "node1")).toMatchObject([{ neighbor: "10.0.0.254", state: "Established" }]);
    });

    it("offer each what is theirs: the address of the service, and the blocks of all nodes from every node", async () => {
        await eventually(
            () => offers("metallb"),
            (seen) => seen.join() === everyNode.join(),
        );
        await eventually(
            () => offers("calico"),
            (seen) => seen.join() === allBlocks.join(),
        );
    });

    it("leave the kernel to Calico, whose nodes learn each other's blocks", async () => {
        const { master, node2 } = nodeBlocks;
        await eventually(
            () => birdRoutes("node1"),
            (seen) => seen.join() === [`${master} via 10.0.0.1`, `${node2} via 10.0.0.12`].join(),
        );
        const ping = { namespace: "node2", address: "192.168.160.1", timeoutMilliseconds: 1000 };
        expect(await sandbox.call("ping", ping)).toMatchObject({ kind: "answer" });
    });

    it("differ in what they take from their routers: Calico all, MetalLB nothing", async () => {
        const offering = (router: string) => {
            const { config } = routerSpec(lab, router);
            const network = " network 198.51.100.0/24\n  neighbor 10.0.0.1 activate";
            return config
                .replace("neighbor 10.0.0.1 activate", network.trimStart())
                .replace("router bgp", "ip route 198.51.100.0/24 blackhole\n!\nrouter bgp");
        };
        for (const router of ["metallb", "calico"]) {
            await applyFrr(sandbox, { namespace: router, config: offering(router) });
        }
        await eventually(
            () => birdRoutes("node1"),
            (seen) => seen.includes("198.51.100.0/24 via 10.0.0.253"),
        );
        const taken = await bgpTable(sandbox, "node1", "ipv4");
        expect(taken.map(({ prefix }) => prefix)).toEqual(["10.100.0.0/32"]);
        const [session] = await sessionsOf(sandbox, "node1");
        expect(session?.state).toBe("Established");
        await Promise.all(Object.keys(lab.routers).map((each) => applyFrr(sandbox, routerSpec(lab, each))));
    });

    it("change alone: a node that MetalLB is to leave out withdraws, while Calico's sessions stay", async () => {
        const since = async () => (await sessionsOf(sandbox, "calico")).map(({ uptime }) => Date.now() - uptime);
        const before = await since();
        const excluding = withMetalLb({ ignoreExcludeLabel: false });
        await node.update(inputs("master"), inputs("master", excluding), context);
        await eventually(
            () => offers("metallb"),
            (seen) => seen.filter((offer) => offer.startsWith("10.100.0.0/32")).length === 2,
        );
        expect(await offers("metallb")).not.toContain("10.100.0.0/32 via 10.0.0.1");
        await node.update(inputs("master", excluding), inputs("master"), context);
        await eventually(
            () => offers("metallb"),
            (seen) => seen.includes("10.100.0.0/32 via 10.0.0.1"),
        );
        const after = await since();
        expect(after.every((moment, index) => Math.abs(moment - before[index]!) < 1_500)).toBe(true);
    });
});

describe("a look at a node", () => {
    it.each([
        ["bird.node1", { path: "speakers.calico", found: "bird ended (SIGKILL)" }],
        ["bgpd.node1", { path: "speakers.metallb.daemons.bgpd", found: "ended (SIGKILL)" }],
    ])("names the speaker whose daemon %s died, and an update heals it", async (daemon, found) => {
        expect(await node.read(inputs("node1"))).toEqual([]);
        await kill(sandbox, daemon);
        expect(await node.read(inputs("node1"))).toEqual([found]);
        await node.update(inputs("node1"), inputs("node1"), context);
        expect(await node.read(inputs("node1"))).toEqual([]);
        await bothUp();
    });
});

describe("an address that MetalLB announces on layer 2", () => {
    const service2 = { ...service, loadBalancerAddresses: ["10.0.0.200"] };
    const local = nodes({}, { advertisements: [layer2] }, [service2]);

    it("is answered for on the nodes' segment by one node, which passes clients on to the pod", async () => {
        await sandbox.call("applyFabric", { fabric: { sandbox: "", ...fabricSpec(local) } });
        for (const each of nodeNames) {
            await node.update(inputs(each), inputs(each, local), context);
        }
        const from = { namespace: "metallb", address: "10.0.0.200", timeoutMilliseconds: 1000 };
        await eventually(
            () => sandbox.call("http", { ...from, port: 80 }),
            (answer) => answer.kind === "answer" && JSON.parse(answer.body).pod === "web-0",
        );
        expect(await sandbox.call("ping", from)).toMatchObject({ kind: "timeout" });
        const neighbors = { namespace: "metallb", argv: ["ip", "-json", "neigh", "show"] };
        const { results } = await sandbox.call("exec", { processes: [neighbors] });
        const table = JSON.parse(results[0]!.stdout) as readonly { readonly dst: string; readonly lladdr?: string }[];
        const found = table.find(({ dst }) => dst === "10.0.0.200")?.lladdr;
        const owners = table
            .filter(({ dst, lladdr }) => lladdr === found && dst !== "10.0.0.200")
            .map(({ dst }) => dst);
        expect(found).toBeDefined();
        expect(owners).toHaveLength(1);
        expect(Object.values(nodeAddresses)).toContain(owners[0]);
        expect(await offers("metallb")).toEqual([]);
        expect(await sandbox.call("inspectFabric", { fabric: { sandbox: "", ...fabricSpec(local) } })).toEqual({
            drift: [],
        });
    });

    it("is nobody's any more when it is not announced", async () => {
        await sandbox.call("applyFabric", { fabric: { sandbox: "", ...fabricSpec(lab) } });
        for (const each of nodeNames) {
            await node.update(inputs(each, local), inputs(each), context);
        }
        const { states } = await sandbox.call("state", { namespaces: nodeNames });
        const addresses = Object.values(states).flatMap(({ interfaces }) => interfaces.flatMap((one) => one.addresses));
        expect(addresses.filter((address) => address.startsWith("10.0.0.200"))).toEqual([]);
        await bothUp();
    });
});

describe("a change of a node's speakers", () => {
    const running = async () =>
        (await sandbox.call("daemons", {})).daemons
            .filter((daemon) => daemon.namespace === "node2" && daemon.running)
            .map((daemon) => daemon.name.replace(".node2", ""))
            .sort();

    it("ends the daemons of one that goes, and leaves the other's alone", async () => {
        const all = inputs("node2");
        const { calico } = all.speakers;
        await node.update(all, { ...all, speakers: { calico: calico! } }, context);
        expect(await running()).toEqual(["bird"]);
        await eventually(
            () => offers("metallb"),
            (seen) => !seen.includes("10.100.0.0/32 via 10.0.0.12"),
        );
        expect(await offers("calico")).toContain(`${nodeBlocks.node2} via 10.0.0.12`);
        await node.update({ ...all, speakers: { calico: calico! } }, all, context);
        expect(await running()).toEqual(["bgpd", "bird", "staticd", "zebra"]);
    });

    it("begins from the record of an older version, which knew one speaker", async () => {
        const { speakers, ...rest } = inputs("node2");
        const recorded = { ...rest, speaker: speakers.calico };
        await node.update(recorded as unknown as NodeInputs, { ...rest, speakers: {} }, context);
        expect(await running()).toEqual(["bgpd", "staticd", "zebra"]);
        await node.delete("node2", { ...rest, speakers } as NodeInputs);
        expect(await running()).toEqual([]);
    });
});
