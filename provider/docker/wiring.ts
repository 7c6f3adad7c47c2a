import { checkCommand, forgetCommand, installCommand, releaseCommand, type Wiring } from "../../render/wiring";
import type { Observation, ResourceKind } from "../resource";
import type { Drift } from "../sandbox/protocol";
import { dockerTypes, type WiredInterface, type WiringInputs } from "../schema";
import { type ContainerState, type Engine, EngineError, engine } from "./engine";

/** Network that a container made without one is on, and has to leave before it can join another. */
const noNetwork = "none";

function isShared({ container, agent }: WiringInputs): boolean {
    return container !== agent;
}

function wiringOf(inputs: WiringInputs): Wiring {
    const { interfaces, routes, forwarding, loopback, silence, vrfs } = inputs;
    return {
        interfaces,
        routes,
        forwarding,
        ...(loopback === undefined ? {} : { loopback }),
        ...(silence === undefined ? {} : { silence }),
        ...(vrfs === undefined ? {} : { vrfs }),
        shared: isShared(inputs),
    };
}

/** Addresses as Docker takes them. */
function hostAddresses({ addresses }: WiredInterface): readonly string[] {
    return addresses.map((address) => address.slice(0, address.indexOf("/")));
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
    return a.length === b.length && a.every((each) => b.includes(each));
}

/** Whether a container is on the interface's network, with its addresses. */
function isConnected({ networks }: ContainerState, spec: WiredInterface): boolean {
    const attachment = networks[spec.network];
    return attachment !== undefined && sameSet(attachment.configured, hostAddresses(spec));
}

/** A sidecar that started before the container whose network namespace it shares is in one that is gone. */
function followsContainer(agent: ContainerState, container: ContainerState): boolean {
    return agent.running && agent.startedAt > container.startedAt;
}

async function existing(docker: Engine, name: string): Promise<ContainerState> {
    const state = await docker.inspect(name);
    if (!state) {
        throw new EngineError("not-found", `there is no container ${name}; "pulumi refresh" tells what else is gone`);
    }
    return state;
}

async function running(docker: Engine, name: string): Promise<ContainerState> {
    const state = await existing(docker, name);
    if (state.running) {
        return state;
    }
    await docker.start(name);
    return existing(docker, name);
}

/**
 * Networks that a container is to leave: those of the former wiring that the new one does not have in the same way, and
 * those where its addresses are others.
 */
function toLeave(container: ContainerState, olds: WiringInputs | undefined, news: WiringInputs) {
    const former = Object.entries(olds?.interfaces ?? {});
    const wanted = Object.values(news.interfaces);
    const dropped = former.filter(([, { network }]) => !wanted.some((spec) => spec.network === network));
    const changed = Object.entries(news.interfaces).filter(([, spec]) => !isConnected(container, spec));
    return [...dropped, ...changed]
        .map(([name, { network }]) => ({ name, network }))
        .filter(({ network }) => network in container.networks);
}

/** Takes a container off networks; links that stay are not touched. */
async function leave(
    docker: Engine,
    container: ContainerState,
    interfaces: readonly { readonly name: string; readonly network: string }[],
): Promise<void> {
    if (container.running) {
        await docker.exec(container.id, releaseCommand(interfaces.map(({ name }) => name)));
    }
    for (const { network } of interfaces) {
        await docker.disconnect(network, container.id);
    }
}

/** Whether a wiring is kept in a container already, which must not get into Docker's way. */
function mayBeKept(container: ContainerState, olds: WiringInputs | undefined, news: WiringInputs): boolean {
    return olds !== undefined || Object.values(news.interfaces).some(({ network }) => network in container.networks);
}

async function join(docker: Engine, container: ContainerState, inputs: WiringInputs): Promise<void> {
    if (noNetwork in container.networks) {
        await docker.disconnect(noNetwork, container.id);
    }
    // One after the other: the engine serves the connects of one container no faster at once.
    for (const [name, spec] of Object.entries(inputs.interfaces)) {
        if (!(spec.network in container.networks)) {
            try {
                await docker.connect(spec.network, container.id, hostAddresses(spec));
            } catch (error) {
                const { message } = error as Error;
                throw new Error(`${container.name} cannot join ${spec.network} as ${name}: ${message}`);
            }
        }
    }
}

