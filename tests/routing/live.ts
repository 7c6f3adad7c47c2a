/**
 * Labs on real daemons, as the truth that predictions and rendered configurations are held against: FRR for routers, BIRD
 * for Kubernetes nodes, each in a network namespace, all in mount, PID and network namespaces of their own. It is
 * independent of the embedded runtime on purpose.
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import type { Lab } from "../../lab/model";
import type { FabricInputs, RouteSpec } from "../../provider/schema";
import { birdConf } from "../../render/bird";
import { ciliumResources } from "../../render/cilium";
import { fabricSpec } from "../../render/embedded";
import { frrConf } from "../../render/frr";
import { gobgpConfig } from "../../render/gobgp";
import { workloadResources } from "../../render/workload";
import { enterUserNamespace, namespacesAllowed, userNamespace } from "../render/namespaces";

const run = promisify(execFile);

/** What is missing for live tests; nothing when they can run. */
const missing: string | undefined = namespacesAllowed
    ? ["/usr/lib/frr/bgpd", "/usr/bin/vtysh", "/usr/sbin/bird"].find((path) => !existsSync(path))
    : "root, or user namespaces";

/** Whether live tests can run. */
export const available: boolean = missing === undefined;

if (missing !== undefined) {
    console.warn(`SKIPPED: tests on real daemons need ${missing}`);
}

/** A lab that runs. */
export interface LiveLab {
    /** A router's answers to commands that answer in JSON. All are asked at once: each vtysh costs more than its answer. */
    ask(router: string, commands: readonly string[]): Promise<unknown[]>;
    /** Runs a command in the namespace of a device. */
    exec(device: string, ...command: string[]): Promise<string>;
    stop(): Promise<void>;
}

/** Builds a lab and starts its daemons. It ends with this process at the latest: its PID 1 reads from a pipe of ours. */
export async function startLive(lab: Lab): Promise<LiveLab> {
    const init = spawn(
        "unshare",
        [
            ...userNamespace,
            "-m",
            "-p",
            "-n",
            "-f",
            "--mount-proc",
            "--kill-child",
            "sh",
            "-c",
            "echo ready; exec cat > /dev/null",
        ],
        { stdio: ["pipe", "pipe", "inherit"] },
    );
    const pid = await childOf(init);
    const inside = (...command: string[]) =>
        run("nsenter", [...enterUserNamespace, "-t", pid, "-m", "-p", "-n", ...command], execOptions);
    await inside("sh", "-ec", setup(lab)).catch(({ stderr }: { readonly stderr: string }) => {
        init.kill("SIGKILL");
        throw new Error(`the lab could not be built: ${stderr}`);
    });
    return {
        ask: async (router, commands) => {
            if (commands.length === 0) {
                return []; // vtysh would ask for commands on its terminal
            }
            const flags = commands.flatMap((command) => ["-c", command]);
            const { stdout } = await inside("vtysh", "-N", router, ...flags);
            return jsonObjects(stdout);
        },
        exec: async (device, ...command) => (await inside("ip", "netns", "exec", device, ...command)).stdout,
        stop: () => stop(init),
    };
}

/** Objects that stand one after the other. */
function jsonObjects(text: string): unknown[] {
    const objects: unknown[] = [];
    let depth = 0;
    let start = 0;
    for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
        if (token === "{") {
            start = depth === 0 ? index : start;
            depth += 1;
        } else if (token === "}") {
            depth -= 1;
            if (depth === 0) {
                objects.push(JSON.parse(text.slice(start, index + 1)));
            }
        }
    }
    return objects;
}

const execOptions = { maxBuffer: 256 * 1024 * 1024, timeout: 60_000 };

/** PID of the process in the new namespaces, once it runs. */
async function childOf(parent: ChildProcess): Promise<string> {
    await new Promise<void>((resolve, reject) => {
        parent.stdout!.once("data", () => resolve());
        parent.once("exit", (code) => reject(new Error(`unshare ended with ${code}`)));
    });
    const { stdout } = await run("ps", ["-o", "pid=", "--ppid", String(parent.pid)]);
    return stdout.trim();
}

