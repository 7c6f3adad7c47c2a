/**
 * The peering controller in a cluster: one pod that keeps the peers of CiliumBGPClusterConfigs equal to what their neighbors
 * by label mean. It is told which by `BGP_LAB_TARGETS`, and writes a line of JSON for whatever it does.
 */

import { KubeConfig } from "@kubernetes/client-node";
import type { ClusterTargets } from "../provider/schema";
import { ciliumTarget, podsOf } from "./kubernetes";
import { type LogLine, runController } from "./loop";
import { wallClock } from "./retry";

/** Milliseconds after which a configuration is read again: somebody may have changed its annotation. */
const resync = 10_000;

function log(line: LogLine): void {
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}

async function main(): Promise<void> {
    const { namespaces, configs } = JSON.parse(process.env.BGP_LAB_TARGETS ?? "{}") as ClusterTargets;
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromCluster();
    const ending = new AbortController();
    process.once("SIGTERM", () => ending.abort());
    const targets = Object.entries(configs).map(([name, nodes]) => ciliumTarget(kubeConfig, name, nodes));
    const pods = podsOf(kubeConfig, namespaces);
    log({ level: "info", at: "controller", says: `started for ${targets.length} targets`, why: namespaces.join(", ") });
    await runController(pods, targets, { clock: wallClock, log, configuration: "cluster", resync }, ending.signal);
    process.exit(0);
}

void main();
