import { netnsDriver } from "../provider/driver";
import type { DaemonStatus, Sandbox } from "../provider/sandbox/protocol";
import { connectSandbox } from "../provider/sandbox/start";
import { columns } from "../verify/report";
import { type Deployed, deployed } from "./deployed";
import { options } from "./options";

/** One device of the lab as it runs now. */
interface DeviceStatus {
    readonly name: string;
    readonly role: "router" | "node" | "host";
    readonly asn?: number;
    readonly daemons: readonly DaemonStatus[];
    readonly sessions?: { readonly established: number; readonly total: number };
    readonly pods: readonly string[];
}

/** The running lab. */
interface Status {
    readonly sandbox: string;
    readonly pid: number;
    readonly startedAt: string;
    readonly devices: readonly DeviceStatus[];
}

async function sessionsOf(sandbox: Sandbox, router: string): Promise<DeviceStatus["sessions"]> {
    const driver = netnsDriver(sandbox);
    try {
        const sessions = await driver.sessions(router);
        return { established: sessions.filter(({ state }) => state === "Established").length, total: sessions.length };
    } catch {
        return undefined;
    } finally {
        driver.close();
    }
}

async function look({ model }: Deployed, sandbox: Sandbox): Promise<Status> {
    const [{ startedAt }, { daemons }] = await Promise.all([sandbox.call("hello", {}), sandbox.call("daemons", {})]);
    const own = (device: string) => daemons.filter(({ namespace }) => namespace === device);
    const routers = Object.entries(model.routers).map(
        async ([name, { bgp }]): Promise<DeviceStatus> => ({
            name,
            role: "router",
            asn: bgp.asn,
            daemons: own(name),
            sessions: await sessionsOf(sandbox, name),
            pods: [],
        }),
    );
    const pods = model.cluster.workloads.flatMap((workload) => workload.pods);
    const nodes = Object.keys(model.cluster.nodes).map(
        (name): DeviceStatus => ({
            name,
            role: "node",
            daemons: own(name),
            pods: pods.filter(({ node }) => node === name).map((pod) => pod.name),
        }),
    );
    const hosts = Object.keys(model.hosts).map((name): DeviceStatus => ({ name, role: "host", daemons: [], pods: [] }));
    const devices = [...(await Promise.all(routers)), ...nodes, ...hosts];
    return { sandbox: sandbox.name, pid: sandbox.pid, startedAt, devices };
}

function describeDaemon({ name, namespace, pid, running, ended }: DaemonStatus): string {
    const short = namespace ? name.replace(`${namespace}-`, "").replace(`-${namespace}`, "") : name;
    return running ? `${short} ${pid}` : `${short} DEAD (${ended ?? "unknown"})`;
}

function describe(device: DeviceStatus): string[] {
    const { sessions } = device;
    return [
        device.name,
        device.role + (device.asn === undefined ? "" : ` AS ${device.asn}`),
        device.daemons.map(describeDaemon).join(", "),
        sessions ? `${sessions.established}/${sessions.total} sessions established` : "",
        device.pods.join(", "),
    ];
}

/** Shows the running lab: its processes, its sessions and how to get a shell. Exit code 1 when it does not run. */
export async function run(args: string[]): Promise<number> {
    const values = options(args, { json: { type: "boolean", default: false } });
    const stack = await deployed(values.stack);
    const sandbox = await connectSandbox(stack.sandbox);
    if (!sandbox) {
        console.log(
            `the sandbox ${stack.sandbox} is not running; bring the lab back with: make up STACK=${values.stack}`,
        );
        return 1;
    }
    const status = await look(stack, sandbox);
    sandbox.close();
    if (values.json) {
        console.log(JSON.stringify(status, undefined, 2));
        return 0;
    }
    const example = Object.keys(stack.model.routers)[0] ?? "";
    console.log(
        `lab      ${stack.model.name}, in sandbox ${status.sandbox} (pid ${status.pid}), since ${status.startedAt}\n`,
    );
    console.log(columns(status.devices.map(describe)));
    console.log(`\nshell    nsenter -t ${status.pid} -a ip netns exec ${example} sh     (any device by its name)`);
    console.log(`FRR      nsenter -t ${status.pid} -a vtysh -N ${example}`);
    return 0;
}