function stop(init: ChildProcess): Promise<void> {
    return new Promise((resolve) => {
        init.once("exit", () => resolve());
        init.kill("SIGKILL");
    });
}

function setup(lab: Lab): string {
    const fabric = fabricSpec(lab);
    return [
        // FRR talks to root on its sockets only when root is in the group frrvty.
        "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/tmp; mkdir -p /run/netns /run/frr /var/tmp/frr",
        "sed 's/^frrvty:.*/&,root/;s/:,root$/:root/' /etc/group > /run/group; mount --bind /run/group /etc/group",
        ...Object.keys(fabric.namespaces).map((name) => `ip netns add ${name}`),
        ...fabricCommands(fabric),
        ...Object.keys(lab.routers).flatMap((name) => frr(lab, name)),
        ...birds(lab),
    ].join("\n");
}

function fabricCommands({ namespaces, links, bridges }: Omit<FabricInputs, "sandbox">): string[] {
    const veths = Object.values(links).map(
        ({ a, b }) =>
            `ip link add ${a.interface} netns ${a.namespace} type veth peer name ${b.interface} netns ${b.namespace}`,
    );
    const switches = Object.values(bridges).flatMap(({ ports }, bridge) => [
        `ip link add br${bridge} up type bridge`,
        ...ports.map(
            (port, index) =>
                `ip link add p${bridge}-${index} up master br${bridge} type veth peer name ${port.interface} netns ${port.namespace}`,
        ),
    ]);
    const devices = Object.entries(namespaces).flatMap(([name, { addresses, routes, forwarding }]) => {
        const inNamespace = `ip netns exec ${name}`;
        const batch = [
            "link set lo up",
            ...Object.keys(addresses).map((port) => `link set ${port} up`),
            ...Object.entries(addresses).flatMap(([port, own]) =>
                own.map((address) => `addr add ${address} dev ${port} nodad`),
            ),
            ...Object.entries(routes).map(([prefix, route]) => `route add ${kernelRoute(prefix, route)}`),
        ];
        return [
            `${inNamespace} sysctl -qw net.ipv4.ip_forward=${Number(forwarding)} net.ipv6.conf.all.forwarding=${Number(forwarding)} net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0`,
            `printf '%s\\n' ${batch.map((line) => `'${line}'`).join(" ")} | ip -n ${name} -batch -`,
        ];
    });
    return [...veths, ...switches, ...devices];
}

function kernelRoute(prefix: string, route: RouteSpec): string {
    if ("blackhole" in route) {
        return `blackhole ${prefix}`;
    }
    return "via" in route ? `${prefix} via ${route.via}` : `${prefix} dev ${route.dev}`;
}

function frr(lab: Lab, name: string): string[] {
    const start = (daemon: string) =>
        // FRR's hostname is the kernel's.
        `ip netns exec ${name} unshare -u sh -c 'hostname ${name}; exec /usr/lib/frr/${daemon} -N ${name} -d -P 0 -f /run/${name}.conf -u root -g root --log file:/run/${name}.log'`;
    return [
        `mkdir -p /run/frr/${name}`,
        `cat > /run/${name}.conf <<'END'\n${frrConf(lab, name)}END`,
        ...["zebra", "staticd", "bgpd"].map(start),
        // zebra by itself stops reading after `router bgp`.
        `vtysh -N ${name} -f /run/${name}.conf`,
    ];
}

function birds(lab: Lab): string[] {
    const objects = [...ciliumResources(lab), ...workloadResources(lab)];
    return Object.entries(lab.cluster.nodes).flatMap(([name, node]) => {
        const config = gobgpConfig(objects, node);
        return config === undefined
            ? []
            : [
                  `cat > /run/${name}.conf <<'END'\n${birdConf(config)}END`,
                  `ip netns exec ${name} /usr/sbin/bird -c /run/${name}.conf -s /run/${name}.ctl -P /run/${name}.pid`,
              ];
    });
}
