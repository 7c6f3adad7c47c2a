/** What the kernels of nodes in a lab of namespaces have learned of Pods. */

import type { Sandbox } from "../provider/sandbox/protocol";
import type { RouteAction, TargetState } from "./reconcile";

/** The routes of nodes: those with protocol `bgp`, which are the controller's there, and what others have taken. */
export async function observeRoutes(
    sandbox: Sandbox,
    nodes: readonly string[],
): Promise<Required<Pick<TargetState, "routes" | "occupied">>> {
    const { states } = await sandbox.call("state", { namespaces: nodes });
    const all = Object.entries(states).map(([node, { routes }]) => ({
        node,
        learned: routes.filter(({ protocol }) => protocol === "bgp"),
        others: routes.filter(({ protocol }) => protocol !== "bgp"),
    }));
    return {
        routes: Object.fromEntries(
            all.map(({ node, learned }) => [
                node,
                Object.fromEntries(learned.map(({ prefix, nextHops }) => [prefix, nextHops[0]?.via ?? ""])),
            ]),
        ),
        occupied: Object.fromEntries(
            all.map(({ node, others }) => [node, new Set(others.map(({ prefix }) => prefix))]),
        ),
    };
}

/** Makes the routes that a node has learned of Pods those of an action. */
export async function setRoutes(sandbox: Sandbox, { node, routes }: RouteAction): Promise<void> {
    await sandbox.call("learnRoutes", { namespace: node, routes });
}
