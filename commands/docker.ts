import type { ClusterObservation } from "../lab/bind";
import type { Lab, Seconds } from "../lab/model";
import { selects } from "../lab/selectors";
import { clusterReader } from "../provider/docker/cluster";
import { dockerDriver } from "../provider/docker/driver";
import { type ContainerState, type Engine, engine } from "../provider/docker/engine";
import { chooserOf, inspectLab, type LabInDocker, withShells } from "../provider/docker/inspection";
import {
    type DockerClaimInputs,
    type DockerVerificationInputs,
    dockerTypes,
    type WiringInputs,
} from "../provider/schema";
import { withoutPods } from "../render/docker";
import type { CheckResult } from "../verify/check";
import type { Driver } from "../verify/driver";
import { columns } from "../verify/report";
import { type Deployed, NoLabError } from "./deployed";
import type { RunningLabs, StatusReport } from "./running";

type Role = "router" | "node" | "host";
type State = "running" | "stopped" | "missing";

/** One device of the lab as it runs now. */
interface DeviceStatus {
    readonly name: string;
    readonly role: Role;
    readonly asn?: number;
    readonly container: string;
    readonly state: State;
    /** RFC 3339. */
    readonly startedAt?: string;
    /** Of a node: the container in its network namespace that has tools. */
    readonly sidecar?: { readonly container: string; readonly state: State };
    /** As the router, or the node's agent, sees them; nothing when it does not answer. */
    readonly sessions?: { readonly established: number; readonly total: number };
    /** Pods of the lab's workloads that the scheduler put there. */
    readonly pods: readonly string[];
}

/** The running lab. */
interface Status {
    readonly engine: { readonly address: string; readonly version: string };
    readonly cluster: {
        readonly name: string;
        readonly controlPlane: string;
        /** Why its API server could not be asked. */
        readonly trouble?: string;
    };
    readonly devices: readonly DeviceStatus[];
}

/** Containers of a device: its own, and the one in which commands about its network run. */
type Place = Pick<WiringInputs, "container" | "agent">;

/** Where devices are, by name. A lab that was made half has no place for some. */
function placesOf({ stack, resources }: Deployed): Readonly<Record<string, Place>> {
    const wired = resources.filter(({ type }) => type === dockerTypes.wiring);
    if (wired.length === 0) {
        throw new NoLabError(stack);
    }
    return Object.fromEntries(wired.map(({ name, inputs }) => [name, inputs as unknown as WiringInputs]));
}

/** kind calls the container of a node as the node. */
function controlPlaneOf({ cluster }: Lab): string {
    return Object.keys(cluster.nodes).find((name) => cluster.nodes[name]!.role === "control-plane")!;
}

function labInDocker(lab: Deployed): LabInDocker & { readonly controlPlane: string } {
    const { model, resources } = lab;
    const places = Object.entries(placesOf(lab));
    const own = places.filter(([name]) => name in model.routers || name in model.hosts);
    const containers = Object.fromEntries(own.map(([name, { container }]) => [name, container]));
    const nodes = places.filter(([name]) => name in model.cluster.nodes);
    const verification = resources.find(({ type }) => type === dockerTypes.verification);
    const probes = {
        ...Object.fromEntries(nodes.map(([name, { agent }]) => [name, agent])),
        ...(verification?.inputs as Partial<DockerVerificationInputs> | undefined)?.probes,
    };
    return { model, containers, probes, controlPlane: controlPlaneOf(model) };
}

function stateOf(container: ContainerState | undefined): State {
    if (container === undefined) {
        return "missing";
    }
    return container.running ? "running" : "stopped";
}

async function sessionsOf(driver: Driver, device: string): Promise<DeviceStatus["sessions"]> {
    try {
        const sessions = await driver.sessions(device);
        return { established: sessions.filter(({ state }) => state === "Established").length, total: sessions.length };
    } catch {
        return undefined;
    }
}

/** Pods of the lab's workloads on a node. */
function podsOn(node: string, { cluster }: Lab, { pods }: ClusterObservation): readonly string[] {
    return pods
        .filter((pod) => pod.node === node)
        .filter(({ namespace, labels }) =>
            cluster.workloads.some(
                (workload) => workload.namespace === namespace && selects({ matchLabels: workload.labels }, labels),
            ),
        )
        .map(({ name }) => name)
        .sort();
}

/** What is asked to find out about devices. */
interface Witnesses {
    readonly docker: Engine;
    readonly driver: Driver;
    /** What the cluster says of itself; nothing when it does not answer. */
    readonly observed: ClusterObservation | undefined;
}

async function sidecarOf(docker: Engine, role: Role, place: Place | undefined): Promise<DeviceStatus["sidecar"]> {
    return role === "node" && place
        ? { container: place.agent, state: stateOf(await docker.inspect(place.agent)) }
        : undefined;
}

async function lookAt(
    name: string,
    role: Role,
    model: Lab,
    place: Place | undefined,
    { docker, driver, observed }: Witnesses,
): Promise<DeviceStatus> {
    const container = place?.container ?? name;
    const [found, sidecar] = await Promise.all([docker.inspect(container), sidecarOf(docker, role, place)]);
    const speaks = role !== "host" && found?.running;
    const sessions = speaks ? await sessionsOf(driver, name) : undefined;
    return {
        name,
        role,
        ...(role === "router" ? { asn: model.routers[name]!.bgp.asn } : {}),
        container,
        state: stateOf(found),
        ...(found?.running ? { startedAt: found.startedAt } : {}),
        ...(sidecar ? { sidecar } : {}),
        ...(sessions ? { sessions } : {}),
        pods: role === "node" && observed ? podsOn(name, model, observed) : [],
    };
}

