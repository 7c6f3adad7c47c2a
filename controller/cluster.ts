/**
 * The peering controller in a cluster. It is told what to look after by `BGP_LAB_TARGETS`, and writes a line of JSON for
 * whatever it does. One pod keeps the peers of CiliumBGPClusterConfigs equal to what their neighbors by label mean; where
 * `BGP_LAB_NODE` names a node, the pod there keeps a file equal to the routes that the node needs to its pods.
 */

import { renameSync, writeFileSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";
import { hostPrefix } from "../lab/address";
import type { ClusterTargets } from "../provider/schema";
import type { CiliumPodSelector } from "./cilium-peers";
import { type AnnouncingPods, ciliumTarget, configReader, podsOf } from "./kubernetes";
import { type LogLine, type PodSource, runController, type Target } from "./loop";
import { type AnnouncingPod, routesTarget } from "./node-routes";
import { wallClock } from "./retry";

/** Milliseconds after which a configuration is read again: somebody may have changed its annotation. */
const resync = 10_000;

function log(line: LogLine): void {
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}

/** A line for each route, `<prefix> <next hop>`, with prefixes as `ip route` writes them; nobody reads half of it. */
function writeRoutes(file: string, routes: Readonly<Record<string, string>>): void {
    const lines = Object.entries(routes).map(([prefix, hop]) => {
        const address = prefix.slice(0, prefix.indexOf("/"));
        return `${prefix === hostPrefix(address) ? address : prefix} ${hop}\n`;
    });
    writeFileSync(`${file}.draft`, lines.join(""));
    renameSync(`${file}.draft`, file);
}

/** What follows the pods: the configurations, or the routes of the node on which this runs. */
function targetsOf(kubeConfig: KubeConfig, { configs }: ClusterTargets, pods: () => readonly AnnouncingPod[]) {
    const { BGP_LAB_NODE: node, BGP_LAB_ROUTES: file = "" } = process.env;
    const entries = Object.entries(configs);
    return node === undefined
        ? entries.map(([name, nodes]) => ciliumTarget(kubeConfig, name, nodes))
        : entries
              .filter(([, nodes]) => nodes.includes(node))
              .map(([name]): Target<CiliumPodSelector> => {
                  const write = (routes: Readonly<Record<string, string>>) => writeRoutes(file, routes);
                  return routesTarget({ node, config: configReader(kubeConfig, name), pods, write });
              });
}

/** The source, and its last list for those who need more of a pod than the controller does. */
function remembered(source: AnnouncingPods): {
    readonly source: PodSource;
    readonly last: () => readonly AnnouncingPod[];
} {
    let last: readonly AnnouncingPod[] = [];
    return {
        source: {
            watch: (onPods, signal) =>
                source.watch((pods) => {
                    last = pods;
                    onPods(pods);
                }, signal),
        },
        last: () => last,
    };
}

async function main(): Promise<void> {
    const told = JSON.parse(process.env.BGP_LAB_TARGETS ?? "{}") as ClusterTargets;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromCluster();
    const ending = new AbortController();
    process.once("SIGTERM", () => ending.abort());
    const { source, last } = remembered(podsOf(kubeConfig, told.namespaces));
    const targets = targetsOf(kubeConfig, told, last);
    const why = `pods of ${told.namespaces.join(", ")}`;
    log({ level: "info", at: "controller", says: `started for ${targets.length} targets`, why });
    await runController(source, targets, { clock: wallClock, log, configuration: "cluster", resync }, ending.signal);
    process.exit(0);
}

void main();
