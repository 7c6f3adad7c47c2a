import { routingInstances } from "../lab/instances";
import type { Lab, Router, Seconds } from "../lab/model";
import { podRouters } from "../lab/pods";
import { controllerProcess, readControllerStatus } from "../provider/daemons/controller";
import { netnsDriver } from "../provider/driver";
import { podNamespace } from "../provider/sandbox/pods";
import type { DaemonStatus, Sandbox } from "../provider/sandbox/protocol";
import { connectSandbox } from "../provider/sandbox/start";
import { type ControllerStatus, type TargetStatus, types } from "../provider/schema";
import { predict } from "../routing/predict";
import type { Check, CheckResult } from "../verify/check";
import { inReadingOrder } from "../verify/describe";
import { planChecks, planNodeChecks } from "../verify/plan";
import { columns } from "../verify/report";
import { verify } from "../verify/run";
import { type Deployed, NoLabError } from "./deployed";
import type { RunningLabs, StatusReport } from "./running";

/** One device of the lab as it runs now. */
interface DeviceStatus {
    readonly name: string;
    readonly role: "router" | "pod" | "node" | "host";
    /** Node on which the Pod of a router is. */
    readonly node?: string;
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
    /** The peering controller, where the lab has neighbors by label. */
    readonly controller?: {
        readonly daemon: DaemonStatus;
        /** What it says of itself; nothing before it has said anything. */
        readonly says?: ControllerStatus | undefined;
    };
}

/** Machine-wide name of a lab's sandbox. */
function sandboxName({ stack, resources }: Deployed): string {
    const name = resources.find(({ type }) => type === types.sandbox)?.inputs.name;
    if (typeof name !== "string") {
        throw new NoLabError(stack);
    }
    return name;
}

/** The sandbox of a lab. @throws Error when it does not run, with the way to get it back */
export async function sandboxOf(lab: Deployed): Promise<Sandbox> {
    const name = sandboxName(lab);
    const sandbox = await connectSandbox(name);
    if (!sandbox) {
        throw new Error(notRunning(name, lab.stack));
    }
    return sandbox;
}

function notRunning(sandbox: string, stack: string): string {
    return `the sandbox ${sandbox} is not running; bring the lab back with: make up STACK=${stack}`;
}

/** The checks of a lab whose first verification failed, and so was not recorded. */
function checksOf(lab: Lab): readonly Check[] {
    const prediction = predict(lab);
    return [...planChecks(lab, prediction), ...planNodeChecks(lab, prediction)];
}

async function runChecks(lab: Deployed, deadlineSeconds: Seconds): Promise<readonly CheckResult[]> {
    const verification = lab.resources.find(({ type }) => type === types.verification)?.inputs;
    const recorded = verification && (Object.values(verification.checks as object) as readonly Check[]);
    const checks = inReadingOrder(recorded ?? checksOf(lab.model));
    const sandbox = await sandboxOf(lab);
    const driver = netnsDriver(sandbox);
    const results = await verify(checks, driver, { deadlineSeconds });
    driver.close();
    sandbox.close();
    return results;
}

/** Sessions of all VRFs of a router. */
async function sessionsOf(sandbox: Sandbox, name: string, router: Router): Promise<DeviceStatus["sessions"]> {
    const driver = netnsDriver(sandbox);
    try {
        const instances = routingInstances(router);
        const sessions = (await Promise.all(instances.map(({ vrf }) => driver.sessions(name, vrf)))).flat();
        return { established: sessions.filter(({ state }) => state === "Established").length, total: sessions.length };
    } catch {
        return undefined;
    } finally {
        driver.close();
    }
}

