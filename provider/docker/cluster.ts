import type { ClusterObservation } from "../../lab/bind";
import type { ObjectReference } from "../../verify/check";
import { describePods } from "../../verify/diagnosis";
import type { ObservedSession } from "../../verify/driver";
import { agentCommand, parseAgentSessions } from "./agent";
import { inOrder, itemsOf, parseObservation } from "./cluster-json";
import { jsonDocuments } from "./json";
import { complaint, type Shells } from "./shells";

/** A kind cluster, asked in its containers: this machine needs no kubectl, and no way to the API server. */
export interface ClusterReader {
    /**
     * What the cluster chose.
     *
     * @param chooser who else chooses: Calico gives blocks of addresses to the nodes, and Cilium takes addresses for them
     *     with which routers in pods peer @default nobody
     */
    observe(chooser?: "calico" | "cilium"): Promise<ClusterObservation>;
    /** Objects as JSON, all in one go, in the order of the references; nothing where there is no such object. */
    objects(references: readonly ObjectReference[]): Promise<readonly unknown[]>;
    /**
     * Sessions as the agent of a node sees them.
     *
     * @param version Cilium's
     */
    agentSessions(node: string, version: string): Promise<readonly ObservedSession[]>;
    /** The pods that are not ready, why, and what to do about it; empty when all are. */
    troubles(): Promise<string>;
}

/** Resources in which a program tells what it chose. */
const choices = { calico: "blockaffinities.crd.projectcalico.org", cilium: "ciliumnodes.cilium.io" } as const;

/** Milliseconds that an API server under load may take. */
const timeoutMilliseconds = 30_000;

const kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf";

/** kind names the control plane after its cluster. */
function clusterName(controlPlane: string): string {
    return controlPlane.replace(/-control-plane$/, "");
}

/** A list of objects by nothing but their names, as kubectl takes it. */
function listOf(references: readonly ObjectReference[]): string {
    const items = references.map(({ apiVersion, kind, namespace, name }) => ({
        apiVersion,
        kind,
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    }));
    return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/**
 * Removes objects of a cluster; no error for those that are gone. Nobody waits for what they had started to end.
 *
 * @throws Error when the API server does not do it
 */
export async function removeObjects(
    shells: Shells,
    controlPlane: string,
    references: readonly ObjectReference[],
): Promise<void> {
    const script = `printf %s "$1" | ${kubectl} delete -f - --ignore-not-found --wait=false`;
    const argv = ["sh", "-c", script, "kubectl", listOf(references)];
    const result = await shells.run(controlPlane, argv, { timeoutMilliseconds });
    if (result.code !== 0) {
        throw new Error(`the API server of ${clusterName(controlPlane)} removes nothing: ${complaint(result)}`);
    }
}

/**
 * Has an API server look at objects without making them.
 *
 * @returns why it, or a program that it asks, does not take them; nothing when it does
 */
export async function tryObjects(
    shells: Shells,
    controlPlane: string,
    objects: readonly unknown[],
): Promise<string | undefined> {
    const script = `printf %s "$1" | ${kubectl} apply -f - --dry-run=server`;
    const argv = ["sh", "-c", script, "kubectl", JSON.stringify({ apiVersion: "v1", kind: "List", items: objects })];
    const result = await shells.run(controlPlane, argv, { timeoutMilliseconds });
    return result.code === 0 ? undefined : complaint(result);
}

/**
 * Reads a cluster.
 *
 * @param shells how to run programs in containers
 * @param controlPlane container of the control plane; the other nodes are in the containers of their names
 */
export function clusterReader(shells: Shells, controlPlane: string): ClusterReader {
    async function run(container: string, argv: readonly string[], what: string): Promise<string> {
        const result = await shells.run(container, argv, { timeoutMilliseconds });
        if (result.code !== 0) {
            throw new Error(`${what}: ${complaint(result)}`);
        }
        return result.stdout;
    }

    const ask = (script: string, ...words: readonly string[]) =>
        run(controlPlane, ["sh", "-c", script, "kubectl", ...words], `the API server of ${clusterName(controlPlane)}`);

    return {
        async observe(chooser) {
            const kinds = ["nodes", "pods", "services", ...(chooser === undefined ? [] : [choices[chooser]])];
            return parseObservation(await ask(`${kubectl} get ${kinds.join(",")} -A -o json`));
        },
        async objects(references) {
            if (references.length === 0) {
                return [];
            }
            const script = `printf %s "$1" | ${kubectl} get -f - --ignore-not-found -o json`;
            return inOrder(references, await ask(script, listOf(references)));
        },
        async agentSessions(node, version) {
            const what = `the agent of ${node}`;
            const output = await run(node, agentCommand(version), what);
            const peers = jsonDocuments(output);
            if (peers?.length !== 1) {
                throw new Error(`${what} answered with something other than JSON: ${output.slice(0, 200)}`);
            }
            return parseAgentSessions(peers[0]);
        },
        async troubles() {
            const script = `${kubectl} get pods -A -o json; ${kubectl} get events -A --field-selector type=Warning -o json`;
            const [pods, events] = (jsonDocuments(await ask(script)) ?? []).map(itemsOf);
            return describePods(pods ?? [], events ?? [], clusterName(controlPlane));
        },
    };
}
