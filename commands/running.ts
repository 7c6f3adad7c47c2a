import type { Seconds } from "../lab/model";
import type { CheckResult } from "../verify/check";
import type { Deployed } from "./deployed";

/** What a look at a lab shows. */
export type StatusReport =
    | {
          readonly running: true;
          /** For people. */
          readonly text: string;
          /** For programs, as JSON. */
          readonly data: unknown;
      }
    /** With the way to get it running. */
    | { readonly running: false; readonly text: string };

/** A runtime as commands see it. */
export interface RunningLabs {
    /**
     * Runs the checks of a lab, in reading order.
     *
     * @throws Error when the lab does not run
     */
    verify(lab: Deployed, deadline: Seconds): Promise<readonly CheckResult[]>;
    status(lab: Deployed): Promise<StatusReport>;
}

/** Runtimes are loaded when a lab is theirs. */
const runtimes: Readonly<Record<Deployed["runtime"], () => RunningLabs>> = {
    netns: () => (require("./netns") as typeof import("./netns")).netnsLabs,
    docker: () => (require("./docker") as typeof import("./docker")).dockerLabs,
};

/** The runtime of a lab. */
export function runtimeOf({ runtime }: Deployed): RunningLabs {
    return runtimes[runtime]();
}