async function look(model: Lab, sandbox: Sandbox): Promise<Status> {
    const [{ startedAt }, { daemons }] = await Promise.all([sandbox.call("hello", {}), sandbox.call("daemons", {})]);
    const own = (place: string) => daemons.filter(({ namespace }) => namespace === place);
    const routers = Object.entries(model.routers).map(async ([name, model]): Promise<DeviceStatus> => {
        const { pod } = model;
        const place = pod === undefined ? { role: "router" as const } : { role: "pod" as const, node: pod.node };
        return {
            name,
            ...place,
            asn: model.bgp.asn,
            daemons: own(pod === undefined ? name : podNamespace(name)),
            sessions: await sessionsOf(sandbox, name, model),
            pods: [],
        };
    });
    const pods = [
        ...model.cluster.workloads.flatMap((workload) => workload.pods),
        ...podRouters(model).map(({ name, pod }) => ({ name, node: pod.node })),
    ];
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
    const controller = daemons.find(({ name }) => name === controllerProcess);
    return {
        sandbox: sandbox.name,
        pid: sandbox.pid,
        startedAt,
        devices,
        ...(controller === undefined
            ? {}
            : { controller: { daemon: controller, says: readControllerStatus(sandbox) } }),
    };
}

function describeDaemon({ name, namespace, pid, running, ended }: DaemonStatus): string {
    const short = namespace ? name.replace(`.${namespace}`, "") : name;
    return running ? `${short} ${pid}` : `${short} DEAD (${ended ?? "unknown"})`;
}

function describeDevice(device: DeviceStatus): string[] {
    const { sessions } = device;
    return [
        device.name,
        device.role +
            (device.asn === undefined ? "" : ` AS ${device.asn}`) +
            (device.node === undefined ? "" : ` on ${device.node}`),
        device.daemons.map(describeDaemon).join(", "),
        sessions ? `${sessions.established}/${sessions.total} sessions established` : "",
        device.pods.join(", "),
    ];
}

function describeController({ daemon, says }: NonNullable<Status["controller"]>): readonly string[] {
    const { restarts = 0 } = daemon;
    const again = restarts === 0 ? "" : `, started again ${restarts === 1 ? "once" : `${restarts} times`}`;
    const { pods, targets = {} } = says ?? {};
    const knows =
        pods && (pods.error === undefined ? `, knows ${pods.known} Pods` : `, hears of no Pods: ${pods.error}`);
    return [
        `peering controller ${describeDaemon(daemon)}${again}${knows ?? ", has said nothing yet"}`,
        columns(Object.entries(targets).map(describeTarget)),
    ];
}

function describeTarget([name, target]: readonly [string, TargetStatus]): readonly string[] {
    const { state, error, neighbors, routes, convergences, actions, last } = target;
    return [
        `  ${name}`,
        error === undefined ? state : `${state}: ${error}`,
        `${neighbors} neighbors, ${routes} routes`,
        `${actions} changes in ${convergences} looks`,
        last === undefined ? "" : `last ${last.at}, ${last.actions} in ${last.milliseconds} ms`,
    ];
}

function describeLab(lab: Lab, { sandbox, pid, startedAt, devices, controller }: Status): string {
    const [pod] = podRouters(lab);
    const [example = ""] = Object.keys(lab.routers).filter((name) => lab.routers[name]?.pod === undefined);
    return [
        `lab      ${lab.name}, in sandbox ${sandbox} (pid ${pid}), since ${startedAt}`,
        "",
        columns(devices.map(describeDevice)),
        ...(controller === undefined ? [] : ["", ...describeController(controller)]),
        "",
        `shell    nsenter -t ${pid} -a ip netns exec ${example} sh     (any device by its name)`,
        `FRR      nsenter -t ${pid} -a vtysh -N ${example}`,
        ...(pod === undefined ? [] : [`Pod      nsenter -t ${pid} -a vtysh -N ${podNamespace(pod.name)}`]),
    ].join("\n");
}

async function report(lab: Deployed): Promise<StatusReport> {
    const name = sandboxName(lab);
    const sandbox = await connectSandbox(name);
    if (!sandbox) {
        return { running: false, text: notRunning(name, lab.stack) };
    }
    const status = await look(lab.model, sandbox);
    sandbox.close();
    return { running: true, text: describeLab(lab.model, status), data: status };
}

/** Labs of the embedded runtime. */
export const netnsLabs: RunningLabs = { verify: runChecks, status: report };