/** Lines of the script, each a path and what was found, told apart by a tab. */
function told(text: string): readonly Drift[] {
    return text
        .split("\n")
        .filter((line) => line.includes("\t"))
        .map((line) => {
            const at = line.indexOf("\t");
            return { path: line.slice(0, at), found: line.slice(at + 1) };
        });
}

async function install(docker: Engine, inputs: WiringInputs): Promise<void> {
    const { code, stdout, stderr } = await docker.exec(inputs.container, installCommand(wiringOf(inputs)));
    const left = told(stdout);
    if (code !== 0 || left.length > 0) {
        const differences = left.map(({ path, found }) => `\n  ${path}: ${found}`).join("");
        const says = stderr.trim() || (left.length > 0 ? "" : stdout.trim());
        throw new Error(
            `the wiring of ${inputs.container} could not be made:${differences}${says === "" ? "" : `\n  ${says.replaceAll("\n", "\n  ")}`}`,
        );
    }
}

async function apply(olds: WiringInputs | undefined, news: WiringInputs): Promise<void> {
    const docker = await engine();
    const container = await running(docker, news.container);
    if (mayBeKept(container, olds, news)) {
        await leave(docker, container, toLeave(container, olds, news));
    }
    await join(docker, await existing(docker, news.container), news);
    await install(docker, news);
    if (isShared(news)) {
        await follow(docker, news);
    }
}

/** Has the agent in the network namespace that the container has now. */
async function follow(docker: Engine, inputs: WiringInputs): Promise<void> {
    const [container, agent] = await Promise.all([existing(docker, inputs.container), existing(docker, inputs.agent)]);
    if (!agent.running) {
        await docker.start(agent.id);
    } else if (!followsContainer(agent, container)) {
        await docker.restart(agent.id);
    }
}

async function observe(inputs: WiringInputs): Promise<Observation> {
    const docker = await engine();
    const [container, agent] = await Promise.all([docker.inspect(inputs.container), docker.inspect(inputs.agent)]);
    if (!container || !agent) {
        return "gone";
    }
    if (!container.running) {
        return [{ path: "container", found: `${container.name} does not run` }];
    }
    const disconnected = Object.entries(inputs.interfaces)
        .filter(([, spec]) => !isConnected(container, spec))
        .map(([name, { network }]): Drift => {
            const found = network in container.networks ? "other addresses on" : "not connected to";
            return { path: `interfaces.${name}.network`, found: `${found} ${network}` };
        });
    const { code, stdout, stderr } = await docker.exec(container.id, checkCommand(wiringOf(inputs)));
    const kernel = code === 0 ? told(stdout) : [{ path: "container", found: (stderr || stdout).trim() }];
    return [...(isShared(inputs) ? agentDrift(agent, container) : []), ...disconnected, ...kernel];
}

function agentDrift(agent: ContainerState, container: ContainerState): readonly Drift[] {
    if (followsContainer(agent, container)) {
        return [];
    }
    const found = agent.running
        ? `${agent.name} is in a network that ${container.name} has left`
        : `${agent.name} does not run`;
    return [{ path: "agent", found }];
}

async function remove(inputs: WiringInputs): Promise<void> {
    const docker = await engine();
    const container = await docker.inspect(inputs.container);
    if (!container) {
        return;
    }
    const own = Object.entries(inputs.interfaces)
        .map(([name, { network }]) => ({ name, network }))
        .filter(({ network }) => network in container.networks);
    await leave(docker, container, own);
    if (container.running) {
        await docker.exec(container.id, forgetCommand);
    }
}

/** Interfaces, addresses and routes of a container. Only what changes is touched, and nothing is restarted. */
export const wiring: ResourceKind<WiringInputs> = {
    type: dockerTypes.wiring,
    inputs: {
        container: "string",
        agent: "string",
        agentId: "string",
        interfaces: "object",
        routes: "object",
        forwarding: "boolean",
        loopback: "array?",
        silence: "object?",
        vrfs: "object?",
    },
    replaceOn: ["container"],
    replaceOnUnknown: ["interfaces"],
    plan({ container }) {
        return { id: `${container}/wiring` };
    },
    create: (inputs) => apply(undefined, inputs),
    update: apply,
    read: observe,
    delete: (_id, inputs) => remove(inputs),
};
