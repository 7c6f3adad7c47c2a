/**
 * Routes of a node to the virtual addresses of its pods. An unpatched Cilium installs nothing of what it hears, so a pod says
 * in an annotation which addresses it takes, and the import policy of the selector that matches it decides, as it does about
 * announcements. The routes are written into a file, for somebody who may change the node's kernel and nothing else.
 */

import { contains, familyOf } from "../lab/address";
import { importEntriesOf } from "../render/pod-neighbors";
import { type CiliumPodSelector, type ObservedConfig, stateOf } from "./cilium-peers";
import type { Target } from "./loop";
import { permits } from "./permits";
import { type AcceptedPath, type ObservedPod, wantedPeers } from "./reconcile";

/** A pod with the prefixes that it says it takes connections at. */
export interface AnnouncingPod extends ObservedPod {
    readonly virtualAddresses: readonly string[];
}

/** What the routes of a node follow. */
export interface NodeRoutes {
    readonly node: string;
    /** The configuration of the node, as the API has it now. */
    config(): Promise<ObservedConfig>;
    /** The pods as they were last listed. */
    pods(): readonly AnnouncingPod[];
    /** Takes all routes of the node: next hops by prefix. */
    write(routes: Readonly<Record<string, string>>): void;
}

/** The routes of one node as a target of the controller. It has no peers: those are another's. */
export function routesTarget({ node, config, pods, write }: NodeRoutes): Target<CiliumPodSelector> {
    let written: Readonly<Record<string, string>> | undefined;
    return {
        name: `routes of ${node}`,
        settings: () => "",
        async open() {
            return {
                gone: new Promise<never>(() => {}),
                async observe() {
                    const { selectors } = stateOf(await config(), [node]);
                    if (written === undefined) {
                        written = {};
                        write(written);
                    }
                    return {
                        selectors,
                        nodes: [node],
                        paths: pathsOf(pods(), selectors, node),
                        routes: { [node]: written },
                    };
                },
                async apply({ actions }, done) {
                    for (const action of actions) {
                        if (action.kind === "set routes") {
                            write(action.routes);
                            written = action.routes;
                        }
                        done(action);
                    }
                },
                close() {},
            };
        },
    };
}

/** What the pods of a node say they take, as far as their selectors' policies let them. */
function pathsOf(
    pods: readonly AnnouncingPod[],
    selectors: readonly CiliumPodSelector[],
    node: string,
): readonly AcceptedPath[] {
    const { wanted } = wantedPeers(pods, { selectors, nodes: [node] });
    return wanted.flatMap(({ address, family, pod, selector }) => {
        const { administratorEntries, importEntries } = importEntriesOf(selector.peer);
        const takes = permits(family, administratorEntries, importEntries);
        const said = pods.find(({ namespace, name }) => namespace === pod.namespace && name === pod.name);
        return (said?.virtualAddresses ?? [])
            .filter((prefix) => isPrefixOf(prefix, family) && takes(prefix))
            .map((prefix) => ({ prefix, nextHop: address, neighbor: address }));
    });
}

/** What a person wrote into an annotation may be anything. */
function isPrefixOf(text: string, family: "ipv4" | "ipv6"): boolean {
    try {
        return text.includes("/") && familyOf(text) === family && contains(text, text);
    } catch {
        return false;
    }
}
