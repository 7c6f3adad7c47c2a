/** What an ordinary user can do, run by lifecycle.test.ts in a process of such a user; prints one JSON line. */
import { applyPodRouter, inspectPodRouter } from "../../provider/daemons/pod-router";
import type { Sandbox } from "../../provider/sandbox/protocol";
import { destroySandbox, sandboxPid, startSandbox } from "../../provider/sandbox/start";
import type { PodRouterSpec } from "../../provider/schema";
import { smallFabric, worker2Node, workerNode } from "./fixtures";

async function ask(sandbox: Sandbox, address: string): Promise<string> {
    const request = { namespace: "client0", address, port: 80, timeoutMilliseconds: 3000 };
    const result = await sandbox.call("http", request);
    return result.kind === "answer" ? (JSON.parse(result.body) as { client: string }).client : result.kind;
}

/** Starts zebra and bgpd and asks bgpd over vtysh, until it answers. */
async function askFrr(sandbox: Sandbox): Promise<string> {
    const common = ["-u", "root", "-g", "root", "-N", "router0", "-A", "127.0.0.1"];
    for (const daemon of ["zebra", "bgpd"]) {
        const argv = [daemon, ...common];
        await sandbox.call("startDaemon", { name: daemon, namespace: "router0", argv });
    }
    const commands = ["configure terminal", "router bgp 65000", "end", "show bgp summary json"];
    const vtysh = ["vtysh", "-N", "router0", ...commands.flatMap((command) => ["-c", command])];
    const deadline = Date.now() + 5000;
    for (;;) {
        const { results } = await sandbox.call("exec", { processes: [{ namespace: "router0", argv: vtysh }] });
        const { stdout, stderr } = results[0]!;
        const shown = stdout.indexOf("{");
        if (shown >= 0) {
            return stdout.slice(shown).trim();
        }
        if (Date.now() > deadline) {
            return `no answer from bgpd: ${stdout}${stderr}`;
        }
    }
}

/** Makes a Pod with FRR and a virtual server, routes its address to it, and gives what passes it and what it differs in. */
async function passThroughPod(sandbox: Sandbox): Promise<unknown> {
    const fabric = smallFabric();
    const { worker } = fabric.namespaces;
    const addresses = { ...worker!.addresses, lo: ["10.100.1.254/32"] };
    await sandbox.call("applyFabric", {
        fabric: { ...fabric, namespaces: { ...fabric.namespaces, worker: { ...worker!, addresses } } },
    });
    const endpoints = [workerNode().pods["web-1"]!.addresses[0]!];
    const router: PodRouterSpec = {
        config: "frr defaults traditional\nrouter bgp 65100\n neighbor {{node-ipv4}} remote-as external\n",
        loopback: ["198.51.100.1"],
        virtualServers: [{ address: "198.51.100.1", port: 80, endpoints, targetPort: 8080 }],
    };
    const pod = { namespace: "net", labels: {}, addresses: ["10.100.1.9"], gateways: ["10.100.1.254"], router };
    const node = { ...workerNode(), pods: { ...workerNode().pods, gateway: pod } };
    await sandbox.call("applyNode", { node });
    await applyPodRouter(sandbox, "gateway", router);
    await sandbox.call("learnRoutes", { namespace: "worker", routes: { "198.51.100.1/32": "10.100.1.9" } });
    const request = { namespace: "worker", address: "198.51.100.1", port: 80, timeoutMilliseconds: 3000 };
    const { kind } = await sandbox.call("http", request);
    const { connections } = await sandbox.call("connections", { namespace: "pod_gateway" });
    const { drift } = await sandbox.call("inspectNode", { node });
    return {
        kind,
        passed: connections.map(({ original, reply }) => [original.destination, reply.source, reply.destination]),
        drift: [...drift, ...(await inspectPodRouter(sandbox, "gateway", router))],
    };
}

async function main(name: string): Promise<void> {
    const sandbox = await startSandbox(name);
    await sandbox.call("applyFabric", { fabric: smallFabric() });
    await sandbox.call("applyNode", { node: workerNode() });
    await sandbox.call("applyNode", { node: worker2Node() });
    const result = {
        uid: process.getuid!(),
        clients: [await ask(sandbox, "10.254.0.2"), await ask(sandbox, "fd00:10:254::2")],
        ping: (
            await sandbox.call("ping", {
                namespace: "client0",
                address: "fd00:1::2",
                timeoutMilliseconds: 3000,
            })
        ).kind,
        drift: (await sandbox.call("inspectNode", { node: workerNode() })).drift,
        bgp: await askFrr(sandbox),
        pod: await passThroughPod(sandbox),
    };
    sandbox.close();
    await destroySandbox(name);
    console.log(JSON.stringify({ ...result, left: sandboxPid(name) ?? null }));
}

void main(process.argv[2]!);
