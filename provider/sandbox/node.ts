/** Pods, their servers and the service rules of Kubernetes nodes: what is there, and how it becomes what is asked for. */
import { isIP } from "node:net";
import type { FabricInputs, ServiceSpec } from "../schema";
import { fabricNetwork } from "./fabric";
import { apply, inspect } from "./kernel";
import { hasNamespace, inNamespace } from "./namespaces";
import { describe } from "./network";
import { listRules, removeRules, replaceRules, rulesGeneration, serviceRules, sourceNatRules } from "./nft";
import { type PodServer, podNamespace, podNetwork, servePod, serverIdentity } from "./pods";
import type { Drift, NodeNetwork } from "./protocol";

/** Rules as they were made, to tell whether someone changed them. */
interface Rules {
    readonly asked: string;
    readonly listed: string;
    /** Generation at which the kernel's rules were last seen to be as listed. */
    generation: number;
}

/** What a node has. */
interface NodeState {
    readonly servers: Map<string, PodServer>;
    pods: NodeNetwork["pods"];
    rules?: Rules;
}

const nodes = new Map<string, NodeState>();

/** Rules of the namespaces that hide sources. */
const translations = new Map<string, { rules?: Rules }>();

/** Interfaces of each namespace of the fabric that answer for pods. */
let proxyNeighbors: ReadonlyMap<string, readonly string[]> = new Map();

/** Builds, changes or repairs the fabric. */
export function applyFabric(fabric: FabricInputs): void {
    const wanted = fabricNetwork(fabric);
    for (const name of [...nodes.keys()].filter((each) => !Object.hasOwn(fabric.namespaces, each))) {
        removeNode(name);
    }
    const isChanged = apply(wanted);
    proxyNeighbors = new Map(Object.entries(fabric.namespaces).map(([name, spec]) => [name, spec.proxyNeighbors]));
    applyTranslations(fabric);
    if (isChanged) {
        // An interface that was made anew does not answer for the pods any more.
        for (const [name, { pods }] of nodes) {
            apply(networkOf(name, pods));
        }
    }
}

/** Differences between a fabric and the kernel. */
export function inspectFabric(fabric: FabricInputs): readonly Drift[] {
    return [...describe(inspect(fabricNetwork(fabric))), ...translationDrift(fabric)];
}

function translating({ namespaces }: FabricInputs): ReadonlyMap<string, string> {
    return new Map(
        Object.entries(namespaces).flatMap(([name, { sourceNat = [] }]) =>
            sourceNat.length === 0 ? [] : [[name, sourceNatRules(sourceNat)]],
        ),
    );
}

function applyTranslations(fabric: FabricInputs): void {
    const wanted = translating(fabric);
    for (const [name, { rules }] of translations) {
        if (!wanted.has(name)) {
            translations.delete(name);
            if (rules !== undefined && hasNamespace(name)) {
                inNamespace(name, removeRules);
            }
        }
    }
    for (const [name, asked] of wanted) {
        const state = translations.get(name) ?? {};
        translations.set(name, state);
        applyRules(state, name, asked);
    }
}

function translationDrift(fabric: FabricInputs): readonly Drift[] {
    return [...translating(fabric)].flatMap(([name, asked]) => {
        const rules = translations.get(name)?.rules;
        const isSame =
            rules?.asked === asked && hasNamespace(name) && inNamespace(name, () => areRulesUnchanged(rules));
        const path = `namespaces.${name}.sourceNat`;
        return isSame ? [] : [{ path, found: `the source translation of ${name} is another than asked for` }];
    });
}

function interfacesFor(node: string): readonly string[] {
    return proxyNeighbors.get(node) ?? [];
}

function networkOf(node: string, pods: NodeNetwork["pods"]) {
    const mine = Object.keys(nodes.get(node)?.pods ?? {}).map(podNamespace);
    return podNetwork(node, pods, mine, interfacesFor(node));
}

/**
 * Makes a node's pods and service rules as given.
 *
 * @throws Error when the fabric does not have the node, or the inputs or the kernel do not allow it
 */
export function applyNode(wanted: NodeNetwork): void {
    const { namespace: node, pods, services } = wanted;
    checkServices(services);
    if (!hasNamespace(node)) {
        throw new Error(`the fabric has no namespace "${node}"; apply the fabric before the node`);
    }
    const network = networkOf(node, pods);
    const state: NodeState = nodes.get(node) ?? { servers: new Map(), pods: {} };
    releaseMovedPods(node, pods);
    closeServers(state, (name, { identity }) => identity !== wantedIdentity(node, name, pods));
    // Known before the work, so that whatever was made of it is found when the work is cut off.
    state.pods = { ...state.pods, ...pods };
    nodes.set(node, state);
    apply(network);
    state.pods = pods;
    startServers(state, node, pods);
    applyRules(state, node, serviceRules(services));
}

