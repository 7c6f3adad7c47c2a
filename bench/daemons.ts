/**
 * Measures the routing daemons alone: one FRR router with an IPv4 and an IPv6 session to each of n nodes, from nothing
 * to the routes of all nodes in the kernel. Usage: npx tsx bench/daemons.ts [nodes …]
 */
import { readFileSync } from "node:fs";
import type { Family } from "../lab/model";
import { applyFrr, inspectFrr } from "../provider/daemons/frr";
import { bgpSummary, zebraRoutes } from "../provider/daemons/frr-reads";
import { applyGobgp, inspectGobgp, stopGobgp } from "../provider/daemons/gobgp";
import { withVty } from "../provider/daemons/vty";
import type { Sandbox } from "../provider/sandbox/protocol";
import { destroySandbox, startSandbox } from "../provider/sandbox/start";
import type { FabricInputs, GobgpConfig, NamespaceSpec } from "../provider/schema";

const name = `bench-daemons-${process.pid}`;

/** Nodes worked on at once, as a Pulumi engine on two cores would (4 × cores). */
const parallel = 8;

const families: readonly Family[] = ["ipv4", "ipv6"];

const hex = (n: number) => n.toString(16);

function device(addresses: NamespaceSpec["addresses"]): NamespaceSpec {
    return { forwarding: true, addresses, routes: {}, proxyNeighbors: [] };
}

function star(nodes: readonly number[]): FabricInputs {
    const links = nodes.map((n) => [`net${n}`, [`169.254.${n}.1/24`, `fd00:1:${hex(n)}::1/64`]] as const);
    const ends = nodes.map(
        (n) => [`node${n}`, device({ net0: [`169.254.${n}.2/24`, `fd00:1:${hex(n)}::2/64`] })] as const,
    );
    const cables = nodes.map((n) => {
        const a = { namespace: "router0", interface: `net${n}` };
        return [`link${n}`, { a, b: { namespace: `node${n}`, interface: "net0" }, mtu: 1500 }] as const;
    });
    return {
        sandbox: name,
        namespaces: { router0: device(Object.fromEntries(links)), ...Object.fromEntries(ends) },
        links: Object.fromEntries(cables),
        bridges: {},
    };
}

function routerConfig(nodes: readonly number[], keepalive = 3): string {
    const group = (suffix: string) => [
        ` neighbor NODES${suffix} peer-group`,
        ` neighbor NODES${suffix} remote-as external`,
        ` neighbor NODES${suffix} timers ${keepalive} ${keepalive * 3}`,
        ` neighbor NODES${suffix} timers connect 1`,
    ];
    return [
        "frr defaults datacenter",
        "no zebra nexthop kernel enable",
        "ip route 10.0.0.0/8 blackhole",
        "router bgp 65000",
        " bgp router-id 10.0.0.0",
        " no bgp default ipv4-unicast",
        " coalesce-time 20",
        " bgp bestpath as-path multipath-relax",
        ...group("4"),
        ...group("6"),
        ...nodes.map((n) => ` neighbor 169.254.${n}.2 peer-group NODES4`),
        ...nodes.map((n) => ` neighbor fd00:1:${hex(n)}::2 peer-group NODES6`),
        " address-family ipv4 unicast",
        "  redistribute static",
        "  neighbor NODES4 activate",
        " exit-address-family",
        " address-family ipv6 unicast",
        "  neighbor NODES6 activate",
        " exit-address-family",
        "exit",
        "",
    ].join("\n");
}

/** Two prefixes in each family per node: one that all nodes share, one of its own. */
function nodeConfig(n: number): GobgpConfig {
    const session = { remoteAsn: 65000, holdTime: 30, keepalive: 10, connectRetry: 120, gracefulRestartTime: 120 };
    return {
        asn: 65000 + n,
        routerId: `10.0.0.${n}`,
        originated: ["10.254.0.10/32", "fd00:10:254::10/128", `10.100.${n}.0/24`, `fd00:10:255:${hex(n)}::/64`],
        neighbors: [
            { address: `169.254.${n}.1`, families: ["ipv4"], ...session },
            { address: `fd00:1:${hex(n)}::1`, families: ["ipv6"], ...session },
        ],
    };
}

