/** A router with FRR that takes Pods as neighbors by itself: what it took of them is routed to them on their nodes. */

import type { Family } from "../lab/model";
import { bgpRoutes } from "../provider/daemons/frr-reads";
import { type Vty, vty } from "../provider/daemons/vty";
import type { Sandbox } from "../provider/sandbox/protocol";
import type { ControlledRouter } from "../provider/schema";
import { observeRoutes, setRoutes } from "./embedded-kernel";
import type { OpenTarget, Target } from "./loop";
import { doAll } from "./outcome";
import type { AcceptedPath, PodSelector } from "./reconcile";

/** Milliseconds between two looks at whether bgpd's tables have changed; it tells nobody by itself. */
const pollMilliseconds = 200;

const families: readonly Family[] = ["ipv4", "ipv6"];

/**
 * The target of a router's neighbors by label.
 *
 * @param nodes whose kernels get the routes
 */
export function routerTarget(
    connect: () => Promise<Sandbox>,
    name: string,
    { podNeighbors }: ControlledRouter,
    nodes: readonly string[],
): Target {
    return {
        name,
        settings: () => "",
        async open(changed) {
            const sandbox = await connect();
            try {
                const bgpd = await vty(sandbox, name, "bgpd");
                return openRouter(sandbox, bgpd, { selectors: podNeighbors, nodes, changed });
            } catch (error) {
                sandbox.close();
                throw error;
            }
        },
    };
}

interface Following {
    readonly selectors: readonly PodSelector[];
    readonly nodes: readonly string[];
    readonly changed: (what: string) => void;
}

function openRouter(sandbox: Sandbox, bgpd: Vty, { selectors, nodes, changed }: Following): OpenTarget {
    const poll = pollTables(bgpd, () => changed("its table changed"));
    return {
        gone: poll.failed,
        async observe() {
            const [paths, kernel] = await Promise.all([acceptedPaths(bgpd), observeRoutes(sandbox, nodes)]);
            return { selectors, nodes, paths, ...kernel };
        },
        async apply({ actions }, done) {
            await doAll(actions, async (action) => {
                if (action.kind === "set routes") {
                    await setRoutes(sandbox, action);
                    done(action);
                }
            });
        },
        close() {
            poll.stop();
            bgpd.close();
            sandbox.close();
        },
    };
}

/** All paths that passed the filters, also those that another one is better than: their Pods may get packets at any time. */
async function acceptedPaths(bgpd: Vty): Promise<readonly AcceptedPath[]> {
    const tables = await Promise.all(families.map((family) => bgpRoutes(bgpd, family)));
    return tables
        .flat()
        .flatMap(({ prefix, paths }) =>
            paths.filter(({ valid }) => valid).map(({ nextHop, peer }) => ({ prefix, nextHop, neighbor: peer })),
        );
}

/** Looks at the versions of bgpd's tables, which count their changes. */
function pollTables(bgpd: Vty, onChange: () => void): { readonly failed: Promise<never>; stop(): void } {
    let timer: NodeJS.Timeout | undefined;
    let isStopped = false;
    const failed = new Promise<never>((_, fail) => {
        const look = async (before: string | undefined) => {
            const versions = await tableVersions(bgpd);
            if (before !== undefined && versions !== before) {
                onChange();
            }
            if (!isStopped) {
                timer = setTimeout(() => look(versions).catch(fail), pollMilliseconds);
            }
        };
        look(undefined).catch(fail);
    });
    return {
        failed,
        stop() {
            isStopped = true;
            clearTimeout(timer);
        },
    };
}

async function tableVersions(bgpd: Vty): Promise<string> {
    const summary = (await bgpd.json("show bgp summary json")) as Readonly<Record<string, { tableVersion?: number }>>;
    return Object.values(summary)
        .map(({ tableVersion }) => tableVersion)
        .join();
}
