/**
 * Measures the embedded runtime's sandbox alone: a star of n Kubernetes nodes around one router, each with two pods and
 * two services, without daemons. Usage: npx tsx bench/sandbox.ts [nodes …]
 */
import { readFileSync } from "node:fs";
import type { Sandbox } from "../provider/sandbox/protocol";
import { destroySandbox, sandboxPid, startSandbox } from "../provider/sandbox/start";
import type { FabricInputs, NamespaceSpec, NodeInputs } from "../provider/schema";

const name = `bench-${process.pid}`;

function device(parts: Partial<NamespaceSpec>): NamespaceSpec {
    return { forwarding: true, addresses: {}, routes: {}, proxyNeighbors: [], ...parts };
}

function nodeName(n: number): string {
    return `worker${n}`;
}

function star(nodes: number): FabricInputs {
    const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
    return {
        sandbox: name,
        namespaces: {
            router0: device({
                addresses: {
                    client: ["192.168.0.1/24", "fd00:c::1/64"],
                    ...Object.fromEntries(
                        numbers.map((n) => [`net${n}`, [`169.254.${n}.1/24`, `fd00:1:${n.toString(16)}::1/64`]]),
                    ),
                },
                routes: { "10.0.0.0/8": { blackhole: true } },
            }),
            client0: device({
                forwarding: false,
                addresses: { net0: ["192.168.0.2/24", "fd00:c::2/64"] },
                routes: { "0.0.0.0/0": { via: "192.168.0.1" }, "::/0": { via: "fd00:c::1" } },
            }),
            ...Object.fromEntries(numbers.map((n) => [nodeName(n), worker(n)])),
        },
        links: {
            client0: {
                a: { namespace: "router0", interface: "client" },
                b: { namespace: "client0", interface: "net0" },
                mtu: 1500,
            },
            ...Object.fromEntries(
                numbers.map((n) => [
                    nodeName(n),
                    {
                        a: { namespace: nodeName(n), interface: "net0" },
                        b: { namespace: "router0", interface: `net${n}` },
                        mtu: 1500,
                    },
                ]),
            ),
        },
        bridges: {
            kind: { mtu: 1500, ports: numbers.map((n) => ({ namespace: nodeName(n), interface: "eth0" })) },
        },
    };
}

function worker(n: number): NamespaceSpec {
    return device({
        addresses: {
            net0: [`169.254.${n}.2/24`, `fd00:1:${n.toString(16)}::2/64`],
            eth0: [`172.18.1.${n}/16`, `fc00:f853::${n.toString(16)}/64`],
        },
        routes: {
            "10.0.0.0/8": { via: `169.254.${n}.1` },
            "192.168.0.0/24": { via: `169.254.${n}.1` },
            "fd00:c::/64": { via: `fd00:1:${n.toString(16)}::1` },
        },
        proxyNeighbors: ["eth0"],
    });
}

function withoutAddress(spec: NamespaceSpec, name: string): NamespaceSpec {
    const { [name]: _, ...addresses } = spec.addresses;
    return { ...spec, addresses };
}

function nodeInputs(n: number): Pick<NodeInputs, "namespace" | "pods" | "services"> {
    const pod = (index: number) => [`10.100.${n}.${index}`, `fd00:10:255:${n.toString(16)}::${index}`];
    const service = (address: number, masquerade: boolean) => ({
        addresses: [`10.254.0.${address}`, `fd00:10:254::${address}`],
        port: 80,
        targetPort: 8080,
        endpoints: [...pod(2), ...pod(3)],
        masquerade,
    });
    const web = { port: 8080, namespace: "test", labels: { app: "web" } };
    return {
        namespace: nodeName(n),
        pods: {
            [`web-${n}-a`]: { ...web, addresses: pod(2) },
            [`web-${n}-b`]: { ...web, addresses: pod(3) },
        },
        services: { "test/cluster": service(1, true), "test/local": service(2, false) },
    };
}

/** The same Pods with other addresses, which makes them other Pods. */
function readdressed(pods: NodeInputs["pods"], n: number): NodeInputs["pods"] {
    return Object.fromEntries(
        Object.entries(pods).map(([name, spec], index) => [
            name,
            { ...spec, addresses: [`10.100.${n}.${10 + index}`] },
        ]),
    );
}

/** Processor time of a process in milliseconds, from clock ticks of 10 ms: what a busy machine does not distort. */
function processorTime(pid: number): number {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [user, system] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13)
        .map(Number);
    return (user! + system!) * 10;
}