async function onEach(nodes: readonly number[], work: (n: number) => Promise<unknown>): Promise<void> {
    const queue = [...nodes];
    const worker = async () => {
        for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
            await work(n);
        }
    };
    await Promise.all(Array.from({ length: parallel }, worker));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!(await holds())) {
        if (Date.now() > deadline) {
            throw new Error("not converged after 60 s");
        }
        await new Promise((next) => setTimeout(next, 5));
    }
}

async function sessionsUp(sandbox: Sandbox): Promise<number> {
    const sessions = await withVty(sandbox, "router0", "bgpd", bgpSummary);
    return sessions.filter(({ state }) => state === "Established").length;
}

/** Next hops that zebra has put into the kernel for BGP routes. */
async function installed(sandbox: Sandbox): Promise<number> {
    const tables = await withVty(sandbox, "router0", "zebra", (zebra) =>
        Promise.all(families.map((family) => zebraRoutes(zebra, family))),
    );
    const routes = tables.flat().filter(({ protocol, selected }) => protocol === "bgp" && selected);
    return routes.flatMap(({ nextHops }) => nextHops.filter(({ fib }) => fib)).length;
}

/** Proportional set size of the daemons, in MB, by program. */
async function memory(sandbox: Sandbox): Promise<Readonly<Record<string, string>>> {
    const { daemons } = await sandbox.call("daemons", {});
    const sums = new Map<string, number>();
    for (const { name: daemon, pid } of daemons) {
        const rollup = readFileSync(sandbox.path(`/proc/${pid}/smaps_rollup`), "utf8");
        const program = daemon.split(".")[0] ?? daemon;
        sums.set(program, (sums.get(program) ?? 0) + Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0));
    }
    return Object.fromEntries(
        [...sums].map(([program, kilobytes]) => [program, `${(kilobytes / 1024).toFixed(1)} MB`]),
    );
}

async function measure(count: number): Promise<Readonly<Record<string, string>>> {
    const nodes = Array.from({ length: count }, (_, index) => index + 1);
    const config = routerConfig(nodes);
    const result: Record<string, string> = {};
    const timed = async (what: string, work: () => Promise<unknown>) => {
        const start = performance.now();
        await work();
        result[what] = `${(performance.now() - start).toFixed(0)} ms`;
    };
    const sandbox = await startSandbox(name);
    try {
        await sandbox.call("applyFabric", { fabric: star(nodes) });
        await timed("from nothing to the kernel", async () => {
            // In the order of the lab's resources: routers connect to speakers that are there.
            await timed("start gobgpd", () =>
                onEach(nodes, (n) => applyGobgp(sandbox, { namespace: `node${n}`, config: nodeConfig(n) })),
            );
            await timed("start FRR", () => applyFrr(sandbox, { namespace: "router0", config }));
            await timed("sessions, after that", () => until(async () => (await sessionsUp(sandbox)) === 2 * count));
            await timed("kernel, after that", () => until(async () => (await installed(sandbox)) === 4 * count));
        });
        await timed("inspect FRR", () => inspectFrr(sandbox, { namespace: "router0", config }));
        await timed("inspect gobgpd", () =>
            onEach(nodes, (n) => inspectGobgp(sandbox, { namespace: `node${n}`, config: nodeConfig(n) })),
        );
        await timed("change FRR's timers live", () =>
            applyFrr(sandbox, { namespace: "router0", config: routerConfig(nodes, 5) }),
        );
        Object.assign(result, await memory(sandbox));
        await timed("stop gobgpd", () => onEach(nodes, (n) => stopGobgp(sandbox, { namespace: `node${n}` })));
    } finally {
        sandbox.close();
        await destroySandbox(name);
    }
    return result;
}

async function main(): Promise<void> {
    const counts = process.argv.slice(2).map(Number);
    const rows: Record<string, Record<string, string>> = {};
    for (const count of counts.length > 0 ? counts : [4, 50, 200]) {
        for (const [what, value] of Object.entries(await measure(count))) {
            rows[what] = { ...rows[what], [`${count} nodes`]: value };
        }
    }
    console.table(rows);
}

main().catch((error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
});
