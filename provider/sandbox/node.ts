/** Pods, their servers and the service rules of Kubernetes nodes: what is there, and how it becomes what is asked for. */
import { rmSync } from "node:fs";
import { isIP } from "node:net";
import type { FabricInputs, PodSpec, ServiceSpec } from "../schema";
import { formatAddress, parseAddress } from "./addresses";
import { fabricNetwork } from "./fabric";
import { apply, inspect, observeNamespace } from "./kernel";
import { learnRoutes } from "./learned";
import { hasNamespace, inNamespace } from "./namespaces";
import { describe } from "./network";
import {
    listRules,
    removeRules,
    replaceRules,
    rulesGeneration,
    serviceRules,
    sourceNatRules,
    virtualServerRules,
} from "./nft";
import { type PodServer, podNamespace, podNetwork, servePod, serverIdentity } from "./pods";
import { stopDaemonsIn } from "./processes";
import type { Drift, NodeNetwork, Operations } from "./protocol";
import { publishPods } from "./running-pods";

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
    /** Rules of the Pods that have virtual servers. */
    readonly virtualServers: Map<string, { rules?: Rules }>;
    pods: NodeNetwork["pods"];
    rules?: Rules;
}

const nodes = new Map<string, NodeState>();

/** Rules of the namespaces that hide sources. */
const translations = new Map<string, { rules?: Rules }>();

/** Interfaces of each namespace of the fabric that answer for pods. */
let proxyNeighbors: ReadonlyMap<string, readonly string[]> = new Map();

let lastTurn: Promise<unknown> = Promise.resolve();

/** One change after the other: one that waits for processes to end finds what it left. */
function inTurn(work: () => void | Promise<void>): Promise<void> {
    const turn = lastTurn.then(work);
    lastTurn = turn.catch(() => undefined);
    return turn;
}

/** Builds, changes or repairs the fabric. */
export function applyFabric(fabric: FabricInputs): Promise<void> {
    return inTurn(() => makeFabric(fabric));
}