async function timed(
    figures: Map<string, string>,
    what: string,
    work: () => Promise<unknown>,
    pid?: number,
): Promise<void> {
    const started = performance.now();
    const before = pid === undefined ? 0 : processorTime(pid);
    await work();
    const elapsed = `${(performance.now() - started).toFixed(0)} ms`.padEnd(10);
    figures.set(what, pid === undefined ? elapsed : `${elapsed}${processorTime(pid) - before} ms of PID 1's CPU`);
}

function memory(sandbox: Sandbox): string {
    const rollup = readFileSync(`/proc/${sandbox.pid}/smaps_rollup`, "utf8");
    const field = (label: string) => Number(new RegExp(`^${label}:\\s+([0-9]+)`, "m").exec(rollup)?.[1] ?? 0) / 1024;
    return `${field("Pss").toFixed(1)} MB (${field("Pss_Anon").toFixed(1)} MB its own)`;
}

async function measure(nodes: number): Promise<ReadonlyMap<string, string>> {
    const figures = new Map<string, string>();
    const fabric = star(nodes);
    const all = Array.from({ length: nodes }, (_, index) => nodeInputs(index + 1));
    await destroySandbox(name);
    await timed(figures, "start sandbox", () => startSandbox(name));
    const sandbox = await startSandbox(name);
    figures.set("memory, empty", memory(sandbox));
    await timed(figures, "find sandbox", async () => sandboxPid(name));
    const asked = (what: string, work: () => Promise<unknown>) => timed(figures, what, work, sandbox.pid);
    const smaller = { ...fabric, links: Object.fromEntries(Object.entries(fabric.links).slice(0, -1)) };
    const partial = { ...smaller, namespaces: { ...fabric.namespaces, [nodeName(nodes)]: device({}) } };
    const without = {
        ...partial,
        namespaces: { ...partial.namespaces, router0: withoutAddress(fabric.namespaces.router0!, `net${nodes}`) },
        bridges: { kind: { ...fabric.bridges.kind!, ports: fabric.bridges.kind!.ports.slice(0, -1) } },
    };
    await asked("fabric from nothing", () => sandbox.call("applyFabric", { fabric }));
    await asked("fabric unchanged", () => sandbox.call("applyFabric", { fabric }));
    await asked("fabric less one node", () => sandbox.call("applyFabric", { fabric: without }));
    await asked("fabric plus one node", () => sandbox.call("applyFabric", { fabric }));
    await asked("inspect fabric", () => sandbox.call("inspectFabric", { fabric }));
    await asked("nodes from nothing", () => Promise.all(all.map((node) => sandbox.call("applyNode", { node }))));
    await asked("nodes unchanged", () => Promise.all(all.map((node) => sandbox.call("applyNode", { node }))));
    await asked("inspect nodes", () => Promise.all(all.map((node) => sandbox.call("inspectNode", { node }))));
    await asked("state of all", () => sandbox.call("state", { namespaces: Object.keys(fabric.namespaces) }));
    const [first] = all;
    const pod = first!.pods["web-1-a"]!.addresses[0]!;
    await asked("200 HTTP requests", async () => {
        for (let request = 0; request < 200; request++) {
            await sandbox.call("http", { namespace: nodeName(1), address: pod, port: 8080, timeoutMilliseconds: 1000 });
        }
    });
    const services = Object.fromEntries(Object.entries(first!.services).slice(0, 1));
    await asked("services changed", () =>
        Promise.all(all.map((node) => sandbox.call("applyNode", { node: { ...node, services } }))),
    );
    await asked("list of Pods", () => sandbox.call("pods", {}));
    const replaced = all.map((node, index) => ({ ...node, pods: readdressed(node.pods, index + 1), services }));
    await asked("Pods replaced by others", () =>
        Promise.all(replaced.map((node) => sandbox.call("applyNode", { node }))),
    );
    figures.set("memory, full", memory(sandbox));
    sandbox.close();
    await timed(figures, "destroy", () => destroySandbox(name));
    return figures;
}

async function main(): Promise<void> {
    const sizes = process.argv.slice(2).map(Number);
    for (const nodes of sizes.length > 0 ? sizes : [4, 50, 200]) {
        console.log(`${nodes} nodes`);
        for (const [what, figure] of await measure(nodes)) {
            console.log(`  ${what.padEnd(24)}${figure}`);
        }
    }
}

void main().finally(() => destroySandbox(name));
