/**
 * The peering controller of a lab of namespaces: one process for all its nodes, beside its PID 1, which starts it again
 * when it ends.
 *
 * `node controller.cjs <configuration> run` keeps neighbors, policies and routes as they should be; with `sweep` in place
 * of `run` it takes all of its own away, once, wherever somebody is there to be told.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { connectTo } from "../provider/sandbox/client";
import { controllerFiles } from "../provider/sandbox/controller-files";
import type { Sandbox } from "../provider/sandbox/protocol";
import type { ControllerInputs, ControllerStatus } from "../provider/schema";
import { embeddedPods } from "./embedded-pods";
import { routerTarget } from "./embedded-router";
import { speakerTarget } from "./embedded-speaker";
import { type LogLine, runController, type Target } from "./loop";
import { wallClock } from "./retry";
import { sweep } from "./sweep";

/** What the controller is given. */
interface Configuration extends ControllerInputs {
    /** Tells this configuration from others. */
    readonly configuration: string;
}

/** Milliseconds that PID 1 has to answer. */
const patience = 5_000;

function log(line: LogLine): void {
    process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`);
}

/** Renamed into place, so that nobody reads half of it. */
function publish(status: ControllerStatus): void {
    const draft = `${controllerFiles.status}.draft`;
    writeFileSync(draft, JSON.stringify(status));
    renameSync(draft, controllerFiles.status);
}

/** Speakers that take routes of Pods keep the routes of their node, routers those of the other nodes. */
function targetsOf({ sandbox: name, speakers, routers = {} }: ControllerInputs): readonly Target[] {
    const connect = (): Promise<Sandbox> => connectTo(name, 1, patience);
    const transit = new Set(Object.keys(speakers).filter((node) => speakers[node]?.transit));
    return [
        ...Object.entries(speakers).map(([node, speaker]) => speakerTarget(connect, node, speaker) as Target),
        ...Object.entries(routers).map(([router, spec]) => {
            const nodes = spec.nodes.filter((node) => !transit.has(node));
            return routerTarget(connect, router, spec, nodes);
        }),
    ];
}

/** Takes the routes away also where no speaker or router is there any more to say what they are. */
async function forgetRoutes({ sandbox: name, speakers, routers = {} }: ControllerInputs): Promise<void> {
    const transit = Object.keys(speakers).filter((node) => speakers[node]?.transit);
    const nodes = new Set([...transit, ...Object.values(routers).flatMap((router) => router.nodes)]);
    const sandbox = await connectTo(name, 1, patience);
    for (const namespace of nodes) {
        // A node that has gone has no routes either.
        await sandbox.call("learnRoutes", { namespace, routes: {} }).catch(() => undefined);
    }
    sandbox.close();
}

async function main(): Promise<void> {
    const [path = "", mode] = process.argv.slice(2);
    const { configuration, ...inputs } = JSON.parse(readFileSync(path, "utf8")) as Configuration;
    const targets = targetsOf(inputs);
    if (mode === "sweep") {
        await sweep(targets, log);
        await forgetRoutes(inputs);
        return;
    }
    const ending = new AbortController();
    process.once("SIGTERM", () => ending.abort());
    const pods = embeddedPods(() => connectTo(inputs.sandbox, 1, patience));
    log({
        level: "info",
        at: "controller",
        says: `started for ${targets.length} targets`,
        why: `configuration ${configuration}`,
    });
    await runController(pods, targets, { clock: wallClock, log, publish, configuration }, ending.signal);
    process.exit(0);
}

void main();