function look(lab: Deployed): Promise<Status> {
    return withShells(async (shells) => {
        const docker = await engine();
        const places = placesOf(lab);
        const { model } = lab;
        const { containers, controlPlane } = labInDocker(lab);
        const reader = clusterReader(shells, controlPlane);
        const [version, observed] = await Promise.all([
            docker.version(),
            reader.observe(chooserOf(model)).catch((error: Error) => error),
        ]);
        const answers = !(observed instanceof Error);
        const witnesses = {
            docker,
            driver: dockerDriver({
                shells,
                containers,
                cluster: { reader, ciliumVersion: model.cluster.cilium?.version },
            }),
            observed: answers ? observed : undefined,
        };
        const devices = (role: Role, names: object) =>
            Object.keys(names).map((name) => lookAt(name, role, model, places[name], witnesses));
        return {
            engine: { address: docker.address, version },
            cluster: {
                name: model.cluster.name,
                controlPlane,
                ...(answers ? {} : { trouble: observed.message }),
            },
            devices: await Promise.all([
                ...devices("router", withoutPods(model).routers),
                ...devices("node", model.cluster.nodes),
                ...devices("host", model.hosts),
            ]),
        };
    });
}

/** What is not as it should be is in capitals. */
function describeState({ state, sidecar }: DeviceStatus): string {
    const own = state === "running" ? state : state.toUpperCase();
    return !sidecar || sidecar.state === "running" ? own : `${own}, sidecar ${sidecar.state.toUpperCase()}`;
}

function describeDevice(device: DeviceStatus): string[] {
    const { name, role, asn, container, sessions, pods } = device;
    return [
        name,
        role + (asn === undefined ? "" : ` AS ${asn}`),
        container === name ? "" : container,
        describeState(device),
        sessions ? `${sessions.established}/${sessions.total} sessions established` : "",
        pods.join(", "),
    ];
}

/** Commands that lead into a lab, by what they lead to. */
function waysIn(lab: Deployed, { cluster: { name, controlPlane }, devices }: Status): string[] {
    const first = (role: Role) => devices.find((device) => device.role === role);
    const claim = lab.resources.find(({ type }) => type === dockerTypes.claim)?.inputs as DockerClaimInputs | undefined;
    const kubeconfig = `.bgp-lab/${name}.kubeconfig`;
    const [host, router, sidecar] = [first("host"), first("router"), first("node")?.sidecar];
    return [
        ...(host ? [`shell    docker exec -it ${host.container} sh`] : []),
        ...(sidecar ? [`         docker exec -it ${sidecar.container} sh     (a node's network, with tools)`] : []),
        ...(router ? [`FRR      docker exec -it ${router.container} vtysh`] : []),
        `cluster  ${claim?.cluster?.kind ?? "kind"} export kubeconfig --name ${name} --kubeconfig ${kubeconfig}`,
        `         kubectl --kubeconfig ${kubeconfig} get pods -A -o wide`,
        "         without kubectl on this machine:",
        `         docker exec ${controlPlane} kubectl --kubeconfig /etc/kubernetes/admin.conf get pods -A -o wide`,
    ];
}

function describeLab(lab: Deployed, status: Status): string {
    const { engine: where, cluster, devices } = status;
    const running = devices.filter(({ state }) => state === "running").length;
    return [
        `lab      ${lab.model.name}, in Docker ${where.version} at ${where.address}, ${running} of ${devices.length} devices running`,
        ...(cluster.trouble === undefined ? [] : [`cluster  ${cluster.name} does not answer: ${cluster.trouble}`]),
        "",
        columns(devices.map(describeDevice)),
        "",
        ...waysIn(lab, status),
    ].join("\n");
}

/**
 * How to get a lab to run again whose control plane does not. Pulumi's refresh asks the API server, so nodes that are
 * there have to be started before; a cluster that is not there is only made with the rest of the lab.
 */
function wayBack({ stack, model }: Deployed, controlPlane: State): string {
    const first =
        controlPlane === "missing"
            ? `make down STACK=${stack}`
            : `docker start ${Object.keys(model.cluster.nodes).join(" ")}`;
    return `bring the lab back with: ${first}; make up STACK=${stack}`;
}

async function report(lab: Deployed): Promise<StatusReport> {
    const status = await look(lab);
    if (status.devices.some(({ state }) => state === "running")) {
        return { running: true, text: describeLab(lab, status), data: status };
    }
    const { state } = status.devices.find(({ name }) => name === status.cluster.controlPlane)!;
    return { running: false, text: `no container of the lab is running; ${wayBack(lab, state)}` };
}

/** Without its control plane a lab cannot be compared with its model, and waiting does not help. */
async function runChecks(lab: Deployed, deadline: Seconds): Promise<readonly CheckResult[]> {
    const where = labInDocker(lab);
    const state = stateOf(await (await engine()).inspect(where.controlPlane));
    if (state !== "running") {
        throw new Error(`the control plane ${where.controlPlane} is ${state}; ${wayBack(lab, state)}`);
    }
    return (await inspectLab(where, deadline)).results;
}

/** Labs in Docker. */
export const dockerLabs: RunningLabs = { verify: runChecks, status: report };