async function makeFabric(fabric: FabricInputs): Promise<void> {
    const wanted = fabricNetwork(fabric);
    for (const name of [...nodes.keys()].filter((each) => !Object.hasOwn(fabric.namespaces, each))) {
        await endNode(name);
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
export function applyNode(wanted: NodeNetwork): Promise<void> {
    return inTurn(() => makeNode(wanted));
}

async function makeNode({ namespace: node, pods, services }: NodeNetwork): Promise<void> {
    checkServices(services);
    checkVirtualServers(pods);
    if (!hasNamespace(node)) {
        throw new Error(`the fabric has no namespace "${node}"; apply the fabric before the node`);
    }
    checkGateways(node, pods);
    // Refuses what is wrong with the Pods before anything is changed.
    networkOf(node, pods);
    await releaseMovedPods(node, pods);
    const state: NodeState = nodes.get(node) ?? { servers: new Map(), virtualServers: new Map(), pods: {} };
    await removePods(node, state, replacedPods(state, pods));
    closeServers(state, (name, { identity }) => identity !== wantedIdentity(node, name, pods));
    // Known before the work, so that whatever was made of it is found when the work is cut off.
    state.pods = { ...state.pods, ...pods };
    nodes.set(node, state);
    apply(networkOf(node, pods));
    state.pods = pods;
    startServers(state, node, pods);
    applyVirtualServers(state, pods);
    applyRules(state, node, serviceRules(services));
    publishPods(node, pods);
}

function wantedIdentity(node: string, pod: string, pods: NodeNetwork["pods"]): string | undefined {
    const spec = podOf(pods, pod);
    return spec?.port === undefined ? undefined : serverIdentity(pod, node, spec.port);
}

function podOf(pods: NodeNetwork["pods"], name: string): PodSpec | undefined {
    return Object.hasOwn(pods, name) ? pods[name] : undefined;
}

/** Pods that the node does not have any more, and those that are other ones of the same name. */
function replacedPods({ pods: before }: NodeState, pods: NodeNetwork["pods"]): readonly string[] {
    return Object.entries(before)
        .filter(([name, spec]) => identityOf(spec) !== identityOf(podOf(pods, name)))
        .map(([name]) => name);
}

/** What a Pod has for life; all else changes while it lives. */
function identityOf(spec: PodSpec | undefined): string | undefined {
    return spec && JSON.stringify([spec.namespace, spec.addresses, spec.gateways ?? [], spec.router === undefined]);
}

/** A pod that moved is taken from the node that had it: which of the two nodes is changed first is not ours to say. */
async function releaseMovedPods(node: string, pods: NodeNetwork["pods"]): Promise<void> {
    for (const [name, state] of nodes) {
        const moved = name === node ? [] : Object.keys(state.pods).filter((pod) => Object.hasOwn(pods, pod));
        await removePods(name, state, moved);
    }
}

/** Time for the daemons of a Pod to tell their peers that they end. */
const graceMilliseconds = 1000;

/** Ends Pods, with all that runs in them. */
async function removePods(node: string, state: NodeState, names: readonly string[]): Promise<void> {
    if (names.length === 0) {
        return;
    }
    const gone = new Set(names);
    const remaining = Object.fromEntries(Object.entries(state.pods).filter(([name]) => !gone.has(name)));
    closeServers(state, (name) => gone.has(name));
    publishPods(node, remaining);
    await Promise.all(names.map((name) => endRouter(podNamespace(name))));
    apply(networkOf(node, remaining));
    state.pods = remaining;
    for (const name of names) {
        state.virtualServers.delete(name);
    }
}

/** Ends the daemons of a Pod, and removes their sockets and what was noted of them. */
async function endRouter(namespace: string): Promise<void> {
    await stopDaemonsIn(namespace, graceMilliseconds);
    for (const directory of [namespace, `${namespace}_scratch`]) {
        rmSync(`/run/frr/${directory}`, { recursive: true, force: true });
    }
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
        if (port !== undefined && known?.isListening() !== true) {
            known?.close();
            servers.set(name, servePod(name, node, port));
        }
    }
}

function applyVirtualServers({ virtualServers }: NodeState, pods: NodeNetwork["pods"]): void {
    for (const [name, spec] of Object.entries(pods)) {
        const known = virtualServers.get(name);
        if (known !== undefined || hasVirtualServers(spec)) {
            const state = known ?? {};
            virtualServers.set(name, state);
            applyRules(state, podNamespace(name), virtualServerRules(spec));
        }
    }
}

function hasVirtualServers({ router }: PodSpec): boolean {
    return router !== undefined && router.virtualServers.length > 0;
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
            .filter((port) => !isPort(port))
            .map((port) => `services.${name}: ${port} is not a port; ports are 1 to 65535`),
        ...(/["\\\n]/.test(name) ? [`services.${name}: a service name has no quotes, backslashes and line ends`] : []),
    ]);
    if (problems.length > 0) {
        throw new Error(["the service rules cannot be made:", ...problems].join("\n"));
    }
}

function checkVirtualServers(pods: NodeNetwork["pods"]): void {
    const problems = Object.entries(pods).flatMap(([name, { router }]) =>
        (router?.virtualServers ?? []).flatMap(({ address, port, endpoints, targetPort }, index) => {
            const path = `pods.${name}.router.virtualServers[${index}]`;
            const family = isIP(address);
            return [
                ...(family === 0 ? [`${path}.address: "${address}" is not an IP address`] : []),
                ...endpoints
                    .filter((endpoint) => family !== 0 && isIP(endpoint) !== family)
                    .map((endpoint) => `${path}.endpoints: "${endpoint}" is no IPv${family} address like ${address}`),
                ...[port, targetPort]
                    .filter((each) => !isPort(each))
                    .map((each) => `${path}: ${each} is not a port; ports are 1 to 65535`),
            ];
        }),
    );
    if (problems.length > 0) {
        throw new Error(["the virtual servers cannot be made:", ...problems].join("\n"));
    }
}

function isPort(number: number): boolean {
    return Number.isInteger(number) && number >= 1 && number <= 65535;
}

/** A gateway that the node does not have would not answer, and the Pod would be cut off without a word. */
function checkGateways(node: string, pods: NodeNetwork["pods"]): void {
    const wanted = Object.entries(pods).flatMap(([name, { gateways = [] }]) =>
        gateways.map((gateway) => ({ name, gateway })),
    );
    if (wanted.length === 0) {
        return;
    }
    const own = new Set(
        [...observeNamespace(node).interfaces.values()]
            .flatMap(({ addresses }) => addresses)
            .map((each) => each.slice(0, each.indexOf("/"))),
    );
    const problems = wanted
        .filter(({ gateway }) => !own.has(formatAddress(parseAddress(gateway))))
        .map(({ name, gateway }) => `pods.${name}.gateways: ${node} has no address ${gateway}; give it to the node`);
    if (problems.length > 0) {
        throw new Error(["the pods cannot be made:", ...problems].join("\n"));
    }
}

/** Differences between what a node should have and what it has. */
export function inspectNode({ namespace: node, pods, services }: NodeNetwork): readonly Drift[] {
    if (!hasNamespace(node)) {
        return [{ path: "namespace", found: `network namespace ${node} is missing` }];
    }
    return [
        ...describe(inspect(networkOf(node, pods))),
        ...serverDrift(node, pods),
        ...virtualServerDrift(node, pods),
        ...rulesDrift(node, services),
    ];
}

function serverDrift(node: string, pods: NodeNetwork["pods"]): readonly Drift[] {
    const servers = nodes.get(node)?.servers;
    return Object.entries(pods).flatMap(([name, { port }]) => {
        const server = servers?.get(name);
        if (port === undefined) {
            return server === undefined ? [] : [{ path: `pods.${name}.port`, found: `pod ${name} has a server` }];
        }
        if (server === undefined || !server.isListening()) {
            return [{ path: `pods.${name}`, found: `nothing listens on port ${port} of pod ${name}` }];
        }
        const isSame = server.identity === serverIdentity(name, node, port);
        return isSame ? [] : [{ path: `pods.${name}.port`, found: `the server of pod ${name} is on another port` }];
    });
}

function virtualServerDrift(node: string, pods: NodeNetwork["pods"]): readonly Drift[] {
    return Object.entries(pods).flatMap(([name, spec]) => {
        const namespace = podNamespace(name);
        const rules = nodes.get(node)?.virtualServers.get(name)?.rules;
        // Of what is missing as a whole it is said elsewhere.
        if (!hasNamespace(namespace) || (rules === undefined && !hasVirtualServers(spec))) {
            return [];
        }
        const isSame =
            rules?.asked === virtualServerRules(spec) && inNamespace(namespace, () => areRulesUnchanged(rules));
        const path = `pods.${name}.router.virtualServers`;
        return isSame ? [] : [{ path, found: `the rules of the virtual servers of ${name} are others than asked for` }];
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
export function removeNode(node: string): Promise<void> {
    return inTurn(() => endNode(node));
}

async function endNode(node: string): Promise<void> {
    const state = nodes.get(node);
    if (state === undefined) {
        return;
    }
    await removePods(node, state, Object.keys(state.pods));
    if (state.rules !== undefined && hasNamespace(node)) {
        inNamespace(node, removeRules);
    }
    nodes.delete(node);
}

/** Makes the routes of a node by its Pods as given. */
export function learnPodRoutes(request: Operations["learnRoutes"][0]): Operations["learnRoutes"][1] {
    const pods = Object.values(nodes.get(request.namespace)?.pods ?? {});
    return learnRoutes(
        request,
        pods.flatMap(({ addresses }) => addresses),
    );
}
