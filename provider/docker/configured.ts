/** What the configurations of routers in containers have in common, whatever their network operating system. */

import type { Observation, Outputs } from "../resource";
import { engine } from "./engine";
import { inSeconds } from "./seconds";

/** Configures a container that was just made. @returns `seconds` from its start until it was configured */
export async function configured(container: string, apply: () => Promise<void>): Promise<Outputs> {
    await apply();
    const state = await (await engine()).inspect(container);
    return { seconds: state ? inSeconds(Date.now() - Date.parse(state.startedAt)) : 0 };
}

/** Configures a running container. @returns `seconds` that the change took */
export async function reconfigured(apply: () => Promise<void>): Promise<Outputs> {
    const start = performance.now();
    await apply();
    return { seconds: inSeconds(performance.now() - start) };
}

/** Looks at a container's configuration, which only one that runs has. */
export async function observed(container: string, look: () => Promise<Observation>): Promise<Observation> {
    const state = await (await engine()).inspect(container);
    if (!state) {
        return "gone";
    }
    return state.running ? look() : [{ path: "container", found: `${container} does not run` }];
}
