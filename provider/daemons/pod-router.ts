/** FRR in a Pod: what it is told, after it has found out who its node is. */

import type { Family } from "../../lab/model";
import { podNamespace } from "../sandbox/pods";
import type { Drift, KernelRoute, Sandbox } from "../sandbox/protocol";
import type { PodRouterSpec } from "../schema";
import { applyFrr, inspectFrr } from "./frr";

/** A Pod's node, by family. */
type NodeAddresses = Readonly<Partial<Record<Family, string>>>;

const everything: Readonly<Record<Family, string>> = { ipv4: "0.0.0.0/0", ipv6: "::/0" };

/**
 * The addresses of a Pod's node: where the default routes lead that the Pod's network gave it. Learned routes do not count,
 * and neither does a link-local address, which is no address for a session by itself.
 *
 * @param routes main routing tables of the Pod
 */
export function discoverNode(routes: readonly KernelRoute[]): NodeAddresses {
    const found = (["ipv4", "ipv6"] as const).flatMap((family) => {
        const address = routes
            .filter(({ prefix, protocol }) => prefix === everything[family] && protocol !== "bgp")
            .flatMap(({ nextHops }) => nextHops)
            .flatMap(({ via = "" }) => (isUsable(via, family) ? [via] : []))[0];
        return address === undefined ? [] : [[family, address] as const];
    });
    return Object.fromEntries(found);
}

function isUsable(via: string, family: Family): boolean {
    return via !== "" && via.includes(":") === (family === "ipv6") && !/^fe[89ab]/i.test(via);
}

/**
 * A Pod's frr.conf with the addresses of its node in their places.
 *
 * @param pod name of the Pod, for the message
 * @throws Error when the Pod does not know an address that its frr.conf asks for
 */
export function fillInNode(config: string, node: NodeAddresses, pod: string): string {
    return config.replaceAll(/\{\{node-(ipv4|ipv6)\}\}/g, (_, family: Family) => {
        const address = node[family];
        if (address === undefined) {
            const name = family === "ipv4" ? "IPv4" : "IPv6";
            throw new Error(
                `pod ${pod} does not find its node: none of its ${name} default routes leads to an address of the node; give it gateways`,
            );
        }
        return address;
    });
}

async function frrSpec(sandbox: Sandbox, pod: string, { config }: PodRouterSpec) {
    const namespace = podNamespace(pod);
    const { states } = await sandbox.call("state", { namespaces: [namespace] });
    return { namespace, config: fillInNode(config, discoverNode(states[namespace]?.routes ?? []), pod) };
}

/**
 * Starts FRR in a Pod, or changes what runs to be as given. The Pod has to be there; FRR ends with it.
 *
 * @throws Error when the Pod does not find its node, or as `applyFrr` does
 */
export async function applyPodRouter(sandbox: Sandbox, pod: string, router: PodRouterSpec): Promise<void> {
    await applyFrr(sandbox, await frrSpec(sandbox, pod, router));
}

/** How the FRR of a Pod differs from what is given, in words; a Pod that does not find its node has one difference. */
export async function inspectPodRouter(
    sandbox: Sandbox,
    pod: string,
    router: PodRouterSpec,
): Promise<readonly Drift[]> {
    const look = async () => inspectFrr(sandbox, await frrSpec(sandbox, pod, router));
    return look().catch((error: Error) => [{ path: "", found: error.message }]);
}