function wantedIdentity(node: string, pod: string, pods: NodeNetwork["pods"]): string | undefined {
    const spec = Object.hasOwn(pods, pod) ? pods[pod] : undefined;
    return spec === undefined ? undefined : serverIdentity(pod, node, spec.port);
}

/** A pod that moved is taken from the node that had it: which of the two nodes is changed first is not ours to say. */
function releaseMovedPods(node: string, pods: NodeNetwork["pods"]): void {
    for (const [name, state] of nodes) {
        const moved = name === node ? [] : Object.keys(state.pods).filter((pod) => Object.hasOwn(pods, pod));
        if (moved.length > 0) {
            removePods(name, state, moved);
        }
    }
}

function removePods(node: string, state: NodeState, names: readonly string[]): void {
    const gone = new Set(names);
    const remaining = Object.fromEntries(Object.entries(state.pods).filter(([name]) => !gone.has(name)));
    closeServers(state, (name) => gone.has(name));
    apply(networkOf(node, remaining));
    state.pods = remaining;
}

function closeServers(state: NodeState, isUnwanted: (name: string, server: PodServer) => boolean): void {
    for (const [name, server] of state.servers) {
        if (isUnwanted(name, server)) {
            server.close();
            state.servers.delete(name);
        }
    }
}

function startServers({ servers }: NodeState, node: string, pods: NodeNetwork["pods"]): void {
    for (const [name, { port }] of Object.entries(pods)) {
        const known = servers.get(name);
        if (known?.isListening() !== true) {
            known?.close();
            servers.set(name, servePod(name, node, port));
        }
    }
}

function applyRules(state: { rules?: Rules }, namespace: string, asked: string): void {
    inNamespace(namespace, () => {
        if (state.rules?.asked === asked && areRulesUnchanged(state.rules)) {
            return;
        }
        replaceRules(asked, state.rules !== undefined);
        state.rules = { asked, listed: listRules(), generation: rulesGeneration() };
    });
}

/** Lists the rules only when the kernel says that something changed since they were last seen. */
function areRulesUnchanged(rules: Rules): boolean {
    const generation = rulesGeneration();
    if (generation === rules.generation) {
        return true;
    }
    const isSame = listRules() === rules.listed;
    if (isSame) {
        rules.generation = generation;
    }
    return isSame;
}

function checkServices(services: Readonly<Record<string, ServiceSpec>>): void {
    const problems = Object.entries(services).flatMap(([name, spec]) => [
        ...[...spec.addresses, ...spec.endpoints]
            .filter((address) => isIP(address) === 0)
            .map((address) => `services.${name}: "${address}" is not an IP address`),
        ...[spec.port, spec.targetPort]
            .filter((port) => !Number.isInteger(port) || port < 1 || port > 65535)
            .map((port) => `services.${name}: ${port} is not a port; ports are 1 to 65535`),
        ...(/["\\\n]/.test(name) ? [`services.${name}: a service name has no quotes, backslashes and line ends`] : []),
    ]);
    if (problems.length > 0) {
        throw new Error(["the service rules cannot be made:", ...problems].join("\n"));
    }
}

/** Differences between what a node should have and what it has. */
export function inspectNode({ namespace: node, pods, services }: NodeNetwork): readonly Drift[] {
    if (!hasNamespace(node)) {
        return [{ path: "namespace", found: `network namespace ${node} is missing` }];
    }
    return [...describe(inspect(networkOf(node, pods))), ...serverDrift(node, pods), ...rulesDrift(node, services)];
}

function serverDrift(node: string, pods: NodeNetwork["pods"]): readonly Drift[] {
    const servers = nodes.get(node)?.servers;
    return Object.entries(pods).flatMap(([name, { port }]) => {
        const server = servers?.get(name);
        if (server === undefined || !server.isListening()) {
            return [{ path: `pods.${name}`, found: `nothing listens on port ${port} of pod ${name}` }];
        }
        const isSame = server.identity === serverIdentity(name, node, port);
        return isSame ? [] : [{ path: `pods.${name}.port`, found: `the server of pod ${name} is on another port` }];
    });
}

function rulesDrift(node: string, services: NodeNetwork["services"]): readonly Drift[] {
    const rules = nodes.get(node)?.rules;
    if (rules === undefined || rules.asked !== serviceRules(services)) {
        return [{ path: "services", found: `the service rules of ${node} are others than asked for` }];
    }
    const isSame = inNamespace(node, () => areRulesUnchanged(rules));
    return isSame ? [] : [{ path: "services", found: `the nftables rules of ${node} were changed` }];
}

/** Removes a node's pods and service rules. */
export function removeNode(node: string): void {
    const state = nodes.get(node);
    if (state === undefined) {
        return;
    }
    removePods(node, state, Object.keys(state.pods));
    if (state.rules !== undefined && hasNamespace(node)) {
        inNamespace(node, removeRules);
    }
    nodes.delete(node);
}
