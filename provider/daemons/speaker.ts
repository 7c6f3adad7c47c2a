import type { Drift, Sandbox } from "../sandbox/protocol";
import type { SpeakerSpec } from "../schema";
import { applyBird, birdProcess, inspectBird, stopBird } from "./bird";
import { applyFrr, frrProcess, inspectFrr, stopFrr } from "./frr";
import { applyGobgp, gobgpProcess, inspectGobgp, stopGobgp } from "./gobgp";

/** What every BGP speaker of a node can do. */
export interface Speaker {
    /** Name of the process that holds the sessions, in a namespace. */
    process(namespace: string): string;
    /** Starts the speaker, or changes the running one to be as given. */
    apply(sandbox: Sandbox, namespace: string): Promise<void>;
    /** How what runs differs from what is given, with paths within the speaker's specification; empty when it does not. */
    inspect(sandbox: Sandbox, namespace: string): Promise<readonly Drift[]>;
    /** Ends the speaker so that its peers drop its routes at once. No error when none runs. */
    stop(sandbox: Sandbox, namespace: string): Promise<void>;
}

/** The daemon that a specification asks for. */
export function speakerOf(spec: SpeakerSpec): Speaker {
    switch (spec.kind) {
        case "gobgp":
            return {
                process: gobgpProcess,
                apply: (sandbox, namespace) => applyGobgp(sandbox, { namespace, config: spec.config }),
                inspect: (sandbox, namespace) => inspectGobgp(sandbox, { namespace, config: spec.config }),
                stop: (sandbox, namespace) => stopGobgp(sandbox, { namespace }),
            };
        case "bird":
            return {
                process: birdProcess,
                apply: (sandbox, namespace) => applyBird(sandbox, { namespace, config: spec.config }),
                inspect: (sandbox, namespace) => inspectBird(sandbox, { namespace, config: spec.config }),
                stop: (sandbox, namespace) => stopBird(sandbox, { namespace }),
            };
        case "frr":
            return {
                process: (namespace) => frrProcess(namespace, "bgpd"),
                apply: (sandbox, namespace) => applyFrr(sandbox, { namespace, config: spec.config, listens: false }),
                inspect: (sandbox, namespace) => inspectFrr(sandbox, { namespace, config: spec.config }),
                stop: (sandbox, namespace) => stopFrr(sandbox, { namespace }),
            };
    }
}
